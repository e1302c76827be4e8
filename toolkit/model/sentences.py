"""The sentences of reviews, cut out of token ids, and their scores: no text is read again.

For one review that is explained, also where its sentences are in its text.

A sentence ends

1. at ``!``, ``?``, ``…``, at ``;`` unless it ends an entity such as ``&amp;``, at the end of a
   line, and at ``<br />``;
2. at a ``.`` after which no word begins at once: not in 3.5, and not at the first one of U.S. for
   example;
3. before a word of contrast that the model knows, `CONTRASTS`, so that "The camera is excellent but
   the battery is terrible" is two sentences. Not where it is the last word of a sentence, and not
   in "nothing but", "can't help but", "as though" and the like (`NO_CONTRAST_AFTER`), nor in "but
   also".

Only sentences with a word count. Closing quotes and brackets belong to the sentence before, as they
are no words.
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
from toolkit.model.labels import Limits, tone
from toolkit.model.network import Network, Probabilities
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

CONTRASTS = ("but", "however", "although", "though", "whereas", "except")
NO_CONTRAST_AFTER = ("nothing", "anything", "everything", "all", "none", "as", "help")
NO_CONTRAST_BEFORE = ("also",)

_Rows = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sentences:
    """The sentences of some reviews, as far as a model reads them."""

    ids: TokenIds  # a row for each sentence
    reviews: _Rows  # (sentences,): the number of the review of each, from 0, ascending


@dataclass(frozen=True)
class SentenceRule:
    """Finds the sentences of reviews whose ids are those of a vocabulary."""

    vocabulary: Vocabulary

    def sentences(self, ids: TokenIds, most_tokens: int) -> Sentences:
        """Cut the last ``most_tokens`` ids of reviews, made ``with_cuts``, into sentences."""
        if ids.cuts is None:
            raise ValueError("ids with cuts are expected")
        starts = np.maximum(ids.starts, ids.stops - most_tokens)
        begins = np.zeros(len(ids.values) + 1, np.bool_)
        begins[ids.cuts] = begins[starts] = begins[ids.stops] = True
        words = self._contrasts(ids.values, begins)
        begins[words.starts] = begins[words.stops] = True
        marks = np.flatnonzero(begins)
        first, last = np.searchsorted(marks, starts), np.searchsorted(marks, ids.stops)
        counts = last - first
        reviews = np.repeat(np.arange(len(ids)), counts)
        at = np.arange(len(reviews)) + np.repeat(last - np.cumsum(counts), counts)
        is_contrast = np.zeros(len(begins), np.bool_)
        is_contrast[words.starts] = True
        kept = np.flatnonzero(~is_contrast[marks[at]])
        at = at[kept]
        return Sentences(TokenIds(ids.values, marks[at], marks[at + 1]), reviews[kept])

    def _contrasts(self, values: Ids, begins: _Flags) -> TokenIds:
        """Find the words of contrast between two others of a sentence; "even though" is one."""
        contrasts, even, no_contrast_after, no_contrast_before = self._flags_of_words
        places = np.flatnonzero(contrasts[values])
        places = places[~(begins[places] | begins[places + 1])]
        # Each has a word before it and one after it.
        is_even = even[values[places - 1]]
        is_other = no_contrast_after[values[places - 1]] | (is_even & begins[places - 1])
        is_other |= no_contrast_before[values[places + 1]]
        starts, stops = places - is_even, places + 1
        return TokenIds(values, starts[~is_other], stops[~is_other])

    @cached_property
    def _flags_of_words(self) -> tuple[_Flags, _Flags, _Flags, _Flags]:
        """Flags for the words of contrast, "even", and the words that make it something else."""
        before, after = self._flags(NO_CONTRAST_AFTER), self._flags(NO_CONTRAST_BEFORE)
        return self._flags(CONTRASTS), self._flags(("even",)), before, after

    def _flags(self, words: tuple[str, ...]) -> _Flags:
        """Give a flag for each id, (vocabulary,): whether it is that of one of the words."""
        found = pc.index_in(pa.array(words), value_set=self.vocabulary.words).drop_null()
        flags = np.zeros(self.vocabulary.size, np.bool_)
        flags[found.to_numpy() + FIRST_WORD_ID] = True
        return flags


@dataclass(frozen=True)
class ScoredSentences:
    """The sentences of some reviews that have a word which the model knows."""

    ids: TokenIds  # a row for each sentence, among the values of the reviews
    reviews: _Rows  # (sentences,): the number of its review, from 0, ascending
    probability: Probabilities  # (sentences,)
    tones: npt.NDArray[np.int8]  # (sentences,): 1 clearly positive, -1 clearly negative, else 0
    # (sentences,): a bit for each aspect that it speaks of, if asked for
    aspects: npt.NDArray[np.uint64] | None = None


@dataclass(frozen=True)
class SentenceScorer:
    """Scores sentences with the network that scores the reviews."""

    network: Network
    rule: SentenceRule
    most_tokens: int
    limits: Limits
    finder: AspectFinder | None = None
    scores_all: bool = True  # else only the sentences that speak of an aspect

    def score(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews with their ids, made ``with_cuts``, and probabilities.

        A review that is one sentence has its own probability; its sentence is not run again.
        """
        found = self.rule.sentences(ids, self.most_tokens)
        is_only = np.bincount(found.reviews, minlength=len(ids))[found.reviews] == 1
        is_kept, bits = found.ids.has_known_token(self.most_tokens), None
        if self.finder is not None:
            bits = self.finder.find(ids, found.ids)
            is_kept &= self.scores_all | (bits > 0)
        kept = np.flatnonzero(is_kept)
        bits = None if bits is None else bits[kept]
        sentences, reviews = found.ids.select(kept), found.reviews[kept]
        values = probability[reviews]
        others = np.flatnonzero(~is_only[kept])
        values[others] = self.network.run_all(sentences.select(others))[PROBABILITY]
        limits = self.limits if self.scores_all else self.limits.of_aspects
        return ScoredSentences(sentences, reviews, values, tone(values, limits), bits)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a review, ``text[start:end]`` in Unicode characters."""

    text: str  # as it is written, with the marks at its end
    start: int
    end: int  # after its last character
    sentiment: str | None  # the label if it is clear, else None
    probability: float  # of the positive class
    aspects: tuple[str, ...] | None = None  # that it speaks of; None: not asked for


def explained_sentences(
    text: str,
    spans: Sequence[tuple[int, int]],
    scored: ScoredSentences,
    labels: tuple[str, str],
    aspects: Sequence[str] = (),
) -> tuple[Sentence, ...]:
    """Find the scored sentences of one review in its text.

    ``spans`` are those of its tokens, by whose numbers the sentences start and stop; ``aspects``
    are the names of the bits.
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
        start, last = _first_character(text, spans[first:stop]), spans[stop - 1][1]
        following = spans[stop][0] if stop < len(spans) else len(text)
        end = last + _length_of_marks(text[last:following])
        spoken = [name for at, name in enumerate(aspects) if bits is not None and bits >> at & 1]
        names = None if bits is None else tuple(spoken)
        found.append(Sentence(text[start:end], start, end, sentiments[sign], probability, names))
    return tuple(found)


def _first_character(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Give where a sentence starts, without the ``<br />`` that end the one before."""
    words = (start for start, _ in spans if text[start - 1 : start + 2].lower() != "<br")
    return next(words, spans[0][0])


def _length_of_marks(separators: str) -> int:
    """Count what is written without a space after a word, up to a tag."""
    before_space = re.split(r"[\s\0]", separators, maxsplit=1)[0]
    return len(before_space.partition("<")[0])
