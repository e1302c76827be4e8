"""The network of `ngram-pool`: a vector for each word and each common bigram, in small integers.

A token's vector is ``relu(words[id] + bigrams[row])``. Each word has a second vector, which counts
instead where one of the three tokens before it negates; see `toolkit.networks.negation`. Over a
review the vectors are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The
logit is a weighted sum of both, and of a hidden layer over them: what a word says depends on what
the review is about, such as "cheap" in one of films.

All numbers in the tables are whole, and sums of them stay below 2²⁴: they are exact in float32 in
any order. Fetching rows takes most of the time, so there are few rows for a token, and short ones;
the hidden layer is computed once for a review.

In the graph, ``relu(word + bigram)`` is written as ``QuantizeLinear(DequantizeLinear +
DequantizeLinear)``, in which ONNX Runtime sees its `QLinearAdd`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from toolkit.networks import tables
from toolkit.networks.negation import SCOPE
from toolkit.networks.onnx_graph import integers
from toolkit.networks.pairs import QUOTIENTS, ROWS_STEPS, check_keys, check_slots
from toolkit.networks.tables import LARGEST_CODE, Codes, Floats, TableLayer, rounded, tf
from toolkit.text.token_ids import START_ID, Ids

_BEFORE = range(SCOPE)
_MARKS = " ".join(
    f"marks_{at} = Slice(marks_after_none, start_{at}, end_{at}, axis)" for at in _BEFORE
)

_STEPS = f"""
    marks = GatherElements <axis = 0> (negators, ids)
    mark_rows = Reshape(marks, shape)
    marks_after_none = Pad(mark_rows, none_in_front)
    {_MARKS}
    is_negated = Max({", ".join(f"marks_{at}" for at in _BEFORE)})
    shifts = Mul(is_negated, vocabulary_size)
    word_rows = Add(token_ids, shifts)
    word_codes = Gather <axis = 0> (words, word_rows)
    bigram_codes = Gather <axis = 0> (bigrams, rows)
    word = DequantizeLinear(word_codes, one, zero_code)
    bigram = DequantizeLinear(bigram_codes, one, zero_code)
    both = Add(word, bigram)
    vector_codes = QuantizeLinear(both, one, no_code)
    vectors = Cast <to = 1> (vector_codes)
    highest = ReduceMax <keepdims = 0> (vectors, axis)
    total = ReduceSum <keepdims = 0> (vectors, axis)
    root_column = Unsqueeze(root, axis)
    divisor = Mul(root_column, four)
    mean = Div(total, divisor)
    pooled = Concat <axis = 1> (highest, mean)
    pooled_rows = Unsqueeze(pooled, axis)
    hidden_products = Mul(pooled_rows, hidden_kernel)
    hidden_sums = ReduceSum <keepdims = 0> (hidden_products, last_axis)
    hidden_logits = Add(hidden_sums, hidden_bias)
    hidden = Relu(hidden_logits)
    features = Concat <axis = 1> (pooled, hidden)
    weighted = Mul(features, last_weights)
    sum = ReduceSum <keepdims = 0> (weighted, axis)
    logit = Add(sum, bias)
    probability = Sigmoid(logit)
"""


@tables.registered
class NgramPool(TableLayer):
    """Vectors of words, plain or negated, and of bigrams, pooled; a hidden layer."""

    SIZES = ("vocabulary", "bigrams", "slots", "columns", "hidden")

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        columns = sizes["columns"]
        self.words = self._weight("words", (2 * sizes["vocabulary"], columns), "int8")
        self.negators = self._weight("negators", (sizes["vocabulary"],), "int32")
        self.bigrams = self._weight("bigrams", (sizes["bigrams"], columns), "int8")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        hidden = sizes["hidden"]
        self.kernel = self._weight("kernel", (hidden, 2 * columns), "float32")
        self.hidden_bias = self._weight("hidden_bias", (hidden,), "float32")
        self.last = self._weight("last", (2 * columns + hidden,), "float32")
        self.bias = self._weight("bias", (), "float32")

    def call(self, ids: Any) -> Any:
        """Give the probability, (batch, 1) float32, of ids (batch, tokens) int32."""
        size = self._sizes["vocabulary"]
        kept = tables.counts(ids)
        rows = tables.bigram_rows(tables.bigram_keys(ids, size), self.slots, kept)
        places = ids + size * is_negated(self.negators, ids)
        vectors = tf.nn.relu(
            tf.cast(tf.gather(self.words, places), tf.float32)
            + tf.cast(tf.gather(self.bigrams, rows), tf.float32)
        )
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        mean = tf.reduce_sum(vectors, axis=1) / (tf.sqrt(tokens + 1.0) * 4.0)
        pooled = tf.concat([tf.reduce_max(vectors, axis=1), mean], axis=-1)
        sums = tf.reduce_sum(pooled[:, None] * self.kernel, axis=-1)
        features = tf.concat([pooled, tf.nn.relu(sums + self.hidden_bias)], axis=-1)
        logit = tf.reduce_sum(features * self.last, axis=-1, keepdims=True)
        return tf.sigmoid(logit + self.bias)

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.last.assign(self.last * scale)
        self.bias.assign(self.bias * scale + bias)


def is_negated(negators: Any, ids: Any) -> Any:
    """Whether one of the tokens before each negates it: (batch, tokens) int32, 1 or 0."""
    marks = tf.pad(tf.gather(negators, ids), [[0, 0], [SCOPE, 0]])
    count = tf.shape(ids)[1]
    return tf.reduce_max([marks[:, at : at + count] for at in _BEFORE], axis=0)


def freeze(
    words: Floats,
    negated: Floats,
    negators: Ids,
    bigrams: Floats,
    slots: Ids,
    kernel: Floats,
    hidden_bias: Floats,
    last: Floats,
    bias: float,
) -> Any:
    """Round the trained weights; arrays as in `frozen`, but of floats.

    `words` and `negated` are (V, F) each. Scales of columns move into the kernel and into `last`.
    """
    words, negated, bigrams = words.copy(), negated.copy(), bigrams.copy()
    for table, empty in ((words, START_ID + 1), (negated, START_ID + 1), (bigrams, 1)):
        table[:empty] = 0
    words = np.concatenate([words, negated])
    scale = tables.scales(np.concatenate([words, bigrams]), LARGEST_CODE)
    factors = np.tile(scale, 2)
    kernel = (kernel * factors).astype(np.float32)
    last = np.concatenate([last[: len(factors)] * factors, last[len(factors) :]])
    codes = [rounded(table / scale) for table in (words, bigrams)]
    last = last.astype(np.float32)
    return frozen(codes[0], negators, codes[1], slots, kernel, hidden_bias, last, bias)


def frozen(
    words: Codes,
    negators: Ids,
    bigrams: Codes,
    slots: Ids,
    kernel: Floats,
    hidden_bias: Floats,
    last: Floats,
    bias: float,
) -> Any:
    """Make the network of its tables; `ValueError` if they do not fit together.

    - words (2V, F): the vectors of the token ids, and then those where they are negated
    - negators (V,): 1 for the token ids that negate the tokens after them, else 0
    - bigrams (R, F) and slots (P,): see `toolkit.networks.pairs`
    - kernel (H, 2F) and hidden_bias (H,): the hidden layer over the maximum and the sum over
      4 · √(n + 1)
    - last (2F + H,): the weights of the maximum, of the sum and of the hidden layer
    - bias: the logit of a review without tokens

    The vectors of padding, of the start of a review and of row 0 are taken as zero. The Keras model
    takes (batch, any length) int32 and gives (batch, 1) float32, the probability.
    """
    tables.check_table("negators", negators, np.int32, None)
    size = len(negators)
    tables.check_table("words", words, np.int8, 2 * size, None)
    columns = words.shape[1]
    tables.check_table("bigrams", bigrams, np.int8, None, columns)
    tables.check_table("slots", slots, np.int32, None)
    tables.check_table("kernel", kernel, np.float32, None, 2 * columns)
    hidden = len(kernel)
    tables.check_table("hidden_bias", hidden_bias, np.float32, hidden)
    tables.check_table("last", last, np.float32, 2 * columns + hidden)
    check_keys(size)
    check_slots(slots, size, len(bigrams))
    if not np.isin(negators, (0, 1)).all():
        raise ValueError("negators: expected only 0 and 1")
    words, bigrams = tables.filled(words, 1), tables.filled(bigrams, 1)
    for start in (0, size):
        words[start : start + START_ID + 1] = 0
    bigrams[0] = 0
    of_last = np.split(last, [columns, 2 * columns])
    hidden_bias = tables.filled(hidden_bias, 0)
    weights = [
        words,
        negators,
        bigrams,
        slots,
        np.concatenate([_filled_kernel(part) for part in np.split(kernel, 2, axis=1)], axis=1),
        hidden_bias,
        np.concatenate([tables.filled(part, 0) for part in of_last]),
        np.float32(bias),
    ]
    sizes = (size, len(bigrams), len(slots), words.shape[1], len(hidden_bias))
    return tables.model_of(NgramPool, sizes, weights, "ngram-pool")


def _filled_kernel(part: Floats) -> Floats:
    return tables.filled(tables.filled(part, 0), 1)


def onnx_form(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with 8-bit tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramPool):
        return None
    words, negators, bigrams, slots, kernel, hidden_bias, last, bias = map(
        np.asarray, layer.get_weights()
    )
    weights = {
        # As uint8, each is 128 more.
        "words": words.view(np.uint8) ^ 128,
        "negators": negators,
        "bigrams": bigrams.view(np.uint8) ^ 128,
        "slots": slots,
        "zero_code": np.array(128, np.uint8),
        "no_code": np.array(0, np.uint8),
        "none_in_front": integers(0, SCOPE, 0, 0),
        **{f"start_{at}": integers(at) for at in _BEFORE},
        **{f"end_{at}": integers(at - SCOPE) for at in _BEFORE},
        "last_axis": integers(2),
        "hidden_kernel": kernel,
        "hidden_bias": hidden_bias,
        "last_weights": last,
        "bias": bias,
        "slots_size": np.array(len(slots), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "four": np.array(4, np.float32),
    }
    return tables.table_graph(ROWS_STEPS + _STEPS, weights, len(negators))
