"""The network of `ngram-pool`: a vector for each word and each common bigram, in small integers.

A token's vector is ``relu(words[id] + bigrams[row])``. Each word has a second vector, which counts
instead where one of the three tokens before it negates; see `toolkit.networks.negation`. Over a
review the vectors are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The
logit is the product of both with fixed weights.

All numbers in the tables are whole, and sums of them stay below 2²⁴: they are exact in float32 in
any order. Fetching rows takes most of the time, so there are few rows for a token, and short ones.
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
    word = Cast <to = 1> (word_codes)
    bigram = Cast <to = 1> (bigram_codes)
    both = Add(word, bigram)
    vectors = Relu(both)
    highest = ReduceMax <keepdims = 0> (vectors, axis)
    total = ReduceSum <keepdims = 0> (vectors, axis)
    root_column = Unsqueeze(root, axis)
    divisor = Mul(root_column, four)
    mean = Div(total, divisor)
    pooled = Concat <axis = 1> (highest, mean)
    weighted = Mul(pooled, pooled_weights)
    sum = ReduceSum <keepdims = 0> (weighted, axis)
    logit = Add(sum, bias)
    probability = Sigmoid(logit)
"""


@tables.registered
class NgramPool(TableLayer):
    """Vectors of words, plain or negated, and of bigrams, added, cut at zero and pooled."""

    SIZES = ("vocabulary", "bigrams", "slots", "columns")

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        columns = sizes["columns"]
        self.words = self._weight("words", (2 * sizes["vocabulary"], columns), "int8")
        self.negators = self._weight("negators", (sizes["vocabulary"],), "int32")
        self.bigrams = self._weight("bigrams", (sizes["bigrams"], columns), "int8")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        self.weights_of_pooled = self._weight("pooled", (2 * columns,), "float32")
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
        logit = tf.reduce_sum(pooled * self.weights_of_pooled, axis=-1, keepdims=True)
        return tf.sigmoid(logit + self.bias)

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.weights_of_pooled.assign(self.weights_of_pooled * scale)
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
    last: Floats,
    bias: float,
) -> Any:
    """Round the trained weights; arrays as in `frozen`, but of floats.

    `words` and `negated` are (V, F) each. Scales of columns move into `last`, (2, F), the weights
    of maximum and mean.
    """
    words, negated, bigrams = words.copy(), negated.copy(), bigrams.copy()
    for table, empty in ((words, START_ID + 1), (negated, START_ID + 1), (bigrams, 1)):
        table[:empty] = 0
    words = np.concatenate([words, negated])
    scale = tables.scales(np.concatenate([words, bigrams]), LARGEST_CODE)
    highest, mean = (last * scale).astype(np.float32)
    codes = (rounded(table / scale) for table in (words, bigrams))
    return frozen(next(codes), negators, next(codes), slots, highest, mean, bias)


def frozen(
    words: Codes,
    negators: Ids,
    bigrams: Codes,
    slots: Ids,
    max_weights: Floats,
    mean_weights: Floats,
    bias: float,
) -> Any:
    """Make the network of its tables; `ValueError` if they do not fit together.

    - words (2V, F): the vectors of the token ids, and then those where they are negated
    - negators (V,): 1 for the token ids that negate the tokens after them, else 0
    - bigrams (R, F) and slots (P,): see `toolkit.networks.pairs`
    - max_weights and mean_weights (F,): of the maximum and of the sum over 4 · √(n + 1)
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
    tables.check_table("max_weights", max_weights, np.float32, columns)
    tables.check_table("mean_weights", mean_weights, np.float32, columns)
    check_keys(size)
    check_slots(slots, size, len(bigrams))
    if not np.isin(negators, (0, 1)).all():
        raise ValueError("negators: expected only 0 and 1")
    words, bigrams = tables.filled(words, 1), tables.filled(bigrams, 1)
    for start in (0, size):
        words[start : start + START_ID + 1] = 0
    bigrams[0] = 0
    pooled = np.concatenate([tables.filled(part, 0) for part in (max_weights, mean_weights)])
    weights = [words, negators, bigrams, slots, pooled, np.float32(bias)]
    sizes = (size, len(bigrams), len(slots), words.shape[1])
    return tables.model_of(NgramPool, sizes, weights, "ngram-pool")


def onnx_form(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with int8 tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramPool):
        return None
    words, negators, bigrams, slots, pooled, bias = map(np.asarray, layer.get_weights())
    weights = {
        "words": words,
        "negators": negators,
        "bigrams": bigrams,
        "slots": slots,
        "none_in_front": integers(0, SCOPE, 0, 0),
        **{f"start_{at}": integers(at) for at in _BEFORE},
        **{f"end_{at}": integers(at - SCOPE) for at in _BEFORE},
        "pooled_weights": pooled,
        "bias": bias,
        "slots_size": np.array(len(slots), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "four": np.array(4, np.float32),
    }
    return tables.table_graph(ROWS_STEPS + _STEPS, weights, len(negators))
