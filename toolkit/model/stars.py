"""Predict stars from the logit of a review, and define the neutral range of probabilities.

The probability that a reviewer gave more than k stars is sigmoid(a_k · z + b_k + c_k · √(1 + n))
for k from 1 to 4, with z the logit and n the number of known tokens: a cumulative logit model with
coefficients for each k (McCullagh, Regression Models for Ordinal Data, 1980; Peterson and Harrell,
Partial Proportional Odds Models, 1990). The length matters: reviews with five stars are short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.model.typed_json import Share
from toolkit.text.vocabulary import Vocabulary

# The distance from 1 to the float32 below it. Used for 0, too, so that logits are symmetric.
_NEAREST = float(np.finfo(np.float32).epsneg)


def logits_of(probability: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the logits of probabilities; 0 and 1 become -16.6 and 16.6."""
    inside = np.clip(probability.astype(np.float64), _NEAREST, 1 - _NEAREST)
    return np.log(inside) - np.log1p(-inside)


def sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the probabilities of logits."""
    # The exponential of a number that is not above zero cannot overflow.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)


def rescaled(probability: npt.NDArray[Any], scale: float, bias: float) -> npt.NDArray[np.float64]:
    """Return the probabilities of the logits `scale` · logit + `bias`."""
    return sigmoid(scale * logits_of(probability) + bias)


# Stars.
FEWEST = 1
MOST = 5
# Logits are clipped here: beyond it, float32 probabilities can hardly be distinguished.
LARGEST_LOGIT = 12.0
_DIGITS = 4  # of the ends of a neutral range
FIXED_RANGE = (0.4, 0.6)  # the neutral probabilities if a model has no range of its own

_Numbers = npt.NDArray[np.float64]
_Slope = Annotated[float, lambda value: 0 < value < 1e3]
_Bias = Annotated[float, lambda value: abs(value) < 1e3]


@dataclass(frozen=True)
class StarScale:
    """Coefficients of the stars, and how exact they are on groups they were not fitted on."""

    slopes: tuple[_Slope, _Slope, _Slope, _Slope]  # a_k: for more than 1, 2, 3 and 4 stars
    biases: tuple[_Bias, _Bias, _Bias, _Bias]  # b_k
    lengths: tuple[_Bias, _Bias, _Bias, _Bias]  # c_k
    fitted_on: int | None = None  # number of reviews
    exact: float | None = None  # share of reviews whose most likely stars are the reviewer's
    within_one: float | None = None  # share of reviews whose rounded stars are at most one off
    mean_error: float | None = None  # mean absolute difference in stars

    def after(self, scale: float, bias: float) -> StarScale:
        """Return the scale that gives the same stars for the logit ``scale · z + bias``.

        The result has no `fitted_on` and no errors: nothing was measured for it.
        """
        slopes = np.array(self.slopes) / scale
        biases = np.array(self.biases) - slopes * bias
        return StarScale(_four(slopes), _four(biases), self.lengths)

    def more_than(self, logits: npt.NDArray[Any], known_tokens: npt.NDArray[Any]) -> _Numbers:
        """Return the probabilities of more than 1, 2, 3 and 4 stars, (reviews, 4)."""
        by_length = np.multiply.outer(length_of(known_tokens), self.lengths)
        inside = np.clip(logits.astype(np.float64), -LARGEST_LOGIT, LARGEST_LOGIT)
        by_logit = np.multiply.outer(inside, self.slopes)
        return sigmoid(by_logit + self.biases + by_length)

    def stars(self, logits: npt.NDArray[Any], known_tokens: npt.NDArray[Any]) -> _Numbers:
        """Return the expected number of stars, (reviews,), 1 to 5."""
        found: _Numbers = FEWEST + self.more_than(logits, known_tokens).sum(axis=1)
        return found

    def most_likely(
        self, logits: npt.NDArray[Any], known_tokens: npt.NDArray[Any]
    ) -> npt.NDArray[np.int64]:
        """Return the most likely number of stars, (reviews,), 1 to 5."""
        # Slopes differ, so the lines cross somewhere. Yet "more than 3" must not be likelier than
        # "more than 2".
        above = np.minimum.accumulate(self.more_than(logits, known_tokens), axis=1)
        padded = np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
        likely: npt.NDArray[np.int64] = np.argmax(padded[:, :-1] - padded[:, 1:], axis=1)
        return FEWEST + likely


@dataclass(frozen=True)
class NeutralRange:
    """The neutral probabilities: from `low` to below `high`."""

    low: Share
    high: Share
    fitted_on: int | None = None  # number of reviews
    neutral: int | None = None  # number of neutral reviews among them
    macro_f1: float | None = None  # of three classes, on groups that the range was not fitted on
    macro_f1_of_fixed: float | None = None  # of `FIXED_RANGE` on the same reviews

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"neutral is from {self.low} to {self.high}: expected low <= high")

    @property
    def ends(self) -> tuple[float, float]:
        """The pair (`low`, `high`)."""
        return self.low, self.high

    def after(self, scale: float, bias: float) -> NeutralRange:
        """Return the same range for the logit ``scale · z + bias``, without measured values."""
        low, high = rescaled(np.array(self.ends), scale, bias)
        return NeutralRange(round(float(low), _DIGITS), round(float(high), _DIGITS))


def _four(values: _Numbers) -> tuple[float, float, float, float]:
    one, two, three, four = map(float, values)
    return one, two, three, four


def known_tokens(
    vocabulary: Vocabulary, texts: pa.ChunkedArray, max_tokens: int
) -> npt.NDArray[np.int32]:
    """Count the known tokens among the last `max_tokens` of each review, (reviews,)."""
    return vocabulary.encode(texts, last=max_tokens).known_tokens(max_tokens)


def length_of(known_tokens: npt.NDArray[Any]) -> _Numbers:
    """Return √(1 + n), the term of the length in the module's formula."""
    return np.sqrt(1.0 + known_tokens)


def rounded_stars(stars: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Round stars to integers from 1 to 5, halves up."""
    return np.clip(np.floor(stars + 0.5), FEWEST, MOST).astype(np.int64)
