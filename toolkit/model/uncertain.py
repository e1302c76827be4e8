"""From probabilities to labels, also where they are too near the threshold for one of the two."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError

UNCERTAIN = "uncertain"  # the label that such reviews get

Range = tuple[float, float]  # from the first number to below the second


def parse_range(written: str) -> Range:
    """Read two numbers with a colon between them; raises `UsageError` if it is something else."""
    low, _, high = written.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            f"--uncertain: expected two probabilities such as 0.4:0.6, received {written!r}"
        ) from None


def check_range(uncertain: Range, threshold: float, labels: Collection[str]) -> Range:
    """Give both ends as float32; raises `UsageError` unless 0 <= low < high <= 1 around it."""
    # Checked as they are compared: numbers that are one in float32 leave nothing between them.
    low, high = (float(np.float32(end)) for end in uncertain)
    if not 0 <= low < high <= 1:
        raise UsageError(
            f"uncertain: expected 0 <= low < high <= 1, received {uncertain[0]} and {uncertain[1]}"
        )
    if not low <= threshold <= high:
        raise UsageError(
            f"uncertain: the threshold {threshold:.7g} is not within {uncertain[0]} to "
            f"{uncertain[1]}. Choose a range around it, or another threshold."
        )
    if UNCERTAIN in labels:
        raise UsageError(f"uncertain: the model has a label {UNCERTAIN!r} of its own")
    return low, high


def labels_of(
    probability: pa.FloatArray, labels: tuple[str, str], threshold: float, uncertain: Range | None
) -> pa.StringArray:
    """Give the label for each probability (float32); null where that is null."""
    found = pc.if_else(_reaches(probability, threshold), *labels[::-1])
    if uncertain is None:
        return found
    low, high = uncertain
    unsure = pc.and_(_reaches(probability, low), pc.invert(_reaches(probability, high)))
    return pc.if_else(unsure, UNCERTAIN, found)


def _reaches(probability: pa.FloatArray, limit: float) -> pa.BooleanArray:
    return pc.greater_equal(probability, pa.scalar(limit, pa.float32()))
