"""Whether one model is really better than another on the same reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# From so many reviews on that one model alone has right, the chi-squared distribution will do.
_EXACT_BELOW = 25

_NORMAL_95 = 1.959964  # the standard normal deviate of a two-sided 95 % interval

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """A model beside the best one.

    Attributes
    ----------
    model : str
        Its name.
    best : str
        The name of the most accurate one.
    only_best_right : int
        Reviews that the best one alone has right.
    only_model_right : int
        Reviews that this one alone has right.
    difference : float
        Of the accuracies, the best one's minus this one's.
    low : float
        Lower end of the 95 % interval of the difference, for paired answers (Agresti and Min
        2005: half a review is added to each cell of the table of both models' answers).
    high : float
        Upper end.
    p_value : float
        Of McNemar's test that both err equally often: the exact binomial test where fewer than 25
        reviews tell them apart, else chi-squared with Edwards' correction. As the best one was
        picked by these very reviews, it is too small rather than too large.
    is_exact : bool
        Which of the two tests it is.
    """

    model: str
    best: str
    only_best_right: int
    only_model_right: int
    difference: float
    low: float
    high: float
    p_value: float
    is_exact: bool


def compare(model: str, right: Right, best: str, best_right: Right) -> Comparison:
    """Compare a model with the best one.

    Parameters
    ----------
    model : str
        Its name.
    right : Right
        (reviews,) whether it is right.
    best : str
        The name of the best one.
    best_right : Right
        (reviews,) whether that is right.

    Returns
    -------
    Comparison
        By scipy.
    """
    only_best = int(np.count_nonzero(best_right & ~right))
    only_model = int(np.count_nonzero(right & ~best_right))
    low, high = _interval(only_best, only_model, len(right))
    return Comparison(
        model,
        best,
        only_best,
        only_model,
        (only_best - only_model) / len(right),
        low,
        high,
        _p_value(only_best, only_model),
        only_best + only_model < _EXACT_BELOW,
    )


def _interval(only_best: int, only_model: int, reviews: int) -> tuple[float, float]:
    b, c, n = only_best + 0.5, only_model + 0.5, reviews + 2
    middle = (b - c) / n
    error = _NORMAL_95 * np.sqrt((b + c) / n - middle**2) / np.sqrt(n)
    return max(float(middle - error), -1.0), min(float(middle + error), 1.0)


def _p_value(only_best: int, only_model: int) -> float:
    from scipy.stats import binomtest, chi2

    told_apart = only_best + only_model
    if not told_apart:
        return 1.0
    if told_apart < _EXACT_BELOW:
        return float(binomtest(only_best, told_apart).pvalue)
    statistic = max(abs(only_best - only_model) - 1, 0) ** 2 / told_apart
    return float(chi2.sf(statistic, 1))
