"""How many reviews a model can answer with an accuracy, if it may leave out the least sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.evaluation.metrics import Labels, Numbers, Probabilities, Proportion, calls_positive

TARGETS = (0.95, 0.97, 0.99)  # accuracies


@dataclass(frozen=True)
class TargetCoverage:
    """The most reviews that can be answered with an accuracy of at least `target`."""

    target: float
    answered: int  # the surest ones; 0 if no number of them is right often enough
    share: float  # of all reviews
    right: int
    accuracy: float | None  # of those answered
    interval: tuple[float, float] | None  # 95%, of that accuracy
    # What is left out: from the first probability to below the second, as `Scorer` and
    # `toolkit score --neutral-range` take it. None if all or none are answered.
    uncertain: tuple[float, float] | None


def margins(probability: Probabilities, threshold: float) -> Numbers:
    """Compute how sure each answer is: how far it is from the threshold (0) to certainty (1).

    At a threshold of 0.5, that orders the answers as the probability of the label does. At another
    one, the threshold itself is what is least sure.
    """
    exact = probability.astype(np.float64)
    limit = float(np.float32(threshold))
    tiny = np.finfo(np.float64).tiny
    above, below = (exact - limit) / max(1 - limit, tiny), (limit - exact) / max(limit, tiny)
    return np.where(calls_positive(probability, threshold), above, below)


def coverage_at(
    labels: Labels, probability: Probabilities, threshold: float, targets: Sequence[float]
) -> tuple[TargetCoverage, ...]:
    """Give the largest coverage for each accuracy; equally sure answers are given all or none."""
    margin = margins(probability, threshold)
    order = np.argsort(-margin, kind="stable")
    surest = probability[order]
    right = np.cumsum(calls_positive(surest, threshold) == labels[order])
    # There is a step for each margin that occurs.
    ends = 1 + np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)
    found = []
    for target in targets:
        reached = ends[right[ends - 1] / ends >= target]
        if not len(reached):
            found.append(TargetCoverage(target, 0, 0.0, 0, None, None, None))
            continue
        count = int(reached[-1])
        part = Proportion(int(right[count - 1]), count)
        uncertain = _uncertain(surest[count:], threshold)
        figures = (count, count / len(labels), part.right, part.value, part.interval)
        found.append(TargetCoverage(target, *figures, uncertain))
    return tuple(found)


def _uncertain(left_out: Probabilities, threshold: float) -> tuple[float, float] | None:
    """The range that holds these probabilities and the threshold, and no others."""
    if not len(left_out):
        return None
    limit = np.float32(threshold)
    after = np.nextafter(left_out.max(), np.float32(2))
    return float(min(left_out.min(), limit)), float(min(max(after, limit), np.float32(1)))
