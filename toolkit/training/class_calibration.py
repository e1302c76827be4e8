"""The temperature of a network of classes: one factor for all logits, fitted on held-out texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.class_metrics import confidence_error, log_loss_of
from toolkit.model.training_facts import Calibration

_FEWEST_TEXTS = 10  # held out
# Largest scale of the logits. If all held-out texts are right, no scale is the best: the larger,
# the better.
_SHARPEST = 5.0
# The logarithm of the scale is expected to be about this far from 0. With few texts, the scale
# stays near 1; with a hundred, it hardly changes.
_DEVIATION = 0.5
_FOLDS = 5

Numbers = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def fit_temperature(
    numbers: Numbers, probabilities: npt.NDArray[np.float32], groups: Numbers | None = None
) -> Calibration:
    """Fit the scale of the logits that makes the labels of held-out texts most likely.

    `numbers` (texts,) are the classes, `probabilities` (texts, classes). Calibration error and log
    loss are measured on groups that were not fitted on; a scale that does not lower that log loss
    is dropped.
    """
    from sklearn.model_selection import GroupKFold

    count = len(numbers)
    groups = np.arange(count) if groups is None else groups
    before = log_loss_of(numbers, probabilities)
    loss = before
    note = ""
    scale = 1.0
    changed: Array = probabilities.astype(np.float64)
    folds = min(_FOLDS, len(np.unique(groups)))
    if count < _FEWEST_TEXTS or folds < 2:
        note = f"not calibrated: {count} texts are too few"
    else:
        scale = _best_scale(numbers, probabilities)
        unseen = changed.copy()
        for fitted, left_out in GroupKFold(folds).split(numbers, groups=groups):
            own = _best_scale(numbers[fitted], probabilities[fitted])
            unseen[left_out] = scaled(probabilities[left_out], own)
        loss = log_loss_of(numbers, unseen)
        if loss < before:
            changed = unseen
        else:
            note = f"not calibrated: it would raise the log loss on other texts to {loss:.4f}"
            scale = 1.0
            loss = before
    return Calibration(
        scale=scale,
        bias=0.0,
        fitted_on=count,
        error_before=confidence_error(numbers, probabilities),
        error=confidence_error(numbers, changed),
        log_loss_before=before,
        log_loss=loss,
        note=note or None,
    )


def _best_scale(numbers: Numbers, probabilities: Array) -> float:
    """Return the most likely scale, given that most scales are near 1."""
    from scipy.optimize import minimize_scalar

    def loss(exponent: float) -> float:
        expected = (exponent / _DEVIATION) ** 2 / 2 / len(numbers)
        return expected + log_loss_of(numbers, scaled(probabilities, float(np.exp(exponent))))

    limit = float(np.log(_SHARPEST))
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def scaled(probabilities: Array, scale: float) -> npt.NDArray[np.float32]:
    """Return the probabilities with scaled logits, (texts, classes)."""
    logits = scale * np.log(np.maximum(probabilities.astype(np.float64), 1e-30))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: npt.NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
