"""The metrics of a model on labelled reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.calibration_error import CALIBRATION_BINS, bin_of, calibration_error
from toolkit.evaluation.shares import Share

Labels = npt.NDArray[np.int8]
Probabilities = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

# Keras' epsilon: a probability of 0 or 1 counts as so far from it, or one review that is wrong for
# sure would make the whole loss infinite.
_EPSILON = 1e-7


@dataclass(frozen=True)
class Metrics:
    """What is known of a model's answers; None where it is not defined.

    Attributes
    ----------
    accuracy : Share
        Of the reviews, with its 95 % interval (Wilson 1927).
    balanced_accuracy : float | None
        The mean of the shares of the negative and of the positive reviews that are right; None if
        all reviews have one label.
    auc : float | None
        The area under the ROC curve: how often a positive review has a higher probability than a
        negative one; None if all reviews have one label.
    f1 : float | None
        The harmonic mean of precision and recall.
    precision : float | None
        Share of what is called positive that is; None if nothing is called so.
    recall : float | None
        Share of the positive reviews that are called so; None if there are none.
    log_loss : float
        The mean of -ln(probability of the true label), in nats. Probabilities are clipped to
        1e-7 from 0 and 1, as Keras does.
    brier_score : float
        The mean of (probability - label)², 0 to 1.
    calibration_error : float
        The expected calibration error (Guo et al. 2017): the confidence of an answer is the
        probability of the label that is given; in 15 bins of equal width, the difference between
        mean confidence and accuracy, weighted by the reviews in the bin.
    true_positives, false_negatives, false_positives, true_negatives : int
        The confusion matrix.
    """

    accuracy: Share
    balanced_accuracy: float | None
    auc: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    log_loss: float
    brier_score: float
    calibration_error: float
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


@dataclass(frozen=True)
class ReliabilityBin:
    """Reviews whose probability of being positive lies within [low, high)."""

    low: float
    high: float  # the last bin holds 1, too
    reviews: int
    probability: float  # the mean
    positive: float  # the share of positive reviews


def calls_positive(probability: Probabilities, threshold: float) -> npt.NDArray[np.bool_]:
    """Whether each review is called positive; in float32, as the exported graph compares."""
    return np.asarray(probability >= np.float32(threshold))


def measure(labels: Labels, probability: Probabilities, threshold: float) -> Metrics:
    """Compute the metrics.

    Parameters
    ----------
    labels : Labels
        (reviews,) 0 or 1; at least one.
    probability : Probabilities
        (reviews,) of the positive class.
    threshold : float
        From which a review is called positive.

    Returns
    -------
    Metrics
        By scikit-learn, all but the calibration error.
    """
    from sklearn import metrics

    called = calls_positive(probability, threshold).astype(np.int8)
    exact = probability.astype(np.float64)
    (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, called, labels=[0, 1]).tolist()
    both = 0 < labels.sum() < len(labels)

    def defined(function: Any, *, is_defined: bool) -> float | None:
        return float(function(labels, called)) if is_defined else None

    return Metrics(
        accuracy=Share(tp + tn, len(labels)),
        balanced_accuracy=defined(metrics.balanced_accuracy_score, is_defined=both),
        auc=float(metrics.roc_auc_score(labels, exact)) if both else None,
        f1=defined(metrics.f1_score, is_defined=bool(tp + fp + fn)),
        precision=defined(metrics.precision_score, is_defined=bool(tp + fp)),
        recall=defined(metrics.recall_score, is_defined=bool(tp + fn)),
        log_loss=float(
            metrics.log_loss(labels, np.clip(exact, _EPSILON, 1 - _EPSILON), labels=[0, 1])
        ),
        brier_score=float(metrics.mean_squared_error(labels, exact)),
        calibration_error=calibration_error(labels, probability, threshold),
        true_positives=tp,
        false_negatives=fn,
        false_positives=fp,
        true_negatives=tn,
    )


def reliability(labels: Labels, probability: Probabilities) -> tuple[ReliabilityBin, ...]:
    """Part the reviews by their probability, in bins of equal width; empty bins are left out."""
    exact = probability.astype(np.float64)
    bins = bin_of(exact)
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
