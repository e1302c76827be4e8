"""The fit: scale, bias and weights of words that are most probable, given the labels and priors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.model.logits import sigmoid
from toolkit.records.values import Rows

Floats = npt.NDArray[np.float64]

# Deviations of the priors of scale and bias, chosen on domains that a start did not know. Twice as
# much for the bias let 20 labels cost up to 0.6 points of balanced accuracy.
_OF_SCALE, _OF_BIAS = 0.25, 0.25
_SMALLEST_SCALE = 0.05  # so that the start still counts, and in the same direction
_MORE_OF_EACH = 2.0  # reviews of either label that are added before their share is taken

_STEPS = 200
_SMALL_GAIN = 1e-7  # of the loss, relative, below which a fit ends


@dataclass(frozen=True)
class Examples:
    """Labelled reviews as the fit sees them.

    - start (reviews,) float64: the logits of the start
    - words (reviews, ids) float64, sparse: see `toolkit.training.adapt.words.word_shares`
    - targets (reviews,) float64: the labels, 0 to 1
    - start_odds: the log-odds of the share of positives that the start is made for; 0 is one half
    """

    start: Floats
    words: Any
    targets: Floats
    start_odds: float = 0.0

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: Rows) -> Examples:
        """Those at some positions."""
        return replace(
            self, start=self.start[rows], words=self.words[rows], targets=self.targets[rows]
        )


@dataclass(frozen=True)
class Prior:
    """What is expected before any label is seen.

    `expects_share`: the bias makes up for another share of positives than the start is made for;
    else the bias is 0. `words`: deviation of the weight of a word; with 0, words have
    none.
    """

    expects_share: bool
    words: float = 0.0


@dataclass(frozen=True)
class Weights:
    """The logit ``scale · z + bias + words · x``; `words` (ids,) float64 may be all zero."""

    scale: float
    bias: float
    words: Floats

    def logits(self, examples: Examples) -> Floats:
        """Give the logits, (reviews,)."""
        found: Floats = self.scale * examples.start + self.bias + examples.words @ self.words
        return found


def positive_share(targets: Floats) -> float:
    """Give the share of positives, 0 to 1, as if there were some more reviews of both labels."""
    positives = targets.sum() + _MORE_OF_EACH
    return float(positives / (len(targets) + 2 * _MORE_OF_EACH))


def fit(examples: Examples, prior: Prior | None) -> Weights:
    """Find the most probable weights; without a prior, those that leave the start as it is."""
    from scipy.optimize import minimize

    weights = np.zeros(examples.words.shape[1])
    if prior is None:
        return Weights(1.0, 0.0, weights)
    seen = np.unique(examples.words.indices) if prior.words else np.zeros(0, np.int64)
    words = examples.words[:, seen]
    turned = words.T.tocsr()
    center = np.zeros(2 + len(seen))
    share = positive_share(examples.targets)
    odds = np.log(share / (1 - share)) - examples.start_odds
    center[:2] = 1.0, odds if prior.expects_share else 0.0
    precision = np.full(len(center), prior.words**-2.0 if prior.words else 0.0)
    precision[:2] = _OF_SCALE**-2, _OF_BIAS**-2

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = parameters[0] * examples.start + parameters[1] + words @ parameters[2:]
        excess = sigmoid(logits) - examples.targets
        away = parameters - center
        slopes = np.concatenate([[excess @ examples.start, excess.sum()], turned @ excess])
        value = losses(logits, examples.targets).sum() + 0.5 * (precision * away**2).sum()
        return float(value), slopes + precision * away

    bounds = [(_SMALLEST_SCALE, None)] + [(None, None)] * (len(center) - 1)
    options = {"maxiter": _STEPS, "ftol": _SMALL_GAIN}
    found = minimize(loss, center, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    weights[seen] = found[2:]
    return Weights(float(found[0]), float(found[1]), weights)


def losses(logits: Floats, targets: Floats) -> Floats:
    """Give the cross-entropy of each review, (reviews,)."""
    found: Floats = np.logaddexp(0, logits) - targets * logits
    return found
