"""The frozen network of `ngram-cnn`: a vector for each word and each common bigram.

A token's vector is ``relu(words[id] + bigrams[row])``. A second vector stands for each window of
three tokens that touches the review: the products of the kernel with the vectors in the window,
which are zero outside of the review, times a factor for each column, rounded and cut to 0 … 255.
Over a review both are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The
logit is the product of all this with fixed weights.

The vectors hold whole numbers, and so does the kernel. Sums of them stay below 2²⁴, and are exact
in float32 in whatever order they are made. The numbers of the kernel end at ±64: two products of
them with numbers up to 255 fit into an int16, in which processors without newer instructions add
them up.

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
from toolkit.text.vocabulary import START_ID

QUOTIENTS = 4096  # of keys by the number of slots, which share an int32 with the row

WIDTH = 3  # tokens in a window
LARGEST_OF_KERNEL = 64
LARGEST_VALUE = 255  # of a vector
_MOST_PRODUCTS = 2**24 // (LARGEST_OF_KERNEL * LARGEST_VALUE)

# Floats in a row of the weighted sum, so that each begins at a multiple of 64 bytes: sums are made
# in the same order in every row then, wherever it stands in the batch.
_COLUMNS_TOGETHER = 8


@keras.saving.register_keras_serializable(package=PACKAGE)
class NgramCnn(TableLayer):
    """Vectors of words and bigrams, added and cut at zero; vectors of windows; both pooled.

    Parameters
    ----------
    words : int
        Token ids.
    bigrams : int
        Rows of the bigrams, the one of zeros included.
    slots : int
        Places of the look-up.
    columns : int
        Length of the vectors of tokens.
    window_columns : int
        Length of the vectors of windows.
    **options : Any
        Of any Keras layer.
    """

    def __init__(
        self,
        words: int,
        bigrams: int,
        slots: int,
        columns: int,
        window_columns: int,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._sizes = {
            "words": words,
            "bigrams": bigrams,
            "slots": slots,
            "columns": columns,
            "window_columns": window_columns,
        }

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        self.words = self._weight("words", (sizes["words"], sizes["columns"]), "int8")
        self.bigrams = self._weight("bigrams", (sizes["bigrams"], sizes["columns"]), "int8")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        inputs, outputs = WIDTH * sizes["columns"], sizes["window_columns"]
        self.kernel = self._weight("kernel", (inputs, outputs), "int8")
        self.factors = self._weight("factors", (outputs,), "float32")
        pooled = 2 * (sizes["columns"] + outputs)
        self.weights_of_pooled = self._weight("pooled", (pooled,), "float32")
        self.bias = self._weight("bias", (), "float32")

    def call(self, ids: Any) -> Any:
        """Give the probability, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = counts(ids)
        vectors = tf.nn.relu(
            tf.cast(tf.gather(self.words, ids), tf.float32)
            + tf.cast(tf.gather(self.bigrams, self._rows(ids, kept)), tf.float32)
        )
        both = [vectors, self._of_windows(vectors)]
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        total = tf.concat([tf.reduce_sum(each, axis=1) for each in both], axis=-1)
        highest = tf.concat([tf.reduce_max(each, axis=1) for each in both], axis=-1)
        pooled = tf.concat([highest, total / (tf.sqrt(tokens + 1.0) * 4.0)], axis=-1)
        logit = tf.reduce_sum(pooled * self.weights_of_pooled, axis=-1, keepdims=True)
        return tf.sigmoid(logit + self.bias)

    def _of_windows(self, vectors: Any) -> Any:
        count = tf.shape(vectors)[1] + WIDTH - 1
        padded = tf.pad(vectors, [[0, 0], [WIDTH - 1, WIDTH - 1], [0, 0]])
        windows = [padded[:, start : start + count] for start in range(WIDTH)]
        found = tf.matmul(tf.concat(windows, axis=-1), tf.cast(self.kernel, tf.float32))
        return tf.clip_by_value(tf.round(found * self.factors), 0.0, LARGEST_VALUE)

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
    kernel: npt.NDArray[np.int8],
    factors: npt.NDArray[np.float32],
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
    kernel : npt.NDArray[np.int8]
        (3, F, G) from -64 to 64, of the first, the second and the third token of a window.
    factors : npt.NDArray[np.float32]
        (G,) above 0: of the sums over a window, before they are rounded.
    max_weights : npt.NDArray[np.float32]
        (F + G,), of the maximum, with the scales of the columns: tokens, then windows.
    mean_weights : npt.NDArray[np.float32]
        (F + G,), of the sum over 4 · √(n + 1).
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
    check_table("kernel", kernel, np.int8, 3)
    check_keys(len(words))
    _check_sizes(words, bigrams, kernel, factors, [max_weights, mean_weights])
    if (len(words) ** 2 - 1) // len(slots) >= QUOTIENTS:
        raise ValueError(f"slots: {len(slots):,} are too few for {len(words):,} words")
    if slots.min() < 0 or slots.max() // QUOTIENTS >= len(bigrams):
        raise ValueError(f"slots: one has no row among the {len(bigrams):,} of bigrams")

    columns = words.shape[1]
    words, bigrams = _filled(words, 1), _filled(bigrams, 1)
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    kernel = _filled(_filled(kernel, 1), 2)
    parts = [
        _filled(np.asarray(part, np.float32), 0)
        for weights in (max_weights, mean_weights)
        for part in np.split(weights, [columns])
    ]
    layer = NgramCnn(len(words), len(bigrams), len(slots), words.shape[1], kernel.shape[2])
    weights = [
        words,
        bigrams,
        slots,
        kernel.reshape(-1, kernel.shape[2]),
        _filled(np.asarray(factors, np.float32), 0, 1),
        np.concatenate(parts),
        np.float32(bias),
    ]
    return model_of(layer, weights, "ngram-cnn")


def _check_sizes(
    words: npt.NDArray[np.int8],
    bigrams: npt.NDArray[np.int8],
    kernel: npt.NDArray[np.int8],
    factors: npt.NDArray[np.float32],
    pooled: list[npt.NDArray[np.float32]],
) -> None:
    columns, window_columns = words.shape[1], kernel.shape[2]
    if len(kernel) != WIDTH:
        raise ValueError(f"kernel: expected windows of {WIDTH} tokens, received {len(kernel)}")
    if {bigrams.shape[1], kernel.shape[1]} != {columns}:
        raise ValueError(
            f"columns: expected {columns} as in words, received {bigrams.shape[1]} in bigrams and "
            f"{kernel.shape[1]} in the kernel"
        )
    sizes = {np.shape(weights) for weights in pooled}
    if np.shape(factors) != (window_columns,) or sizes != {(columns + window_columns,)}:
        raise ValueError(
            f"weights: expected {window_columns} factors and {columns + window_columns} weights, "
            f"received {np.shape(factors)} and {sorted(sizes)}"
        )
    if max(-int(kernel.min()), int(kernel.max())) > LARGEST_OF_KERNEL:
        raise ValueError(
            f"kernel: expected numbers from -64 to 64, received {kernel.min()} to {kernel.max()}"
        )
    if WIDTH * columns > _MOST_PRODUCTS:
        raise ValueError(
            f"columns: a sum of {WIDTH} · {columns} products may be inexact in float32"
        )
    if not (np.asarray(factors) > 0).all():
        raise ValueError("factors: expected numbers above 0")


def _filled(table: npt.NDArray[Any], axis: int, value: float = 0) -> npt.NDArray[Any]:
    """Fill up an axis to a multiple of eight."""
    more = [(0, 0)] * table.ndim
    more[axis] = (0, -table.shape[axis] % _COLUMNS_TOGETHER)
    return np.pad(table, more, constant_values=value)
