"""How right a model is if it may leave the least sure reviews unanswered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.measures import Labels, Numbers, Probabilities, calls_positive
from toolkit.evaluation.shares import Share

# Of the reviews, in percent.
STEPS = (100, 95, 90, 80, 70, 60, 50, 40, 30, 20, 10)


@dataclass(frozen=True)
class Coverage:
    """The accuracy where only the surest answers are given."""

    asked: float  # share of the reviews to answer, 0 to 1
    answered: Share  # a few more than asked where several are equally sure
    # What is left out: from the first probability to below the second, as `Scorer` and
    # `toolkit score --uncertain` take it. None if all are answered.
    uncertain: tuple[float, float] | None


def margins(probability: Probabilities, threshold: float) -> Numbers:
    """How sure each answer is: the way from the threshold (0) to certainty (1).

    At a threshold of 0.5, that orders the answers as the probability of the label does. At another,
    the threshold itself is what is least sure.
    """
    exact = probability.astype(np.float64)
    limit = float(np.float32(threshold))
    tiny = np.finfo(np.float64).tiny
    above, below = (exact - limit) / max(1 - limit, tiny), (limit - exact) / max(limit, tiny)
    return np.where(calls_positive(probability, threshold), above, below)


def coverages(labels: Labels, probability: Probabilities, threshold: float) -> tuple[Coverage, ...]:
    """Give the accuracy at each of `STEPS`.

    Parameters
    ----------
    labels : Labels
        (reviews,) 0 or 1.
    probability : Probabilities
        (reviews,) of the positive class.
    threshold : float
        From which a review is called positive.

    Returns
    -------
    tuple[Coverage, ...]
        Equally sure answers are given all or none, so that the order of the reviews plays no part.
    """
    margin = margins(probability, threshold)
    ends, right = curve(labels, probability, threshold)
    ordered = np.sort(margin)[::-1]
    found = []
    for step in STEPS:
        wanted = max(-(-len(labels) * step // 100), 1)
        at = int(np.searchsorted(ends, wanted))
        left_out = probability[margin < ordered[ends[at] - 1]]
        answered = Share(int(right[at]), int(ends[at]))
        found.append(Coverage(step / 100, answered, _range_of(left_out, threshold)))
    return tuple(found)


def _range_of(left_out: Probabilities, threshold: float) -> tuple[float, float] | None:
    """The range that holds the probabilities and the threshold, and no others."""
    if not len(left_out):
        return None
    limit = np.float32(threshold)
    behind = np.nextafter(left_out.max(), np.float32(2))
    return float(min(left_out.min(), limit)), float(min(max(behind, limit), np.float32(1)))


def curve(
    labels: Labels, probability: Probabilities, threshold: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many of the surest answers are right.

    Parameters
    ----------
    labels : Labels
        (reviews,) 0 or 1.
    probability : Probabilities
        (reviews,) of the positive class.
    threshold : float
        From which a review is called positive.

    Returns
    -------
    tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
        (steps,) how many are answered, growing, and how many of them are right; a step for each
        margin that occurs.
    """
    margin = margins(probability, threshold)
    order = np.argsort(-margin, kind="stable")
    ordered = margin[order]
    right = np.cumsum(calls_positive(probability, threshold)[order] == labels[order])
    lasts = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return lasts + 1, right[lasts]
