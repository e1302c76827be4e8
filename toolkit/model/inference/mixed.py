"""The label ``mixed``: sentences of a review disagree.

A sentence is clearly positive from a probability of `CLEAR` up, clearly negative from 1 - `CLEAR`
down. A review is mixed where

1. it has sentences of both kinds,
2. the fewer of them are at least half as many as the others, so that one remark in a long review is
   not enough,
3. and its own probability is between 1 - `SURE` and `SURE`.

The numbers do not depend on the threshold, which is for reviews. They were chosen on reviews with
stars, and on texts about what is good and what is bad, joined to one review. In an adapted model,
they are those of its start, moved as its logits are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.logits import rescaled

MIXED = "mixed"  # the label that such reviews get

CLEAR = 0.8
SURE = 0.95

Counts = npt.NDArray[np.int32]

# What `SentenceCounts` are called among the numbers of a scorer.
SENTENCE_COUNTS = ("positive_sentences", "negative_sentences")


class Limits(NamedTuple):
    """The probabilities from which sentences are clear, and between which reviews may be mixed."""

    negative: float = 1 - CLEAR
    positive: float = CLEAR
    low: float = 1 - SURE
    high: float = SURE

    @classmethod
    def of(cls, facts: ModelFacts) -> Limits:
        """Give those of a model; one that was adapted has them where its start has these."""
        adaptation = facts.metrics.adaptation
        if adaptation is None:
            return cls()
        moved = rescaled(np.array(cls()), adaptation.scale, adaptation.bias)
        return cls(*map(float, moved))


USUAL = Limits()


class SentenceCounts(NamedTuple):
    """How many sentences of each review are clear, (reviews,) int32 each."""

    positive: Counts
    negative: Counts


def tone(probability: npt.NDArray[np.float32], limits: Limits = USUAL) -> npt.NDArray[np.int8]:
    """Say what sentences clearly are, (sentences,): 1 positive, -1 negative, 0 neither."""
    positive = probability >= np.float32(limits.positive)
    negative = probability <= np.float32(limits.negative)
    return positive.astype(np.int8) - negative.astype(np.int8)


def count_sentences(
    tones: npt.NDArray[np.int8], reviews: npt.NDArray[np.int64], total: int
) -> SentenceCounts:
    """Count the clear sentences of ``total`` reviews; `reviews` are those of the sentences."""
    positive = np.bincount(reviews[tones > 0], minlength=total)
    negative = np.bincount(reviews[tones < 0], minlength=total)
    return SentenceCounts(positive.astype(np.int32), negative.astype(np.int32))


def is_mixed(
    probability: pa.FloatArray,
    positive: pa.Int32Array,
    negative: pa.Int32Array,
    limits: Limits = USUAL,
) -> pa.BooleanArray:
    """Whether reviews are mixed, by their probability and counts; null where one is null."""
    fewer, more = pc.min_element_wise(positive, negative), pc.max_element_wise(positive, negative)
    disagree = pc.and_(pc.greater(fewer, 0), pc.greater_equal(pc.add(fewer, fewer), more))
    low, high = (pa.scalar(end, pa.float32()) for end in (limits.low, limits.high))
    unsure = pc.and_(pc.greater_equal(probability, low), pc.less_equal(probability, high))
    return pc.and_(disagree, unsure)
