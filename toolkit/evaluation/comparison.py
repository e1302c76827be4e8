"""Test whether one model is better than another on the same reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, erfc, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.classes import DEFAULT_THRESHOLD, SENTIMENT, label_of
from toolkit.evaluation.cells import ends, number, p_value, percent
from toolkit.evaluation.metrics import NORMAL_95, Metrics

# From this number of reviews on that only one of the two has right, chi-squared is close enough.
_EXACT_BELOW = 25

# Edwards' correction: reviews by which a difference has to be larger than the errors allow.
_OF_CONSTANT = 0.5  # the balanced accuracy of a constant answer
_CORRECTION = 1

_HALVINGS = 40  # give an end to 12 decimals

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """A model compared with a reference: the best model, or a constant answer."""

    model: str
    reference: str
    only_model_right: int  # reviews that only the model has right
    only_reference_right: int
    difference: float  # the accuracy of the model minus the accuracy of the reference
    # 95% interval of the difference for paired answers: those that the score test (Tango 1998) with
    # Edwards' correction does not reject. It holds 0 where p is 0.05 or more, and only there, but
    # for 13 reviews against 4, of which the exact test says p = 0.049.
    interval: tuple[float, float]
    # Of McNemar's test that both err equally often: the exact binomial test where fewer than 25
    # reviews distinguish them, else chi-squared with Edwards' correction. Where the reference is
    # the best model, picked by these very reviews, it is too small rather than too large.
    p_value: float
    is_exact: bool


def compare(model: str, right: Right, reference: str, reference_right: Right) -> Comparison:
    """Compare two models; `right` and `reference_right`, (reviews,), mark their right answers."""
    only_model = int(np.count_nonzero(right & ~reference_right))
    only_reference = int(np.count_nonzero(reference_right & ~right))
    return compare_counts(
        model=model,
        reference=reference,
        only_model=only_model,
        only_reference=only_reference,
        reviews=len(right),
    )


def compare_with_constant(model: str, metrics: Metrics) -> Comparison | None:
    """Compare with always answering the more frequent label; None if there is only one label."""
    if metrics.positive_share in (0, 1):
        return None
    label = int(metrics.positive_share >= DEFAULT_THRESHOLD)
    only_model = metrics.true_negatives if label else metrics.true_positives
    only_constant = metrics.false_negatives if label else metrics.false_positives
    reference = f"always {SENTIMENT[label]}"
    return compare_counts(
        model=model,
        reference=reference,
        only_model=only_model,
        only_reference=only_constant,
        reviews=metrics.accuracy.count,
    )


def compare_counts(
    model: str, reference: str, only_model: int, only_reference: int, reviews: int
) -> Comparison:
    """Compare two models by the numbers of reviews that only one of them has right."""
    return Comparison(
        model=model,
        reference=reference,
        only_model_right=only_model,
        only_reference_right=only_reference,
        difference=(only_model - only_reference) / reviews,
        interval=_interval(only_model, only_reference, reviews),
        p_value=_p_value(only_model, only_reference),
        is_exact=only_model + only_reference < _EXACT_BELOW,
    )


def _interval(only_model: int, only_reference: int, reviews: int) -> tuple[float, float]:
    """Return the interval of Tango (1998, Statistics in Medicine 17, 891-908), corrected."""
    return (-_most(only_reference, only_model, reviews), _most(only_model, only_reference, reviews))


def _most(first: int, second: int, reviews: int) -> float:
    """Find the largest difference that the score test does not reject, by halving."""
    low = (first - second) / reviews
    high = 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _is_too_large(middle, first, second=second, reviews=reviews):
            high = middle
        else:
            low = middle
    return high


def _is_too_large(difference: float, first: int, second: int, reviews: int) -> bool:
    """Whether the counts are too far below the counts that a true difference makes likely."""
    spread = difference * (1 - difference)
    # With this difference, the likeliest share of reviews that only the second model has right.
    b = (2 * reviews - first + second) * difference - first - second
    share = (sqrt(max(b * b + 8 * reviews * second * spread, 0.0)) - b) / (4 * reviews)
    error = sqrt(max(reviews * (2 * share + spread), 0.0))
    return reviews * difference - (first - second) - _CORRECTION > NORMAL_95 * error


def _p_value(first: int, second: int) -> float:
    """Return the p-value of McNemar's test, of reviews that only one of the two has right."""
    count = first + second
    if not count:
        return 1.0
    if count < _EXACT_BELOW:
        tail = sum(comb(count, k) for k in range(min(first, second) + 1))
        return min(float(2 * tail / 2**count), 1.0)
    # The upper tail of chi-squared with one degree of freedom, the square of a normal deviate.
    return erfc(max(abs(first - second) - _CORRECTION, 0) / sqrt(2 * count))


def constant_warning(model: str, metrics: Metrics, kind: str = "") -> str | None:
    """Return a warning if a model is not clearly better than a constant answer, or None.

    `kind` names the reviews: `held-out` or `test`. A model with a higher accuracy that surely
    recognizes both labels is clearly better, even if the reviews are too few, or too uneven, for
    the difference of the accuracies to be sure.
    """
    found = compare_with_constant(model, metrics)
    if found is None:
        label = label_of(metrics.positive_share > 0.5)
        return (
            f"All {kind} reviews are {label}: these figures do not show whether a model recognizes "
            "the other label. Evaluate on reviews of both labels."
        ).replace("  ", " ")
    balanced, interval = metrics.figure("balanced_accuracy")
    recognizes_both = interval is not None and interval[0] > _OF_CONSTANT
    if found.interval[0] > 0 or (recognizes_both and found.difference > 0):
        return None
    verdict = "worse" if found.interval[1] < 0 else "not clearly better"
    is_worse = f"is {verdict} than {found.reference.replace(' ', ' answering ')}"
    difference, interval_of = difference_in_points(found)
    accuracies = (
        f"its accuracy is {percent(metrics.accuracy.value)}, and the constant answer has "
        f"{percent(metrics.majority_accuracy)} (difference {difference} points, 95% interval "
        f"{interval_of}, p {p_value(found.p_value)})."
    )
    reviews = f"{f'the {kind}' if kind else 'these'} reviews"
    figure = (
        f"Balanced accuracy: {number(balanced)}, 95% interval {ends(interval)} (a constant: 50%)."
    )
    if not recognizes_both:
        return f"{model} {is_worse} on {reviews}: {accuracies} {figure}"
    most = label_of(metrics.positive_share > 0.5)
    return (
        f"{model} recognizes both labels on {reviews}. {figure} By accuracy it {is_worse}, "
        f"because most reviews are {most}: {accuracies}"
    )


def difference_in_points(found: Comparison) -> tuple[str, str]:
    """Write a difference of accuracies in points, and its interval."""
    values = (found.difference, *found.interval)
    value, low, high = (f"{100 * each:+.2f}".replace("-", "−") for each in values)  # noqa: RUF001
    return value, f"{low} to {high}"


def unique_names(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each model by the shortest of file stem, file name and path that is unique.

    `models` have a name and a path, as `Scorer.identity`.
    """
    paths = [each["path"] for each in models]
    names = [each["name"] for each in models]
    for longer in ([Path(path).name for path in paths], paths):
        names = [
            long if names.count(name) > 1 else name
            for name, long in zip(names, longer, strict=True)
        ]
    return [
        f"{name} ({names[:place].count(name) + 1})" if name in names[:place] else name
        for place, name in enumerate(names)
    ]
