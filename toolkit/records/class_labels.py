"""Read labels that are the user's own classes, such as topics, and count them.

Labels that differ only in upper case or white space are one class, which gets the name of its most
frequent spelling.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.labels import LETTERS_SHOWN, Rows, number
from toolkit.records.options import NULL_WORDS

FEWEST_CLASSES = 2
MOST_CLASSES = 1000
_SHOWN = 10  # labels in a message
_ALIKE = 0.8  # similarity, 0 to 1, from which a rare label may be a typing error

NO_CLASS = -1  # class number of a row without a label, or with a label that is not a class

_INTEGER = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0+)?")

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassLabels:
    """The labels of some rows as numbers of classes."""

    names: tuple[str, ...]  # of the classes, by number
    numbers: Numbers  # (rows,): number of the class, or `NO_CLASS`
    rare: Mapping[str, int]  # labels with too few rows to be a class → number of rows

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each class has."""
        found = np.bincount(self.numbers[self.numbers >= 0], minlength=len(self.names))
        return dict(zip(self.names, found.tolist(), strict=True))


def plain_class(label: str) -> str:
    """Normalize a label for comparison; an empty result means that the label is missing.

    A column of integers with gaps often has 1.0 instead of 1, so both become 1. Other numbers are
    compared as they are written: 007 is not 7, and section 1.10 is not section 1.1.
    """
    if label in NULL_WORDS:
        return ""
    plain = " ".join(label.split()).casefold()
    integer = _INTEGER.fullmatch(plain)
    return integer[1] if integer else plain


def numbers_of(words: pa.ChunkedArray | pa.Array, names: Sequence[str]) -> Numbers:
    """Return the class number of each label, (rows,): its index in the names, or `NO_CLASS`."""
    places = {plain_class(name): place for place, name in enumerate(names)}
    return _mapped(words, lambda word: places.get(plain_class(word), NO_CLASS))


def in_spelling_of(others: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the names, (names,); one that is among the others is written as it is there."""
    spelled = {plain_class(other): other for other in others}
    return [spelled.get(plain_class(name), name) for name in names]


def listed_labels(names: Sequence[str], most: int) -> str:
    """List labels with commas between them; of more than `most`, the first, and how many more.

    A label that has a comma itself is in quotes.
    """
    listed = ", ".join(map(quoted_with_comma, names[:most]))
    more = len(names) - most
    return f"{listed} and {more:,} more" if more > 0 else listed


def quoted_with_comma(name: str) -> str:
    """Return a label as it is listed: in quotes if it has a comma."""
    return repr(name) if "," in name else name


def are_given(words: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """Return which rows have a label, whether it is a class or not, (rows,)."""
    found = _mapped(words, lambda word: int(bool(plain_class(word))))
    return np.asarray(found > 0)


def classes_of(words: pa.ChunkedArray, fewest: int) -> ClassLabels:
    """Return the classes of some rows: the labels of at least `fewest` rows."""
    spellings: dict[str, Counter[str]] = {}
    counted = pc.value_counts(words.combine_chunks())
    for entry in counted.to_pylist():
        word = " ".join((entry["values"] or "").split())
        if plain := plain_class(entry["values"] or ""):
            spellings.setdefault(plain, Counter())[word] += entry["counts"]
    named = {plain: _usual(plain, found) for plain, found in spellings.items()}
    totals = {plain: found.total() for plain, found in spellings.items()}
    kept = sorted((named[plain] for plain in named if totals[plain] >= fewest), key=_order)
    rare = {named[plain]: totals[plain] for plain in named if totals[plain] < fewest}
    return ClassLabels(names=tuple(kept), numbers=numbers_of(words, kept), rare=rare)


def check_classes(found: ClassLabels, place: str, fewest: int, *, leaves_out: bool) -> None:
    """Raise `InputError` unless there are classes to learn, and no label is rare.

    With `leaves_out`, rare labels are no error, as their rows are left out.
    """
    if len(found.names) > MOST_CLASSES:
        raise InputError(
            f"{place}: has {len(found.names):,} different labels, expected {MOST_CLASSES:,} at "
            "most. Choose the column of the classes with --label-column."
        )
    if len(found.names) < FEWEST_CLASSES:
        there = f"only {found.names[0]!r:.60}" if found.names else "none"
        raise InputError(
            f"{place}: expected {FEWEST_CLASSES} labels or more with {fewest} rows each, found "
            f"{there}{_among(found)}. Choose another column with --label-column, or a lower "
            "--min-count."
        )
    if found.rare and not leaves_out:
        count = len(found.rare)
        labels = "one label is" if count == 1 else f"{count:,} labels are"
        raise InputError(
            f"{place}: {labels} in fewer than {fewest} rows: {_rare(found)}. Correct them, leave "
            "their rows out with --skip-wrong-labels, or keep them with a lower --min-count."
        )


def _among(found: ClassLabels) -> str:
    return f" (and {len(found.rare):,} in fewer rows: {_rare(found)})" if found.rare else ""


def _rare(found: ClassLabels) -> str:
    """List rare labels, each with the class that it may be a misspelling of."""
    from difflib import get_close_matches  # late: it takes a few ms

    names = {plain_class(name): name for name in found.names}
    listed = []
    for label, count in sorted(found.rare.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN]:
        alike = get_close_matches(plain_class(label), names, n=1, cutoff=_ALIKE)
        hint = f", like {names[alike[0]]!r:.60}" if alike else ""
        listed.append(f"{label[:LETTERS_SHOWN]!r} ({count:,}{hint})")
    more = len(found.rare) - len(listed)
    return ", ".join(listed) + (f" and {more:,} more" if more else "")


def _usual(plain: str, spellings: Counter[str]) -> str:
    """Return the most frequent spelling, the first in order of a tie; integers are normalized."""
    if _INTEGER.fullmatch(plain):
        return plain
    return min(spellings, key=lambda word: (-spellings[word], word))


def _order(name: str) -> tuple[bool, float, str, str]:
    """Return a sort key: numbers by size, before words."""
    value = number(name)
    is_word = not isfinite(value)
    return is_word, 0.0 if is_word else value, name.casefold(), name


def _mapped(words: pa.ChunkedArray | pa.Array, read: Callable[[str], int]) -> Numbers:
    """Apply a function to all words, but only once to each different word; null counts as blank."""
    if isinstance(words, pa.ChunkedArray):
        words = words.combine_chunks()
    codes = words.dictionary_encode()
    found = [*map(read, codes.dictionary.to_pylist()), read("")]
    last = pa.scalar(len(found) - 1, codes.indices.type)
    indices = pc.fill_null(codes.indices, last).to_numpy()
    numbers: Numbers = np.array(found, np.int64)[indices]
    return numbers


def as_rows(numbers: Numbers) -> Rows:
    """Return the positions of the rows that have a class."""
    return np.flatnonzero(numbers >= 0).astype(np.int64)
