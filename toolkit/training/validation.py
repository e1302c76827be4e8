"""What a Keras network gives to reviews, and how well that agrees with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import log_loss
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.presets import Preset
from toolkit.training.sources.reviews import Labels, Reviews

Probabilities = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 512  # results do not depend on it


@dataclass(frozen=True)
class Scores:
    """How well a network does on labelled reviews.

    The loss is the mean binary cross-entropy. The balanced accuracy is the mean of the shares of
    right answers to negative and to positive reviews, 0.5 for a constant; the accuracy of always
    giving the more frequent label is the majority accuracy.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float
    majority_accuracy: float
    reviews: int


def probabilities(network: Any, ids: Ids) -> Probabilities:
    """What a Keras network gives to rows of ids, (rows,) float32, without dropout."""
    found: Probabilities = network.predict(ids, batch_size=_ROWS_AT_ONCE, verbose=0)[:, 0]
    return found


def review_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, reviews: Reviews
) -> Probabilities:
    """What a Keras network gives to reviews, (reviews,) float32, without dropout."""
    ids = vocabulary.encode(reviews.texts, last=preset.max_tokens)
    if preset.has_fixed_length:
        return probabilities(network, ids.padded(preset.max_tokens))
    tokens = ids.with_start(preset.max_tokens)
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros(len(order), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        rows = order[start : start + _ROWS_AT_ONCE]
        found[rows] = np.asarray(network(tokens.padded_rows(rows), training=False))[:, 0]
    return found


def scores(found: Probabilities, labels: Labels) -> Scores:
    """Compare probabilities, (reviews,) float32, with labels of 0 and 1."""
    right = (found >= 0.5) == (labels == 1)
    shares = [float(right[labels == label].mean()) for label in (0, 1) if (labels == label).any()]
    positive = float((labels == 1).mean())
    return Scores(
        loss=log_loss(labels, found),
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean(shares)),
        majority_accuracy=max(positive, 1 - positive),
        reviews=len(labels),
    )
