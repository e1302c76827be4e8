"""Turn predictions into labels: threshold, neutral range, and reviews whose sentences disagree.

A sentence is clearly positive if its probability is at least `CLEAR`, and clearly negative if it is
at most 1 - `CLEAR`. A review is ``mixed`` if

1. it has clearly positive and clearly negative sentences,
2. the smaller group has at least half as many sentences as the larger one, so that one remark in a
   long review is not enough,
3. and its own probability is between 1 - `SURE` and `SURE`.

These numbers do not depend on the threshold, which is for reviews. They were chosen on reviews with
stars, and on texts about good and bad sides, joined into one review. In an adapted model, they are
the start model's, rescaled like its logits.

A sentence about an aspect that is not clear takes the side of its review (`tone_of_aspects`): on
sentences with labelled aspects, the review is right more often than "neutral" is. The other side
needs a clear sentence. These limits were chosen on half of the labelled sentences of
``examples/benchmarks/aspects.tsv``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import MIXED, NEUTRAL
from toolkit.errors import UsageError
from toolkit.model.facts import ModelFacts
from toolkit.model.file import Model
from toolkit.model.ranges import Range, check_ends
from toolkit.model.stars import rescaled

_TENTHS = np.linspace(0, 1, 11, dtype=np.float32)[1:-1]  # as limits, in float32


def is_unsure(probability: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which probabilities are from 0.25 to 0.75; NaN is not."""
    return np.asarray(np.abs(probability - 0.5) <= 0.25)


def count_tenths(probability: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Count probabilities in ten bins: from 0 to below 0.1, …, from 0.9 to 1; without NaN."""
    found = np.searchsorted(_TENTHS, probability[~np.isnan(probability)], side="right")
    return tuple(np.bincount(found, minlength=10).tolist())


def check_threshold(threshold: float | None) -> None:
    """Raise `UsageError` unless a threshold is a probability, or None for the model's own."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold: expected a probability from 0 to 1, received {threshold}")


def check_neutral(neutral: Range, threshold: float, labels: Collection[str]) -> Range:
    """Return both ends as float32; raise `UsageError` unless they are around the threshold."""
    low, high = check_ends(neutral, "--neutral-range", "0.4:0.6")
    if not low <= threshold <= high:
        raise UsageError(
            f"neutral range: the threshold {threshold:.7g} is not within {neutral[0]} to "
            f"{neutral[1]}. Choose a range around it with --neutral-range, or another threshold."
        )
    if NEUTRAL in labels:
        raise UsageError(
            f"neutral range: the model already has a label {NEUTRAL!r}. Leave the range out"
        )
    return low, high


def _reaches(probability: pa.FloatArray, limit: float) -> pa.BooleanArray:
    return pc.greater_equal(probability, pa.scalar(limit, pa.float32()))


CLEAR = 0.8
_BORDER = 0.5  # from here up, a review is not negative
CLEAR_OF_ASPECT = 0.7
# Sentences about an aspect: up to the first number negative, from the second one up positive.
IN_BLAME = (0.4, 0.65)  # in a negative review
IN_PRAISE = (0.15, 0.55)  # in other reviews: most that seem negative there are about other things
SURE = 0.95

Counts = npt.NDArray[np.int32]

# Columns of the predictions: the number of clear sentences of each review.
SENTENCE_COUNTS = ("positive_sentences", "negative_sentences")


class ToneLimits(NamedTuple):
    """Probabilities: sentences beyond them are clear, reviews between them may be mixed."""

    negative: float = 1 - CLEAR
    positive: float = CLEAR
    low: float = 1 - SURE
    high: float = SURE
    negative_aspect: float = 1 - CLEAR_OF_ASPECT
    positive_aspect: float = CLEAR_OF_ASPECT
    negative_in_blame: float = IN_BLAME[0]
    positive_in_blame: float = IN_BLAME[1]
    negative_in_praise: float = IN_PRAISE[0]
    positive_in_praise: float = IN_PRAISE[1]

    @classmethod
    def of(cls, facts: ModelFacts) -> ToneLimits:
        """Return the limits of a model: the defaults, moved by the scale and bias of adapting."""
        adaptation = facts.adaptation
        if adaptation is None:
            return cls()
        moved = rescaled(np.array(cls()), adaptation.scale, adaptation.bias)
        return cls(*map(float, moved))

    @property
    def of_aspects(self) -> ToneLimits:
        """The limits for the tone of a sentence about an aspect."""
        return self._replace(negative=self.negative_aspect, positive=self.positive_aspect)


USUAL = ToneLimits()


def tone_of_aspects(
    probability: npt.NDArray[np.float32],
    of_reviews: npt.NDArray[np.float32],
    doubts: npt.NDArray[np.bool_],
    limits: ToneLimits,
) -> npt.NDArray[np.int8]:
    """Return the tone of sentences about an aspect, (sentences,), as `tone` does.

    ``of_reviews``: the probability of each sentence's review. A sentence that is not clear takes
    the side of its review. ``doubts``: sentences that complain of nothing in a review that is not
    negative (`toolkit.model.sentences.DOUBTS`).
    """
    is_praise = of_reviews >= np.float32(_BORDER)
    in_blame = limits._replace(negative=limits.negative_in_blame, positive=limits.positive_in_blame)
    in_praise = limits._replace(
        negative=limits.negative_in_praise, positive=limits.positive_in_praise
    )
    found = np.where(is_praise, tone(probability, in_praise), tone(probability, in_blame))
    found[is_praise & doubts & (found < 0)] = 0
    return found


def tone(probability: npt.NDArray[np.float32], limits: ToneLimits = USUAL) -> npt.NDArray[np.int8]:
    """Return the tones of sentences: 1 clearly positive, -1 clearly negative, else 0."""
    positive = probability >= np.float32(limits.positive)
    negative = probability <= np.float32(limits.negative)
    return positive.astype(np.int8) - negative.astype(np.int8)


def count_sentences(
    tones: npt.NDArray[np.int8], reviews: npt.NDArray[np.int64], total: int
) -> dict[str, Counts]:
    """Count the clear sentences of ``total`` reviews; `reviews`: the review of each sentence.

    Returns the columns `SENTENCE_COUNTS`, (reviews,) int32 each.
    """
    clear = (reviews[tones > 0], reviews[tones < 0])
    counts = (np.bincount(each, minlength=total).astype(np.int32) for each in clear)
    return dict(zip(SENTENCE_COUNTS, counts, strict=True))


def is_mixed(
    probability: pa.FloatArray,
    positive: pa.Int32Array,
    negative: pa.Int32Array,
    limits: ToneLimits = USUAL,
) -> pa.BooleanArray:
    """Return which reviews are mixed, by their probability and counts; null if any is null."""
    fewer = pc.min_element_wise(positive, negative)
    more = pc.max_element_wise(positive, negative)
    disagree = pc.and_(pc.greater(fewer, 0), pc.greater_equal(pc.add(fewer, fewer), more))
    low, high = (pa.scalar(end, pa.float32()) for end in (limits.low, limits.high))
    unsure = pc.and_(pc.greater_equal(probability, low), pc.less_equal(probability, high))
    return pc.and_(disagree, unsure)


Neutral = Range | Literal[True] | None  # True: the model's own range


@dataclass(frozen=True)
class Labelling:
    """How probabilities become labels: the model's labels, and the user's options."""

    facts: ModelFacts
    threshold: np.float32  # float32, as in the exported graph
    neutral: Range | None
    by_sentence: bool

    @classmethod
    def of(
        cls, model: Model, threshold: float | None, neutral: Neutral, *, by_sentence: bool
    ) -> Labelling:
        """Check the options; raise `UsageError` as documented in `toolkit.model.scorer.Scorer`."""
        facts = model.facts
        check_threshold(threshold)
        used = np.float32(facts.threshold if threshold is None else threshold)
        if neutral is True:
            if facts.neutral is None:
                raise UsageError(
                    f"--neutral: the model {model.name} has no neutral range of its own, as its "
                    "training fitted none. Name one with --neutral-range, such as 0.4:0.6."
                )
            neutral = facts.neutral.ends
        if neutral is not None:
            neutral = check_neutral(neutral, float(used), facts.labels)
        if by_sentence and MIXED in facts.labels:
            raise UsageError(
                f"--by-sentence: the model already has a label {MIXED!r}. Leave this option out"
            )
        return cls(facts=facts, threshold=used, neutral=neutral, by_sentence=by_sentence)

    def of_probability(self, probability: pa.FloatArray) -> pa.StringArray:
        """Return the label of each probability (float32), without regard to sentences."""
        found = pc.if_else(_reaches(probability, float(self.threshold)), *self.facts.labels[::-1])
        if self.neutral is None:
            return found
        low, high = self.neutral
        is_neutral = pc.and_(_reaches(probability, low), pc.invert(_reaches(probability, high)))
        return pc.if_else(is_neutral, NEUTRAL, found)

    def of_one(self, probability: float) -> str:
        """Return the label of one probability, a float32 value like all limits."""
        if self.neutral is not None and self.neutral[0] <= probability < self.neutral[1]:
            return NEUTRAL
        return self.facts.labels[probability >= float(self.threshold)]

    def of_predictions(self, predictions: pa.RecordBatch) -> pa.StringArray:
        """Return the label of each row of `Scorer.predict`."""
        probability = predictions["probability"]
        found = self.of_probability(probability)
        if not self.by_sentence:
            return found
        positive, negative = (predictions[name] for name in SENTENCE_COUNTS)
        disagree = is_mixed(
            probability, positive=positive, negative=negative, limits=ToneLimits.of(self.facts)
        )
        return pc.if_else(disagree, MIXED, found)
