"""How well a network does on reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text.vocabulary import Ids, Vocabulary
from toolkit.training.ngrams.tokens import Tokens
from toolkit.training.presets.base import Preset
from toolkit.training.sources.reviews import Labels, Reviews

Probabilities = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 512  # results do not depend on it
_NEAREST = 1e-7  # to 0 and to 1, for the logarithm; as Keras has it


@dataclass(frozen=True)
class Scores:
    """How well a network does on reviews: mean binary cross-entropy, and share of right labels."""

    loss: float
    accuracy: float
    reviews: int


def probabilities(network: Any, ids: Ids) -> Probabilities:
    """What a Keras network gives to rows of ids, (rows,) float32, without dropout."""
    found: Probabilities = network.predict(ids, batch_size=_ROWS_AT_ONCE, verbose=0)[:, 0]
    return found


def review_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, reviews: Reviews
) -> Probabilities:
    """What a Keras network gives to reviews, (reviews,) float32, without dropout."""
    if preset.has_fixed_length:
        ids = vocabulary.encode(reviews.texts, last=preset.max_tokens).padded(preset.max_tokens)
        return probabilities(network, ids)
    tokens = Tokens.of(vocabulary, reviews.texts, preset.max_tokens)
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros(len(order), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        rows = order[start : start + _ROWS_AT_ONCE]
        found[rows] = np.asarray(network(tokens.padded(rows), training=False))[:, 0]
    return found


def scores(found: Probabilities, labels: Labels) -> Scores:
    """Judge probabilities, (reviews,) float32, by labels of 0 and 1."""
    clipped = np.clip(found.astype(np.float64), _NEAREST, 1 - _NEAREST)
    losses = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    right = (found >= 0.5) == (labels == 1)
    return Scores(float(losses.mean()), float(right.mean()), len(labels))
