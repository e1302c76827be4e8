"""The labels of files that are read in blocks: counted as they are written, understood at the end.

What a column of labels means depends on all of its values: a 1 is positive, or one of five stars.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from toolkit.evaluation.differences.changes import UNLABELLED
from toolkit.records.labels import NEUTRAL, is_missing, labels_of
from toolkit.records.read_options import LabelNames
from toolkit.records.values import WrongValueError

# A column with more different values has no labels.
MOST_WORDS = 10_000

# Probabilities are cut to two decimals, so that there are few different ones; which ones are
# positive stays the same.
_DECIMALS = 2
_TINY = re.compile(r"\s*\d(\.\d+)?e-\d{1,3}\s*", re.ASCII | re.IGNORECASE)  # such as 1.5e-05


class RowOf(NamedTuple):
    """A row of a file, from 0."""

    file: str
    row: int


@dataclass(frozen=True)
class LabelPlace:
    """Where the labels are."""

    files: str  # the file, or how many there are
    column: str
    is_needed: bool  # otherwise a column that has no labels is left out
    names: LabelNames

    @property
    def name(self) -> str:
        """What the column is called in all files."""
        return self.of_file(self.files)

    def of_file(self, file: str) -> str:
        """What the column is called in a file."""
        return f"{file}: column {self.column!r}"


@dataclass(frozen=True)
class Meanings:
    """What labels mean."""

    of_word: Mapping[str, int] = field(default_factory=dict)  # 0, 1 or `UNLABELLED`
    told: str = ""  # to the user: which labels were read as what, where that is not as usual
    neutral: int = 0  # rows


def shortener(names: LabelNames) -> Callable[[str | None], str | None]:
    """Give what shortens labels as they are written; None for those that are missing."""
    if names.positive or names.negative:  # which may name a probability
        return lambda word: None if word is None or is_missing(word) else word
    decimals = _DECIMALS
    if names.positive_from is not None:
        exponent = Decimal(repr(names.positive_from)).as_tuple().exponent
        decimals = max(_DECIMALS, -int(exponent))
    probability = re.compile(rf"\s*(0?\.\d{{{decimals}}})\d+\s*", re.ASCII)

    def short(word: str | None) -> str | None:
        if word is None or is_missing(word):
            return None
        plain = f"{Decimal(word.strip()):f}" if _TINY.fullmatch(word) else word
        found = probability.fullmatch(plain)
        return found[1] if found else word

    return short


def meanings_of(
    first: Mapping[str, RowOf], counts: Mapping[str, int], place: LabelPlace
) -> Meanings:
    """Tell what words mean, by their first row, in this order, and how often each is there.

    Raises `InputError` if one means nothing.
    """
    words = [word for word in first if word in counts]
    if not words:
        return Meanings()
    often = np.array([counts[word] for word in words], np.int64)
    found_words = pa.chunked_array([pa.array(words)])
    try:
        found = labels_of(found_words, np.arange(len(words)), place.name, place.names, often)
    except WrongValueError as error:
        file, row = first[words[error.row]]
        raise WrongValueError(place.of_file(file), row, error.problem) from None
    is_neutral = found.targets == NEUTRAL
    meant = np.where(is_neutral, UNLABELLED, found.targets >= 0.5).astype(np.int64)
    of_word = dict(zip(words, meant.tolist(), strict=True))
    return Meanings(of_word, found.meaning, int(often[is_neutral].sum()))
