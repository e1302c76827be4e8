"""The classes that models tell apart: their labels, their numbers, and what counts as positive.

Every other module takes labels and numbers of classes from here. A sentiment model has the two
classes `SENTIMENT`; its probability is that of the second one. Reviews may also be called
`NEUTRAL` or `MIXED`, or have no answer at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# The labels of a sentiment model, by their number.
SENTIMENT = ("negative", "positive")
NEGATIVE, POSITIVE = SENTIMENT

NEUTRAL = "neutral"  # of a review with a probability within the neutral range
MIXED = "mixed"  # of a review whose sentences disagree

# The numbers of the three classes that reviewers' labels tell apart, in order.
OF_THREE = (NEGATIVE, NEUTRAL, POSITIVE)
NEGATIVE_OF_THREE, NEUTRAL_OF_THREE, POSITIVE_OF_THREE = range(3)

# What a model may answer, by its number: the last one is no answer.
ANSWERS = (*SENTIMENT, None)
NO_ANSWER = ANSWERS.index(None)

DEFAULT_THRESHOLD = 0.5  # from this probability on, a review is positive


def is_positive(
    probability: npt.NDArray[Any], threshold: float = DEFAULT_THRESHOLD
) -> npt.NDArray[np.bool_]:
    """Tell which probabilities of the positive class reach the threshold; NaN does not.

    The threshold is compared as float32, as in the exported graph.
    """
    return np.asarray(probability >= np.float32(threshold))


def label_of(is_positive: bool) -> str:
    """Return the label of a sentiment model."""
    return SENTIMENT[is_positive]
