"""Cut reviews into sentences by their token ids, and score the sentences.

`explained_sentences` also finds the sentences of one review in its text.

A sentence ends

1. at ``!``, ``?``, ``…``, at ``;`` unless it ends an entity such as ``&amp;``, at the end of a
   line, and at ``<br />``;
2. at a ``.`` that no word follows directly: not in 3.5, and not after the U of U.S.;
3. before a word of contrast (`CONTRASTS`) that the model knows: "The camera is excellent but the
   battery is terrible" is two sentences. Exceptions: the last word of a sentence; "nothing but",
   "can't help but", "as though" and the like (`NO_CONTRAST_AFTER`); and "but also".

Sentences without a word are dropped. Closing quotes and brackets belong to the sentence before
them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.aspects import AspectFinder
from toolkit.model.file import PROBABILITY
from toolkit.model.labels import ToneLimits, tone
from toolkit.model.network import Network, Probabilities
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

CONTRASTS = ("but", "however", "although", "though", "whereas", "except")
NO_CONTRAST_AFTER = ("nothing", "anything", "everything", "all", "none", "as", "help")
NO_CONTRAST_BEFORE = ("also",)
# A sentence with one of these is often about another time, place or owner: "no wait if you book",
# "less noise than downtown", "I was afraid they would deny it".
DOUBTS = (
    "if", "than", "other", "others", "instead", "without", "unlike", "until", "before", "afraid",
    "worried", "scared", "nervous", "fixed", "resolved", "solved", "refunded", "quickly",
    "promptly", "immediately", "helped", "thankfully", "luckily", "vet", "vets", "tip", "heard",
    "thought", "realized", "yet", "fast", "quick", "easy", "easily", "surgery", "veterinary",
)  # fmt: skip

_Rows = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sentences:
    """The sentences of some reviews; tokens that the model does not read are left out."""

    ids: TokenIds  # one row per sentence
    reviews: _Rows  # (sentences,): number of the review of each sentence, from 0, ascending


@dataclass(frozen=True)
class _WordFlags:
    """Which ids are the words of rule 3 above; (vocabulary,) each."""

    contrasts: _Flags
    even: _Flags
    no_contrast_after: _Flags
    no_contrast_before: _Flags
    doubts: _Flags


@dataclass(frozen=True)
class SentenceRule:
    """Cuts reviews, as token ids of a vocabulary, into sentences."""

    vocabulary: Vocabulary

    def sentences(self, ids: TokenIds, most_tokens: int) -> Sentences:
        """Cut the last ``most_tokens`` tokens of each review; its ids were made ``with_cuts``."""
        if ids.cuts is None:
            raise ValueError("expected token ids with the offsets of sentences")
        starts = ids.last(most_tokens).starts
        begins = np.zeros(len(ids.values) + 1, np.bool_)
        begins[ids.cuts] = begins[starts] = begins[ids.stops] = True
        words = self._contrasts(ids.values, begins)
        begins[words.starts] = begins[words.stops] = True
        marks = np.flatnonzero(begins)
        first = np.searchsorted(marks, starts)
        last = np.searchsorted(marks, ids.stops)
        counts = last - first
        reviews = np.repeat(np.arange(len(ids)), counts)
        at = np.arange(len(reviews)) + np.repeat(last - np.cumsum(counts), counts)
        is_contrast = np.zeros(len(begins), np.bool_)
        is_contrast[words.starts] = True
        kept = np.flatnonzero(~is_contrast[marks[at]])
        at = at[kept]
        return Sentences(TokenIds(ids.values, marks[at], marks[at + 1]), reviews[kept])

    def _contrasts(self, values: Ids, begins: _Flags) -> TokenIds:
        """Find the words of contrast within sentences; "even though" counts as one word."""
        words = self._word_flags
        places = np.flatnonzero(words.contrasts[values])
        # Keep those with a word before and a word after them in the same sentence.
        places = places[~(begins[places] | begins[places + 1])]
        is_even = words.even[values[places - 1]]
        is_exception = words.no_contrast_after[values[places - 1]]
        is_exception |= is_even & begins[places - 1]
        is_exception |= words.no_contrast_before[values[places + 1]]
        starts = places - is_even
        stops = places + 1
        return TokenIds(values, starts[~is_exception], stops[~is_exception])

    def have_doubts(self, sentences: TokenIds) -> _Flags:
        """Return which sentences have a word of `DOUBTS`, (sentences,)."""
        found = np.zeros(len(sentences), np.bool_)
        places = np.flatnonzero(self._word_flags.doubts[sentences.values])
        rows = np.searchsorted(sentences.starts, places, "right") - 1
        places = places[rows >= 0]
        rows = rows[rows >= 0]
        found[rows[places < sentences.stops[rows]]] = True
        return found

    @cached_property
    def _word_flags(self) -> _WordFlags:
        return _WordFlags(
            contrasts=self._flags(CONTRASTS),
            even=self._flags(("even",)),
            no_contrast_after=self._flags(NO_CONTRAST_AFTER),
            no_contrast_before=self._flags(NO_CONTRAST_BEFORE),
            doubts=self._flags(DOUBTS),
        )

    def _flags(self, words: tuple[str, ...]) -> _Flags:
        """Return for each id, (vocabulary,), whether it is the id of one of the words."""
        found = pc.index_in(pa.array(words), value_set=self.vocabulary.words).drop_null()
        flags = np.zeros(self.vocabulary.size, np.bool_)
        flags[found.to_numpy() + FIRST_WORD_ID] = True
        return flags


@dataclass(frozen=True)
class ScoredSentences:
    """The sentences of some reviews that have a word which the model knows."""

    ids: TokenIds  # one row per sentence, of the same values as the reviews
    reviews: _Rows  # (sentences,): number of the review of each sentence, from 0, ascending
    probability: Probabilities  # (sentences,)
    tones: npt.NDArray[np.int8]  # (sentences,): 1 clearly positive, -1 clearly negative, else 0
    # (sentences,): one bit per aspect, set if the sentence mentions it; None: not asked for
    aspects: npt.NDArray[np.uint64] | None = None
    doubts: _Flags | None = None  # (sentences,): has a word of `DOUBTS`; None: not asked for


@dataclass(frozen=True)
class SentenceScorer:
    """Scores sentences with the network that scores the reviews."""

    network: Network
    rule: SentenceRule
    most_tokens: int
    limits: ToneLimits
    finder: AspectFinder | None = None
    scores_all: bool = True  # False: score only sentences that mention an aspect

    def score(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews, given their ids, made ``with_cuts``, and probabilities.

        If a review is one sentence, that sentence takes its probability and is not run again.
        """
        found = self.rule.sentences(ids, self.most_tokens)
        is_only = np.bincount(found.reviews, minlength=len(ids))[found.reviews] == 1
        is_kept = found.ids.has_known_token(self.most_tokens)
        bits = None
        if self.finder is not None:
            bits = self.finder.find(ids, found.ids)
            is_kept &= self.scores_all | (bits > 0)
        kept = np.flatnonzero(is_kept)
        sentences = found.ids.select(kept)
        reviews = found.reviews[kept]
        values = probability[reviews]
        others = np.flatnonzero(~is_only[kept])
        values[others] = self.network.run_all(sentences.select(others))[PROBABILITY]
        limits = self.limits if self.scores_all else self.limits.of_aspects
        return ScoredSentences(
            ids=sentences,
            reviews=reviews,
            probability=values,
            tones=tone(values, limits),
            aspects=None if bits is None else bits[kept],
            doubts=None if bits is None else self.rule.have_doubts(sentences),
        )


@dataclass(frozen=True)
class Sentence:
    """A sentence of a review, ``text[start:end]`` in Unicode characters."""

    text: str  # as written, with the punctuation at its end
    start: int
    end: int  # after its last character
    sentiment: str | None  # the label; None if the sentence is not clear
    probability: float  # of the positive class
    aspects: tuple[str, ...] | None = None  # mentioned in the sentence; None: not asked for


def explained_sentences(
    text: str,
    spans: Sequence[tuple[int, int]],
    scored: ScoredSentences,
    labels: tuple[str, str],
    aspects: Sequence[str] = (),
) -> tuple[Sentence, ...]:
    """Find the scored sentences of one review in its text.

    ``spans``: start and end of each token in the text. ``aspects``: names of the bits of
    ``scored.aspects``, from the lowest.
    """
    sentiments = {1: labels[1], 0: None, -1: labels[0]}
    found = []
    all_bits = [None] * len(scored.reviews) if scored.aspects is None else scored.aspects.tolist()
    for first, stop, probability, sign, bits in zip(
        scored.ids.starts.tolist(),
        scored.ids.stops.tolist(),
        scored.probability.tolist(),
        scored.tones.tolist(),
        all_bits,
        strict=True,
    ):
        start = _first_character(text, spans[first:stop])
        _, last = spans[stop - 1]
        following = spans[stop][0] if stop < len(spans) else len(text)
        end = last + _length_of_marks(text[last:following])
        mentioned = None
        if bits is not None:
            mentioned = tuple(name for at, name in enumerate(aspects) if bits >> at & 1)
        sentence = Sentence(
            text=text[start:end],
            start=start,
            end=end,
            sentiment=sentiments[sign],
            probability=probability,
            aspects=mentioned,
        )
        found.append(sentence)
    return tuple(found)


def _first_character(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Return where a sentence starts, after any ``<br />`` of the sentence before it."""
    words = (start for start, _ in spans if text[start - 1 : start + 2].lower() != "<br")
    return next(words, spans[0][0])


def _length_of_marks(separators: str) -> int:
    """Count the characters of punctuation after a word, up to a space or a tag."""
    before_space = re.split(r"[\s\0]", separators, maxsplit=1)[0]
    return len(before_space.partition("<")[0])
