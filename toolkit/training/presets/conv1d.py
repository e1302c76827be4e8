"""The small convolutional network of the Keras sentiment tutorial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.networks.backend import import_keras
from toolkit.training.presets.base import PaddedPreset, Preset

if TYPE_CHECKING:
    import keras


def build(preset: Preset) -> keras.Model:
    """Make the network with fresh weights, compiled.

    The layers, their sizes and the optimizer are those of the well-known tutorial on the IMDB
    reviews with Keras: 152,593 parameters. Its three dropout layers are strong on purpose; without
    them, a vocabulary of 10,000 is learned by heart within two epochs.

    Parameters
    ----------
    preset : Preset
        Gives the vocabulary size and the length of a row.

    Returns
    -------
    keras.Model
        (batch, max_tokens) int32 → (batch, 1) float32.
    """
    keras = import_keras()
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((preset.max_tokens,), dtype="int32", name="token_ids"),
            layers.Embedding(preset.vocabulary_size, 15),
            layers.Dropout(0.5),
            layers.Conv1D(32, 2, padding="same", activation="relu"),
            layers.Dropout(0.5),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ],
        name=preset.name,
    )
    network.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return network


CONV1D = PaddedPreset(
    name="conv1d",
    summary="the tutorial's network: one convolution over the last 100 tokens",
    vocabulary_size=10_000,
    max_tokens=100,
    epochs=100,
    batch_size=32,
    build=build,
)
