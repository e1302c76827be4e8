"""Targets for reviews without labels: what several views of the labelled ones agree on.

A view is a network or a regression of another kind, fitted on the labelled reviews. Their logits,
each over its deviation, are added up; where views of different kinds agree, they are right more
often than any of them. The student that learns the sum is better than its teachers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.training.ngrams.corpus import Corpus
from toolkit.training.ngrams.tokens import Floats


@dataclass(frozen=True)
class View:
    """The weight of a view in the sum, and its logits of all reviews, (reviews,) float32."""

    weight: float
    logits: Floats


# A label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02

_LARGEST_LOGIT = 6.0

# Deviation of the logits of the targets of unlabelled reviews.
_SHARPNESS = 5.6


def soft_targets(corpus: Corpus, views: Sequence[View], teacher_weight: float) -> Floats:
    """Make a target for each review.

    Parameters
    ----------
    corpus : Corpus
        The reviews, and what a teacher of the user thinks of them.
    views : Sequence[View]
        What models fitted on the labels think; none are needed where the teacher has all the
        weight and a say on each unlabelled review.
    teacher_weight : float
        Share of the teacher, from 0 to 1, where it has a say.

    Returns
    -------
    Floats
        (reviews,) float32: of a labelled review its label, less a doubt, and the teacher; of
        another one the views and the teacher, each over its deviation, made as sure as labels are.
    """
    share = np.where(corpus.taught, teacher_weight, 0)
    teacher = np.where(corpus.taught, corpus.teacher, 0.5)
    rows = corpus.labelled
    labels = _DOUBT + (1 - 2 * _DOUBT) * corpus.targets
    targets = np.empty(len(corpus), np.float32)
    targets[rows] = (1 - share[rows]) * labels + share[rows] * teacher[rows]

    rows = corpus.unlabelled
    agreed = sum((view.weight * _over_deviation(view.logits[rows]) for view in views), np.zeros(1))
    total = (1 - share[rows]) * _over_deviation(agreed)
    total = total + share[rows] * _over_deviation(logit(teacher[rows]))
    targets[rows] = sigmoid(_SHARPNESS * _over_deviation(total))
    return targets


def _over_deviation(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values / max(float(values.std()), 1e-6) if values.size else values


def logit(probabilities: Floats) -> Floats:
    """The log-odds of probabilities, within ±6."""
    clipped = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
    found = np.log(clipped / (1 - clipped))
    return np.clip(found, -_LARGEST_LOGIT, _LARGEST_LOGIT).astype(np.float32)


def sigmoid(logits: npt.NDArray[Any]) -> Floats:
    """The probabilities of log-odds."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
