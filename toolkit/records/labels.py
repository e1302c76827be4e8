"""What the labels of a file mean: a class or a probability, stars, three classes, or names.

How a column is to be read follows from its different values. Of five stars, less than three are
negative and more are positive (Blitzer, Dredze and Pereira, Biographies, Bollywood, Boom-boxes and
Blenders, ACL 2007); of ten, up to four are negative, and seven and more positive (Maas and others,
Learning Word Vectors for Sentiment Analysis, ACL 2011). What is between is neutral.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.read_options import LabelNames, plain_label
from toolkit.records.values import Rows, Targets, number, target

NEUTRAL = -1.0  # the target of a label that is neither positive nor negative

_EXPECTED = (
    "0 or 1, negative or positive (neg or pos), the probability of positive from 0 to 1, also "
    "neutral, or stars from 1 to 5 or 10"
)
_NEUTRAL_WORDS = ("neutral", "neu")
_SIGNS = {-1.0: 0.0, 0.0: NEUTRAL, 1.0: 1.0}
_STARS = re.compile(r"\s*stars?")
_SHOWN = 60  # letters of a label
_MOST_SHOWN = 12  # labels of a class
_FIVE, _TEN = 5, 10
_NEUTRAL_FROM_TO = {_FIVE: (3.0, 3.0), _TEN: (4.5, 6.5)}


@dataclass(frozen=True)
class Labels:
    """The labels of some rows.

    Attributes
    ----------
    targets : Targets
        (rows,) float32: the probability of positive, 0 to 1, or `NEUTRAL`.
    meaning : str
        What was read as what, for the user; empty where it is as usual.
    """

    targets: Targets
    meaning: str


def labels_of(words: pa.ChunkedArray, rows: Rows, place: str, names: LabelNames) -> Labels:
    """Read labels, none of them null; `InputError` says where one means nothing.

    `rows` are the positions of the words in the file and `place` is what it is called.
    """
    codes = words.combine_chunks().dictionary_encode()
    found = [plain_label(word or "") for word in codes.dictionary.to_pylist()]
    kind, rule = _rule(found, names, place)
    by_word = np.array([rule(word) for word in found], np.float32)
    indices = pc.fill_null(codes.indices, -1).to_numpy()
    targets = np.append(by_word, np.float32(np.nan))[indices]
    wrong = np.flatnonzero(np.isnan(targets))
    if len(wrong):
        _refuse(words[int(wrong[0])].as_py(), rows[wrong], place, names)
    return Labels(targets, _meaning(kind, found, by_word, targets, indices) if kind else "")


_Rule = Callable[[str], float]  # of a word; NaN where it means nothing


def _rule(words: Sequence[str], names: LabelNames, place: str) -> tuple[str, _Rule]:
    """Find how to read a column: what the user is told of it, and what each word means."""
    if names.positive or names.negative:
        return "as named", _by_name(names)
    if names.positive_from is not None:
        least = names.positive_from
        return f"positive from {least:g}", lambda word: _at_least(_stars(word), least)
    if not all(0 <= target(word) <= 1 for word in words):
        if all(_of_three(word) <= 1 for word in words):
            return "three classes", _of_three
        numbers = [_stars(word) for word in words]
        if set(numbers) <= _SIGNS.keys():
            return "three classes", lambda word: _SIGNS[number(word)]
        if all(1 <= value <= _TEN for value in numbers):
            most = _most_stars(max(numbers), place)
            return f"stars, of {most}", lambda word: _of_stars(_stars(word), most)
    return "", target  # as usual, or as nothing that is known


def _most_stars(largest: float, place: str) -> int:
    if largest == 2:
        raise InputError(
            f"{place}: has the labels 1 and 2, which may be two classes or two of five stars. Say "
            "which are positive, such as --positive 2 or --positive-from 4."
        )
    return _FIVE if largest <= _FIVE else _TEN


def _of_three(word: str) -> float:
    return NEUTRAL if word in _NEUTRAL_WORDS else target(word)


def _of_stars(stars: float, most: int) -> float:
    least, largest = _NEUTRAL_FROM_TO[most]
    return NEUTRAL if least <= stars <= largest else float(stars > largest)


def _at_least(value: float, least: float) -> float:
    return float("nan") if np.isnan(value) else float(value >= least)


def _by_name(names: LabelNames) -> _Rule:
    """Other labels are the opposite of those named, or neutral if both kinds are."""
    both = bool(names.positive) and bool(names.negative)
    other = NEUTRAL if both else float(not names.positive)
    meanings: Mapping[str, float] = {
        **{plain_label(name): 1.0 for name in names.positive},
        **{plain_label(name): 0.0 for name in names.negative},
    }
    return lambda word: meanings.get(word, other) if word else float("nan")


def _stars(word: str) -> float:
    return number(_STARS.sub("", word))


def _meaning(
    kind: str, words: Sequence[str], by_word: Targets, targets: Targets, indices: Rows
) -> str:
    """Say which labels became what, with numbers of rows."""
    parts = []
    order = sorted(set(indices[indices >= 0].tolist()), key=lambda at: _sort_key(words[at]))
    for value, name in ((0.0, "negative"), (NEUTRAL, "neutral, left out"), (1.0, "positive")):
        named = dict.fromkeys(words[at] for at in order if by_word[at] == value)
        if named:
            shown = ", ".join(word[:_SHOWN] for word in list(named)[:_MOST_SHOWN])
            more = ", …" * (len(named) > _MOST_SHOWN)
            parts.append(f"{shown}{more} → {name} ({np.count_nonzero(targets == value):,})")
    return f"{kind}: {'; '.join(parts)}"


def _sort_key(word: str) -> tuple[float, str]:
    value = _stars(word)
    return (float("inf") if np.isnan(value) else value, word)


def _refuse(first: str | None, rows: Rows, place: str, names: LabelNames) -> NoReturn:
    word = plain_label(first or "")
    found = f"the label {first[:_SHOWN]!r}" if first and word else "no label"
    others = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
    expected = _EXPECTED if names.positive_from is None else "a number, for --positive-from"
    more = " Name other labels with --positive and --negative." if word else ""
    if number(word) > 1 and names.positive_from is None:
        more = " Say from which number on labels are positive with --positive-from."
    raise InputError(
        f"{place}, row {rows[0] + 1:,}: found {found}{others}, expected {expected}. "
        f"Choose the column with --label-column.{more}"
    )
