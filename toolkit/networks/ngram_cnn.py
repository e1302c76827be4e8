"""The network of `ngram-cnn`: a vector for each word and each common bigram, in small integers.

A token's vector is ``relu(words[id] + bigrams[row])``. A second vector is made of each window of
three tokens that touches the review: the products of the kernel with the vectors in the window,
which are zero outside of the review, times a factor for each column, rounded and cut to 0 … 255.
Over a review both are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The
logit is the product of all this with fixed weights.

The vectors hold whole numbers, and so does the kernel. Sums of them stay below 2²⁴, and are exact
in float32 in any order. The numbers of the kernel end at ±64: two products of them with numbers up
to 255 fit into an int16, in which processors without newer instructions add them up.

`toolkit.networks.pairs` says how the row of a bigram is found; row 0, all zero, is that of every
unknown one.

In the graph, ``relu(word + bigram)`` is one addition of uint8 that stays within 0 and 255. It is
written as ``QuantizeLinear(DequantizeLinear + DequantizeLinear)``, in which ONNX Runtime sees its
`QLinearAdd`; a runtime that does not gives the same numbers, as all of them are whole. A window of
tokens is one row of the product `QLinearMatMul`, the slices of which are put side by side. It
multiplies by the factors, rounds to even and cuts to 0 … 255 by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks.onnx_graph import integers
from toolkit.networks.pairs import QUOTIENTS, check_keys
from toolkit.networks.tables import (
    LARGEST_CODE,
    PACKAGE,
    TINY,
    TableLayer,
    bigram_keys,
    check_table,
    counts,
    keras,
    model_of,
    rounded,
    table_graph,
    tf,
)
from toolkit.text.token_ids import START_ID

WIDTH = 3  # tokens in a window
_LARGEST_OF_KERNEL = 64
_LARGEST_VALUE = 255  # of a vector
_MOST_PRODUCTS = 2**24 // (_LARGEST_OF_KERNEL * _LARGEST_VALUE)

# Floats in a row of the weighted sum, so that each begins at a multiple of 64 bytes: sums are then
# made in the same order in every row, in any place of the batch.
_COLUMNS_TOGETHER = 8

# Ends of the first, the second and the third tokens of all windows, in tokens with two around.
_ENDS = (-2, -1, np.iinfo(np.int32).max)

_STEPS = """
    quotients = Div(keys, slots_size)
    multiples = Mul(quotients, slots_size)
    places = Sub(keys, multiples)
    found = GatherElements <axis = 0> (slots, places)
    found_rows = Div(found, quotients_size)
    found_multiples = Mul(found_rows, quotients_size)
    owners = Sub(found, found_multiples)
    is_owner = Equal(owners, quotients)
    is_bigram = And(is_owner, counted)
    factors = Cast <to = 6> (is_bigram)
    flat_rows = Mul(found_rows, factors)
    rows = Reshape(flat_rows, shape)
    word_codes = Gather <axis = 0> (words, token_ids)
    bigram_codes = Gather <axis = 0> (bigrams, rows)
    word = DequantizeLinear(word_codes, one, zero_code)
    bigram = DequantizeLinear(bigram_codes, one, zero_code)
    both = Add(word, bigram)
    positive_codes = QuantizeLinear(both, one, no_code)
    padded = Pad(positive_codes, two_around, no_code)
    first_tokens = Slice(padded, start_0, end_0, axis)
    second_tokens = Slice(padded, start_1, end_1, axis)
    third_tokens = Slice(padded, start_2, end_2, axis)
    windows = Concat <axis = 2> (first_tokens, second_tokens, third_tokens)
    window_codes = QLinearMatMul(
        windows, one, no_code, kernel, window_factors, kernel_zero, one, no_code
    )
    token_values = Cast <to = 1> (positive_codes)
    window_values = Cast <to = 1> (window_codes)
    highest_token = ReduceMax <keepdims = 0> (token_values, axis)
    highest_window = ReduceMax <keepdims = 0> (window_values, axis)
    token_total = ReduceSum <keepdims = 0> (token_values, axis)
    window_total = ReduceSum <keepdims = 0> (window_values, axis)
    total = Concat <axis = 1> (token_total, window_total)
    root_column = Unsqueeze(root, axis)
    divisor = Mul(root_column, four)
    mean = Div(total, divisor)
    pooled = Concat <axis = 1> (highest_token, highest_window, mean)
    weighted = Mul(pooled, pooled_weights)
    sum = ReduceSum <keepdims = 0> (weighted, axis)
    logit = Add(sum, bias)
    probability = Sigmoid(logit)
"""


@keras.saving.register_keras_serializable(package=PACKAGE)
class NgramCnn(TableLayer):
    """Vectors of words and bigrams, added and cut at zero; vectors of windows; both pooled.

    The sizes are the number of token ids, of rows of bigrams with row 0, and of slots, and the
    length of the vectors of tokens and of windows.
    """

    SIZES = ("words", "bigrams", "slots", "columns", "window_columns")

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
        return tf.clip_by_value(tf.round(found * self.factors), 0.0, _LARGEST_VALUE)

    def _rows(self, ids: Any, kept: Any) -> Any:
        keys = bigram_keys(ids, self._sizes["words"])
        quotients = keys // self._sizes["slots"]
        found = tf.gather(self.slots, keys - quotients * self._sizes["slots"])
        rows = found // QUOTIENTS
        is_owner = tf.equal(found - rows * QUOTIENTS, quotients)
        return tf.where(tf.logical_and(is_owner, kept), rows, 0)

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.weights_of_pooled.assign(self.weights_of_pooled * scale)
        self.bias.assign(self.bias * scale + bias)


def freeze(
    words: npt.NDArray[np.float32],
    bigrams: npt.NDArray[np.float32],
    slots: npt.NDArray[np.int32],
    windows: npt.NDArray[np.float32],
    largest_of_windows: npt.NDArray[np.float32],
    last: npt.NDArray[np.float32],
    bias: float,
) -> Any:
    """Round the trained weights of both convolutions; arrays as in `frozen`, but of floats.

    Each column has one scale for both tables, so that scaling commutes with the sum, the rectifier
    and the pooling, and moves into the last weights, (2, F + G), of maximum and mean; and into the
    kernel, whose columns have scales, too. `largest_of_windows`, (G,), is seen on some reviews.
    """
    # One more column, 1 wherever a token is, of which only the kernel makes use.
    columns = words.shape[1]
    words, bigrams = np.pad(words, [(0, 0), (0, 1)]), np.pad(bigrams, [(0, 0), (0, 1)])
    words[:, -1] = 1
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    scale = _scales(np.concatenate([words, bigrams]), LARGEST_CODE)
    windows = windows * scale[:, None]
    step = _scales(windows.reshape(-1, windows.shape[2]), _LARGEST_OF_KERNEL)
    of_windows = np.maximum(largest_of_windows, TINY) / _LARGEST_VALUE
    last = np.insert(last, columns, 0, axis=1)
    highest, mean = (last * np.concatenate([scale, of_windows])).astype(np.float32)
    return frozen(
        rounded(words / scale),
        rounded(bigrams / scale),
        slots,
        rounded(windows / step),
        (step / of_windows).astype(np.float32),
        highest,
        mean,
        bias,
    )


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
    """Make the network of its tables; `ValueError` if they do not fit together.

    - words (V, F) and bigrams (R, F): the vectors; those of padding, of the start of a review and
      of row 0 are taken as zero
    - slots (P,): see `toolkit.networks.pairs`
    - kernel (3, F, G) from -64 to 64: the first, the second and the third token of a window
    - factors (G,) above 0: of the sums over a window, before they are rounded
    - max_weights and mean_weights (F + G,): of the maximum and of the sum over 4 · √(n + 1), with
      the scales of the columns: tokens, then windows
    - bias: the logit of a review without tokens

    The Keras model takes (batch, any length) int32 and gives (batch, 1) float32, the probability.
    """
    check_table("words", words, np.int8, None, None)
    columns = words.shape[1]
    check_table("bigrams", bigrams, np.int8, None, columns)
    check_table("slots", slots, np.int32, None)
    check_table("kernel", kernel, np.int8, WIDTH, columns, None)
    check_table("factors", factors, np.float32, kernel.shape[2])
    check_table("max_weights", max_weights, np.float32, columns + kernel.shape[2])
    check_table("mean_weights", mean_weights, np.float32, columns + kernel.shape[2])
    check_keys(len(words))
    _check_values(words, bigrams, slots, kernel, factors)
    words, bigrams = _filled(words, 1), _filled(bigrams, 1)
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    kernel = _filled(_filled(kernel, 1), 2)
    pooled = [part for each in (max_weights, mean_weights) for part in np.split(each, [columns])]
    weights = [
        words,
        bigrams,
        slots,
        kernel.reshape(-1, kernel.shape[2]),
        _filled(factors, 0, 1),
        np.concatenate([_filled(part, 0) for part in pooled]),
        np.float32(bias),
    ]
    sizes = (len(words), len(bigrams), len(slots), words.shape[1], kernel.shape[2])
    layer = NgramCnn(**dict(zip(NgramCnn.SIZES, sizes, strict=True)))
    return model_of(layer, weights, "ngram-cnn")


def onnx_form(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with 8-bit tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramCnn):
        return None
    words, bigrams, slots, kernel, factors, pooled, bias = map(np.asarray, layer.get_weights())
    tables = {
        "words": _unsigned(words),
        "bigrams": _unsigned(bigrams),
        "slots": slots,
        "two_around": integers(0, 2, 0, 0, 2, 0),
        **{f"start_{place}": integers(place) for place in range(WIDTH)},
        **{f"end_{place}": integers(end) for place, end in enumerate(_ENDS)},
        "kernel": kernel,
        "kernel_zero": np.zeros(len(factors), np.int8),
        "window_factors": factors,
        "pooled_weights": pooled,
        "bias": bias,
        "slots_size": np.array(len(slots), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "zero_code": np.array(128, np.uint8),
        "no_code": np.array(0, np.uint8),
        "four": np.array(4, np.float32),
    }
    return table_graph(_STEPS, tables)


def _scales(table: npt.NDArray[np.float32], largest: int) -> npt.NDArray[np.float32]:
    """What one unit of each column is, if its largest value becomes `largest`."""
    scales: npt.NDArray[np.float32] = np.maximum(np.abs(table).max(axis=0), TINY) / largest
    return scales


def _unsigned(table: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    return (table.astype(np.int16) + 128).astype(np.uint8)


def _check_values(
    words: npt.NDArray[np.int8],
    bigrams: npt.NDArray[np.int8],
    slots: npt.NDArray[np.int32],
    kernel: npt.NDArray[np.int8],
    factors: npt.NDArray[np.float32],
) -> None:
    if (len(words) ** 2 - 1) // len(slots) >= QUOTIENTS:
        raise ValueError(f"slots: {len(slots):,} are too few for {len(words):,} words")
    if slots.min() < 0 or slots.max() // QUOTIENTS >= len(bigrams):
        raise ValueError(f"slots: one has no row among the {len(bigrams):,} of bigrams")
    low, high = kernel.min(), kernel.max()
    if max(-int(low), int(high)) > _LARGEST_OF_KERNEL:
        raise ValueError(f"kernel: expected numbers from -64 to 64, received {low} to {high}")
    columns = words.shape[1]
    if WIDTH * columns > _MOST_PRODUCTS:
        raise ValueError(
            f"columns: a sum of {WIDTH} · {columns} products may be inexact in float32"
        )
    if not (factors > 0).all():
        raise ValueError("factors: expected numbers above 0")


def _filled(table: npt.NDArray[Any], axis: int, value: float = 0) -> npt.NDArray[Any]:
    """Fill up an axis to a multiple of eight."""
    more = [(0, 0)] * table.ndim
    more[axis] = (0, -table.shape[axis] % _COLUMNS_TOGETHER)
    return np.pad(table, more, constant_values=value)
