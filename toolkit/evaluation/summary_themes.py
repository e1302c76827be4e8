"""Themes: what people complain about and what they praise, with names, counts and quotes.

A term is, within a sentence,

- a noun (refund), or a word that says what is wrong by itself (crashes),
- a noun with a verb, an adjective or another noun, in any order, with only words such as "were" and
  "my" between them: "closed my account" and "account was closed" are one,
- a negation with what it negates: "doesn't work", "no refund",
- a number with its unit: "20 minutes".

Forms of a word count as one, by their endings. The words are in themes.toml. What is counted are
reviews, of complaints those with the term in a sentence that is rather negative, of praise in one
that is rather positive. Terms that are mostly in the same reviews are one theme. A noun alone is
none: it only joins themes.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.summary import Quote, Theme
from toolkit.evaluation.summary_words import Counts, Keys, TermCounts, kinds_of_people, log_odds
from toolkit.model.scorer import Scorer
from toolkit.model.sentences import ScoredSentences
from toolkit.records.labels import Rows
from toolkit.text.token_ids import FIRST_WORD_ID
from toolkit.text.vocabulary import Vocabulary, token_spans

LISTS = Path(__file__).with_name("themes.toml")
_GAP = 4  # tokens from one word of a pair to the other, at most
# reviews that a theme needs, and their share of the kind
_FEWEST = 3
_SHARE = 1 / 300
_CANDIDATES = 400  # terms that are compared with each other
_SAME = 0.35  # of the reviews with either of two terms, those with both: then they are one theme
_NAMED = 0.25  # share of a word's reviews that have a phrase: then the theme is named by the phrase
_BARE = 0.6  # how much the lean of a noun alone counts: a phrase says more
_MORE_OFTEN = 2.0  # times as often in its kind as in the other, at least
_NOUN_MORE_OFTEN = 4.0  # the same for a noun alone, which may only be what all reviews speak of
_WAIT = "wait"  # for which minutes and hours are another word
_MOST_PHRASES = 3
_QUOTE_TOKENS = (5, 24)
_MOST_QUOTES = 3
_LETTERS = 240  # of a quote, at most
_LOOKED_AT = 40  # sentences, for the name of a term
_LEAN = 2.0  # standard deviations
_LEAN_OF_PHRASE = 1.0  # the same for a phrase: it says more, and fewer reviews have it
_HALF = 0.5
_QUOTES = "\"'“”‘’"  # noqa: RUF001

# What a word may be part of, by its id.
_NOTHING, _THROUGH, _NOUN, _CONCRETE, _OTHER, _NEGATION, _NUMBER, _UNIT, _GENERIC = range(9)
_ALONE, _PAIR, _NEGATED, _COUNTED = range(4)  # kinds of terms

# Endings of forms, and what a word may have in their place.
_ENDINGS = {
    "ies": ("y",),
    "sses": ("ss",),
    "es": ("", "e"),
    "s": ("",),
    "ied": ("y",),
    "ed": ("", "e"),
    "ing": ("", "e"),
}
_IRREGULAR = {
    "broke": "break", "broken": "break", "lost": "lose", "paid": "pay", "sent": "send",
    "stole": "steal", "stolen": "steal", "froze": "freeze", "frozen": "freeze", "torn": "tear",
    "wore": "wear", "worn": "wear", "sold": "sell", "slept": "sleep", "threw": "throw",
    "fell": "fall", "shrunk": "shrink", "shrank": "shrink", "drove": "drive", "canceled": "cancel",
    "cancelled": "cancel", "cancellation": "cancel", "mins": "minute", "min": "minute",
    "hrs": "hour", "hr": "hour", "bucks": "dollar", "died": "die", "login": "log",
    "charging": "charge", "preexisting": "exist",
}  # fmt: skip


class Terms:
    """Finds the terms of sentences; the key of a term is a number."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._words: list[str] = vocabulary.words.to_pylist()
        self._place: dict[str, int] = dict(
            zip(self._words, range(FIRST_WORD_ID, vocabulary.size), strict=False)
        )
        self.bits = vocabulary.size.bit_length()
        self.stem = np.arange(vocabulary.size)
        for word, at in self._place.items():
            self.stem[at] = self._place[self._stem_of(word)]
        self._what = self._kinds_of_words()

    def _stem_of(self, word: str) -> str:
        """Return the word of which this is a form; a word without one stays as it is."""
        irregular = _IRREGULAR.get(word)
        if irregular is not None and irregular in self._place:
            return irregular
        if len(word) < 4 or not word.isalpha():
            return word
        for ending, others in _ENDINGS.items():
            base = word.removesuffix(ending)
            if base == word or len(base) < 3 or (ending == "s" and base.endswith(("s", "u", "i"))):
                continue
            candidates = [base + each for each in others]
            if ending in ("ed", "ing") and base[-1] == base[-2]:
                candidates.append(base[:-1])
            if found := [each for each in candidates if each in self._place]:
                return min(found, key=lambda own: self._place[own])
        return word

    def _kinds_of_words(self) -> npt.NDArray[np.int8]:
        lists = {name: words.split() for name, words in _lists().items()}
        found = np.full(self.vocabulary.size, _OTHER, np.int8)
        found[:FIRST_WORD_ID] = _NOTHING
        known = [(at, word) for word, at in self._place.items()]
        for at, word in known:
            if len(word) < 3 or not word.isalpha() or word.endswith("ly"):
                found[at] = _NOTHING
        for name, kind, with_forms in (
            ("nouns", _NOUN, True),
            ("concrete", _CONCRETE, True),
            ("generic", _GENERIC, False),
            ("empty", _NOTHING, False),
            ("negations", _NEGATION, False),
            ("numbers", _NUMBER, False),
            ("through", _THROUGH, False),
        ):
            own = [self._place[word] for word in lists[name] if word in self._place]
            if with_forms:
                own = np.flatnonzero(
                    np.isin(self.stem, self.stem[own]) & (found != _NOTHING)
                ).tolist()
            found[own] = kind
        found[[at for at, word in known if word.isdigit()]] = _NUMBER
        found[[*kinds_of_people(self.vocabulary)]] = _NOTHING
        self._has_concrete = np.zeros(self.vocabulary.size, np.bool_)
        self._has_concrete[self.stem[found == _CONCRETE]] = True
        self.is_noun = np.zeros(self.vocabulary.size, np.bool_)
        self.is_noun[self.stem[found == _NOUN]] = True
        self._is_unit = np.zeros(self.vocabulary.size, np.bool_)
        self._is_unit[[self._place[word] for word in lists["units"] if word in self._place]] = True
        return found

    def of(self, sentences: ScoredSentences) -> tuple[Rows, Keys]:
        """Return pairs of sentence and term key as two arrays, by sentence, without repeats."""
        ids = sentences.ids
        lengths = ids.lengths
        rows = np.repeat(np.arange(len(ids)), lengths)
        places = np.arange(len(rows)) + np.repeat(
            ids.starts - np.cumsum(lengths) + lengths, lengths
        )
        values = ids.values[places]
        what = self._what[values]
        stems = self.stem[values].astype(np.int64)
        is_next = np.diff(rows) == 0
        unit = np.flatnonzero((what[:-1] == _NUMBER) & self._is_unit[values[1:]] & is_next)
        found = [(rows[unit], self._key(_COUNTED, 0, stems[unit + 1]))]
        kept = np.flatnonzero(what != _THROUGH)
        rows = rows[kept]
        places = places[kept]
        stems = stems[kept]
        what = what[kept]
        has_noun = what == _NOUN
        has_meaning = has_noun | (what == _CONCRETE)
        found.append((rows[has_meaning], self._key(_ALONE, 0, stems[has_meaning])))
        is_near = (np.diff(rows) == 0) & (np.diff(places) <= _GAP)
        content = has_meaning | (what == _OTHER)
        pair = np.flatnonzero(
            content[:-1]
            & content[1:]
            & (has_noun[:-1] | has_noun[1:])
            & is_near
            & (np.diff(stems) != 0)
        )
        low = np.minimum(stems[pair], stems[pair + 1])
        high = np.maximum(stems[pair], stems[pair + 1])
        found.append((rows[pair], self._key(_PAIR, low, high)))
        not_ = np.flatnonzero((what[:-1] == _NEGATION) & content[1:] & is_near)
        found.append((rows[not_], self._key(_NEGATED, 0, stems[not_ + 1])))
        shift = 2 * self.bits + 2
        both = np.sort(np.concatenate([(row << shift) | key for row, key in found]))
        both = both[np.diff(both, prepend=both[:1] - 1) > 0]
        return both >> shift, both & ((1 << shift) - 1)

    def _key(self, kind: int, first: Keys | int, last: Keys) -> Keys:
        found: Keys = (np.int64(kind) << (2 * self.bits)) | (np.int64(first) << self.bits) | last
        return found

    def is_concrete(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Whether the last word of terms says what is wrong by itself, (keys,)."""
        found: npt.NDArray[np.bool_] = self._has_concrete[keys & ((1 << self.bits) - 1)]
        return found

    def parts(self, key: int) -> tuple[int, int, int]:
        """Return the kind of a term and the ids of its two words; the first is 0 for one word."""
        kind, rest = divmod(key, 1 << (2 * self.bits))
        return kind, *divmod(rest, 1 << self.bits)

    def words(self, key: int) -> list[int]:
        """Return the ids of the words of a term; numbers with a unit have the word for waiting."""
        kind, first, last = self.parts(key)
        wait = self._place.get(_WAIT, 0)
        return [each for each in (first, wait if kind == _COUNTED and wait else last) if each]

    def name(self, key: int) -> str:
        """Name a term by its words, for terms that no kept review has."""
        kind, first, last = self.parts(key)
        words = [self._words[each - FIRST_WORD_ID] for each in (first, last) if each]
        return " ".join([*["not"] * (kind == _NEGATED), *["some"] * (kind == _COUNTED), *words])

    def written(self, key: int, tokens: Sequence[str], stems: Sequence[int]) -> str | None:
        """Return the shortest passage of a sentence with a term; None without it."""
        kind, first, last = self.parts(key)
        spans = []
        for at, stem in enumerate(stems):
            if stem != last and (kind != _PAIR or stem != first):
                continue
            if kind == _ALONE:
                return tokens[at]
            if kind == _COUNTED:
                start = at - 1
            elif kind == _NEGATED:
                before = range(at - 1, max(at - _GAP, 0) - 1, -1)
                start = next((n for n in before if tokens[n] in _negations()), -1)
            else:
                other = first if stem == last else last
                before = range(at - 1, max(at - _GAP, 0) - 1, -1)
                start = next((n for n in before if stems[n] == other), -1)
            if start >= 0:
                spans.append((at - start, start, at))
        if not spans:
            return None
        _, start, stop = min(spans)
        return " ".join(tokens[start : stop + 1])


@cache
def _lists() -> dict[str, str]:
    return tomllib.loads(LISTS.read_text(encoding="utf-8"))


@cache
def _negations() -> frozenset[str]:
    return frozenset(_lists()["negations"].split())


def is_function_word(word: str) -> bool:
    """Return whether a word tells nothing of what a text is about, such as "this"."""
    return len(word) < 3 or word in _function_words()


@cache
def _function_words() -> frozenset[str]:
    return frozenset(_lists()["through"].split())


def in_reviews(
    sentences: ScoredSentences, rows: Rows, keys: Keys, kinds: npt.NDArray[np.int8]
) -> tuple[Rows, Keys]:
    """Return which terms of sentences count for the kind of their review.

    Complaints, of kind 0, are sentences below 0.5 of negative reviews; praise is the opposite.
    """
    kind = kinds[sentences.reviews[rows]]
    is_praise = sentences.probability[rows] >= _HALF
    places = np.flatnonzero((kind >= 0) & (is_praise == (kind == 1)))
    reviews = sentences.reviews[rows[places]]
    order = np.lexsort((keys[places], reviews))
    places = places[order]
    reviews = reviews[order]
    is_first = (np.diff(reviews, prepend=-1) != 0) | (np.diff(keys[places], prepend=-1) != 0)
    return places[is_first], reviews[is_first]


@dataclass
class _Sample:
    """Random rows, their sentences, and which of them have which terms, of one kind."""

    rows: pa.Table
    terms: Terms
    sentences: ScoredSentences
    in_sentences: Rows  # (terms found,): the sentence of each, of the kind of its review
    reviews: Rows  # (terms found,): the review of each
    keys: Keys

    @classmethod
    def of(cls, rows: pa.Table, scorer: Scorer, terms: Terms, side: int) -> Self:
        ids = scorer.vocabulary.encode(rows["text"].combine_chunks(), with_cuts=True)
        probability = rows["probability"].to_numpy().astype(np.float32)
        sentences = scorer.score_sentences(ids, probability)
        found, keys = terms.of(sentences)
        labels = pa.array(scorer.facts.labels, pa.large_string())
        kinds = pc.fill_null(pc.index_in(rows["sentiment"], labels), -1).to_numpy()
        places, reviews = in_reviews(sentences, found, keys=keys, kinds=kinds.astype(np.int8))
        is_side = kinds[reviews] == side
        places = places[is_side]
        reviews = reviews[is_side]
        order = np.argsort(keys[places], kind="stable")
        places = places[order]
        reviews = reviews[order]
        return cls(
            rows=rows,
            terms=terms,
            sentences=sentences,
            in_sentences=found[places],
            reviews=reviews,
            keys=keys[places],
        )

    def places(self, key: int) -> slice:
        """Return where the reviews and sentences with a term are."""
        return slice(*np.searchsorted(self.keys, [key, key + 1]).tolist())

    def pairs_with(self, key: int) -> list[int]:
        """Return the most frequent pairs with the word of a term, in at least two reviews."""
        word = self.terms.parts(key)[2]
        bits = self.terms.bits
        own = self.keys[(self.keys >> (2 * bits)) == _PAIR]
        first = (own >> bits) & ((1 << bits) - 1)
        last = own & ((1 << bits) - 1)
        found, counts = np.unique(own[(first == word) | (last == word)], return_counts=True)
        others = np.where(
            found >> bits & ((1 << bits) - 1) == word,
            found & ((1 << bits) - 1),
            found >> bits & ((1 << bits) - 1),
        )
        order = np.lexsort((found, -counts * np.where(self.terms.is_noun[others], 1, 2)))
        order = order[: 2 * _MOST_PHRASES]
        chosen: list[int] = found[order][counts[order] > 1].tolist()
        return chosen

    @cached_property
    def starts(self) -> Rows:
        """The place of the first token of each review among all ids."""
        ids = self.terms.vocabulary.encode(self.rows["text"].combine_chunks(), with_cuts=True)
        return ids.starts

    @cached_property
    def texts(self) -> list[str]:
        """The texts of the rows."""
        found: list[str] = self.rows["text"].to_pylist()
        return found

    def sentence(self, number: int) -> tuple[str, list[str], list[int]]:
        """Return a sentence as written, its tokens in lower case, and their stems."""
        review = int(self.sentences.reviews[number])
        text = self.texts[review]
        first = int(self.sentences.ids.starts[number] - self.starts[review])
        last = int(self.sentences.ids.stops[number] - self.starts[review])
        spans = token_spans(text, self.terms.vocabulary.rule)
        own = spans[first:last]
        ids = self.sentences.ids.values[
            self.sentences.ids.starts[number] : self.sentences.ids.stops[number]
        ]
        following = spans[last][0] if last < len(spans) else len(text)
        marks = text[own[-1][1] : following].split(maxsplit=1)
        ended = own[-1][1] + (len(marks[0]) if marks and text[own[-1][1]] in ".!?" else 0)
        tokens = [text[a:b].lower().strip(_QUOTES) for a, b in own]
        return text[own[0][0] : ended], tokens, self.terms.stem[ids].tolist()


class Themes:
    """Finds themes, and how people write a term, with the help of random rows."""

    def __init__(self, scorer: Scorer, terms: Terms, kept: pa.Table) -> None:
        self._samples = [_Sample.of(kept, scorer, terms=terms, side=side) for side in (0, 1)]

    def find(self, words: TermCounts, show: int) -> Iterator[list[Theme]]:
        """Yield the surest themes of complaints, then of praise, each with most reviews first."""
        keys, counts = words.all()
        for side, sample in enumerate(self._samples):
            turn = slice(None, None, -1 if side else 1)  # the own kind first
            yield _themes(
                sample, keys, counts=counts[:, turn], reviews=words.reviews[turn], show=show
            )

    def written(self, key: int) -> str:
        """Return the spelling of a term in most reviews."""
        most = max(self._samples, key=lambda each: len(each.reviews[each.places(key)]))
        return _written(most, key)


def _themes(sample: _Sample, keys: Keys, counts: Counts, reviews: Counts, show: int) -> list[Theme]:
    lean = log_odds(counts, reviews)
    own = counts[:, 0]
    fewest = max(_FEWEST, int(reviews[0] * _SHARE))
    is_alone = (keys >> (2 * sample.terms.bits)) == _ALONE
    shares = counts / np.maximum(reviews, 1)
    is_kept = (lean > np.where(is_alone, _LEAN, _LEAN_OF_PHRASE)) & (own >= fewest)
    is_bare = is_alone & ~sample.terms.is_concrete(keys)
    is_kept &= shares[:, 0] >= np.where(is_bare, _NOUN_MORE_OFTEN, _MORE_OFTEN) * shares[:, 1]
    weight = np.where(is_bare, _BARE, 1.0)
    order = np.argsort(-lean * weight, kind="stable")
    order = order[is_kept[order]][:_CANDIDATES]
    groups: list[_Group] = []
    for at in order.tolist():
        found = sample.places(int(keys[at]))
        rows = frozenset(sample.reviews[found].tolist())
        is_phrase = sample.terms.parts(int(keys[at]))[0] != _ALONE
        term = _Term(
            key=int(keys[at]), reviews=int(own[at]), place=at, is_phrase=is_phrase, rows=rows
        )
        known = next((group for group in groups if group.takes(term, sample.terms)), None)
        if known is not None:
            known.more.append(term)
        elif len(groups) < show and not is_bare[at]:
            groups.append(_Group(term))
    shown: set[str] = set()
    mean = _mean_stars(sample, range(len(sample.rows)))
    themes = []
    for group in groups:
        best = group.first
        name, phrases = group.names(sample)
        quotes = _quotes(sample, [term.key for term in group.by_name()], shown)
        with_it = _mean_stars(sample, sorted(best.rows))
        themes.append(
            Theme(
                name=name,
                reviews=best.reviews,
                share=best.reviews / max(int(reviews[0]), 1),
                other_reviews=int(counts[best.place, 1]),
                other_share=int(counts[best.place, 1]) / max(int(reviews[1]), 1),
                lean=float(lean[best.place]),
                stars=None if mean is None or with_it is None else with_it - mean,
                phrases=phrases,
                quotes=quotes,
                sampled=best.rows,
            )
        )
    return sorted(themes, key=lambda each: (-each.reviews, each.name))


@dataclass(frozen=True)
class _Term:
    """A candidate for a theme."""

    key: int
    reviews: int  # of the own kind that have it
    place: int  # among all keys
    is_phrase: bool
    rows: frozenset[int]  # of the sample


@dataclass
class _Group:
    """Terms that are mostly in the same reviews, the surest first."""

    first: _Term
    more: list[_Term] = field(default_factory=list)

    def takes(self, term: _Term, terms: Terms) -> bool:
        """Whether a term belongs here: it has the same words, or is in the same reviews."""
        mine, its = ({*terms.words(each.key)} for each in (self.first, term))
        if its <= mine or mine <= its:
            return True
        return len(term.rows & self.first.rows) > _SAME * len(term.rows | self.first.rows)

    def by_name(self) -> list[_Term]:
        """Return the terms, phrases before single words, the most frequent first."""
        every = [self.first, *self.more]
        return sorted(every, key=lambda each: (not each.is_phrase, -each.reviews))

    def names(self, sample: _Sample) -> tuple[str, tuple[str, ...]]:
        """Name the theme by a phrase that many of its reviews have, else by its word."""
        best = self.first
        written = {}
        for term in sorted((self.first, *self.more), key=lambda each: -each.reviews):
            written[term.key] = _written(sample, term.key)
        kinds = {key: sample.terms.parts(key)[0] for key in written}
        phrases = [key for key in written if kinds[key] != _ALONE]
        counts = {term.key: term.reviews for term in (self.first, *self.more)}
        name = best.key
        if kinds[name] == _ALONE:
            more = [key for key in sample.pairs_with(name) if key not in written]
            written |= {key: _written(sample, key) for key in more}
            phrases += more
            if phrases and counts.get(phrases[0], 0) >= _NAMED * best.reviews:
                name = phrases[0]
        shown = written[name]
        if kinds[name] == _COUNTED and len(phrases) < len(written):  # a word for waiting, too
            shown = f"waiting, {shown}"
        others = [written[key] for key in phrases if key != name]
        different = [each for each in dict.fromkeys(others) if each != written[name]]
        return shown, tuple(different[:_MOST_PHRASES])


def _written(sample: _Sample, key: int) -> str:
    """Return the most frequent spelling of a term."""
    found: Counter[str] = Counter()
    for number in sample.in_sentences[sample.places(key)][:_LOOKED_AT].tolist():
        _, tokens, stems = sample.sentence(number)
        written = sample.terms.written(key, tokens, stems)
        if written is not None:
            found[written] += 1
    best = max(found.items(), key=lambda each: (each[1], each[0]), default=(None, 0))[0]
    return best or sample.terms.name(key)


def _quotes(sample: _Sample, keys: Sequence[int], shown: set[str]) -> tuple[Quote, ...]:
    """Return three sentences with a theme, short ones first, each shown once."""
    found: list[Quote] = []
    for key in keys:
        numbers = sample.in_sentences[sample.places(key)]
        lengths = sample.sentences.ids.lengths[numbers]
        low, high = _QUOTE_TOKENS
        is_short = (lengths >= low) & (lengths <= high)
        sure = np.abs(sample.sentences.probability[numbers] - _HALF)
        order = np.lexsort((numbers, -sure, ~is_short))
        for number in numbers[order][: 4 * _MOST_QUOTES].tolist():
            text, _, _ = sample.sentence(number)
            if text.lower() in shown or len(text) > _LETTERS:
                continue
            shown.add(text.lower())
            row = sample.rows.slice(int(sample.sentences.reviews[number]), 1).to_pylist()[0]
            probability = round(row["probability"], 4)
            found.append(
                Quote(
                    file=row["file"],
                    row=row["row"],
                    sentiment=row["sentiment"],
                    probability=probability,
                    text=text,
                )
            )
            if len(found) == _MOST_QUOTES:
                return tuple(found)
    return tuple(found)


def _mean_stars(sample: _Sample, rows: Sequence[int]) -> float | None:
    stars = sample.rows["stars"].to_numpy()[[*rows]]
    known = stars[~np.isnan(stars)]
    return float(known.mean()) if len(known) else None
