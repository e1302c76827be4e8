"""The metrics of a model on labelled reviews, and how many it answers with an accuracy.

To add a metric, add a field to `Metrics` and its value to `measure`. The terminal, the page and
the JSON show all fields, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from math import hypot, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from toolkit.classes import DEFAULT_THRESHOLD, is_positive

Labels = npt.NDArray[np.int8]
Probabilities = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
_Array = npt.NDArray[Any]

Better = Literal["higher", "lower", "neither"]

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TARGETS = (0.95, 0.97, 0.99)  # accuracies
RECALLS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
GOALS = {"balanced_accuracy": "balanced", "f1": "F1"}  # figures with a best threshold

NORMAL_95 = 1.959963984540054  # the standard normal deviate of a two-sided 95% interval
CALIBRATION_BINS = 15  # as in Guo et al., On Calibration of Modern Neural Networks, ICML 2017

# Keras' epsilon: probabilities of 0 and 1 count as 1e-7 away from them. Without it, a single review
# that is wrong with certainty would make the whole loss infinite.
_EPSILON = 1e-7


@dataclass(frozen=True)
class Proportion:
    """`right` of `count` reviews; there is at least one."""

    right: float  # a whole number, but of an area below a curve
    count: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% confidence interval of Wilson (1927), which also suits shares near 0 and 1."""
        right = self.right
        count = self.count
        squared = NORMAL_95**2
        middle = (right + squared / 2) / (count + squared)
        spread = right * (count - right) / count + squared / 4
        half = NORMAL_95 * sqrt(spread) / (count + squared)
        # Rounding must not keep the ends from 0 and 1.
        return middle - half if right else 0.0, middle + half if right < count else 1.0


@dataclass(frozen=True)
class Metric:
    """How a figure of a model is shown."""

    key: str
    title: str
    explanation: str = ""
    better: Better = "higher"
    is_percent: bool = True


def _metric(
    title: str, explanation: str, better: Better = "higher", *, is_percent: bool = True
) -> Any:
    shown = {"title": title, "explanation": explanation}
    return field(metadata={**shown, "better": better, "is_percent": is_percent})


@dataclass(frozen=True)
class Metrics:
    """The figures of a model's answers; None where a figure is undefined. See `METRICS`."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    # Where the share of positives is by chance if the probabilities are right; 95%, 0 to 1.
    mean_probability_interval: tuple[float, float] | None
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
    average_precision: float | None = _metric(
        "average precision",
        "Area under the precision-recall curve of positive, with its 95% interval; a constant has "
        "the share of positives.",
    )
    negative_average_precision: float | None = _metric(
        "average precision of negative",
        "Area under the precision-recall curve of negative, with its 95% interval; a constant has "
        "the share of negatives.",
    )
    precision: float | None = _metric(
        "precision of positive", "Share of the reviews predicted positive that are positive."
    )
    recall: float | None = _metric(
        "recall of positive", "Share of the positive reviews that are predicted positive."
    )
    f1: float | None = _metric(
        "F1 of positive", "The harmonic mean of precision and recall of positive."
    )
    negative_precision: float | None = _metric(
        "precision of negative", "Share of the reviews predicted negative that are negative."
    )
    negative_recall: float | None = _metric(
        "recall of negative", "Share of the negative reviews that are predicted negative."
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
        "15 bins of equal width, weighted by their number of reviews. With few reviews, it is "
        "large by chance.",
        "lower",
        is_percent=False,
    )
    balanced_calibration_error: float | None = _metric(
        "class-balanced calibration error",
        "The calibration error, with positive and negative reviews weighted equally.",
        "lower",
        is_percent=False,
    )
    mean_probability: float = _metric(
        "mean probability",
        "The mean probability of positive. If the probabilities are right, the share of "
        "positives is within the range beside it in 95% of samples.",
        "neither",
    )
    positive_share: float = _metric(
        "share of positives", "Share of the reviews that are labelled positive.", "neither"
    )

    @property
    def balanced_accuracy_interval(self) -> tuple[float, float] | None:
        """The 95% interval, from the intervals of both labels (Zou and Donner 2008).

        None if all reviews have one label.
        """
        if self.balanced_accuracy is None:
            return None
        tp = self.true_positives
        tn = self.true_negatives
        both = Proportion(tp, tp + self.false_negatives), Proportion(tn, tn + self.false_positives)
        below = hypot(*(each.value - each.interval[0] for each in both)) / 2
        above = hypot(*(each.interval[1] - each.value for each in both)) / 2
        return self.balanced_accuracy - below, self.balanced_accuracy + above

    @property
    def average_precision_interval(self) -> tuple[float, float] | None:
        """The 95% interval of Wilson for a share of the positive reviews; None without them.

        After Boyd, Eng and Page 2013, whose interval is not Wilson's. With 20 to 5,000 positives
        among made-up scores, it held the true value in 96% to 99.8% of the trials.
        """
        count = self.true_positives + self.false_negatives
        value = self.average_precision
        return None if value is None else Proportion(value * count, count).interval

    @property
    def negative_average_precision_interval(self) -> tuple[float, float] | None:
        """The same for the negative reviews."""
        count = self.true_negatives + self.false_positives
        value = self.negative_average_precision
        return None if value is None else Proportion(value * count, count).interval

    def figure(self, key: str) -> tuple[float | None, tuple[float, float] | None]:
        """Return the value of one of `METRICS`, and its 95% interval or None."""
        value = getattr(self, key)
        if isinstance(value, Proportion):
            return value.value, value.interval
        return value, getattr(self, f"{key}_interval", None)


METRICS = tuple(Metric(each.name, **each.metadata) for each in fields(Metrics) if each.metadata)


@dataclass(frozen=True)
class AtThreshold:
    """The figures of a model with another threshold."""

    threshold: float
    called_positive: float  # share of the reviews
    accuracy: float
    balanced_accuracy: float | None
    precision: float | None  # of positive, as the recall and F1
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ReliabilityBin:
    """Reviews whose probability of positive is in [low, high)."""

    low: float
    high: float  # the last bin also holds 1
    reviews: int
    probability: float  # the mean
    positive: float  # the share of positive reviews


def measure(labels: Labels, probability: Probabilities, threshold: float) -> Metrics:
    """Compute the metrics of (reviews,) labels 0 or 1 and probabilities of positive."""
    tp, fn, fp, tn = _confusion(labels, probability, threshold)
    exact = probability.astype(np.float64)
    auc, *precisions = _areas(labels, probability)
    mean = float(exact.mean())
    chance = NORMAL_95 * sqrt(np.sum(exact * (1 - exact))) / len(exact)
    return Metrics(
        accuracy=Proportion(tp + tn, len(labels)),
        majority_accuracy=max(tp + fn, fp + tn) / len(labels),
        balanced_accuracy=balanced_accuracy(tp=tp, fn=fn, fp=fp, tn=tn),
        auc=auc,
        average_precision=precisions[0],
        negative_average_precision=precisions[1],
        **_rates(tp, fn, fp),
        **{f"negative_{key}": rate for key, rate in _rates(tn, fp, fn).items()},
        log_loss=log_loss(labels, probability),
        brier_score=float(np.mean((exact - labels) ** 2)),
        calibration_error=calibration_error(labels, probability),
        balanced_calibration_error=balanced_calibration_error(labels, probability),
        mean_probability=mean,
        mean_probability_interval=None
        if auc is None
        else (max(mean - chance, 0.0), min(mean + chance, 1.0)),
        positive_share=(tp + fn) / len(labels),
        true_positives=tp,
        false_negatives=fn,
        false_positives=fp,
        true_negatives=tn,
    )


def at_thresholds(
    labels: Labels, probability: Probabilities, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[AtThreshold, ...]:
    """Measure the answers at each threshold."""
    found = []
    for threshold in thresholds:
        tp, fn, fp, tn = _confusion(labels, probability, threshold)
        accuracy = (tp + tn) / len(labels)
        balanced = balanced_accuracy(tp=tp, fn=fn, fp=fp, tn=tn)
        called = (tp + fp) / len(labels)
        rates = _rates(tp, fn, fp)
        found.append(
            AtThreshold(
                threshold=threshold,
                called_positive=called,
                accuracy=accuracy,
                balanced_accuracy=balanced,
                **rates,
            )
        )
    return tuple(found)


def every_threshold(
    labels: Labels, probability: Probabilities
) -> tuple[Probabilities, dict[str, Numbers]]:
    """Measure all thresholds that make a difference, ascending; (thresholds,) float32 and others.

    Each is half way between two probabilities, if a float32 lies between them: so no probability of
    these reviews equals a threshold. There must be reviews of both labels.
    """
    above = np.unique(probability)
    below = np.concatenate([np.zeros(1, np.float32), above[:-1]])
    middle = ((below.astype(np.float64) + above) / 2).astype(np.float32)
    thresholds = np.where((middle > below) | (np.arange(len(above)) == 0), middle, above)
    false, true = (each[:0:-1] for each in roc_curve(labels, probability))
    negatives = false[0]
    positives = true[0]
    return thresholds, {
        "accuracy": (true + negatives - false) / len(labels),
        "precision": true / (true + false),
        "recall": true / positives,
        "balanced_accuracy": (true / positives + 1 - false / negatives) / 2,
        "f1": 2 * true / (true + false + positives),
    }


def best_of(thresholds: Probabilities, values: Numbers) -> float:
    """Return the threshold with the highest value; of equal values, the one nearest to 0.5."""
    equal = thresholds[values == values.max()]
    nearest = equal[np.argmin(np.abs(equal - np.float32(DEFAULT_THRESHOLD)))]
    return float(str(nearest))  # the shortest decimal that is this float32


def notable_thresholds(
    labels: Labels, probability: Probabilities, in_use: float
) -> tuple[dict[str, AtThreshold], tuple[AtThreshold, ...]]:
    """Return the best threshold for each of `GOALS`, and the thresholds for `RECALLS`.

    The best threshold is the one in use unless another is better. A threshold for a recall has the
    highest precision with at least that recall. Both are empty if all reviews have one label.
    """
    if labels.min() == labels.max():
        return {}, ()
    thresholds, values = every_threshold(labels, probability)
    best = {}
    for goal in GOALS:
        candidates = [float(str(np.float32(in_use))), best_of(thresholds, values[goal])]
        measured = at_thresholds(labels, probability, candidates)
        best[goal] = max(measured, key=lambda each: float(getattr(each, goal)))
    reaching = [np.where(values["recall"] >= least, values["precision"], -1) for least in RECALLS]
    chosen = [best_of(thresholds, each) for each in reaching]
    return best, at_thresholds(labels, probability, chosen)


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
            low=i / CALIBRATION_BINS,
            high=(i + 1) / CALIBRATION_BINS,
            reviews=int(reviews[i]),
            probability=float(probabilities[i] / reviews[i]),
            positive=float(positive[i] / reviews[i]),
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

    At a threshold of 0.5, answers are ordered as by the probability of their label. At any other
    threshold, probabilities next to it are the least sure.
    """
    exact = probability.astype(np.float64)
    limit = float(np.float32(threshold))
    tiny = np.finfo(np.float64).tiny
    above = (exact - limit) / max(1 - limit, tiny)
    below = (limit - exact) / max(limit, tiny)
    return np.where(is_positive(probability, threshold), above, below)


def coverage_at(
    labels: Labels, probability: Probabilities, threshold: float, targets: Sequence[float]
) -> tuple[TargetCoverage, ...]:
    """Find the largest coverage for each accuracy; equally sure answers count all or none."""
    margin = margins(probability, threshold)
    order = np.argsort(-margin, kind="stable")
    surest = probability[order]
    right = np.cumsum(is_positive(surest, threshold) == labels[order])
    # There is a step for each margin that occurs.
    ends = 1 + np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)
    found = []
    for target in targets:
        reached = ends[right[ends - 1] / ends >= target]
        if not len(reached):
            found.append(
                TargetCoverage(
                    target=target,
                    answered=0,
                    share=0.0,
                    right=0,
                    accuracy=None,
                    interval=None,
                    uncertain=None,
                )
            )
            continue
        count = int(reached[-1])
        part = Proportion(int(right[count - 1]), count)
        uncertain = _uncertain(surest[count:], threshold)
        figures = (count, count / len(labels), int(part.right), part.value, part.interval)
        found.append(TargetCoverage(target, *figures, uncertain))
    return tuple(found)


def _uncertain(left_out: Probabilities, threshold: float) -> tuple[float, float] | None:
    """The range that holds these probabilities and the threshold, and no others."""
    if not len(left_out):
        return None
    limit = np.float32(threshold)
    after = np.nextafter(left_out.max(), np.float32(2))
    return float(min(left_out.min(), limit)), float(min(max(after, limit), np.float32(1)))


def _areas(labels: Labels, probability: Probabilities) -> tuple[float | None, ...]:
    """The areas below the ROC curve and the precision-recall curves of either label; None of one.

    The latter are sums of steps: lines between the points would be too high.
    """
    false, true = roc_curve(labels, probability)
    if not (false[-1] and true[-1]):
        return None, None, None
    area = np.diff(false) @ (true[1:] + true[:-1]) / 2
    precisions = (np.diff(recall) @ precision[1:] for recall, precision in pr_curves(false, true))
    return float(area / (false[-1] * true[-1])), *map(float, precisions)


def pr_curves(
    false: npt.NDArray[np.int64], true: npt.NDArray[np.int64]
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield recall and precision of positive, then of negative, at each step of `roc_curve`.

    All are (steps,), from none found to all; the first precision repeats the second.
    """
    not_true, not_false = (each[-1] - each[::-1] for each in (true, false))
    for found, wrong in ((true, false), (not_false, not_true)):
        precision = found[1:] / (found + wrong)[1:]
        yield found / found[-1], np.append(precision[:1], precision)


def _confusion(labels: Labels, probability: Probabilities, threshold: float) -> list[int]:
    """True positives, false negatives, false positives, true negatives."""
    called = is_positive(probability, threshold)
    counts: list[int] = np.bincount(3 - 2 * labels - called, minlength=4).tolist()
    return counts


def _rates(found: int, missed: int, wrong: int) -> dict[str, float | None]:
    """Return precision, recall and F1 of a label; None where the denominator is 0."""
    parts = {"precision": (found, found + wrong), "recall": (found, found + missed)}
    parts["f1"] = 2 * found, 2 * found + wrong + missed
    return {key: count / of if of else None for key, (count, of) in parts.items()}


def _bin_of(values: Numbers) -> npt.NDArray[np.int64]:
    """The bin of each value from 0 to 1, [low, high); 1 is in the last one."""
    return np.minimum((values * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
