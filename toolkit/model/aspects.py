"""Find aspects in reviews, such as the room, and how the reviews judge them.

An aspect is a list of words. A sentence (`toolkit.model.sentences`) mentions an aspect if it has
one of its words. In a review, an aspect is

- ``positive`` if sentences that mention it are clearly positive, and none is clearly negative,
- ``negative`` if it is the other way round,
- ``mixed`` if some are clearly positive and some clearly negative,
- ``neutral`` if sentences mention it, but none is clear,
- null if no sentence mentions it.

A sentence that is not clear takes the side of its review, and in a review that is not negative as a
whole, a complaint must be clearer: most sentences that seem negative there are not about the aspect
(`toolkit.model.labels.tone_of_aspects`). Words within an idiom of idioms.txt, such as "can't wait",
do not count, but phrases of a list that are at least as long as the idiom do.

Words of a list are compared with tokens in lower case; ``*`` at the end of a word stands for any
ending. Known words are found by their ids. Unknown words are found by their spelling.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import MIXED, NEUTRAL
from toolkit.errors import UsageError
from toolkit.files import read_small
from toolkit.records.columns import aspect_probability_role, aspect_role, plain_name
from toolkit.text.token_ids import UNKNOWN_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary, token_spans

LISTS = Path(__file__).with_name("aspects.toml")  # shipped with the package
IDIOMS = LISTS.with_name("idioms.txt")
MOST_ASPECTS = 63  # one bit each
# Limits of memory and time: it takes two seconds to find ten thousand words in a vocabulary.
MOST_WORDS = 10_000
_MOST_BYTES = 1 << 18
# In a line. `tomllib` takes quadratic time in the number of parts of a key.
_MOST_DOTS = 200
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
    """Names of aspects, each with its words and phrases."""

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
                    f"aspect {name!r}: its column name is too similar to the column of {other!r}. "
                    "Rename one of the two."
                )

    @classmethod
    def of(cls, given: AspectLists) -> Self:
        """Read the name of a shipped list, a TOML file, or a dict of words by name.

        Raises `UsageError` for anything else.
        """
        if isinstance(given, Aspects):
            return cls(given.words)
        entries = _read(given) if isinstance(given, str | Path) else given
        if not isinstance(entries, Mapping):
            raise UsageError(f"aspects: expected a name, a file, or words by name, not {given!r}")
        return cls(tuple((str(name), _words(name, words)) for name, words in entries.items()))

    @classmethod
    def of_options(cls, lists: str | None, single: Iterable[str]) -> Self | None:
        """Read ``--aspects``, then each ``--aspect NAME=WORD,WORD``, which replaces that aspect."""
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
        """Raise `UsageError` if the model has a label that aspects also use."""
        if taken := {NEUTRAL, MIXED} & {*labels}:
            raise UsageError(
                "--aspects: cannot be used, as the model already has a label "
                f"{min(taken)!r}. Leave this option out"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(name for name, _ in self.words)


AspectLists = str | Path | Mapping[str, Iterable[str]] | Aspects


def _words(name: str, given: object) -> tuple[str, ...]:
    """Return the words of an aspect; raise `UsageError` unless they are a list of strings."""
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
    """Read a shipped list by its name, or else a file."""
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
    """Read a TOML file, in bounded memory; raise `UsageError` for anything else."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # a shell passes a pipe for <(...)
        raise UsageError(f"--aspects: {path}: is not a file. Give a TOML file: {_EXAMPLE}")
    content = read_small(
        path,
        _MOST_BYTES,
        expected=f"a TOML file of at most {MOST_WORDS:,} words. Leave some out",
        option="--aspects:",
    )
    if max(line.count(b".") for line in content.split(b"\n")) > _MOST_DOTS:
        raise UsageError(f"{path}: {_TOO_DEEP}")
    return content.decode("utf-8-sig")


class _Phrase(NamedTuple):
    """A word or phrase of an aspect."""

    terms: tuple[int, ...]  # numbers of its words in `_Terms`
    bit: int  # of the aspect


@dataclass(frozen=True)
class _Terms:
    """Numbers for the words of aspects, and the phrases that they form."""

    whole: dict[str, int]
    starts: dict[str, int]  # words with any ending: their start → number
    phrases: list[_Phrase]

    @classmethod
    def of(cls, aspects: Aspects, vocabulary: Vocabulary) -> Self:
        found = cls({}, {}, [])
        for number, (name, phrases) in enumerate(aspects.words):
            for phrase in phrases:
                terms = tuple(found._terms(phrase, vocabulary))
                if not terms:
                    raise UsageError(f"aspect {name!r}: {phrase!r} has no word")
                found.phrases.append(_Phrase(terms, 1 << number))
        return found

    def _terms(self, phrase: str, vocabulary: Vocabulary) -> Iterable[int]:
        """Return the numbers of the words of a phrase; new words get a number."""
        spans = token_spans(phrase, vocabulary.rule)
        tokens = [phrase[start:end] for start, end in spans]
        words = plain_words(pa.array(tokens, pa.string()), vocabulary)
        for (_, end), word in zip(spans, words.to_pylist(), strict=True):
            terms = self.starts if phrase[end : end + 1] == "*" else self.whole
            yield terms.setdefault(word, len(self.whole) + len(self.starts))

    def of_word(self, word: str) -> tuple[int, ...]:
        """Return the numbers of all terms that match a word."""
        starts = (self.starts.get(word[:end]) for end in range(1, len(word) + 1))
        return tuple(term for term in (self.whole.get(word), *starts) if term is not None)

    @cached_property
    def pattern(self) -> str:
        """A regex that matches all words that are terms, and few other words."""
        whole, starts = (
            "|".join(map(re.escape, terms)) or "^$" for terms in (self.whole, self.starts)
        )
        return f"^(?:(?:{whole})$|(?:{starts}))"


class _Pairs(NamedTuple):
    """Pairs of neighbours within idioms; (pairs,) each."""

    codes: _Rows  # of the two words
    idioms: _Rows  # number of the idiom
    at: _Rows  # the place in the idiom of the first of the two words in ``codes``


class _Idioms:
    """The idioms of idioms.txt, by the ids of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        terms = _Terms({}, {}, [])
        self._idioms = [tuple(terms._terms(idiom, vocabulary)) for idiom in _idioms()]
        plain = plain_words(vocabulary.words, vocabulary)
        rows = np.flatnonzero(pc.match_substring_regex(plain, terms.pattern))
        # Number of each id: words of idioms from 1 on, 0 for all other words.
        self._of_id = np.zeros(vocabulary.size, np.int32)
        self._is_term = np.zeros((len(rows) + 1, len(terms.whole) + len(terms.starts)), np.bool_)
        first = vocabulary.size - len(vocabulary.words)
        words = plain.take(pa.array(rows)).to_pylist()
        for number, (row, word) in enumerate(zip(rows.tolist(), words, strict=True), 1):
            self._of_id[first + row] = number
            self._is_term[number, [*terms.of_word(word)]] = True
        self._after, self._before = self._pairs()

    def _pairs(self) -> tuple[_Pairs, _Pairs]:
        """Return each pair of neighbours within an idiom, seen from its first and last word."""
        found: list[tuple[int, int, int, int]] = []
        for idiom_number, idiom in enumerate(self._idioms):
            for at, (term, other) in enumerate(pairwise(idiom)):
                found += [
                    (number, following, idiom_number, at)
                    for number in np.flatnonzero(self._is_term[:, term]).tolist()
                    for following in np.flatnonzero(self._is_term[:, other]).tolist()
                ]
        own, following, idioms, places = np.array(found, np.int64).reshape(-1, 4).T
        kinds = len(self._is_term)
        lengths = np.array([len(idiom) for idiom in self._idioms], np.int64)
        is_last = places + 2 == lengths[idioms]
        return (
            _Pairs(own * kinds + following, idioms, places),
            _Pairs((following * kinds + own)[is_last], idioms[is_last], places[is_last] + 1),
        )

    def around(self, ids: TokenIds, *, places: _Rows, sentences: TokenIds, rows: _Rows) -> _Lengths:
        """Return how many words the longest idiom around each token has, (tokens,); 0 for none.

        ``places``: positions of the tokens in ``ids.values``. ``rows``: the sentence of each.
        """
        found = np.zeros(len(places), np.int8)
        numbers = self._of_id[ids.values[places]].astype(np.int64)
        for pairs, step in ((self._after, 1), (self._before, -1)):
            beside = places + step
            is_inside = (beside >= sentences.starts[rows]) & (beside < sentences.stops[rows])
            own = np.flatnonzero(is_inside & (numbers > 0))
            codes = numbers[own] * len(self._is_term) + self._of_id[ids.values[beside[own]]]
            order = np.argsort(codes, kind="stable")
            own = own[order]
            codes = codes[order]
            lows = np.searchsorted(codes, pairs.codes, "left")
            highs = np.searchsorted(codes, pairs.codes, "right")
            for each in np.flatnonzero(highs > lows).tolist():
                idiom = self._idioms[int(pairs.idioms[each])]
                hits = own[lows[each] : highs[each]]
                begins = places[hits] - pairs.at[each]
                sentence = rows[hits]
                is_whole = begins >= sentences.starts[sentence]
                is_whole &= begins + len(idiom) <= sentences.stops[sentence]
                hits = hits[is_whole]
                begins = begins[is_whole]
                for distance, other in enumerate(idiom):
                    is_next = self._is_term[self._of_id[ids.values[begins + distance]], other]
                    hits = hits[is_next]
                    begins = begins[is_next]
                found[hits] = np.maximum(found[hits], len(idiom))
        return found


class AspectFinder:
    """Finds the aspects that sentences mention; safe to share between threads."""

    def __init__(self, aspects: Aspects, vocabulary: Vocabulary) -> None:
        self.names = aspects.names
        self._vocabulary = vocabulary
        self._terms = _Terms.of(aspects, vocabulary)
        self._idioms = _Idioms(vocabulary)
        # Set of terms that a token matches → number of that set, its class; 0: no term.
        self._classes: dict[tuple[int, ...], int] = {(): 0}
        of_strings = self._classify(
            pa.concat_arrays([vocabulary.words, vocabulary.spellings.strings])
        )
        known = len(vocabulary.words)
        first = vocabulary.size - known
        # Class of each id. -1: the spelling decides, for unknown words and for ids whose spellings
        # have different classes.
        self._of_id = np.zeros(vocabulary.size, np.int32)
        self._of_id[first:] = of_strings[:known]
        others = vocabulary.spellings.ids
        self._of_id[others[self._of_id[others] != of_strings[known:]]] = -1
        self._of_id[UNKNOWN_ID] = -1

    def find(self, ids: TokenIds, sentences: TokenIds) -> _Bits:
        """Return the bits of the aspects that each sentence mentions, (sentences,)."""
        classes = self._of_id[ids.values]
        places = np.flatnonzero(classes)
        classes = classes[places]
        unsure = np.flatnonzero(classes < 0)
        if len(unsure) and ids.spelled is not None:
            classes[unsure] = self._classify(ids.spelled(places[unsure]))
            is_term = classes > 0
            places = places[is_term]
            classes = classes[is_term]
        found = np.zeros(len(sentences), np.uint64)
        rows = np.searchsorted(sentences.starts, places, "right") - 1
        is_inside = rows >= 0
        is_inside[is_inside] = places[is_inside] < sentences.stops[rows[is_inside]]
        places = places[is_inside]
        classes = classes[is_inside]
        rows = rows[is_inside]
        has, alone = self._phrases()
        goes_on = (np.diff(places) == 1) & (np.diff(rows) == 0)
        is_kept = alone[classes] > 0
        is_kept[:-1] |= goes_on
        is_kept[1:] |= goes_on
        places = places[is_kept]
        classes = classes[is_kept]
        rows = rows[is_kept]
        around = self._idioms.around(ids, places=places, sentences=sentences, rows=rows)
        bits = np.where(around > 0, np.uint64(0), alone[classes])
        self._add_phrases(bits, has, classes=classes, places=places, rows=rows, around=around)
        if len(bits):
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            found[rows[firsts]] = np.bitwise_or.reduceat(bits, firsts)
        return found

    def _phrases(self) -> tuple[npt.NDArray[np.bool_], _Bits]:
        """Return which classes have which terms, and the bits of single words of each class."""
        known = [*self._classes.items()]  # a copy: other threads may add classes
        has = np.zeros((len(known), len(self._terms.whole) + len(self._terms.starts)), np.bool_)
        for each, number in known:
            has[number, [*each]] = True
        alone = np.zeros(len(known), np.uint64)
        for phrase in self._terms.phrases:
            if len(phrase.terms) == 1:
                alone[has[:, phrase.terms[0]]] |= np.uint64(phrase.bit)
        return has, alone

    def _add_phrases(
        self,
        bits: _Bits,
        has: npt.NDArray[np.bool_],
        *,
        classes: _Classes,
        places: _Rows,
        rows: _Rows,
        around: _Lengths,
    ) -> None:
        """Add to the bits of each token, (tokens,), the aspects with a phrase that begins there.

        ``has``: (classes, terms). ``around``: the length of the idiom around each token; shorter
        phrases there do not count.
        """
        starts = np.flatnonzero((np.diff(places) == 1) & (np.diff(rows) == 0))
        order = np.argsort(classes[starts], kind="stable")  # groups the tokens by their class
        ends = np.searchsorted(classes[starts[order]], np.arange(len(has) + 1))
        for phrase in self._terms.phrases:
            if len(phrase.terms) == 1:
                continue
            which = np.flatnonzero(has[:, phrase.terms[0]] & (np.diff(ends) > 0)).tolist()
            own = [order[ends[number] : ends[number + 1]] for number in which]
            found = starts[np.concatenate([np.zeros(0, np.int64), *own])]
            for distance, term in enumerate(phrase.terms[1:], 1):
                found = found[found + distance < len(places)]
                at = found + distance
                is_next = (places[at] == places[found] + distance) & (rows[at] == rows[found])
                found = found[is_next & has[classes[at], term]]
            found = found[around[found] <= len(phrase.terms)]
            bits[found] |= np.uint64(phrase.bit)

    def _classify(self, strings: pa.StringArray) -> _Classes:
        """Return the class of each string, (strings,)."""
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
    """Normalize words for comparison: lower case, NFC, plain apostrophes."""
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
    """Return the columns of all aspects for ``total`` reviews, (reviews,) each, by their roles.

    The input arrays have one element per sentence; ``reviews`` is the review of each. The tone of
    an aspect is int8, an index of `tone_names`. Its probability is float32, the mean over the
    sentences that mention the aspect; null if there are none.
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
