"""Read the labels of a file: two classes, probabilities, stars, three classes, or chosen names.

The different values of a column decide how it is read. Stars are 1 to 5, or 1 to 10, which are
halved. Of five stars, fewer than three are negative, more are positive (Blitzer, Dredze and
Pereira, Biographies, Bollywood, Boom-boxes and Blenders, ACL 2007). Of ten, up to four are
negative, seven and more are positive (Maas and others, Learning Word Vectors for Sentiment
Analysis, ACL 2011). All others are neutral.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from math import isnan, nan
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import DEFAULT_THRESHOLD, NEGATIVE, NEUTRAL, NEUTRAL_TARGET, POSITIVE
from toolkit.errors import InputError
from toolkit.records.options import NULL_WORDS, LabelNames, plain_label
from toolkit.text.strings import is_blank, without_words

Targets = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


_WORDS = {"neg": 0.0, NEGATIVE: 0.0, "pos": 1.0, POSITIVE: 1.0}
# Stricter than Python's `float`, which accepts "1_0", "nan" and the digits of any script.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
LETTERS_SHOWN = 60  # of a value in a message


def read_probabilities(
    words: pa.ChunkedArray, rows: Rows, place: str, option: str = "--probability-column"
) -> Targets:
    """Read probabilities of the positive class as float32; raise `InputError` for another value."""
    targets = by_word(words.combine_chunks(), target)
    wrong = np.flatnonzero(targets.is_null())
    if len(wrong):
        first = words[int(wrong[0])].as_py()
        expected = "the probability of positive from 0 to 1, or negative or positive"
        _refuse_values(first, rows=rows[wrong], place=place, expected=expected, option=option)
    return np.asarray(targets.to_numpy(), np.float32)


def read_label_probabilities(
    words: pa.ChunkedArray, rows: Rows, place: str, option: str
) -> Targets:
    """Read the probability of each row's label as float32, (rows,); NaN where it is missing.

    Raises `InputError` for another value.
    """
    given = without_words(words.combine_chunks(), NULL_WORDS)
    found = by_word(given, _probability).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(np.isnan(found) & ~is_blank(given).to_numpy(zero_copy_only=False))
    if len(wrong):
        first = words[int(wrong[0])].as_py()
        expected = "the probability of the label, from 0 to 1"
        _refuse_values(first, rows=rows[wrong], place=place, expected=expected, option=option)
    return np.asarray(found, np.float32)


def by_word(words: pa.Array, read: Callable[[str], float]) -> pa.FloatArray:
    """Apply `read` to each word; null for NaN and for null words."""
    codes = words.dictionary_encode()  # most columns have few different words
    found = [read(word) for word in codes.dictionary.to_pylist()]
    return pa.array(found, pa.float32(), from_pandas=True).take(codes.indices)


def opinion_in(word: str) -> float:
    """Return 0 for a word for negative, 1 for positive; NaN for all others, also for numbers."""
    return _WORDS.get(plain_label(word), nan)


def target(word: str) -> float:
    """Return the probability of the positive class for a word, 0 to 1; NaN for unknown words."""
    known = _WORDS.get(plain_label(word))
    return _probability(word) if known is None else known


def _probability(word: str) -> float:
    """Return a number from 0 to 1; NaN for other words."""
    value = number(plain_label(word))
    return value if 0 <= value <= 1 else nan


def number(word: str) -> float:
    """Read a number; NaN for other words."""
    return float(word) if _NUMBER.fullmatch(word) else float("nan")


class WrongValueError(InputError):
    """A wrong value in a row; `row` counts from 0."""

    def __init__(self, place: str, row: int, problem: str) -> None:
        super().__init__(f"{place}, row {row + 1:,}: {problem}")
        self.place = place
        self.row = row
        self.problem = problem


class TopicsError(WrongValueError):
    """The labels are several words that are not opinions: they may be the user's own classes."""


def found_in(first: str | None, rows: int, what: str, others: int = 0) -> str:
    """Describe a wrong value: how many rows have it, and how many have another wrong value."""
    found = f"the {what} {first[:LETTERS_SHOWN]!r}" if first else f"no {what}"
    counts = []
    if rows > 1:
        counts.append(f"{rows:,} such rows")
    if others > 0:
        counts.append(f"{others:,} more with another unknown {what} or none")
    return f"found {found} ({'; '.join(counts)})" if counts else f"found {found}"


def _refuse_values(
    first: str | None, *, rows: Rows, place: str, expected: str, option: str
) -> NoReturn:
    word = plain_label(first or "")
    percent = " Percentages are divided by 100." if number(word) > 1 else ""
    raise WrongValueError(
        place,
        int(rows[0]),
        f"{found_in(word and first, len(rows), 'probability')}, expected {expected}. Choose the "
        f"column with {option}.{percent}",
    )


# Scales of stars.
FIVE = 5
TEN = 10
NEUTRAL_FROM_TO = {FIVE: (3.0, 3.0), TEN: (4.5, 6.5)}
_SHARE_OF_TEN = 0.05
_STARS = re.compile(r"\s*stars?$")


def stars_in(word: str) -> float:
    """Return the number in a word such as ``4`` or ``4 stars``; NaN for other words."""
    return number(_STARS.sub("", word))


def _rating(word: str) -> float:
    stars = stars_in(plain_label(word))
    return stars if 0 < stars <= TEN else nan


def scale_of(stars: Sequence[float]) -> int | None:
    """Return the scale of some stars, 5 or 10; None if all are at most 2: they may be classes."""
    if max(stars) <= 2:
        return None
    return FIVE if max(stars) <= FIVE else TEN


@dataclass(frozen=True)
class StarRatings:
    """The stars of some rows."""

    stars: Targets  # (rows,) float32, 1 to 5; NaN without stars
    column: str  # its name
    scale: int  # 5 or 10, in the column

    @property
    def meaning(self) -> str:
        """For the user: the column, its scale, and the number of reviews with stars."""
        count = np.count_nonzero(~np.isnan(self.stars))
        return f"column {self.column!r}, of {self.scale} ({count:,} reviews)"


def read_ratings(
    words: pa.ChunkedArray, column: str, scale: int | None = None
) -> StarRatings | None:
    """Read 1 to `scale` stars; without a scale, it is ten if 5 % of the ratings are above five.

    None if fewer than half of the words are ratings, or if they may be classes.
    """
    stars = by_word(words.combine_chunks(), _rating).to_numpy(zero_copy_only=False)
    if scale is None:
        is_many = np.count_nonzero(stars > FIVE) >= _SHARE_OF_TEN * np.count_nonzero(stars > 0)
        scale = TEN if is_many else FIVE
    stars = np.where(stars <= scale, stars, np.float32(nan))
    rated = stars[~np.isnan(stars)]
    if not len(rated) or 2 * len(rated) < len(stars) or scale_of(rated.tolist()) is None:
        return None
    halved = np.clip(stars * (FIVE / scale), 1, FIVE).astype(np.float32)
    return StarRatings(stars=halved, column=column, scale=scale)


# How a column of labels was read.
USUAL = ""
SIGNS = "three classes, -1 to 1"
STARS = "stars, of 5"
POINTS = "stars, of 10"
SCALES = {STARS: FIVE, POINTS: TEN}

_EXPECTED = {
    USUAL: "0 or 1, negative or positive (neg or pos), the probability of positive from 0 to 1, "
    "neutral, or stars, 1 to 5 or 1 to 10",
    STARS: "1 to 5 stars, as in other rows",
    POINTS: "1 to 10 stars, as in other rows",
}
_NEUTRAL_WORDS = (NEUTRAL, "neu")
_MISSING = {"", *map(plain_label, NULL_WORDS)}
# Labels may be topics if at least `_UNKNOWN_OF_TOPICS` different ones are unknown, and known ones
# are at most this share of the unknown ones.
_UNKNOWN_OF_TOPICS = 3
_KNOWN_OF_TOPICS = 0.2
FEWEST_ROWS = 5  # of a class of a user's own, by default
# Opinions in other words. Few labels with one of these are never taken for classes: a user has to
# say which ones are positive.
_OPINIONS = {
    *("yes", "no", "good", "bad", "like", "dislike", "liked", "disliked", "love", "hate"),
    *("happy", "unhappy", "sad", "satisfied", "unsatisfied", "dissatisfied", "fresh", "rotten"),
    *("recommended", "not recommended", "favorable", "unfavorable", "favourable"),
    *("unfavourable", "up", "down", "thumbs up", "thumbs down", "praise", "complaint"),
}
_ALIKE = 0.8  # similarity, 0 to 1, from which an unknown label may be a mistyped opinion
_BOOLEANS = {"false": 0.0, "true": 1.0}
_SIGNS = {-1.0: 0.0, 0.0: NEUTRAL_TARGET, 1.0: 1.0}
_MOST_SHOWN = 12  # labels of a class, in messages

_Rule = Callable[[str], float]  # word → target; NaN for an unknown word


@dataclass(frozen=True)
class ReadLabels:
    """The labels of some rows."""

    rows: Rows  # (labels,) positions in the file
    # (labels,) float32: the probability of the positive class, 0 to 1, or `NEUTRAL_TARGET`; NaN for
    # a wrong label that is skipped (`opinions_of` leaves these out).
    targets: Targets
    kind: str  # how the column was read; `USUAL` for classes and probabilities
    meaning: str  # for the user: which labels became what; empty for the usual meaning
    neutral: Rows  # (neutral,) positions of neutral labels that `opinions_of` left out


def opinions_of(words: pa.ChunkedArray, rows: Rows, place: str, names: LabelNames) -> ReadLabels:
    """Read labels as `labels_of`, without neutral ones; raise `InputError` if none is left."""
    labels = labels_of(words, rows, place=place, names=names)
    is_neutral = labels.targets == NEUTRAL_TARGET
    is_opinion = ~is_neutral & ~np.isnan(labels.targets)
    kept = rows[is_opinion]
    if len(rows) and not len(kept):
        known = "" if is_neutral.all() else " that mean something"
        raise InputError(
            f"{place}: all labels{known} are neutral. Choose another column with --label-column, "
            "or other labels with --positive and --negative."
        )
    targets = labels.targets[is_opinion]
    return replace(labels, rows=kept, targets=targets, neutral=rows[is_neutral])


def labels_of(
    words: pa.ChunkedArray, rows: Rows, place: str, names: LabelNames, counts: Rows | None = None
) -> ReadLabels:
    """Read labels; raise `WrongValueError` for a missing or unknown one, unless they are skipped.

    ``rows``: position of each word in the file. ``place``: the file and column, for messages.
    ``counts``: if each word occurs in several rows, how many; then `rows` has the first of them.
    """
    found, indices = _encoded(words, names)
    kind, rule = _rule([word for word in found if word], names, place)
    by_word = np.array([rule(word) if word else nan for word in found], np.float32)
    targets = np.append(by_word, np.float32(np.nan))[indices]
    wrong = np.flatnonzero(np.isnan(targets))
    if counts is None:
        counts = np.ones(len(rows), np.int64)
    if len(wrong) and not (names.skip_wrong and len(wrong) < len(rows)):
        at = np.repeat(rows[wrong], counts[wrong])
        word = words[int(wrong[0])].as_py()
        given = _given(word, names)
        is_same = np.array([label == given for label in [*found, ""]])[indices[wrong]]
        same = int(counts[wrong][is_same].sum())
        what = found_in(given and word, same, "label", others=len(at) - same)
        often = np.bincount(indices, counts, len(found) + 1)[:-1].astype(np.int64)
        are_topics = _are_topics(found, by_word, often)
        advice = _advice(given, kind, names, are_topics=are_topics)
        error = TopicsError if are_topics and kind == USUAL else WrongValueError
        raise error(place, int(at[0]), f"{what}, expected {advice}")
    often = np.bincount(indices, counts, len(found) + 1)[:-1].astype(np.int64)
    meaning = "" if kind == USUAL else _meaning(kind, found, by_word=by_word, counts=often)
    return ReadLabels(rows=rows, targets=targets, kind=kind, meaning=meaning, neutral=rows[:0])


def _are_topics(words: Sequence[str], by_word: Targets, counts: Rows) -> bool:
    """Check whether labels, of which some are unknown, may be classes of a user's own.

    ``by_word``: the target of each different label, NaN for an unknown one. ``counts``: number of
    rows with each.
    """
    is_word = np.array([bool(word) for word in words], np.bool_)
    is_unknown = np.isnan(by_word) & is_word
    unknown = int(np.count_nonzero(is_unknown))
    is_known = ~np.isnan(by_word)
    known = int(np.count_nonzero(is_known))
    if unknown >= _UNKNOWN_OF_TOPICS and known <= _KNOWN_OF_TOPICS * unknown:
        return True
    # Few labels: at most one is an opinion, and the others are frequent, and no opinions.
    if unknown < 2 or known > 1 or counts[is_unknown].min() < FEWEST_ROWS:
        return False
    from difflib import get_close_matches  # late: it takes a few ms

    opinions = (*_WORDS, *_NEUTRAL_WORDS)
    is_frequent = counts[is_unknown].sum() >= counts[is_known].sum()
    may_be_opinions = (
        word in _OPINIONS or get_close_matches(word, opinions, 1, _ALIKE)
        for word in compress(words, is_unknown)
    )
    return bool(is_frequent) and not any(may_be_opinions)


MOST_LABELS = 10_000  # a column with more different values has no labels
TOO_MANY = "\0"  # stands for all labels of a column that has more
_LONG = r"^\s*(0?\.\d\d)\d+\s*$"  # a probability with more than two decimals
_TINY = r"^\s*\d(\.\d+)?e-(0[5-9]|[1-9]\d+)\s*$"  # a probability below 0.0001, as Python writes it


def shortened(labels: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Cut probabilities to two decimals, so that few are different; classes do not change."""
    labels = pc.replace_substring_regex(labels, _LONG, r"\1")
    return pc.replace_substring_regex(labels, _TINY, "0.0")


def label_words(labels: pa.Array) -> pa.StringArray:
    """Return labels in the form in which they are counted: short; empty if missing."""
    words = pc.utf8_trim_whitespace(pc.fill_null(labels.cast(pa.string()), ""))
    return pc.utf8_slice_codeunits(shortened(words), 0, LETTERS_SHOWN)


@dataclass(frozen=True)
class Meanings:
    """The meanings of the different labels of a column."""

    # Label as written → target: the probability of the positive class, 0 to 1, or `NEUTRAL_TARGET`;
    # NaN for a wrong label that is skipped. Missing labels, such as NA, are left out.
    targets: dict[str, float]
    meaning: str  # for the user: which labels became what; empty for the usual meaning


def meanings_of(
    words: Sequence[str],
    place: str,
    names: LabelNames,
    *,
    counts: Sequence[int] | Rows,
    first_rows: Sequence[int] | Rows | None = None,
) -> Meanings:
    """Read the different labels of a column, counted before, as `labels_of` does.

    ``counts``: number of rows with each word. ``first_rows``: first row of each word, from 0.
    """
    is_given = are_given(pa.chunked_array([words], pa.string()), names)
    if not is_given.any():
        return Meanings({}, "")
    given = [*compress(words, is_given)]
    rows = np.array(range(len(words)) if first_rows is None else first_rows, np.int64)
    number = np.array(counts, np.int64)[is_given]
    found = labels_of(
        pa.chunked_array([given], pa.string()),
        rows=rows[is_given],
        place=place,
        names=names,
        counts=number,
    )
    return Meanings(dict(zip(given, found.targets.tolist(), strict=True)), found.meaning)


def _rule(words: Sequence[str], names: LabelNames, place: str) -> tuple[str, _Rule]:
    """Return how to read a column: its name for the user, and the rule."""
    if names.positive or names.negative:
        return "as named", _by_name(words, names, place)
    if names.positive_from is not None:
        least = names.positive_from
        return f"positive from {least:g}", _by_number(words, least, place)
    return _usual_rule(words, place)


def _usual_rule(words: Sequence[str], place: str) -> tuple[str, _Rule]:
    """Return the rule under which most of the different words have a meaning."""
    counts = [sum(not isnan(rule(word)) for word in words) for rule in _WAYS.values()]
    if max(counts) < len(words):
        stars = [stars_in(word) for word in words if 1 <= stars_in(word) <= TEN]
        if 2 * len(stars) > len(words) and max(stars) > 1:
            most = _most_stars(stars, place)
            return STARS if most == FIVE else POINTS, lambda word: _of_stars(stars_in(word), most)
    return [*_WAYS.items()][counts.index(max(counts))]


def _of_three(word: str) -> float:
    return NEUTRAL_TARGET if word in _NEUTRAL_WORDS else target(word)


# Rules besides stars; of equally good ones, the first is used.
_WAYS: dict[str, _Rule] = {
    USUAL: target,
    "three classes": _of_three,
    "true or false": lambda word: _BOOLEANS.get(word, nan),
    SIGNS: lambda word: _SIGNS.get(number(word), nan),
}


def _most_stars(stars: Sequence[float], place: str) -> int:
    most = scale_of(stars)
    if most is None:
        raise InputError(
            f"{place}: the highest label is 2, so these may be two classes or low stars. Name the "
            "positive labels: --positive 2 for classes, or --positive-from 4 for stars."
        )
    return most


def _of_stars(stars: float, most: int) -> float:
    least, largest = NEUTRAL_FROM_TO[most]
    if not 1 <= stars <= most:
        return nan
    return NEUTRAL_TARGET if least <= stars <= largest else float(stars > largest)


def _by_number(words: Sequence[str], least: float, place: str) -> _Rule:
    if not any(stars_in(word) >= least for word in words):
        raise InputError(
            f"{place}: no label is {least:g} or more (found: {_listed(words)}). Choose another "
            "number with --positive-from."
        )
    return lambda word: nan if isnan(stars_in(word)) else float(stars_in(word) >= least)


def _by_name(words: Sequence[str], names: LabelNames, place: str) -> _Rule:
    """Return the rule for named labels: others are the opposite, or neutral if both are named."""
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
    other = NEUTRAL_TARGET if names.positive and names.negative else float(not names.positive)
    return lambda word: meanings.get(_same_number(word), other)


def _same_number(word: str) -> str:
    """Normalize numbers, with or without "stars"; return other words unchanged."""
    value = stars_in(word)
    return word if isnan(value) else f"{value:g}"


def are_given(words: pa.ChunkedArray, names: LabelNames) -> npt.NDArray[np.bool_]:
    """Return which labels are given, (rows,); blank ones and words such as NA are missing."""
    found, indices = _encoded(words, names)
    is_given: npt.NDArray[np.bool_] = np.array([*map(bool, found), False])[indices]
    return is_given


def _encoded(words: pa.ChunkedArray, names: LabelNames) -> tuple[list[str], Rows]:
    """Return the different labels, normalized, and the index of each row; null is the last one."""
    codes = words.combine_chunks().dictionary_encode()
    found = [_given(word, names) for word in codes.dictionary.to_pylist()]
    return found, pc.fill_null(codes.indices, len(found)).to_numpy()


def _given(word: str | None, names: LabelNames) -> str:
    """Normalize a label; empty if it is a word for a missing value that the user has not named."""
    plain = plain_label(word or "")
    return "" if plain in _MISSING and plain not in names.named else plain


def _meaning(kind: str, words: Sequence[str], by_word: Targets, counts: Rows) -> str:
    """Describe for the user how each label was read, and in how many rows."""
    parts = []
    for name, least, most in (
        (NEGATIVE, 0.0, DEFAULT_THRESHOLD),
        (f"{NEUTRAL}, left out", NEUTRAL_TARGET, 0.0),
        (POSITIVE, DEFAULT_THRESHOLD, 1.1),
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
    if len(ordered) > _MOST_SHOWN:
        shown += ", …"
    return shown or "none"


def _by_size(word: str) -> tuple[bool, float, str]:
    """Return a sort key: numbers by size, then other words."""
    value = stars_in(word)
    return isnan(value), 0.0 if isnan(value) else value, word


def _advice(word: str, kind: str, names: LabelNames, *, are_topics: bool) -> str:
    """Return what was expected instead of a wrong label, and what to do."""
    expected = _EXPECTED.get(kind, "a number" if kind.startswith("positive from") else "a label")
    advice = "Choose the column with --label-column"
    if number(word) > 1:
        advice = (
            "Name the lowest positive number with --positive-from. Numbers that are classes, such "
            "as departments, are learned with toolkit train --classes"
        )
    elif word:
        advice += ", or name labels with --positive and --negative"
        if kind == USUAL and are_topics:
            advice = f"A model of topics is trained with toolkit train --classes. {advice}"
    if names.skip_wrong:
        return f"{expected}. None of the labels is known. {advice}."
    skipping = "To leave out rows with a wrong or missing label, use --skip-wrong-labels."
    return f"{expected}. {advice}. {skipping}"
