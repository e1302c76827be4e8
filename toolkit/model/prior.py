"""Estimate the share of positive reviews from their scores, and adjust the scores to it.

Most models are calibrated for equal numbers of positive and negative reviews, but real files are
rarely balanced. The share of a file is estimated without labels: it is the share that makes its
scores most likely (EM for label shift: Saerens, Latinne and Decaestecker, Neural Computation 2002).
Its log-odds, times `AMOUNT`, are added to the logit of each review as a prior.

`AMOUNT` was chosen on the 35 domains of the training reviews that have both labels, on the groups
that no model is fitted to: by log loss, 0.5 is best whichever domain is left out. The
full log-odds overshoot, even if the true share is known.

Scores are counted by level of the logit, so that files, shards and blocks can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.errors import UsageError
from toolkit.model.facts import ModelFacts
from toolkit.model.stars import logits_of, rescaled, sigmoid

AMOUNT = 0.5  # share of the log-odds that is added
AUTO = "auto"  # value of --prior: estimate the share
LEAST = 1e-6  # a prior is from LEAST to 1 - LEAST
EVEN = 0.5  # the share that most models are calibrated for

# Limits of a reliable estimate: its standard error, and the share of unsure scores. Below an error
# of 0.1, a prior lowers the log loss of random parts of the 35 domains; from 0.15 up, it raises it.
MOST_ERROR = 0.1
MOST_UNSURE = 0.5
_SURE = 1e-3  # an estimated share is from _SURE to 1 - _SURE

# Levels of logits.
_STEP = 0.25
_LARGEST = 8.0
_EDGES = np.arange(-_LARGEST, _LARGEST + _STEP, _STEP)
_LIMITS = sigmoid(_EDGES).astype(np.float32)
_CENTRES = np.append(_EDGES - _STEP / 2, _LARGEST + _STEP / 2)
_IS_UNSURE = np.abs(_CENTRES) < np.log(3)  # from 0.25 to 0.75
LEVELS = len(_CENTRES)
_ROUNDS = 50  # of bisection

Levels = tuple[int, ...]
"""The number of scores at each level of the logit, (LEVELS,)."""
NO_LEVELS: Levels = (0,) * LEVELS

# Model files older than `TrainingData.is_balanced` that were trained on balanced weights.
_BALANCED_RELEASES = ("reviews-2026.", "reviews-small-2026.", "reviews-open-2026.")


def count_levels(probability: npt.NDArray[np.float32], prior: float | None, base: float) -> Levels:
    """Count probabilities by level of the logit, after removing the prior; NaN is left out."""
    found = probability[~np.isnan(probability)]
    if prior is not None:
        found = rescaled(found, 1.0, -shift_of(prior, base)).astype(np.float32)
    places = np.searchsorted(_LIMITS, found, side="right")
    return tuple(np.bincount(places, minlength=LEVELS).tolist())


@dataclass(frozen=True)
class ShareFound:
    """An estimated share of positive reviews.

    Attributes
    ----------
    share : float
        The share that makes the scores most likely, 0 to 1.
    error : float
        The standard error of `share`.
    adjusted : float
        The mean of the probabilities with this share as the prior.
    scores : int
        The number of scores.
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
        """Why the share is not reliable; None if it is."""
        if self.unsure > MOST_UNSURE:
            return f"{self.unsure:.0%} of the {self.scores:,} scores are between 0.25 and 0.75"
        if self.error > MOST_ERROR:
            return f"{self.scores:,} scores are too few, or too unsure"
        return None


def share_of(levels: Levels, base: float = EVEN) -> ShareFound | None:
    """Estimate the share of positive reviews; None without scores.

    `base`: the share that the model is calibrated for (`base_of`).
    """
    counts = np.array(levels, np.float64)
    total = counts.sum()
    if not total:
        return None
    odds = np.exp(_CENTRES - _log_odds(base))  # likelihood ratio of each level
    low = _SURE
    high = 1 - _SURE

    def slopes(share: float) -> npt.NDArray[np.float64]:
        """Return the derivative of each level's log-likelihood; it falls as the share grows."""
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
    """Return the number to add to a logit for a prior; the model is calibrated for `base`."""
    return float(AMOUNT * (_log_odds(prior) - _log_odds(base)))


def base_of(facts: ModelFacts) -> float:
    """Return the share of positive reviews that a model is calibrated for."""
    if (adaptation := facts.adaptation) is not None:
        # Without a recorded border, the threshold is the share that the model was adapted to.
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
    """Read ``0.9`` as a number, ``auto`` as None; raise `UsageError` for anything else."""
    if text == AUTO:
        return None
    try:
        return check_prior(float(text))
    except ValueError:
        raise UsageError(
            f"--prior: expected auto, or a share of positive reviews such as 0.9, received {text!r}"
        ) from None


def check_prior(prior: Any) -> float:
    """Return a prior as a float; raise `UsageError` unless it is from LEAST to 1 - LEAST."""
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
