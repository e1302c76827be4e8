"""The classes that models distinguish: their labels, their numbers, and which are positive.

Every other module takes labels and numbers of classes from here; it is below the readers of files
and the models, which both use it. A sentiment model has the two
classes `SENTIMENT`; its output is the probability of the second one. Reviews may also be `NEUTRAL`
or `MIXED`, or have no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# The labels of a sentiment model, by their number.
SENTIMENT = ("negative", "positive")
NEGATIVE, POSITIVE = SENTIMENT

NEUTRAL = "neutral"  # a review with a probability within the neutral range
MIXED = "mixed"  # a review whose sentences disagree

# The three classes of reviewers' labels, and their numbers.
OF_THREE = (NEGATIVE, NEUTRAL, POSITIVE)
NEGATIVE_OF_THREE, NEUTRAL_OF_THREE, POSITIVE_OF_THREE = range(3)

# A label that somebody gave is read as the probability of the positive class, its target. The
# target of a neutral label is a number that no probability is.
NEUTRAL_TARGET = -1.0

# The answers of a model by number; None means that it does not answer.
ANSWERS = (*SENTIMENT, None)
NO_ANSWER = ANSWERS.index(None)

# The labels of a mentioned aspect. `toolkit.model.aspects.tones_of` numbers them from 1; 0 is null.
ASPECT_LABELS = (NEUTRAL, *SENTIMENT, MIXED)

DEFAULT_THRESHOLD = 0.5  # a review with at least this probability is positive


def is_positive(
    probability: npt.NDArray[Any], threshold: float = DEFAULT_THRESHOLD
) -> npt.NDArray[np.bool_]:
    """Return which probabilities of the positive class reach the threshold; NaN does not.

    The threshold is compared as float32, as in the exported graph.
    """
    return np.asarray(probability >= np.float32(threshold))


def label_of(is_positive: bool) -> str:
    """Return the label of a sentiment model."""
    return SENTIMENT[is_positive]


def label_of_target(target: float) -> str:
    """Return positive, negative or neutral for the target of a label; empty if it is NaN."""
    if isnan(target):
        return ""
    return NEUTRAL if target == NEUTRAL_TARGET else label_of(target >= DEFAULT_THRESHOLD)


def tone_names(labels: Sequence[str]) -> tuple[str | None, ...]:
    """Return the label for each number of an aspect's tone; `labels`: of the model."""
    return (None, NEUTRAL, *labels, MIXED)


class Classification(NamedTuple):
    """The label of one text; label and probability are None without a text or a known word."""

    label: str | None
    probability: float | None  # of the label, 0 to 1
