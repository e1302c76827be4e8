"""The frozen network of `ngram-cnn`: a vector for each word and each common bigram.

A token's vector is ``relu(words[id] + bigrams[row])``; over the tokens of a review it is pooled by
the maximum and by the sum, which is divided by 4 · √(n + 1). The logit is the product of both with
fixed weights. The vectors hold whole numbers, so the pooled ones are exact in float32.

The row of a bigram is found by one look into the table of slots: with ``key = previous · V + id``,
the slot ``key % P`` holds ``row · 4096 + key // P`` of the one bigram that owns it. Row 0, all
zero, is that of every other bigram.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks.tables import (
    PACKAGE,
    TableLayer,
    bigram_keys,
    check_keys,
    check_table,
    counts,
    keras,
    model_of,
    tf,
)
from toolkit.text import START_ID

QUOTIENTS = 4096  # of keys by the number of slots, which share an int32 with the row

# Floats in a row of the weighted sum, so that each begins at a multiple of 64 bytes: sums are made
# in the same order in every row then, wherever it stands in the batch.
_COLUMNS_TOGETHER = 8


@keras.saving.register_keras_serializable(package=PACKAGE)
class NgramCnn(TableLayer):
    """Vectors of words and bigrams, added, cut at zero and pooled.

    Parameters
    ----------
    words : int
        Token ids.
    bigrams : int
        Rows of the bigrams, the one of zeros included.
    slots : int
        Places of the look-up.
    columns : int
        Length of the vectors.
    **options : Any
        Of any Keras layer.
    """

    def __init__(self, words: int, bigrams: int, slots: int, columns: int, **options: Any) -> None:
        super().__init__(**options)
        self._sizes = {"words": words, "bigrams": bigrams, "slots": slots, "columns": columns}

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        self.words = self._weight("words", (sizes["words"], sizes["columns"]), "int8")
        self.bigrams = self._weight("bigrams", (sizes["bigrams"], sizes["columns"]), "int8")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        self.weights_of_pooled = self._weight("pooled", (2 * sizes["columns"],), "float32")
        self.bias = self._weight("bias", (), "float32")

    def call(self, ids: Any) -> Any:
        """Give the probability, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = counts(ids)
        vectors = tf.nn.relu(
            tf.cast(tf.gather(self.words, ids), tf.float32)
            + tf.cast(tf.gather(self.bigrams, self._rows(ids, kept)), tf.float32)
        )
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        mean = tf.reduce_sum(vectors, axis=1) / (tf.sqrt(tokens + 1.0) * 4.0)
        pooled = tf.concat([tf.reduce_max(vectors, axis=1), mean], axis=-1)
        logit = tf.reduce_sum(pooled * self.weights_of_pooled, axis=-1, keepdims=True)
        return tf.sigmoid(logit + self.bias)

    def _rows(self, ids: Any, kept: Any) -> Any:
        keys = bigram_keys(ids, self._sizes["words"])
        quotients = keys // self._sizes["slots"]
        found = tf.gather(self.slots, keys - quotients * self._sizes["slots"])
        rows = found // QUOTIENTS
        is_owner = tf.equal(found - rows * QUOTIENTS, quotients)
        return tf.where(tf.logical_and(is_owner, kept), rows, 0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Give one column."""
        return input_shape[0], 1

    def get_config(self) -> dict[str, Any]:
        """Give the arguments to make the layer again."""
        return {**super().get_config(), **self._sizes}

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.weights_of_pooled.assign(self.weights_of_pooled * scale)
        self.bias.assign(self.bias * scale + bias)


def frozen(
    words: npt.NDArray[np.int8],
    bigrams: npt.NDArray[np.int8],
    slots: npt.NDArray[np.int32],
    max_weights: npt.NDArray[np.float32],
    mean_weights: npt.NDArray[np.float32],
    bias: float,
) -> Any:
    """Make the network of its tables.

    Parameters
    ----------
    words : npt.NDArray[np.int8]
        (V, F), the vectors of the token ids; those of padding and of the start of a review are
        taken as zero.
    bigrams : npt.NDArray[np.int8]
        (R, F), the vectors of the bigrams; row 0 is taken as zero.
    slots : npt.NDArray[np.int32]
        (P,), the look-up: ``row · 4096 + key // P`` at ``key % P``, or 0 where no bigram is.
    max_weights : npt.NDArray[np.float32]
        (F,), of the maximum, with the scales of the columns.
    mean_weights : npt.NDArray[np.float32]
        (F,), of the sum over 4 · √(n + 1).
    bias : float
        Logit of a review without tokens.

    Returns
    -------
    Any
        A Keras model, (batch, any length) int32 → (batch, 1) float32: the probability.

    Raises
    ------
    ValueError
        If tables are of other kinds or do not fit together.
    """
    check_table("words", words, np.int8, 2)
    check_table("bigrams", bigrams, np.int8, 2)
    check_table("slots", slots, np.int32, 1)
    check_keys(len(words))
    columns = words.shape[1]
    found = {bigrams.shape[1:], np.shape(max_weights), np.shape(mean_weights)}
    if found != {(columns,)}:
        raise ValueError(f"columns: expected {columns} as in words, received {sorted(found)}")
    if (len(words) ** 2 - 1) // len(slots) >= QUOTIENTS:
        raise ValueError(f"slots: {len(slots):,} are too few for {len(words):,} words")
    if slots.min() < 0 or slots.max() // QUOTIENTS >= len(bigrams):
        raise ValueError(f"slots: one has no row among the {len(bigrams):,} of bigrams")

    more = -columns % _COLUMNS_TOGETHER
    words, bigrams = (np.pad(table, [(0, 0), (0, more)]) for table in (words, bigrams))
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    pooled = [np.pad(np.asarray(w, np.float32), (0, more)) for w in (max_weights, mean_weights)]
    layer = NgramCnn(len(words), len(bigrams), len(slots), columns + more)
    weights = [words, bigrams, slots, np.concatenate(pooled), np.float32(bias)]
    return model_of(layer, weights, "ngram-cnn")
