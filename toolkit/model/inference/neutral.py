"""From probabilities to labels, also where a review is neither positive nor negative."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.facts.model_facts import ModelFacts

NEUTRAL = "neutral"  # the label that such reviews get

Range = tuple[float, float]  # from the first number to below the second


def parse_range(written: str) -> Range:
    """Read two numbers with a colon between them; raises `UsageError` if it is something else."""
    low, _, high = written.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            f"--neutral-range: expected two probabilities such as 0.4:0.6, received {written!r}"
        ) from None


def own_range(facts: ModelFacts, name: str) -> Range:
    """Give the neutral range of the model called `name`; raises `UsageError` if it has none."""
    if facts.neutral is None:
        raise UsageError(
            f"--neutral: the model {name} has no neutral range of its own, as its training fitted "
            "none. Name one with --neutral-range, such as 0.4:0.6."
        )
    return facts.neutral.ends


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


def labels_of(
    probability: pa.FloatArray, labels: tuple[str, str], threshold: float, neutral: Range | None
) -> pa.StringArray:
    """Give the label for each probability (float32); null where that is null."""
    found = pc.if_else(_reaches(probability, threshold), *labels[::-1])
    if neutral is None:
        return found
    low, high = neutral
    is_neutral = pc.and_(_reaches(probability, low), pc.invert(_reaches(probability, high)))
    return pc.if_else(is_neutral, NEUTRAL, found)


def label_of(
    probability: float, labels: tuple[str, str], threshold: float, neutral: Range | None
) -> str:
    """Give the label for one probability; as all limits, it is a number of float32."""
    if neutral is not None and neutral[0] <= probability < neutral[1]:
        return NEUTRAL
    return labels[probability >= threshold]


def _reaches(probability: pa.FloatArray, limit: float) -> pa.BooleanArray:
    return pc.greater_equal(probability, pa.scalar(limit, pa.float32()))
