"""Targets for reviews without labels: what several views of the labelled ones agree on.

Where networks or regressions of different kinds agree, they are right more often than any of them:
the student that learns the sum of their logits is better than its teachers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.model.logits import sigmoid
from toolkit.records.values import Rows, Targets
from toolkit.training.recipes.corpus import Corpus


@dataclass(frozen=True)
class View:
    """The weight of a view in the sum, and its logits of all reviews, (reviews,) float32."""

    weight: float
    logits: Targets


# A label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02

# Deviation of the logits of the targets of unlabelled reviews.
_SHARPNESS = 5.6


def soft_targets(corpus: Corpus, views: Sequence[View], teacher_weight: float) -> Targets:
    """Make a target for each review, (reviews,) float32.

    A label, less a doubt, is mixed with the user's teacher by ``teacher_weight`` (0 to 1). Other
    reviews have what the teacher says, or else what the views agree on, made as sure as labels.
    """
    targets = np.empty(len(corpus), np.float32)
    targets[corpus.labelled] = _DOUBT + (1 - 2 * _DOUBT) * corpus.targets
    rows = corpus.unlabelled
    parts = [view.weight * _over_deviation(view.logits, rows) for view in views]
    agreed = sum(parts, np.zeros(len(corpus)))
    targets[rows] = sigmoid(_SHARPNESS * _over_deviation(agreed, rows)[rows])
    share = np.where(np.arange(len(corpus)) < len(corpus.targets), teacher_weight, 1)
    mixed = (1 - share) * targets + share * corpus.teacher
    return np.where(corpus.has_teacher, mixed, targets).astype(np.float32)


def _over_deviation(values: npt.NDArray[Any], rows: Rows) -> npt.NDArray[Any]:
    """Divide by the deviation on some rows; a few that are all alike do not become certain."""
    if not len(rows):
        return values
    return values / max(float(values[rows].std()), float(values.std()) / 4, 1e-6)
