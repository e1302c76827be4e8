"""What the networks over vectors of words and pairs have in common while they are trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras
from toolkit.training.recipes.word_vectors import Vectors

keras: Any = import_keras()
ops = keras.ops

# Deviation of the start vectors, as wide as the network's own start weights.
_START_DEVIATION = 0.1


def mask(condition: Any) -> Any:
    """Turn truth values (rows, tokens) into factors (rows, tokens, 1) float32."""
    return ops.cast(ops.expand_dims(condition, -1), "float32")


def embedding(vectors: Vectors) -> Any:
    """A table that starts with these vectors, all scaled by one factor."""
    known = vectors[np.any(vectors != 0, axis=1)]
    deviation = float(known.std()) if len(known) else 0.0
    start = vectors / max(deviation, 1e-6) * _START_DEVIATION
    return keras.layers.Embedding(
        *vectors.shape, embeddings_initializer=keras.initializers.Constant(start)
    )


def pooled(found: Any, is_token: Any) -> list[Any]:
    """Maximum and length-scaled sum over the tokens."""
    count = ops.sum(is_token, axis=1) + 1.0
    return [ops.max(found, axis=1), ops.sum(found, axis=1) / (4.0 * ops.sqrt(count))]
