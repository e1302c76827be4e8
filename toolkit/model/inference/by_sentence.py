"""Score the sentences of reviews whose token ids are there: no text is read again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.model.inference.mixed import Limits, SentenceCounts, count_sentences, tone
from toolkit.model.inference.session import Network, Probabilities
from toolkit.text.sentences import SentenceRule
from toolkit.text.token_ids import TokenIds


@dataclass(frozen=True)
class ScoredSentences:
    """The sentences of some reviews that have a word which the model knows."""

    ids: TokenIds  # a row for each sentence, among the values of the reviews
    reviews: npt.NDArray[np.int64]  # (sentences,): the number of its review, from 0, ascending
    probability: Probabilities  # (sentences,)
    tones: npt.NDArray[np.int8]  # (sentences,): 1 clearly positive, -1 clearly negative, else 0

    def counts(self, total: int) -> SentenceCounts:
        """Count the clear sentences of ``total`` reviews."""
        return count_sentences(self.tones, self.reviews, total)


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
