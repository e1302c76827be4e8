"""Between probabilities and logits: what calibration scales and shifts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# The nearest that a float32 comes to 1 from below; nearer to 0 would give one side longer logits.
_NEAREST = float(np.finfo(np.float32).epsneg)


def logits_of(probability: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Give the logits of probabilities; those of 0 and 1 are taken as -16.6 and 16.6."""
    inside = np.clip(probability.astype(np.float64), _NEAREST, 1 - _NEAREST)
    return np.log(inside) - np.log1p(-inside)


def sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the probabilities of logits."""
    # Of both signs by the exponential of a number below zero, which cannot overflow.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


def rescaled(probability: npt.NDArray[Any], scale: float, bias: float) -> npt.NDArray[np.float64]:
    """Give the probabilities of the logits `scale` · logit + `bias`."""
    return sigmoid(scale * logits_of(probability) + bias)
