"""The network of `ngram-cnn`: a vector for each word and each common bigram, in small integers.

A token's vector is ``relu(words[id] + bigrams[row])``. A second vector is made of each window of
three tokens that touches the review: the products of the kernel with the vectors in the window,
which are zero outside of the review, times a factor for each column, rounded and cut to 0 … 255.
Over a review both are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The
logit is the product of all this with fixed weights.

All numbers in tables and kernel are whole, and sums of them stay below 2²⁴: they are exact in
float32 in any order. The kernel ends at ±64: two products of it with numbers up to 255 fit
into an int16, in which processors without newer instructions add them up.

In the graph, ``relu(word + bigram)`` is written as ``QuantizeLinear(DequantizeLinear +
DequantizeLinear)``, in which ONNX Runtime sees its `QLinearAdd`. A window of tokens is one row of
the product `QLinearMatMul`, which multiplies by the factors, rounds to even and cuts to 0 … 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from toolkit.networks import tables
from toolkit.networks.onnx_graph import integers
from toolkit.networks.pairs import QUOTIENTS, ROWS_STEPS, check_keys, check_slots
from toolkit.networks.tables import LARGEST_CODE, TINY, Codes, Floats, TableLayer, rounded, tf
from toolkit.text.token_ids import START_ID, Ids

WIDTH = 3  # tokens in a window
_LARGEST_OF_KERNEL = 64
_LARGEST_VALUE = 255  # of a vector
_MOST_PRODUCTS = 2**24 // (_LARGEST_OF_KERNEL * _LARGEST_VALUE)

# Where the first, second and third tokens of all windows end, with two tokens around the review.
_ENDS = (-2, -1, np.iinfo(np.int32).max)

_STEPS = """
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


@tables.registered
class NgramCnn(TableLayer):
    """Vectors of words and bigrams, added and cut at zero; vectors of windows; both pooled."""

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

    def logits(self, ids: Any) -> Any:
        """Give the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = tables.counts(ids)
        keys = tables.bigram_keys(ids, self._sizes["words"])
        rows = tables.bigram_rows(keys, self.slots, kept)
        vectors = tf.nn.relu(
            tf.cast(tf.gather(self.words, ids), tf.float32)
            + tf.cast(tf.gather(self.bigrams, rows), tf.float32)
        )
        both = [vectors, self._of_windows(vectors)]
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        total = tf.concat([tf.reduce_sum(each, axis=1) for each in both], axis=-1)
        highest = tf.concat([tf.reduce_max(each, axis=1) for each in both], axis=-1)
        pooled = tf.concat([highest, total / (tf.sqrt(tokens + 1.0) * 4.0)], axis=-1)
        logit = tf.reduce_sum(pooled * self.weights_of_pooled, axis=-1, keepdims=True)
        return logit + self.bias

    def _of_windows(self, vectors: Any) -> Any:
        count = tf.shape(vectors)[1] + WIDTH - 1
        padded = tf.pad(vectors, [[0, 0], [WIDTH - 1, WIDTH - 1], [0, 0]])
        windows = [padded[:, start : start + count] for start in range(WIDTH)]
        found = tf.matmul(tf.concat(windows, axis=-1), tf.cast(self.kernel, tf.float32))
        return tf.clip_by_value(tf.round(found * self.factors), 0.0, _LARGEST_VALUE)

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.weights_of_pooled.assign(self.weights_of_pooled * scale)
        self.bias.assign(self.bias * scale + bias)


def freeze(
    words: Floats,
    bigrams: Floats,
    slots: Ids,
    windows: Floats,
    largest_of_windows: Floats,
    last: Floats,
    bias: float,
) -> Any:
    """Round the trained weights; arrays as in `frozen`, but of floats.

    Scales of columns move into the kernel and into `last`, (2, F + G), the weights of maximum and
    mean. `largest_of_windows`, (G,), are the largest values that were seen.
    """
    # One more column, which only the kernel uses: 1 for each token.
    columns = words.shape[1]
    words, bigrams = np.pad(words, [(0, 0), (0, 1)]), np.pad(bigrams, [(0, 0), (0, 1)])
    words[:, -1] = 1
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    scale = tables.scales(np.concatenate([words, bigrams]), LARGEST_CODE)
    windows = windows * scale[:, None]
    step = tables.scales(windows.reshape(-1, windows.shape[2]), _LARGEST_OF_KERNEL)
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
    words: Codes,
    bigrams: Codes,
    slots: Ids,
    kernel: Codes,
    factors: Floats,
    max_weights: Floats,
    mean_weights: Floats,
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
    tables.check_table("words", words, np.int8, None, None)
    columns = words.shape[1]
    tables.check_table("bigrams", bigrams, np.int8, None, columns)
    tables.check_table("slots", slots, np.int32, None)
    tables.check_table("kernel", kernel, np.int8, WIDTH, columns, None)
    tables.check_table("factors", factors, np.float32, kernel.shape[2])
    tables.check_table("max_weights", max_weights, np.float32, columns + kernel.shape[2])
    tables.check_table("mean_weights", mean_weights, np.float32, columns + kernel.shape[2])
    check_keys(len(words))
    _check_values(words, bigrams, slots, kernel)
    if not (factors > 0).all():
        raise ValueError("factors: expected numbers above 0")
    words, bigrams = tables.filled(words, 1), tables.filled(bigrams, 1)
    words[: START_ID + 1] = 0
    bigrams[0] = 0
    kernel = tables.filled(tables.filled(kernel, 1), 2)
    pooled = [part for each in (max_weights, mean_weights) for part in np.split(each, [columns])]
    weights = [
        words,
        bigrams,
        slots,
        kernel.reshape(-1, kernel.shape[2]),
        tables.filled(factors, 0, 1),
        np.concatenate([tables.filled(part, 0) for part in pooled]),
        np.float32(bias),
    ]
    sizes = (len(words), len(bigrams), len(slots), words.shape[1], kernel.shape[2])
    return tables.model_of(NgramCnn, sizes, weights, "ngram-cnn")


def onnx_form(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with 8-bit tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramCnn):
        return None
    words, bigrams, slots, kernel, factors, pooled, bias = map(np.asarray, layer.get_weights())
    weights = {
        # As uint8, each is 128 more.
        "words": words.view(np.uint8) ^ 128,
        "bigrams": bigrams.view(np.uint8) ^ 128,
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
    return tables.table_graph(ROWS_STEPS + _STEPS, weights, len(words))


def from_onnx(model: onnx.ModelProto) -> Any:
    """Make the network of its graph; None for others."""
    found = tables.tables_of(model, ROWS_STEPS + _STEPS)
    if found is None:
        return None
    words, bigrams = ((found[name] ^ 128).view(np.int8) for name in ("words", "bigrams"))
    columns, factors = words.shape[1], found["window_factors"]
    highest, mean = np.split(found["pooled_weights"], [columns + len(factors)])
    kernel = found["kernel"].reshape(WIDTH, columns, len(factors))
    bias = float(found["bias"])
    return frozen(words, bigrams, found["slots"], kernel, factors, highest, mean, bias)


def _check_values(words: Codes, bigrams: Codes, slots: Ids, kernel: Codes) -> None:
    check_slots(slots, len(words), len(bigrams))
    low, high = kernel.min(), kernel.max()
    if max(-int(low), int(high)) > _LARGEST_OF_KERNEL:
        raise ValueError(f"kernel: expected numbers from -64 to 64, received {low} to {high}")
    products = f"{WIDTH} · {words.shape[1]} products"
    if WIDTH * words.shape[1] > _MOST_PRODUCTS:
        raise ValueError(f"columns: a sum of {products} may be inexact in float32")
