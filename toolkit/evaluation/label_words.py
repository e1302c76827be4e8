"""The labels of files that are read in blocks: counted as they are written, understood at the end.

What a column of labels means depends on all of its values: a 1 is positive, or one of five stars.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from toolkit.evaluation.changes import UNLABELLED
from toolkit.records.labels import NEUTRAL, labels_of
from toolkit.records.read_options import LabelNames

# A column with more different values has no labels.
MOST_WORDS = 10_000

# Probabilities are cut to two decimals, so that there are few different ones; which ones are
# positive stays the same.
_PROBABILITY = re.compile(r"^(\s*0?\.\d\d)\d+\s*$", re.ASCII)


@dataclass(frozen=True)
class Meanings:
    """What labels mean."""

    of_word: Mapping[str, int] = field(default_factory=dict)  # 0, 1 or `UNLABELLED`
    told: str = ""  # to the user: which labels were read as what, where that is not as usual
    neutral: int = 0  # rows


def short_word(word: str) -> str:
    """Cut a probability to two decimals."""
    return _PROBABILITY.sub(r"\1", word)


def meanings_of(
    first: Mapping[str, int], counts: Mapping[str, int], place: str, names: LabelNames
) -> Meanings:
    """Tell what words mean, by their first row, from 0, and how often each is there.

    Raises `InputError` if one means nothing.
    """
    words = sorted(counts, key=lambda word: first[word])
    if not words:
        return Meanings()
    rows = np.array([first[word] for word in words], np.int64)
    often = np.array([counts[word] for word in words], np.int64)
    found = labels_of(pa.chunked_array([pa.array(words)]), rows, place, names, often)
    is_neutral = found.targets == NEUTRAL
    meant = np.where(is_neutral, UNLABELLED, found.targets >= 0.5).astype(np.int64)
    of_word = dict(zip(words, meant.tolist(), strict=True))
    return Meanings(of_word, found.meaning, int(often[is_neutral].sum()))
