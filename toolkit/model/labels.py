"""From predictions to labels: threshold, neutral range, and reviews whose sentences disagree.

A sentence is clearly positive from a probability of `CLEAR` up, clearly negative from 1 - `CLEAR`
down. A review is ``mixed`` where

1. it has sentences of both kinds,
2. the fewer of them are at least half as many as the others, so that one remark in a long review is
   not enough,
3. and its own probability is between 1 - `SURE` and `SURE`.

The numbers do not depend on the threshold, which is for reviews. They were chosen on reviews with
stars, and on texts about what is good and what is bad, joined to one review. In an adapted model,
they are those of its start, moved as its logits are.

What a sentence says of an aspect is clear from `CLEAR_OF_ASPECT` up: on labelled sentences about
restaurants, laptops and airlines, the mean recall of positive, negative and neutral ones and the
accuracy together are the same from 0.65 to 0.8.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.classes import MIXED, NEUTRAL
from toolkit.model.facts import ModelFacts
from toolkit.model.file import ModelFile
from toolkit.model.stars import rescaled

Range = tuple[float, float]  # from the first number to below the second


_TENTHS = np.linspace(0, 1, 11, dtype=np.float32)[1:-1]  # as limits, in float32


def is_unsure(probability: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which probabilities are from 0.25 to 0.75; NaN is not."""
    return np.asarray(np.abs(probability - 0.5) <= 0.25)


def count_tenths(probability: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Count probabilities from 0 to below 0.1, and so on to 0.9 to 1; NaN is left out."""
    found = np.searchsorted(_TENTHS, probability[~np.isnan(probability)], side="right")
    return tuple(np.bincount(found, minlength=10).tolist())


def check_threshold(threshold: float | None) -> None:
    """Raise `UsageError` for a threshold that is not a probability; None is the model's own."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"--threshold: expected a probability from 0 to 1, received {threshold}")


def parse_range(written: str) -> Range:
    """Read two numbers with a colon between them; raises `UsageError` if it is something else."""
    low, _, high = written.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            f"--neutral-range: expected two probabilities such as 0.4:0.6, received {written!r}"
        ) from None


def check_range(neutral: Range, threshold: float, labels: Collection[str]) -> Range:
    """Give both ends as float32; raises `UsageError` unless 0 <= low < high <= 1 around it."""
    try:
        # Checked as they are compared: numbers that are one in float32 leave nothing between them.
        low, high = (float(np.float32(end)) for end in neutral)
    except (TypeError, ValueError):
        raise UsageError(
            f"neutral range: expected two numbers such as (0.4, 0.6), received {neutral!r}"
        ) from None
    if not 0 <= low < high <= 1:
        raise UsageError(
            f"neutral range: expected 0 <= low < high <= 1, received {neutral[0]} and "
            f"{neutral[1]}. Choose another with --neutral-range."
        )
    if not low <= threshold <= high:
        raise UsageError(
            f"neutral range: the threshold {threshold:.7g} is not within {neutral[0]} to "
            f"{neutral[1]}. Choose a range around it with --neutral-range, or another threshold."
        )
    if NEUTRAL in labels:
        raise UsageError(f"neutral range: the model has a label {NEUTRAL!r} of its own")
    return low, high


def _reaches(probability: pa.FloatArray, limit: float) -> pa.BooleanArray:
    return pc.greater_equal(probability, pa.scalar(limit, pa.float32()))


CLEAR = 0.8
_BORDER = 0.5  # from which a review is not negative
CLEAR_OF_ASPECT = 0.7
CLEAR_IN_PRAISE = 0.15  # a sentence of a positive review is a complaint about an aspect up to this
SURE = 0.95

Counts = npt.NDArray[np.int32]

# How many sentences of each review are clear, among the predictions.
SENTENCE_COUNTS = ("positive_sentences", "negative_sentences")


class Limits(NamedTuple):
    """The probabilities from which sentences are clear, and between which reviews may be mixed."""

    negative: float = 1 - CLEAR
    positive: float = CLEAR
    low: float = 1 - SURE
    high: float = SURE
    negative_aspect: float = 1 - CLEAR_OF_ASPECT
    positive_aspect: float = CLEAR_OF_ASPECT
    negative_in_praise: float = CLEAR_IN_PRAISE

    @classmethod
    def of(cls, facts: ModelFacts) -> Limits:
        """Give those of a model; one that was adapted has them where its start has these."""
        adaptation = facts.adaptation
        if adaptation is None:
            return cls()
        moved = rescaled(np.array(cls()), adaptation.scale, adaptation.bias)
        return cls(*map(float, moved))

    @property
    def of_aspects(self) -> Limits:
        """Those by which sentences are clear about an aspect."""
        return self._replace(negative=self.negative_aspect, positive=self.positive_aspect)


USUAL = Limits()


def tone_of_aspects(
    probability: npt.NDArray[np.float32], of_reviews: npt.NDArray[np.float32], limits: Limits
) -> npt.NDArray[np.int8]:
    """Say what sentences clearly are about an aspect, (sentences,), as `tone`.

    ``of_reviews`` are the probabilities of their reviews: where these are not negative, a complaint
    has to be clearer, as most sentences that seem negative there are not about the aspect.
    """
    found = tone(probability, limits.of_aspects)
    is_praise = of_reviews >= np.float32(_BORDER)
    found[is_praise & (found < 0) & (probability > np.float32(limits.negative_in_praise))] = 0
    return found


def tone(probability: npt.NDArray[np.float32], limits: Limits = USUAL) -> npt.NDArray[np.int8]:
    """Say what sentences clearly are, (sentences,): 1 positive, -1 negative, 0 neither."""
    positive = probability >= np.float32(limits.positive)
    negative = probability <= np.float32(limits.negative)
    return positive.astype(np.int8) - negative.astype(np.int8)


def count_sentences(
    tones: npt.NDArray[np.int8], reviews: npt.NDArray[np.int64], total: int
) -> dict[str, Counts]:
    """Count the clear sentences of ``total`` reviews; `reviews` are those of the sentences.

    Gives `SENTENCE_COUNTS`, (reviews,) int32 each.
    """
    clear = (reviews[tones > 0], reviews[tones < 0])
    counts = (np.bincount(each, minlength=total).astype(np.int32) for each in clear)
    return dict(zip(SENTENCE_COUNTS, counts, strict=True))


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


Neutral = Range | Literal[True] | None  # True: the model's own range


@dataclass(frozen=True)
class Labelling:
    """The labels of a model, as a user wants them."""

    facts: ModelFacts
    threshold: np.float32  # compared in float32, as inside the exported graph
    neutral: Range | None
    by_sentence: bool

    @classmethod
    def of(
        cls, model: ModelFile, threshold: float | None, neutral: Neutral, *, by_sentence: bool
    ) -> Labelling:
        """Check what a user wants; raises `UsageError` as `toolkit.model.scorer.Scorer` says."""
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
            neutral = check_range(neutral, float(used), facts.labels)
        if by_sentence and MIXED in facts.labels:
            raise UsageError(f"--by-sentence: the model has a label {MIXED!r} of its own")
        return cls(facts, used, neutral, by_sentence)

    def of_probability(self, probability: pa.FloatArray) -> pa.StringArray:
        """Give the label for each probability (float32) alone; null where that is null."""
        found = pc.if_else(_reaches(probability, float(self.threshold)), *self.facts.labels[::-1])
        if self.neutral is None:
            return found
        low, high = self.neutral
        is_neutral = pc.and_(_reaches(probability, low), pc.invert(_reaches(probability, high)))
        return pc.if_else(is_neutral, NEUTRAL, found)

    def of_one(self, probability: float) -> str:
        """Give the label for one probability; as all limits, it is a number of float32."""
        if self.neutral is not None and self.neutral[0] <= probability < self.neutral[1]:
            return NEUTRAL
        return self.facts.labels[probability >= float(self.threshold)]

    def of_predictions(self, predictions: pa.RecordBatch) -> pa.StringArray:
        """Give the label for each row of `Scorer.predict`."""
        probability = predictions["probability"]
        found = self.of_probability(probability)
        if not self.by_sentence:
            return found
        positive, negative = (predictions[name] for name in SENTENCE_COUNTS)
        disagree = is_mixed(probability, positive, negative, Limits.of(self.facts))
        return pc.if_else(disagree, MIXED, found)
