"""The share of positive reviews among many, from their scores alone, and what follows for each.

Most models are calibrated for as many positive as negative reviews, and real files are not so. The
scores of a file tell its share, without a label: it is the one that makes them most likely (EM for
label shift: Saerens, Latinne and Decaestecker, Neural Computation 2002). The log-odds of the share
are a prior, of which `AMOUNT` is added to the logit of each review.

`AMOUNT` was chosen on the 35 domains of the training reviews that have both labels, on the groups
that no model is fitted to: with each domain left out once, the others agree on 0.5 by log loss.
All of the log-odds overshoot, also those of the true share.

Scores are counted by `LEVELS`, so that files, shards and blocks can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.errors import UsageError
from toolkit.model.facts import ModelFacts
from toolkit.model.stars import logits_of, rescaled, sigmoid

AMOUNT = 0.5  # of the log-odds
AUTO = "auto"  # for a prior that is estimated
LEAST = 1e-6  # a prior is from here to 1 minus that
EVEN = 0.5  # the share that most models are calibrated for

# A share is not estimated with a larger standard error, nor where more scores are in the middle.
# Below 0.1, the log loss of random parts of the 35 domains falls; from 0.15 up, it rises.
MOST_ERROR, MOST_UNSURE = 0.1, 0.5
_SURE = 1e-3  # an estimated share is from here to 1 minus that

_STEP, _LARGEST = 0.25, 8.0  # of logits
_EDGES = np.arange(-_LARGEST, _LARGEST + _STEP, _STEP)
_LIMITS = sigmoid(_EDGES).astype(np.float32)
_CENTRES = np.append(_EDGES - _STEP / 2, _LARGEST + _STEP / 2)
_IS_UNSURE = np.abs(_CENTRES) < np.log(3)  # from 0.25 to 0.75
LEVELS = len(_CENTRES)
_ROUNDS = 50  # each halves where the share can be

Levels = tuple[int, ...]
"""How many scores have a logit of each level, (LEVELS,); `NO_LEVELS` of none."""
NO_LEVELS: Levels = (0,) * LEVELS

# Files of before `TrainingData.is_balanced`, whose labels weighed the same.
_BALANCED_RELEASES = ("reviews-2026.", "reviews-small-2026.", "reviews-open-2026.")


def count_levels(probability: npt.NDArray[np.float32], prior: float | None, base: float) -> Levels:
    """Count probabilities by the levels of their logits without the prior; NaN is left out."""
    found = probability[~np.isnan(probability)]
    if prior is not None:
        found = rescaled(found, 1.0, -shift_of(prior, base)).astype(np.float32)
    places = np.searchsorted(_LIMITS, found, side="right")
    return tuple(np.bincount(places, minlength=LEVELS).tolist())


@dataclass(frozen=True)
class ShareFound:
    """A share of positive reviews, 0 to 1, from the scores of many.

    Attributes
    ----------
    share : float
        That makes the scores most likely.
    error : float
        Its standard error.
    adjusted : float
        The mean of the probabilities with this share as the prior.
    scores : int
        How many there are.
    unsure : float
        The share of scores from 0.25 to 0.75.
    """

    share: float
    error: float
    adjusted: float
    scores: int
    unsure: float

    @property
    def problem(self) -> str | None:
        """Say why the share is not to be relied on; None if it is."""
        if self.unsure > MOST_UNSURE:
            return f"{self.unsure:.0%} of the {self.scores:,} scores are between 0.25 and 0.75"
        if self.error > MOST_ERROR:
            return f"{self.scores:,} scores are too few, or too unsure"
        return None


def share_of(levels: Levels, base: float = EVEN) -> ShareFound | None:
    """Estimate the share of positive reviews; None without a score.

    `base` is the share that the model is calibrated for (`base_of`).
    """
    counts = np.array(levels, np.float64)
    total = counts.sum()
    if not total:
        return None
    odds = np.exp(_CENTRES - _log_odds(base))  # of a score under both labels
    low, high = _SURE, 1 - _SURE

    def slopes(share: float) -> npt.NDArray[np.float64]:
        """Return how the log-likelihood of each level grows with the share; their sum falls."""
        return np.asarray((odds - 1) / (share * odds + 1 - share))

    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        if counts @ slopes(middle) > 0:
            low = middle
        else:
            high = middle
    share = round((low + high) / 2, 6)
    information = float(counts @ slopes(share) ** 2)
    adjusted = sigmoid(_CENTRES + shift_of(share, base))
    return ShareFound(
        share=share,
        error=float(information**-0.5) if information > 0 else 1.0,
        adjusted=float(counts @ adjusted / total),
        scores=int(total),
        unsure=float(counts[_IS_UNSURE].sum() / total),
    )


def shift_of(prior: float, base: float = EVEN) -> float:
    """Return what is added to a logit for a prior, with a model that is calibrated for `base`."""
    return float(AMOUNT * (_log_odds(prior) - _log_odds(base)))


def base_of(facts: ModelFacts) -> float:
    """Return the share of positive reviews that the probabilities of a model are for."""
    if (adaptation := facts.adaptation) is not None:
        # Where no border is told, the threshold is the share that it was adapted to.
        return EVEN if adaptation.border is not None else facts.threshold
    if (facts.name or "").startswith(_BALANCED_RELEASES):
        return EVEN
    data = facts.data
    if data.is_balanced:
        return EVEN
    if not data.positive or not data.reviews or data.positive >= data.reviews:
        return EVEN
    return data.positive / data.reviews


def parse_prior(text: str) -> float | None:
    """Read ``0.9``; None for ``auto``; raises `UsageError` for anything else."""
    if text == AUTO:
        return None
    try:
        return check_prior(float(text))
    except ValueError:
        raise UsageError(
            f"--prior: expected auto, or a share of positive reviews such as 0.9, received {text!r}"
        ) from None


def check_prior(prior: Any) -> float:
    """Return a prior as it is; raises `UsageError` unless it is a share that leaves a doubt."""
    if (
        isinstance(prior, bool)
        or not isinstance(prior, int | float)
        or not (LEAST <= prior <= 1 - LEAST)
    ):
        raise UsageError(
            f"--prior: expected a share from {LEAST:.6f} to {1 - LEAST:.6f}, such as 0.9, received "
            f"{prior}"
        )
    return float(prior)


def _log_odds(share: float) -> float:
    return float(logits_of(np.array([share]))[0])
