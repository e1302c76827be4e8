"""What the layers made of tables have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.text.vocabulary import START_ID

keras: Any = import_keras()
tf: Any = import_tensorflow()

PACKAGE = "review_sentiment_toolkit"  # under which Keras finds the layers again

# Key of a bigram, previous · vocabulary + id: an int32.
_LARGEST_KEY = np.iinfo(np.int32).max


class TableLayer(keras.layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Token ids (batch, tokens) int32 → probability (batch, 1) float32.

    The result of a row depends neither on its neighbours nor on the padding in front.
    """

    def _weight(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        return self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias` by changing the last weights."""
        raise NotImplementedError


def bigram_keys(ids: Any, vocabulary_size: int) -> Any:
    """Number each pair of a token and the one before it, which is 0 at the start of a row."""
    previous = tf.pad(ids[:, :-1], [[0, 0], [1, 0]])
    return previous * vocabulary_size + ids


def counts(ids: Any) -> Any:
    """Whether each id counts: padding and the start of the review do not."""
    return tf.greater(ids, START_ID)


def model_of(layer: TableLayer, weights: list[Any], name: str) -> Any:
    """Make a Keras model of one layer, (batch, any length) int32 → (batch, 1) float32."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    network = keras.Model(ids, layer(ids), name=name)
    layer.set_weights(weights)
    return network


def check_table(name: str, table: npt.NDArray[Any], dtype: type, dimensions: int) -> None:
    """Raise `ValueError` unless a table has such values and so many dimensions."""
    if table.dtype != dtype or table.ndim != dimensions or not table.size:
        raise ValueError(
            f"{name}: expected a {dimensions}-dimensional array of {np.dtype(dtype)}, received "
            f"{table.dtype} of the shape {table.shape}"
        )


def check_keys(vocabulary_size: int) -> None:
    """Raise `ValueError` if the keys of the bigrams would not fit into an int32."""
    if vocabulary_size**2 - 1 > _LARGEST_KEY:
        raise ValueError(
            f"words: {vocabulary_size:,} of them have more bigrams than an int32 counts"
        )
