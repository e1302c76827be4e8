"""How far the confidence of a model is from how often it is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

CALIBRATION_BINS = 15  # as in Guo et al., On Calibration of Modern Neural Networks, ICML 2017


def calibration_error(
    labels: npt.NDArray[Any], probability: npt.NDArray[Any], threshold: float = 0.5
) -> float:
    """Compute the expected calibration error.

    Parameters
    ----------
    labels : npt.NDArray[Any]
        (reviews,), 0 to 1; what is between them is a soft label.
    probability : npt.NDArray[Any]
        (reviews,), of the positive class.
    threshold : float
        From which a review is called positive; compared in float32, as in the exported graph.

    Returns
    -------
    float
        0 to 1: the gap between the confidence in an answer and the share of right ones, in bins of
        equal width from 0 to 1, on average over the reviews.
    """
    called = probability >= np.float32(threshold)
    exact = probability.astype(np.float64)
    confidence = np.where(called, exact, 1 - exact)
    right = np.where(called, labels, 1 - labels)
    gaps = np.bincount(bin_of(confidence), right - confidence, CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def bin_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bin of each value from 0 to 1, [low, high); 1 is in the last one."""
    return np.minimum((values * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
