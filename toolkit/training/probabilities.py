"""What a Keras network gives to reviews, without dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text.vocabulary import Vocabulary
from toolkit.training.presets import Preset
from toolkit.training.sources.reviews import Reviews

Probabilities = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 512  # results do not depend on it


def review_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, reviews: Reviews
) -> Probabilities:
    """The probability of positive of each review, (reviews,) float32."""
    ids = vocabulary.encode(reviews.texts, last=preset.max_tokens)
    if preset.has_fixed_length:
        same_length = ids.padded(preset.max_tokens)
        padded: Probabilities = network.predict(same_length, batch_size=_ROWS_AT_ONCE, verbose=0)[
            :, 0
        ]
        return padded
    tokens = ids.with_start(preset.max_tokens)
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros(len(order), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        rows = order[start : start + _ROWS_AT_ONCE]
        found[rows] = np.asarray(network(tokens.padded_rows(rows), training=False))[:, 0]
    return found
