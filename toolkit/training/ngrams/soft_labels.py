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


def soft_targets(corpus: Corpus, views: Sequence[View], sharpness: float) -> Floats:
    """Make a target for each review.

    Parameters
    ----------
    corpus : Corpus
        The reviews.
    views : Sequence[View]
        At least one.
    sharpness : float
        The deviation of the logits of the targets.

    Returns
    -------
    Floats
        (reviews,) float32: near the label of a labelled review, the sigmoid of the views' sum for
        the others.
    """
    rows = corpus.unlabelled
    total = np.zeros(len(rows), np.float64)
    for view in views:
        found = view.logits[rows]
        total += view.weight * found / max(float(found.std()), 1e-6)
    targets = np.empty(len(corpus), np.float32)
    targets[rows] = sigmoid(sharpness * total / max(float(total.std()), 1e-6))
    targets[corpus.labelled] = _DOUBT + (1 - 2 * _DOUBT) * corpus.targets
    return targets


def logit(probabilities: Floats) -> Floats:
    """The log-odds of probabilities, within ±6."""
    clipped = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
    found = np.log(clipped / (1 - clipped))
    return np.clip(found, -_LARGEST_LOGIT, _LARGEST_LOGIT).astype(np.float32)


def sigmoid(logits: npt.NDArray[Any]) -> Floats:
    """The probabilities of log-odds."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
