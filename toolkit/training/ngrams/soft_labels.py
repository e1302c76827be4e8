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

from toolkit.model.logits import sigmoid
from toolkit.training.ngrams.corpus import Corpus
from toolkit.training.ngrams.tokens import Floats, Positions


@dataclass(frozen=True)
class View:
    """The weight of a view in the sum, and its logits of all reviews, (reviews,) float32."""

    weight: float
    logits: Floats


# A label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02

# Deviation of the logits of the targets of unlabelled reviews.
_SHARPNESS = 5.6


def soft_targets(corpus: Corpus, views: Sequence[View], teacher_weight: float) -> Floats:
    """Make a target for each review.

    Parameters
    ----------
    corpus : Corpus
        The reviews, and what a teacher of the user thinks of them.
    views : Sequence[View]
        What models fitted on the labels think; none are needed where the teacher has a say on each
        unlabelled review.
    teacher_weight : float
        Share of the teacher, from 0 to 1, in the target of a labelled review.

    Returns
    -------
    Floats
        (reviews,) float32: of a labelled review its label, less a doubt, mixed with what the
        teacher thinks; of another one what the teacher thinks, or else what the views agree on,
        made as sure as labels are.
    """
    targets = np.empty(len(corpus), np.float32)
    targets[corpus.labelled] = _DOUBT + (1 - 2 * _DOUBT) * corpus.targets
    rows = corpus.unlabelled
    parts = [view.weight * _over_deviation(view.logits, rows) for view in views]
    agreed = sum(parts, np.zeros(len(corpus)))
    targets[rows] = sigmoid(_SHARPNESS * _over_deviation(agreed, rows)[rows])
    share = np.where(np.arange(len(corpus)) < len(corpus.targets), teacher_weight, 1)
    mixed = (1 - share) * targets + share * corpus.teacher
    return np.where(corpus.taught, mixed, targets).astype(np.float32)


def _over_deviation(values: npt.NDArray[Any], rows: Positions) -> npt.NDArray[Any]:
    """Divide by the deviation on some rows; a few that are all alike do not become certain."""
    if not len(rows):
        return values
    return values / max(float(values[rows].std()), float(values.std()) / 4, 1e-6)
