"""What the labels of a file mean: a class or a probability, stars, three classes, or names.

How a column is to be read follows from its different values; `toolkit.records.star_ratings` says
which stars are neutral.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from math import isnan, nan
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.read_options import LabelNames, plain_label
from toolkit.records.star_ratings import FIVE, NEUTRAL_FROM_TO, TEN, scale_of, stars_in
from toolkit.records.values import (
    LETTERS_SHOWN,
    Rows,
    Targets,
    WrongValueError,
    found_in,
    number,
    target,
)

NEUTRAL = -1.0  # the target of a label that is neither positive nor negative
USUAL, SIGNS, STARS, POINTS = "", "three classes, -1 to 1", "stars, of 5", "stars, of 10"
SCALES = {STARS: FIVE, POINTS: TEN}  # of the labels that are stars

_EXPECTED = {
    USUAL: "0 or 1, negative or positive (neg or pos), the probability of positive from 0 to 1, "
    "neutral, or stars, 1 to 5 or 1 to 10",
    STARS: "1 to 5 stars, as in other rows",
    POINTS: "1 to 10 stars, as in other rows",
}
_NEUTRAL_WORDS = ("neutral", "neu")
_BOOLEANS = {"false": 0.0, "true": 1.0}
_SIGNS = {-1.0: 0.0, 0.0: NEUTRAL, 1.0: 1.0}
_MOST_SHOWN = 12  # labels of a class

_Rule = Callable[[str], float]  # of a word; NaN where it means nothing


@dataclass(frozen=True)
class Labels:
    """The labels of some rows.

    Attributes
    ----------
    targets : Targets
        (rows,) float32: the probability of positive, 0 to 1, or `NEUTRAL`.
    kind : str
        As what the column was read; `USUAL` for classes and probabilities.
    meaning : str
        Which labels became what, for the user; empty where they are as usual.
    """

    targets: Targets
    kind: str
    meaning: str


@dataclass(frozen=True)
class Opinions:
    """The rows whose labels are not neutral, and the others.

    Attributes
    ----------
    rows : Rows
        (opinions,) their positions in the file.
    targets : Targets
        (opinions,) float32: the probability of positive, 0 to 1.
    neutral : Rows
        (neutral,) the positions of those that were left out.
    kind, meaning : str
        As of `Labels`.
    """

    rows: Rows
    targets: Targets
    neutral: Rows
    kind: str
    meaning: str


def opinions_of(words: pa.ChunkedArray, rows: Rows, place: str, names: LabelNames) -> Opinions:
    """Read labels as `labels_of`, and leave out the neutral ones; an error if all of them are."""
    labels = labels_of(words, rows, place, names)
    is_opinion = labels.targets != NEUTRAL
    kept = rows[is_opinion]
    if len(rows) and not len(kept):
        raise InputError(
            f"{place}: all labels are neutral. Choose another column with --label-column, or other "
            "labels with --positive and --negative."
        )
    targets = labels.targets[is_opinion]
    return Opinions(kept, targets, rows[~is_opinion], labels.kind, labels.meaning)


def labels_of(
    words: pa.ChunkedArray,
    rows: Rows,
    place: str,
    names: LabelNames,
    counts: Rows | None = None,
) -> Labels:
    """Read labels, none of them null; `WrongValueError` says where one means nothing.

    `rows` are the positions of the words in the file and `place` is what it is called. Where each
    word stands for several rows, `counts` says for how many, and its position is the first one.
    """
    codes = words.combine_chunks().dictionary_encode()
    found = [_without_nan(plain_label(word or "")) for word in codes.dictionary.to_pylist()]
    kind, rule = _rule([word for word in found if word], names, place)
    by_word = np.array([rule(word) if word else nan for word in found], np.float32)
    indices = pc.fill_null(codes.indices, -1).to_numpy()
    targets = np.append(by_word, np.float32(np.nan))[indices]
    wrong = np.flatnonzero(np.isnan(targets))
    if counts is None:
        counts = np.ones(len(rows), np.int64)
    if len(wrong):
        at = np.repeat(rows[wrong], counts[wrong])
        _refuse(words[int(wrong[0])].as_py(), at, place, kind)
    often = np.bincount(indices, counts, len(found)).astype(np.int64)
    meaning = "" if kind == USUAL else _meaning(kind, found, by_word, often)
    return Labels(targets, kind, meaning)


def _rule(words: Sequence[str], names: LabelNames, place: str) -> tuple[str, _Rule]:
    """Find how to read a column: what the user is told of it, and what each word means."""
    if names.positive or names.negative:
        return "as named", _by_name(words, names, place)
    if names.positive_from is not None:
        least = names.positive_from
        return f"positive from {least:g}", _by_number(words, least, place)
    return _usual_rule(words, place)


def _usual_rule(words: Sequence[str], place: str) -> tuple[str, _Rule]:
    """Find it by the different words alone."""
    if not all(0 <= target(word) <= 1 for word in words):
        if all(_of_three(word) <= 1 for word in words):
            return "three classes", _of_three
        if set(words) <= _BOOLEANS.keys():
            return "true or false", lambda word: _BOOLEANS[word]
        if {number(word) for word in words} <= _SIGNS.keys():
            return SIGNS, lambda word: _SIGNS[number(word)]
        stars = [stars_in(word) for word in words if 1 <= stars_in(word) <= TEN]
        if 2 * len(stars) > len(words) and max(stars) > 1:
            most = _most_stars(stars, place)
            return STARS if most == FIVE else POINTS, lambda word: _of_stars(stars_in(word), most)
    return USUAL, target  # or as nothing that is known


def _of_three(word: str) -> float:
    return NEUTRAL if word in _NEUTRAL_WORDS else target(word)


def _most_stars(stars: Sequence[float], place: str) -> int:
    most = scale_of(stars)
    if most is None:
        raise InputError(
            f"{place}: has no label above 2, so it may hold two classes or two of five stars. Say "
            "which labels are positive: --positive 2, or --positive-from 4 for stars."
        )
    return most


def _of_stars(stars: float, most: int) -> float:
    least, largest = NEUTRAL_FROM_TO[most]
    if not 1 <= stars <= most:
        return nan
    return NEUTRAL if least <= stars <= largest else float(stars > largest)


def _by_number(words: Sequence[str], least: float, place: str) -> _Rule:
    if not any(stars_in(word) >= least for word in words):
        raise InputError(
            f"{place}: no label is {least:g} or more (found: {_listed(words)}). Choose another "
            "number with --positive-from."
        )
    return lambda word: nan if isnan(stars_in(word)) else float(stars_in(word) >= least)


def _by_name(words: Sequence[str], names: LabelNames, place: str) -> _Rule:
    """Other labels are the opposite of those named, or neutral if both kinds are."""
    meanings: dict[str, float] = {}
    for named, meaning, option in (
        (names.positive, 1.0, "--positive"),
        (names.negative, 0.0, "--negative"),
    ):
        keys = {_same_number(plain_label(name)): meaning for name in named}
        if keys and not any(_same_number(word) in keys for word in words):
            shown = ", ".join(f"'{name}'" for name in named)
            raise InputError(
                f"{place}: no label is {shown} (found: {_listed(words)}). Choose others with "
                f"{option}."
            )
        meanings |= keys
    other = NEUTRAL if names.positive and names.negative else float(not names.positive)
    return lambda word: meanings.get(_same_number(word), other)


def _same_number(word: str) -> str:
    """Write equal numbers, with or without stars, in one way; other words stay as they are."""
    value = stars_in(word)
    return word if isnan(value) else f"{value:g}"


def is_missing(word: str) -> bool:
    """Whether a label as it is written stands for none."""
    return not _without_nan(plain_label(word))


def _without_nan(word: str) -> str:
    return "" if word == "nan" else word  # what a column of floats has where a value is missing


def _meaning(kind: str, words: Sequence[str], by_word: Targets, counts: Rows) -> str:
    """Say which labels became what, with numbers of rows."""
    parts = []
    for name, least, most in (
        ("negative", 0.0, 0.5),
        ("neutral, left out", NEUTRAL, 0.0),
        ("positive", 0.5, 1.1),
    ):
        is_meant = (by_word >= least) & (by_word < most) & (counts > 0)
        if is_meant.any():
            named = [*compress(words, is_meant)]
            parts.append(f"{_listed(named)} → {name} ({counts[is_meant].sum():,})")
    return f"{kind}: {'; '.join(parts)}"


def _listed(words: Sequence[str]) -> str:
    """List different words, numbers by their size."""
    ordered = sorted(set(words), key=_by_size)
    shown = ", ".join(word[:LETTERS_SHOWN] for word in ordered[:_MOST_SHOWN])
    return shown + ", …" * (len(ordered) > _MOST_SHOWN) or "none"


def _by_size(word: str) -> tuple[bool, float, str]:
    value = stars_in(word)
    return isnan(value), 0.0 if isnan(value) else value, word


def _refuse(first: str | None, rows: Rows, place: str, kind: str) -> NoReturn:
    word = _without_nan(plain_label(first or ""))
    expected = _EXPECTED.get(kind, "a number" if kind.startswith("positive from") else "a label")
    advice = "Choose the column with --label-column, or name labels with --positive and --negative."
    if not word:
        advice = "Choose the column with --label-column, or leave such rows out."
    elif number(word) > 1:
        advice = "Say from which number on labels are positive with --positive-from."
    found = found_in(word and first, len(rows), "label")
    raise WrongValueError(place, int(rows[0]), f"{found}, expected {expected}. {advice}")
