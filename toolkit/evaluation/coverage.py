"""How accurate a model is if it may leave the least sure reviews unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import (
    Labels,
    Numbers,
    Probabilities,
    Proportion,
    calls_positive,
)

# Of the reviews, in percent.
STEPS = (100, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10)

TARGETS = (0.95, 0.97, 0.99)  # accuracies


@dataclass(frozen=True)
class Coverage:
    """The accuracy where only the surest answers are given."""

    asked: float  # share of the reviews to answer, 0 to 1
    answered: int  # a few more than asked where several are equally sure
    right: int  # of those answered
    accuracy: float
    # What is left out: from the first probability to below the second, as `Scorer` and
    # `toolkit score --neutral-range` take it. None if all are answered.
    uncertain: tuple[float, float] | None


@dataclass(frozen=True)
class TargetCoverage:
    """The most reviews that can be answered with an accuracy of at least `target`."""

    target: float
    answered: int  # the surest ones; 0 if no number of them is right often enough
    share: float  # of all reviews
    right: int
    accuracy: float | None  # of those answered
    interval: tuple[float, float] | None  # 95%, of that accuracy
    uncertain: tuple[float, float] | None  # as in `Coverage`; also None if none is answered


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


def coverages(labels: Labels, probability: Probabilities, threshold: float) -> tuple[Coverage, ...]:
    """Give the accuracy at each of `STEPS`.

    Equally sure answers are given all or none, so that the order of the reviews has no influence.
    """
    ends, right, surest = coverage_curve(labels, probability, threshold)
    found = []
    for step in STEPS:
        at = int(np.searchsorted(ends, max(-(-len(labels) * step // 100), 1)))
        count, good = int(ends[at]), int(right[at])
        uncertain = _uncertain(surest[count:], threshold)
        found.append(Coverage(step / 100, count, good, good / count, uncertain))
    return tuple(found)


def coverage_at(
    labels: Labels, probability: Probabilities, threshold: float, targets: Sequence[float]
) -> tuple[TargetCoverage, ...]:
    """Give the largest coverage for each accuracy; equally sure answers are given all or none."""
    ends, right, surest = coverage_curve(labels, probability, threshold)
    found = []
    for target in targets:
        reached = np.flatnonzero(right / ends >= target)
        if not len(reached):
            found.append(TargetCoverage(target, 0, 0.0, 0, None, None, None))
            continue
        part = Proportion(int(right[reached[-1]]), int(ends[reached[-1]]))
        uncertain = _uncertain(surest[part.count :], threshold)
        share = part.count / len(labels)
        figures = (part.count, share, part.right, part.value, part.interval)
        found.append(TargetCoverage(target, *figures, uncertain))
    return tuple(found)


def coverage_curve(
    labels: Labels, probability: Probabilities, threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Probabilities]:
    """Count the surest answers, and how many of them are right; and give them, the surest first.

    The counts are (steps,), growing; there is a step for each margin that occurs.
    """
    margin = margins(probability, threshold)
    order = np.argsort(-margin, kind="stable")
    surest = probability[order]
    right = np.cumsum(calls_positive(surest, threshold) == labels[order])
    lasts = np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)
    return lasts + 1, right[lasts], surest


def _uncertain(left_out: Probabilities, threshold: float) -> tuple[float, float] | None:
    """The range that holds these probabilities and the threshold, and no others."""
    if not len(left_out):
        return None
    limit = np.float32(threshold)
    after = np.nextafter(left_out.max(), np.float32(2))
    return float(min(left_out.min(), limit)), float(min(max(after, limit), np.float32(1)))
