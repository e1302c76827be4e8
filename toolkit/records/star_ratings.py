"""Star ratings: of five, or of ten, which count half.

Of five stars, less than three are negative and more are positive (Blitzer, Dredze and Pereira,
Biographies, Bollywood, Boom-boxes and Blenders, ACL 2007); of ten, up to four are negative, and
seven and more positive (Maas and others, Learning Word Vectors for Sentiment Analysis, ACL 2011).
What is between is neutral.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pyarrow as pa

from toolkit.records.read_options import plain_label
from toolkit.records.values import Targets, by_word, number

FIVE, TEN = 5, 10
NEUTRAL_FROM_TO = {FIVE: (3.0, 3.0), TEN: (4.5, 6.5)}
_SHARE_OF_TEN = 0.05
_STARS = re.compile(r"\s*stars?$")


def stars_in(word: str) -> float:
    """Give the number of a word such as ``4`` or ``4 stars``; NaN if it is something else."""
    return number(_STARS.sub("", word))


def _rating(word: str) -> float:
    stars = stars_in(plain_label(word))
    return stars if 0 < stars <= TEN else nan


def scale_of(stars: Sequence[float]) -> int | None:
    """Say of how many stars these are; None if none is above 2, which may be classes."""
    if max(stars) <= 2:
        return None
    return FIVE if max(stars) <= FIVE else TEN


@dataclass(frozen=True)
class Ratings:
    """The stars of some rows.

    - stars (rows,): 1 to 5 as float32, NaN where there are none
    - column: where they are from
    - scale: of how many stars they were
    """

    stars: Targets
    column: str
    scale: int

    @property
    def meaning(self) -> str:
        """Say for the user where they are from, of how many they were and how many there are."""
        count = np.count_nonzero(~np.isnan(self.stars))
        return f"column {self.column!r}, of {self.scale} ({count:,} reviews)"


def read_ratings(words: pa.ChunkedArray, column: str, scale: int | None = None) -> Ratings | None:
    """Read ratings of 1 to `scale` stars; without a scale, of ten if one in twenty is above five.

    None if less than half of the words are ratings, or they may be classes.
    """
    stars = by_word(words.combine_chunks(), _rating).to_numpy(zero_copy_only=False)
    if scale is None:
        is_many = np.count_nonzero(stars > FIVE) >= _SHARE_OF_TEN * np.count_nonzero(stars > 0)
        scale = TEN if is_many else FIVE
    stars = np.where(stars <= scale, stars, np.float32(nan))
    rated = stars[~np.isnan(stars)]
    if not len(rated) or 2 * len(rated) < len(stars) or scale_of(rated.tolist()) is None:
        return None
    return Ratings(np.clip(stars * (FIVE / scale), 1, FIVE).astype(np.float32), column, scale)
