"""The scores of sentences, by the token ids of the reviews: no text is read again.

For one review that is explained, also where its sentences are in its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.model.labels import Limits, tone
from toolkit.model.network import Network, Probabilities
from toolkit.text.sentences import SentenceRule
from toolkit.text.token_ids import TokenIds


@dataclass(frozen=True)
class ScoredSentences:
    """The sentences of some reviews that have a word which the model knows."""

    ids: TokenIds  # a row for each sentence, among the values of the reviews
    reviews: npt.NDArray[np.int64]  # (sentences,): the number of its review, from 0, ascending
    probability: Probabilities  # (sentences,)
    tones: npt.NDArray[np.int8]  # (sentences,): 1 clearly positive, -1 clearly negative, else 0


@dataclass(frozen=True)
class SentenceScorer:
    """Scores sentences with the network that scores the reviews."""

    network: Network
    rule: SentenceRule
    most_tokens: int
    limits: Limits

    def score(self, ids: TokenIds, probability: Probabilities) -> ScoredSentences:
        """Score the sentences of reviews with their ids, made ``with_cuts``, and probabilities.

        A review that is one sentence has its own probability; its sentence is not run again.
        """
        found = self.rule.sentences(ids, self.most_tokens)
        is_only = np.bincount(found.reviews, minlength=len(ids))[found.reviews] == 1
        kept = np.flatnonzero(found.ids.has_known_token(self.most_tokens))
        sentences, reviews = found.ids.select(kept), found.reviews[kept]
        values = probability[reviews]
        others = np.flatnonzero(~is_only[kept])
        values[others] = self.network.run_all(sentences.select(others))[0]
        return ScoredSentences(sentences, reviews, values, tone(values, self.limits))


@dataclass(frozen=True)
class Sentence:
    """A sentence of a review, ``text[start:end]`` in Unicode characters."""

    text: str  # as it is written, with the marks at its end
    start: int
    end: int  # after its last character
    sentiment: str | None  # the label if it is clear, else None
    probability: float  # of the positive class


def explained_sentences(
    text: str, spans: Sequence[tuple[int, int]], scored: ScoredSentences, labels: tuple[str, str]
) -> tuple[Sentence, ...]:
    """Find the scored sentences of one review in its text.

    ``spans`` are those of its tokens, by whose numbers the sentences start and stop.
    """
    sentiments = {1: labels[1], 0: None, -1: labels[0]}
    found = []
    for first, stop, probability, sign in zip(
        scored.ids.starts.tolist(),
        scored.ids.stops.tolist(),
        scored.probability.tolist(),
        scored.tones.tolist(),
        strict=True,
    ):
        start, last = _first_character(text, spans[first:stop]), spans[stop - 1][1]
        following = spans[stop][0] if stop < len(spans) else len(text)
        end = last + _length_of_marks(text[last:following])
        found.append(Sentence(text[start:end], start, end, sentiments[sign], probability))
    return tuple(found)


def _first_character(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Give where a sentence starts, without the ``<br />`` that end the one before."""
    words = (start for start, _ in spans if text[start - 1 : start + 2].lower() != "<br")
    return next(words, spans[0][0])


def _length_of_marks(separators: str) -> int:
    """Count what is written without a space after a word, up to a tag."""
    before_space = re.split(r"[\s\0]", separators, maxsplit=1)[0]
    return len(before_space.partition("<")[0])
