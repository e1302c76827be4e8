"""A scale and a bias for the logits of a network, fitted by log loss on other reviews.

This is Platt scaling; the scale alone is temperature scaling (Guo et al., On Calibration of Modern
Neural Networks, ICML 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import calibration_error, log_loss
from toolkit.model.facts import Calibration
from toolkit.model.stars import logits_of, rescaled, sigmoid

# Below the first number the two together would follow chance; below the second, the scale would.
FEWEST_FOR_BIAS = 100
FEWEST_FOR_SCALE = 30

# More than any network needs. Reviews that a network separates without a mistake have no best
# scale: the greater, the better.
_LARGEST_SCALE = 20.0
_LARGEST_BIAS = 10.0

# Of the log loss of reviews left out, beyond which a calibration does harm; less is noise.
_LARGEST_RISE = 0.001

_FOLDS = 5

_Array = npt.NDArray[Any]


def fit_calibration(
    labels: _Array,
    probability: _Array,
    groups: _Array | None = None,
    weights: _Array | None = None,
) -> Calibration:
    """Find the scale and the bias that make the probabilities of held-out reviews most likely.

    `labels` (reviews,) are from 0 to 1, soft or not. With `groups`, the error is measured on other
    groups than those fitted on. `weights` (reviews,) say how much each counts, in the fit and in
    what is measured. The note says why the scale alone or nothing is fitted.
    """
    labels = labels.astype(np.float64)
    weights = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
    scale, bias, note = _fit(labels, probability, weights)
    unseen: _Array | None = probability
    if (scale, bias) != (1.0, 0.0):
        groups = np.arange(len(labels)) if groups is None else groups
        unseen = _unseen(labels, probability, groups, weights)
    before, after = (_measured(log_loss, labels, found, weights) for found in (probability, unseen))
    if before is not None and after is not None and after > before + _LARGEST_RISE:
        scale, bias, unseen = 1.0, 0.0, probability
        note = f"not calibrated: it would raise the log loss on other reviews to {after:.4f}"
        after = before
    return Calibration(
        scale=scale,
        bias=bias,
        fitted_on=len(labels),
        error_before=_measured(calibration_error, labels, probability, weights),
        error=_measured(calibration_error, labels, unseen, weights),
        log_loss_before=before,
        log_loss=after,
        by_probability=True,
        note=note or None,
    )


def _fit(labels: _Array, probability: _Array, weights: _Array) -> tuple[float, float, str]:
    few = f"{len(labels)} reviews are too few"
    if len(labels) < FEWEST_FOR_SCALE:
        return 1.0, 0.0, f"not calibrated: {few}"
    if not 0 < np.mean(labels >= 0.5) < 1:
        return 1.0, 0.0, "not calibrated: all reviews have one label"
    has_bias = len(labels) >= FEWEST_FOR_BIAS
    scale, bias = _minimize(labels, logits_of(probability), weights, has_bias=has_bias)
    if not (0 < scale <= _LARGEST_SCALE and abs(bias) <= _LARGEST_BIAS):
        return 1.0, 0.0, f"not calibrated: no sound fit (scale {scale:.3g}, bias {bias:.3g})"
    return scale, bias, "" if has_bias else f"scale only: {few} for a bias"


def _minimize(
    labels: _Array, logits: _Array, weights: _Array, *, has_bias: bool
) -> tuple[float, float]:
    from scipy.optimize import minimize

    def loss(parameters: _Array) -> tuple[float, _Array]:
        scale, bias = (*parameters, 0.0)[:2]
        changed = scale * logits + bias
        excess = (sigmoid(changed) - labels) * shares
        slopes = [np.sum(excess * logits), np.sum(excess)]
        losses = np.logaddexp(0, changed) - labels * changed
        return float(np.sum(shares * losses)), np.array(slopes[: len(parameters)])

    shares = weights / weights.sum()
    start = np.array([1.0, 0.0] if has_bias else [1.0])
    found = minimize(loss, start, jac=True, method="BFGS").x
    return float(found[0]), float(found[1]) if has_bias else 0.0


def _unseen(labels: _Array, probability: _Array, groups: _Array, weights: _Array) -> _Array | None:
    """Give the probabilities after fits on other groups; None if they are too few."""
    from sklearn.model_selection import GroupKFold

    if len(labels) < 2 * FEWEST_FOR_SCALE or len(np.unique(groups)) < _FOLDS:
        return None
    changed = np.empty(len(labels))
    for fitted, left_out in GroupKFold(_FOLDS).split(labels, groups=groups):
        scale, bias, _ = _fit(labels[fitted], probability[fitted], weights[fitted])
        changed[left_out] = rescaled(probability[left_out], scale, bias)
    return changed


def _measured(
    measure: Callable[[_Array, _Array, _Array], float],
    labels: _Array,
    probability: _Array | None,
    weights: _Array,
) -> float | None:
    if probability is None or not len(labels):
        return None
    return measure(labels, probability, weights)
