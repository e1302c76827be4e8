"""A preset in one file: what someone writes who adds a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.networks import import_keras
from toolkit.training import Preset

if TYPE_CHECKING:
    import keras


def build(vocabulary_size: int, max_tokens: int) -> keras.Model:
    """The mean of the vectors of the words."""
    keras = import_keras()
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((max_tokens,), dtype="int32", name="token_ids"),
            layers.Embedding(vocabulary_size, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="toy-mean",
    )
    rate = keras.optimizers.Adam(0.02)
    network.compile(optimizer=rate, loss="binary_crossentropy", metrics=["accuracy"])
    return network


MEAN = Preset(
    name="toy-mean",
    summary="the mean of the vectors of the words",
    recipe="padded",
    build=build,
    vocabulary_size=100,
    max_tokens=20,
    epochs=20,
    batch_size=8,
    stops_early=True,
    has_fixed_length=True,
)
