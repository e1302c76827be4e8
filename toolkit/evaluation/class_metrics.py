"""The metrics of a model of classes on labelled texts: for each class, and for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import CALIBRATION_BINS, Proportion

Numbers = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]
Weights = npt.NDArray[Any] | None

_EPSILON = 1e-7  # probabilities of 0 count as this far from it, as with two classes
SURE = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # probabilities from which answers are counted
TOP = 3  # labels, of which one may be right


@dataclass(frozen=True)
class OfClass:
    """The figures of one class; None where the denominator is 0."""

    label: str
    support: int  # texts with this label
    called: int  # texts that the model gives this label
    right: int

    @property
    def precision(self) -> float | None:
        """The share of right answers among the texts that the model gives this label."""
        return self.right / self.called if self.called else None

    @property
    def recall(self) -> float | None:
        """The share of right answers among the texts with this label."""
        return self.right / self.support if self.support else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None where no text has the label."""
        return 2 * self.right / (self.support + self.called) if self.support else None


@dataclass(frozen=True)
class ConfusedPair:
    """A class, and another class that the model gives to some of its texts."""

    label: str
    called: str
    count: int


@dataclass(frozen=True)
class SureAnswers:
    """The answers with at least some probability."""

    least: float  # probability of the label that is given
    texts: int
    right: int


@dataclass(frozen=True)
class ClassMetrics:
    """The metrics of a model of classes; means are over the classes that occur in the labels."""

    accuracy: Proportion
    balanced_accuracy: float  # the mean recall
    macro_f1: float
    weighted_f1: float  # weighted by support
    log_loss: float  # in nats
    calibration_error: float  # of the probability of the label that is given
    top_accuracy: float  # the share with the right label among the `TOP` most likely ones
    constant: str  # the best constant answer: the most frequent label
    constant_accuracy: float
    constant_macro_f1: float
    classes: tuple[OfClass, ...]
    confusion: Numbers  # (classes, classes): by label, then by what it is called
    sure: tuple[SureAnswers, ...]

    def confused(self, most: int = 10) -> list[ConfusedPair]:
        """Return the pairs of classes that are confused most often."""
        names = [each.label for each in self.classes]
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        places = zip(*np.unravel_index(order, wrong.shape), strict=True)
        pairs = [ConfusedPair(names[a], names[b], int(wrong[a, b])) for a, b in places]
        return [pair for pair in pairs if pair.count]


def measure_classes(
    numbers: Numbers, probabilities: Probabilities, names: tuple[str, ...]
) -> ClassMetrics:
    """Measure (texts, classes) probabilities against the numbers of the right classes, (texts,)."""
    count, size = probabilities.shape
    called = np.argmax(probabilities, axis=1)
    confusion = np.bincount(numbers * size + called, minlength=size * size).reshape(size, size)
    right = np.diag(confusion)
    support = confusion.sum(axis=1)
    answers = confusion.sum(axis=0)
    classes = tuple(
        OfClass(label=name, support=int(support[at]), called=int(answers[at]), right=int(right[at]))
        for at, name in enumerate(names)
    )
    found = [(each.f1 or 0.0, each.recall or 0.0, each.support) for each in classes if each.support]
    f1, recall, weights = (np.array(values) for values in zip(*found, strict=True))
    most = int(np.argmax(support))
    share = float(support[most] / count)
    best = np.sort(np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP], axis=1)
    return ClassMetrics(
        accuracy=Proportion(int(right.sum()), count),
        balanced_accuracy=float(recall.mean()),
        macro_f1=float(f1.mean()),
        weighted_f1=float(np.average(f1, weights=weights)),
        log_loss=log_loss_of(numbers, probabilities),
        calibration_error=confidence_error(numbers, probabilities),
        top_accuracy=float((best == numbers[:, None]).any(axis=1).mean()),
        constant=names[most],
        constant_accuracy=share,
        constant_macro_f1=float(2 * share / (1 + share) / len(f1)),
        classes=classes,
        confusion=confusion,
        sure=_sure_answers(numbers, probabilities),
    )


def _sure_answers(numbers: Numbers, probabilities: Probabilities) -> tuple[SureAnswers, ...]:
    sure = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == numbers
    found = []
    for least in SURE:
        is_sure = sure >= np.float32(least)
        right = int(np.count_nonzero(is_sure & is_right))
        found.append(SureAnswers(least=least, texts=int(is_sure.sum()), right=right))
    return tuple(found)


def log_loss_of(
    numbers: Numbers, probabilities: npt.NDArray[Any], weights: Weights = None
) -> float:
    """Compute the mean of -log of the probability of the right class, (texts, classes), in nats."""
    likely = probabilities[np.arange(len(numbers)), numbers].astype(np.float64)
    return float(np.average(-np.log(np.maximum(likely, _EPSILON)), weights=weights))


def confidence_error(
    numbers: Numbers, probabilities: npt.NDArray[Any], weights: Weights = None
) -> float:
    """Compute the distance of the probability of the model's label from the share of right ones.

    In 15 bins of equal width, weighted by their texts (Guo et al., ICML 2017).
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    is_right = (probabilities.argmax(axis=1) == numbers).astype(np.float64)
    counts = np.ones(len(sure)) if weights is None else weights.astype(np.float64)
    bins = np.minimum((sure * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, counts * (sure - is_right), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / counts.sum())
