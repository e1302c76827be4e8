"""What reviews speak of: aspects such as the room, each a list of words, and the tone about them.

A sentence, as `toolkit.model.sentences` cuts them, speaks of an aspect if it has one of its words.
Of a review, an aspect is

- ``positive`` or ``negative`` if sentences that speak of it are clearly so, and none is the other,
- ``mixed`` if there are both,
- ``neutral`` if sentences speak of it, and none is clear,
- null if none does.

A review that is not negative as a whole needs a clearer sentence for a negative aspect, as most
others there are not about the aspect (`toolkit.model.labels.tone_of_aspects`). Words within an
idiom of idioms.txt, such as "can't wait", do not count; phrases of a list that are as long do.

A word of a list is compared with the tokens of a text in small letters; ``*`` at its end stands for
any ending. Words that the model does not know are found, too: their tokens are looked at as they
are written. All others are found by their ids.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.classes import MIXED, NEUTRAL, SENTIMENT
from toolkit.records.columns import aspect_probability_role, aspect_role, plain_name
from toolkit.text.token_ids import UNKNOWN_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary, token_spans

LISTS = Path(__file__).with_name("aspects.toml")  # that the package has
IDIOMS = LISTS.with_name("idioms.txt")
MOST_ASPECTS = 63  # a bit each
# To bound memory and time: ten thousand words take two seconds to find in a vocabulary.
MOST_WORDS, _MOST_BYTES = 10_000, 1 << 18
_MOST_DOTS = (
    200  # in a line; Python's reader of TOML takes time by the square of the parts of a key
)
_ADDING = Lock()
_NAME = re.compile(r"\w+")
_EXAMPLE = 'room = ["room*", "bed", "front desk"]'
_WRITE = f"Write one list of words for each: {_EXAMPLE}"

_Rows = npt.NDArray[np.int64]
_Bits = npt.NDArray[np.uint64]
_Classes = npt.NDArray[np.int32]
_Lengths = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Aspects:
    """Names of aspects, each with the words and phrases that speak of it."""

    words: tuple[tuple[str, tuple[str, ...]], ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.words) <= MOST_ASPECTS:
            remedy = "Leave some out, or score the file twice." if self.words else _WRITE
            raise UsageError(
                f"aspects: expected 1 to {MOST_ASPECTS}, received {len(self.words)}. {remedy}"
            )
        count = sum(len(words) for _, words in self.words)
        letters = sum(len(word) for _, words in self.words for word in words)
        if count > MOST_WORDS or letters > _MOST_BYTES:
            raise UsageError(
                f"aspects: {count:,} words and phrases with {letters:,} characters, expected at "
                f"most {MOST_WORDS:,} with {_MOST_BYTES:,}. Leave some out."
            )
        for name, words in self.words:
            if not _NAME.fullmatch(name):
                raise UsageError(
                    f"aspect {name!r}: expected a name of letters, digits and _, such as room"
                )
            if not words:
                raise UsageError(f"aspect {name!r}: has no words. Write some: {_EXAMPLE}")
        self._check_apart()

    def _check_apart(self) -> None:
        """Raise `UsageError` for names that would give columns which readers take for one."""
        by_plain: dict[str, str] = {}
        for name in self.names:
            other = by_plain.setdefault(plain_name(name), name)
            if other != name:
                raise UsageError(
                    f"aspect {name!r}: its column would be taken for that of {other!r}. Rename one."
                )

    @classmethod
    def of(cls, given: AspectLists) -> Self:
        """Take aspects as a user gives them; raises `UsageError` if they are something else.

        They are the name of a list of the package, the path of a TOML file, or words by name.
        """
        if isinstance(given, Aspects):
            return cls(given.words)
        entries = _read(given) if isinstance(given, str | Path) else given
        if not isinstance(entries, Mapping):
            raise UsageError(f"aspects: expected a name, a file, or words by name, not {given!r}")
        return cls(tuple((str(name), _words(name, words)) for name, words in entries.items()))

    @classmethod
    def of_options(cls, lists: str | None, single: Iterable[str]) -> Self | None:
        """Read ``--aspects`` and each ``--aspect NAME=WORD,WORD``; the latter replace others."""
        found = {} if lists is None else dict(cls.of(lists).words)
        for entry in single:
            name, equals, words = entry.partition("=")
            listed = tuple(word.strip() for word in words.split(",") if word.strip())
            if not equals or not listed:
                raise UsageError(
                    f"--aspect: expected NAME=WORD,WORD, such as staff=staff,reception*, received "
                    f"{entry!r}"
                )
            found[name.strip()] = listed
        return cls.of(found) if found else None

    def check_labels(self, labels: Collection[str]) -> None:
        """Raise `UsageError` if a model has labels that aspects have, too."""
        if taken := {NEUTRAL, MIXED} & {*labels}:
            raise UsageError(f"--aspects: the model has a label {min(taken)!r} of its own")

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(name for name, _ in self.words)


AspectLists = str | Path | Mapping[str, Iterable[str]] | Aspects


def _words(name: str, given: object) -> tuple[str, ...]:
    """Check the words of an aspect."""
    found = list(given) if isinstance(given, Iterable) else [None]
    if isinstance(given, str | Mapping) or not all(isinstance(word, str) for word in found):
        raise UsageError(
            f"aspect {name!r}: expected a list of words, received {_shown(given)}. Write {_EXAMPLE}"
        )
    return tuple(map(str, found))


def _shown(given: object) -> str:
    """Write a value of TOML as its file has it: numbers and dates as text, the others quoted."""
    return f"{given!s:.60}" if isinstance(given, int | float | date | time) else f"{given!r:.60}"


@cache
def _idioms() -> tuple[str, ...]:
    lines = IDIOMS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def _read(given: str | Path) -> dict[str, object]:
    """Read a list of the package, or a file."""
    lists = tomllib.loads(LISTS.read_text(encoding="utf-8"))
    if (named := lists.get(str(given))) is not None:
        found: dict[str, object] = named
        return found
    try:
        return tomllib.loads(_text_of(Path(given)))
    except RecursionError:
        raise UsageError(f"{given}: {_TOO_DEEP}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and Path(given).suffix != ".toml":
            raise UsageError(
                f"--aspects: no list {str(given)!r}. There are {', '.join(lists)}; or name a TOML "
                f"file with lines such as {_EXAMPLE}"
            ) from None
        if isinstance(error, OSError):
            raise UsageError(f"--aspects: {given}: cannot be read: {error.strerror}") from None
        why = (
            "a number of thousands of digits"
            if "sys.set_int_max_str_digits" in str(error)
            else error
        )
        raise UsageError(f"{given}: cannot be read as TOML: {why}. {_WRITE}") from None


_TOO_DEEP = (
    "cannot be read as TOML: lists or names are nested too deeply. Write one list of words for "
    f"each aspect: {_EXAMPLE}"
)


def _text_of(path: Path) -> str:
    """Read a file of aspects; raises `UsageError` for what is not one, in bounded memory."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # a shell passes a pipe for <(...)
        raise UsageError(f"--aspects: {path}: is not a file. Give a TOML file: {_EXAMPLE}")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UsageError(
            f"--aspects: {path}: is larger than {_MOST_BYTES >> 10} KiB, expected a TOML file of "
            f"at most {MOST_WORDS:,} words. Leave some out."
        )
    if max(line.count(b".") for line in content.split(b"\n")) > _MOST_DOTS:
        raise UsageError(f"{path}: {_TOO_DEEP}")
    return content.decode("utf-8-sig")


@dataclass(frozen=True)
class _Terms:
    """The words of some aspects, by number, and which of them make a phrase of which aspect."""

    whole: dict[str, int]
    starts: dict[str, int]  # of words with any ending
    phrases: list[tuple[tuple[int, ...], int]]  # the terms, and the bit of the aspect

    @classmethod
    def of(cls, aspects: Aspects, vocabulary: Vocabulary) -> Self:
        found = cls({}, {}, [])
        for number, (name, phrases) in enumerate(aspects.words):
            for phrase in phrases:
                terms = tuple(found._terms(phrase, vocabulary))
                if not terms:
                    raise UsageError(f"aspect {name!r}: {phrase!r} has no word")
                found.phrases.append((terms, 1 << number))
        return found

    def _terms(self, phrase: str, vocabulary: Vocabulary) -> Iterable[int]:
        spans = token_spans(phrase, vocabulary.rule)
        words = plain_words(pa.array([phrase[a:b] for a, b in spans], pa.string()), vocabulary)
        for (_, end), word in zip(spans, words.to_pylist(), strict=True):
            terms = self.starts if phrase[end : end + 1] == "*" else self.whole
            yield terms.setdefault(word, len(self.whole) + len(self.starts))

    def of_word(self, word: str) -> tuple[int, ...]:
        """Give the terms that a word is."""
        starts = (self.starts.get(word[:end]) for end in range(1, len(word) + 1))
        return tuple(term for term in (self.whole.get(word), *starts) if term is not None)

    @cached_property
    def pattern(self) -> str:
        """What matches the words that are terms, and few others."""
        whole, starts = (
            "|".join(map(re.escape, terms)) or "^$" for terms in (self.whole, self.starts)
        )
        return f"^(?:(?:{whole})$|(?:{starts}))"


class _Idioms:
    """The idioms of a vocabulary, and which tokens are within one."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        terms = _Terms({}, {}, [])
        self._idioms = [tuple(terms._terms(idiom, vocabulary)) for idiom in _idioms()]
        plain = plain_words(vocabulary.words, vocabulary)
        rows = np.flatnonzero(pc.match_substring_regex(plain, terms.pattern))
        # The words of idioms are numbered from 1; others are 0.
        self._of_id = np.zeros(vocabulary.size, np.int32)
        self._is_term = np.zeros((len(rows) + 1, len(terms.whole) + len(terms.starts)), np.bool_)
        first = vocabulary.size - len(vocabulary.words)
        words = plain.take(pa.array(rows)).to_pylist()
        for number, (row, word) in enumerate(zip(rows.tolist(), words, strict=True), 1):
            self._of_id[first + row] = number
            self._is_term[number, [*terms.of_word(word)]] = True

    def around(self, ids: TokenIds, places: _Rows, sentences: TokenIds, rows: _Rows) -> _Lengths:
        """Count the words of the longest idiom around tokens of sentences, (tokens,)."""
        found = np.zeros(len(places), np.int8)
        numbers = self._of_id[ids.values[places]]
        order = np.argsort(numbers, kind="stable")  # to look only at the tokens that are a term
        ends = np.searchsorted(numbers[order], np.arange(len(self._is_term) + 1))
        for idiom in self._idioms:
            for at, term in enumerate(idiom):
                which = np.flatnonzero(self._is_term[:, term]).tolist()
                own = [order[ends[number] : ends[number + 1]] for number in which]
                hits = np.concatenate([np.zeros(0, np.int64), *own])
                if not len(hits):
                    continue
                begins = places[hits] - at
                of = rows[hits]
                is_inside = begins >= sentences.starts[of]
                is_inside &= begins + len(idiom) <= sentences.stops[of]
                hits, begins = hits[is_inside], begins[is_inside]
                for distance, other in enumerate(idiom):
                    is_next = self._is_term[self._of_id[ids.values[begins + distance]], other]
                    hits, begins = hits[is_next], begins[is_next]
                found[hits] = np.maximum(found[hits], len(idiom))
        return found


class AspectFinder:
    """Finds which sentences speak of which aspects; safe to share between threads."""

    def __init__(self, aspects: Aspects, vocabulary: Vocabulary) -> None:
        self.names = aspects.names
        self._vocabulary = vocabulary
        self._terms = _Terms.of(aspects, vocabulary)
        self._idioms = _Idioms(vocabulary)
        # A class is the set of terms that a token is; class 0 is of none.
        self._classes: dict[tuple[int, ...], int] = {(): 0}
        of_strings = self._classify(
            pa.concat_arrays([vocabulary.words, vocabulary.spellings.strings])
        )
        known = len(vocabulary.words)
        first = vocabulary.size - known
        # -1 where the token has to be looked at: unknown words, and ids of words that differ.
        self._of_id = np.zeros(vocabulary.size, np.int32)
        self._of_id[first:] = of_strings[:known]
        others = vocabulary.spellings.ids
        self._of_id[others[self._of_id[others] != of_strings[known:]]] = -1
        self._of_id[UNKNOWN_ID] = -1

    def find(self, ids: TokenIds, sentences: TokenIds) -> _Bits:
        """Give the bits of the aspects that each of the sentences of reviews speaks of."""
        classes = self._of_id[ids.values]
        places = np.flatnonzero(classes)
        classes = classes[places]
        unsure = np.flatnonzero(classes < 0)
        if len(unsure) and ids.spelled is not None:
            classes[unsure] = self._classify(ids.spelled(places[unsure]))
            places, classes = places[classes > 0], classes[classes > 0]
        found = np.zeros(len(sentences), np.uint64)
        rows = np.searchsorted(sentences.starts, places, "right") - 1
        is_inside = rows >= 0
        is_inside[is_inside] = places[is_inside] < sentences.stops[rows[is_inside]]
        places, classes, rows = places[is_inside], classes[is_inside], rows[is_inside]
        around = self._idioms.around(ids, places, sentences, rows)
        bits = self._bits(places, classes, rows, around)
        if len(bits):
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            found[rows[firsts]] = np.bitwise_or.reduceat(bits, firsts)
        return found

    def _bits(self, places: _Rows, classes: _Classes, rows: _Rows, around: _Lengths) -> _Bits:
        """Give the bits of the aspects of which a word or phrase begins at tokens, (tokens,).

        `around` are the words of the idiom around each: shorter phrases do not count there.
        """
        terms = len(self._terms.whole) + len(self._terms.starts)
        known = [*self._classes.items()]  # others may be added at any time
        has = np.zeros((len(known), terms), np.bool_)
        alone = np.zeros(len(known), np.uint64)
        for each, number in known:
            has[number, [*each]] = True

        def begins(phrase: tuple[int, ...]) -> _Rows:
            last = len(places) - len(phrase) + 1
            found = np.flatnonzero(has[classes[: max(last, 0)], phrase[0]])
            for distance, term in enumerate(phrase[1:], 1):
                at = found + distance
                is_next = (places[at] == places[found] + distance) & (rows[at] == rows[found])
                found = found[is_next & has[classes[at], term]]
            return found

        bits = np.zeros(len(places), np.uint64)
        for phrase, bit in self._terms.phrases:
            if len(phrase) == 1:
                alone[has[:, phrase[0]]] |= np.uint64(bit)
                continue
            first = begins(phrase)
            bits[first[around[first] <= len(phrase)]] |= np.uint64(bit)
        return np.where(around > 0, bits, bits | alone[classes])

    def _classify(self, strings: pa.StringArray) -> _Classes:
        """Give the class of each string, in small letters of ASCII, (strings,)."""
        plain = plain_words(strings, self._vocabulary)
        found = np.zeros(len(strings), np.int32)
        rows = np.flatnonzero(pc.match_substring_regex(plain, self._terms.pattern))
        words = plain.take(pa.array(rows)).to_pylist()
        for row, word in zip(rows.tolist(), words, strict=True):
            found[row] = self._number_of(self._terms.of_word(word))
        return found

    def _number_of(self, terms: tuple[int, ...]) -> int:
        number = self._classes.get(terms)
        if number is None:
            with _ADDING:
                number = self._classes.setdefault(terms, len(self._classes))
        return number


def plain_words(strings: pa.StringArray, vocabulary: Vocabulary) -> pa.StringArray:
    """Write words as they are compared: in small letters, composed, with plain apostrophes."""
    try:
        plain = pc.utf8_lower(pc.utf8_normalize(strings, "NFC"))
    except pa.ArrowInvalid:  # not UTF-8
        read = (
            bytes(each).decode("utf-8", "replace") for each in strings.view(pa.binary()).to_pylist()
        )
        return plain_words(pa.array(read, pa.string()), vocabulary)
    for form in vocabulary.rule.written_apostrophes:
        plain = pc.replace_substring(plain, form, "'")
    return plain


def tones_of(
    aspects: Aspects,
    bits: _Bits,
    tones: npt.NDArray[np.int8],
    probability: npt.NDArray[np.float32],
    reviews: _Rows,
    total: int,
) -> dict[str, npt.NDArray[np.generic] | pa.Array]:
    """Give what each aspect is in ``total`` reviews, by the role of its column, (reviews,) each.

    The other arrays are those of sentences. The numbers of tones, int8, are places of `called`.
    Probabilities, float32, are the mean of those of the sentences that speak of the aspect; null
    where none does.
    """
    found: dict[str, npt.NDArray[np.generic] | pa.Array] = {}
    for number, name in enumerate(aspects.names):
        speaks = bits & np.uint64(1 << number) > 0
        is_there, negative, positive = np.zeros((3, total), np.int8)
        is_there[reviews[speaks]] = 1
        negative[reviews[speaks & (tones < 0)]] = 1
        positive[reviews[speaks & (tones > 0)]] = 2
        found[aspect_role(name)] = is_there + negative + positive
        rows = reviews[speaks]
        counts = np.bincount(rows, minlength=total)
        sums = np.bincount(rows, probability[speaks], total)
        mean = (sums / np.maximum(counts, 1)).astype(np.float32)
        found[aspect_probability_role(name)] = pa.array(mean, mask=counts == 0)
    return found


# The labels of an aspect that a review speaks of; in `tones_of`, they have the numbers from 1 on.
ASPECT_LABELS = (NEUTRAL, *SENTIMENT, MIXED)


def called(labels: Sequence[str]) -> tuple[str | None, ...]:
    """Return the labels for the numbers of `tones_of`; `labels` are those of the model."""
    return (None, NEUTRAL, *labels, MIXED)
