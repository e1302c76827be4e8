"""The metrics of a model on labelled reviews, and how many it answers with an accuracy.

To add a metric, add a field to `Metrics` and its value to `measure`. The terminal, the page and
the JSON show all fields, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import hypot, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int8]
Probabilities = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
_Array = npt.NDArray[Any]

Better = Literal["higher", "lower", "neither"]

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TARGETS = (0.95, 0.97, 0.99)  # accuracies

NORMAL_95 = 1.959963984540054  # the standard normal deviate of a two-sided 95% interval
CALIBRATION_BINS = 15  # as in Guo et al., On Calibration of Modern Neural Networks, ICML 2017

# Keras' epsilon: probabilities of 0 and 1 count as 1e-7 away from them. Without it, a single review
# that is wrong with certainty would make the whole loss infinite.
_EPSILON = 1e-7


@dataclass(frozen=True)
class Proportion:
    """`right` of `count` reviews; there is at least one."""

    right: int
    count: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% confidence interval of Wilson (1927), which also suits shares near 0 and 1."""
        n, squared = self.count, NORMAL_95**2
        middle = (self.right + squared / 2) / (n + squared)
        spread = self.right * (n - self.right) / n + squared / 4
        half = NORMAL_95 * sqrt(spread) / (n + squared)
        # Rounding must not keep the ends from 0 and 1.
        low = middle - half if self.right else 0.0
        return low, middle + half if self.right < n else 1.0


@dataclass(frozen=True)
class Metric:
    """How a field of `Metrics` is shown."""

    key: str
    title: str
    explanation: str
    better: Better
    is_percent: bool


def _metric(
    title: str, explanation: str, better: Better = "higher", *, is_percent: bool = True
) -> Any:
    shown = {"title": title, "explanation": explanation}
    return field(metadata={**shown, "better": better, "is_percent": is_percent})


@dataclass(frozen=True)
class Metrics:
    """What is known of a model's answers; None where it is not defined. See `METRICS`."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    accuracy: Proportion = _metric(  # noqa: RUF009 (it calls `field`)
        "accuracy", "Share of the reviews with the right label, with the 95% interval of Wilson."
    )
    majority_accuracy: float = _metric(
        "majority baseline",
        "The accuracy of a constant: always answering the label that is more frequent here.",
        "neither",
    )
    balanced_accuracy: float | None = _metric(
        "balanced accuracy",
        "The mean of the accuracies on positive and on negative reviews, with its 95% interval; a "
        "constant has 50%.",
    )
    auc: float | None = _metric(
        "AUC",
        "Area under the ROC curve: how often a positive review has a higher probability than a "
        "negative one.",
        is_percent=False,
    )
    precision: float | None = _metric(
        "precision of positive", "Share of the reviews called positive that are positive."
    )
    recall: float | None = _metric(
        "recall of positive", "Share of the positive reviews that are called positive."
    )
    f1: float | None = _metric(
        "F1 of positive", "The harmonic mean of precision and recall of positive."
    )
    negative_precision: float | None = _metric(
        "precision of negative", "Share of the reviews called negative that are negative."
    )
    negative_recall: float | None = _metric(
        "recall of negative", "Share of the negative reviews that are called negative."
    )
    negative_f1: float | None = _metric(
        "F1 of negative", "The harmonic mean of precision and recall of negative."
    )
    log_loss: float = _metric(
        "log loss",
        "The mean of -ln(probability of the true label); probabilities are clipped to 1e-7 from 0 "
        "and 1.",
        "lower",
        is_percent=False,
    )
    brier_score: float = _metric(
        "Brier score",
        "The mean squared distance between the probability of positive and the label, 0 or 1.",
        "lower",
        is_percent=False,
    )
    calibration_error: float = _metric(
        "calibration error",
        "Distance between the mean probability of positive and the share of positive reviews, in "
        "15 bins of that probability of equal width, weighted by their reviews. With few reviews, "
        "it is large by chance.",
        "lower",
        is_percent=False,
    )
    balanced_calibration_error: float | None = _metric(
        "class-balanced calibration error",
        "The same where positive and negative reviews weigh the same.",
        "lower",
        is_percent=False,
    )
    mean_probability: float = _metric(
        "mean probability",
        "The mean probability of positive; it should be near the share of positives.",
        "neither",
    )
    positive_share: float = _metric(
        "share of positives", "Share of the reviews that are labelled positive.", "neither"
    )

    @property
    def balanced_accuracy_interval(self) -> tuple[float, float] | None:
        """The 95% interval, from those of both labels (Zou and Donner 2008); None of one label."""
        if self.balanced_accuracy is None:
            return None
        tp, tn = self.true_positives, self.true_negatives
        both = Proportion(tp, tp + self.false_negatives), Proportion(tn, tn + self.false_positives)
        below = hypot(*(each.value - each.interval[0] for each in both)) / 2
        above = hypot(*(each.interval[1] - each.value for each in both)) / 2
        return self.balanced_accuracy - below, self.balanced_accuracy + above

    def figure(self, key: str) -> tuple[float | None, tuple[float, float] | None]:
        """Give one of `METRICS`, and its 95% interval if it has one."""
        value = getattr(self, key)
        if isinstance(value, Proportion):
            return value.value, value.interval
        return value, self.balanced_accuracy_interval if key == "balanced_accuracy" else None


METRICS = tuple(Metric(each.name, **each.metadata) for each in fields(Metrics) if each.metadata)


@dataclass(frozen=True)
class AtThreshold:
    """What a model would do with another threshold."""

    threshold: float
    called_positive: float  # share of the reviews
    accuracy: float
    balanced_accuracy: float | None
    precision: float | None  # of positive, as the recall
    recall: float | None


@dataclass(frozen=True)
class ReliabilityBin:
    """Reviews whose probability of positive is in [low, high)."""

    low: float
    high: float  # the last bin also holds 1
    reviews: int
    probability: float  # the mean
    positive: float  # the share of positive reviews


def calls_positive(probability: Probabilities, threshold: float) -> npt.NDArray[np.bool_]:
    """Tell which reviews are called positive; in float32, as the exported graph compares."""
    return np.asarray(probability >= np.float32(threshold))


def measure(labels: Labels, probability: Probabilities, threshold: float) -> Metrics:
    """Compute the metrics of (reviews,) labels 0 or 1 and probabilities of positive."""
    tp, fn, fp, tn = _confusion(labels, probability, threshold)
    exact = probability.astype(np.float64)
    return Metrics(
        accuracy=Proportion(tp + tn, len(labels)),
        majority_accuracy=max(tp + fn, fp + tn) / len(labels),
        balanced_accuracy=balanced_accuracy(tp, fn, fp, tn),
        auc=_auc(labels, probability),
        precision=_ratio(tp, tp + fp),
        recall=_ratio(tp, tp + fn),
        f1=_ratio(2 * tp, 2 * tp + fp + fn),
        negative_precision=_ratio(tn, tn + fn),
        negative_recall=_ratio(tn, tn + fp),
        negative_f1=_ratio(2 * tn, 2 * tn + fp + fn),
        log_loss=log_loss(labels, probability),
        brier_score=float(np.mean((exact - labels) ** 2)),
        calibration_error=calibration_error(labels, probability),
        balanced_calibration_error=balanced_calibration_error(labels, probability),
        mean_probability=float(exact.mean()),
        positive_share=(tp + fn) / len(labels),
        true_positives=tp,
        false_negatives=fn,
        false_positives=fp,
        true_negatives=tn,
    )


def at_thresholds(labels: Labels, probability: Probabilities) -> tuple[AtThreshold, ...]:
    """Give the answers at each of `THRESHOLDS`."""
    found = []
    for threshold in THRESHOLDS:
        tp, fn, fp, tn = _confusion(labels, probability, threshold)
        accuracy, balanced = (tp + tn) / len(labels), balanced_accuracy(tp, fn, fp, tn)
        rates = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
        found.append(AtThreshold(threshold, (tp + fp) / len(labels), accuracy, balanced, *rates))
    return tuple(found)


def balanced_accuracy(tp: int, fn: int, fp: int, tn: int) -> float | None:
    """Compute the mean accuracy of both labels; None if there are only reviews of one."""
    return (tp / (tp + fn) + tn / (tn + fp)) / 2 if tp + fn and tn + fp else None


def roc_curve(
    labels: Labels, probability: Probabilities
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count the negative and the positive reviews that are called positive, from none to all.

    Both are (steps,); there is a step for each probability that occurs.
    """
    order = np.argsort(-probability, kind="stable")
    lasts = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    true = np.cumsum(labels[order], dtype=np.int64)[lasts]
    return np.append(0, lasts + 1 - true), np.append(0, true)


def log_loss(labels: _Array, probability: _Array, weights: Numbers | None = None) -> float:
    """Compute the mean binary cross-entropy in nats; labels and probability are 0 to 1.

    All arrays are (reviews,); with `weights`, the mean is weighted.
    """
    inside = np.clip(probability.astype(np.float64), _EPSILON, 1 - _EPSILON)
    found = labels * np.log(inside) + (1 - labels) * np.log1p(-inside)
    return float(-np.average(found, weights=weights))


def calibration_error(labels: _Array, probability: _Array, weights: Numbers | None = None) -> float:
    """Compute the expected calibration error by the probability of positive, 0 to 1.

    In bins of equal width, it is the distance between the mean probability and the share of
    positive reviews, on average over the reviews, which may have weights. All arrays are
    (reviews,); labels and probabilities are 0 to 1, and labels may be soft.

    By the confidence in the label that is given, errors of reviews called positive and of reviews
    called negative would cancel out: on tweets about airlines, the error is 0.011 by confidence
    and 0.240 by probability.
    """
    exact = probability.astype(np.float64)
    weights = np.ones(len(exact)) if weights is None else weights
    gaps = np.bincount(_bin_of(exact), weights * (labels - exact), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def balanced_calibration_error(labels: Labels, probability: _Array) -> float | None:
    """Compute the calibration error where both labels, 0 and 1, weigh the same; None of one."""
    counts = np.bincount(labels, minlength=2)
    if not counts.all():
        return None
    return calibration_error(labels, probability, 1 / counts[labels])


def reliability(labels: _Array, probability: _Array) -> tuple[ReliabilityBin, ...]:
    """Split the reviews by their probability, in bins of equal width; empty bins are left out."""
    exact = probability.astype(np.float64)
    bins = _bin_of(exact)
    reviews = np.bincount(bins, minlength=CALIBRATION_BINS)
    positive = np.bincount(bins, labels, CALIBRATION_BINS)
    probabilities = np.bincount(bins, exact, CALIBRATION_BINS)
    return tuple(
        ReliabilityBin(
            i / CALIBRATION_BINS,
            (i + 1) / CALIBRATION_BINS,
            int(reviews[i]),
            float(probabilities[i] / reviews[i]),
            float(positive[i] / reviews[i]),
        )
        for i in np.flatnonzero(reviews).tolist()
    )


@dataclass(frozen=True)
class TargetCoverage:
    """The most reviews that can be answered with an accuracy of at least `target`."""

    target: float
    answered: int  # the surest ones; 0 if no number of them is right often enough
    share: float  # of all reviews
    right: int
    accuracy: float | None  # of those answered
    interval: tuple[float, float] | None  # 95%, of that accuracy
    # What is left out: from the first probability to below the second, as `Scorer` and
    # `toolkit score --neutral-range` take it. None if all or none are answered.
    uncertain: tuple[float, float] | None


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


def coverage_at(
    labels: Labels, probability: Probabilities, threshold: float, targets: Sequence[float]
) -> tuple[TargetCoverage, ...]:
    """Give the largest coverage for each accuracy; equally sure answers are given all or none."""
    margin = margins(probability, threshold)
    order = np.argsort(-margin, kind="stable")
    surest = probability[order]
    right = np.cumsum(calls_positive(surest, threshold) == labels[order])
    # There is a step for each margin that occurs.
    ends = 1 + np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)
    found = []
    for target in targets:
        reached = ends[right[ends - 1] / ends >= target]
        if not len(reached):
            found.append(TargetCoverage(target, 0, 0.0, 0, None, None, None))
            continue
        count = int(reached[-1])
        part = Proportion(int(right[count - 1]), count)
        uncertain = _uncertain(surest[count:], threshold)
        figures = (count, count / len(labels), part.right, part.value, part.interval)
        found.append(TargetCoverage(target, *figures, uncertain))
    return tuple(found)


def _uncertain(left_out: Probabilities, threshold: float) -> tuple[float, float] | None:
    """The range that holds these probabilities and the threshold, and no others."""
    if not len(left_out):
        return None
    limit = np.float32(threshold)
    after = np.nextafter(left_out.max(), np.float32(2))
    return float(min(left_out.min(), limit)), float(min(max(after, limit), np.float32(1)))


def _auc(labels: Labels, probability: Probabilities) -> float | None:
    """Compute the area under the ROC curve; None of one label."""
    false, true = roc_curve(labels, probability)
    area = np.diff(false) @ (true[1:] + true[:-1]) / 2
    return float(area / (false[-1] * true[-1])) if false[-1] and true[-1] else None


def _confusion(labels: Labels, probability: Probabilities, threshold: float) -> list[int]:
    """True positives, false negatives, false positives, true negatives."""
    called = calls_positive(probability, threshold)
    counts: list[int] = np.bincount(3 - 2 * labels - called, minlength=4).tolist()
    return counts


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None


def _bin_of(values: Numbers) -> npt.NDArray[np.int64]:
    """The bin of each value from 0 to 1, [low, high); 1 is in the last one."""
    return np.minimum((values * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
