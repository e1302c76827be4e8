"""The network of `ngram-pool`: a vector for each word and each common bigram, in small integers.

A token has one vector, that of the pair that it makes with the token before it, or else its own.
Another one counts instead where one of the three tokens before it negates. (To mark the words in
the scope of a negation is an old way to tell "not good" from "good": Das and Chen, Yahoo! for
Amazon, 2001; Pang, Lee and Vaithyanathan, Thumbs up?, EMNLP 2002.) Over a review the vectors are
pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The logit is a weighted sum
of both, and of a hidden layer over them: what a word says depends on what the review is about, such
as "cheap" in one of films.

There may be several experts, networks of this kind of which each review is read by one, so that it
costs as much as with one. A review of few tokens is read by the last expert. Of the others, the
*routes* of the words say which, a whole number for each: the second reads the reviews in which
their sum is above a limit. Two topics that share all columns spoil each other's. (To compute one
expert of many for each example is an idea of Shazeer and others, Outrageously Large Neural
Networks, ICLR 2017; theirs are chosen by a network.)

The vectors are whole numbers from 0 to 255, and sums of them stay below 2²⁴: they are exact in
float32 in any order. Fetching rows takes most of the time, so there is one row for a token, and a
short one; the hidden layer is computed once for a review. It is a product and a sum over the last
axis: its bits do not depend on the size of a batch, as those of a `MatMul` may, and those of a sum
over the middle axis do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import tables
from toolkit.networks.bigrams import (
    QUOTIENTS,
    Bigrams,
    bigram_keys,
    bigram_rows,
    check_keys,
    check_slots,
)
from toolkit.networks.tables import TINY, Floats, TableLayer, integers, keras, tf
from toolkit.text.token_ids import FIRST_WORD_ID, START_ID, Ids

layers, ops = keras.layers, keras.ops

COLUMNS = 16
HIDDEN = 32
NEGATED_PAIRS = 64_000  # rows of pairs, the most common first, that have a vector where negated
# Deviation of the start vectors, as wide as the network's own start weights.
_START_DEVIATION = 0.1
MOST_EXPERTS = 3
_LARGEST_CODE = 255  # of uint8

# Floats in a row of the weighted sum, so that each begins at a multiple of 64 bytes: sums are then
# made in the same order in every row, in any place of the batch.
_COLUMNS_TOGETHER = 8
SCOPE = 3  # tokens after a negator that it negates

# Words that end in "n't" are negators, too. Some are written here without the apostrophe, as many
# people type them.
_NEGATORS = frozenset(
    {
        *("not", "no", "never", "none", "nothing", "nobody", "nor", "neither", "cannot", "without"),
        *("hardly", "barely", "scarcely", "lack", "lacks", "lacked", "zero"),
        *("cant", "dont", "didnt", "doesnt", "wasnt", "isnt", "wont", "wouldnt", "couldnt"),
        *("shouldnt", "havent", "hasnt", "hadnt", "arent", "werent", "aint"),
    }
)

# The names of the layer's weights in the graph, in their order.
_OF_EXPERTS = ("hidden_kernel", "hidden_bias", "last_weights", "bias")
_WEIGHTS = (*("vectors", "negators", "slots", "routes", "route_limit", "long_tokens"), *_OF_EXPERTS)
_BEFORE = range(SCOPE)
_STEPS = ("bigrams", "ngram_pool")


@dataclass(frozen=True)
class Expert:
    """One of the networks, trained (float32) or rounded (vectors uint8).

    - vectors (V + P + V + N, F): of the token ids; of tokens with the one before them, as one of
      the pairs (row 0 is not a pair); and then where the token is negated: of the token ids, and
      of the first pairs. Negated tokens of other pairs have the vector of their id.
    - kernel (H, 2F) and hidden_bias (H,): the hidden layer over the maximum and the sum over
      4 · √(n + 1)
    - last (2F + H,): the weights of the maximum, of the sum and of the hidden layer
    - bias: the logit of a review without tokens
    """

    vectors: npt.NDArray[Any]
    kernel: Floats
    hidden_bias: Floats
    last: Floats
    bias: float

    def rounded(self) -> Expert:
        """Round the vectors; the scales of their columns move into the kernel and into `last`."""
        scale = np.maximum(np.abs(self.vectors).max(axis=0), TINY) / _LARGEST_CODE
        factors = np.tile(scale, 2)
        pooled = len(factors)
        last = np.concatenate([self.last[:pooled] * factors, self.last[pooled:]])
        return replace(
            self,
            vectors=np.round(self.vectors / scale).astype(np.uint8),
            kernel=(self.kernel * factors).astype(np.float32),
            last=last.astype(np.float32),
        )

    def filled(self, lookup: Lookup) -> Expert:
        """Fill the columns up, and empty the vectors that stand for nothing."""
        columns = self.vectors.shape[1]
        vectors = _filled(self.vectors, 1)
        for ids in (0, lookup.plain_rows):
            vectors[ids : ids + START_ID + 1] = 0
            vectors[ids + len(lookup.negators)] = 0
        kernel = [_filled(_filled(k, 0), 1) for k in np.split(self.kernel, 2, axis=1)]
        last = np.split(self.last, [columns, 2 * columns])
        return replace(
            self,
            vectors=vectors,
            kernel=np.concatenate(kernel, axis=1),
            hidden_bias=_filled(self.hidden_bias, 0),
            last=np.concatenate([_filled(part, 0) for part in last]),
        )


@dataclass(frozen=True)
class Lookup:
    """What finds the vectors, and the expert; the arrays are int32.

    - negators (V,): 1 for the token ids that negate the tokens after them, else 0
    - slots (any,): see `toolkit.networks.bigrams`
    - pairs: P, the number of their rows, with row 0
    - routes (V,): what each token id adds to the sum that chooses between the first two experts
    - route_limit: the second expert reads the reviews with a larger sum
    - long_tokens: the last expert reads the reviews of fewer tokens, known or not
    """

    negators: Ids
    slots: Ids
    pairs: int
    routes: Ids
    route_limit: int = 0
    long_tokens: int = 0

    @property
    def plain_rows(self) -> int:
        """How many vectors there are before those of negated tokens."""
        return len(self.negators) + self.pairs


def check_experts(lookup: Lookup, experts: Sequence[Expert]) -> None:
    """Raise `ValueError` unless all tables fit together."""
    tables.check_table("negators", lookup.negators, np.int32, None)
    size = len(lookup.negators)
    tables.check_table("routes", lookup.routes, np.int32, size)
    tables.check_table("slots", lookup.slots, np.int32, None)
    if not np.isin(lookup.negators, (0, 1)).all():
        raise ValueError("negators: expected only 0 and 1")
    if not 1 <= len(experts) <= MOST_EXPERTS:
        raise ValueError(f"experts: expected 1 to {MOST_EXPERTS}, received {len(experts)}")
    if len(experts) == 1 and (lookup.routes.any() or lookup.route_limit < 0):
        raise ValueError("routes: expected zeros, as there is one expert")
    rows, hidden = experts[0].vectors.shape[0], len(experts[0].kernel)
    least, most = lookup.plain_rows + size + 1, 2 * lookup.plain_rows
    if not least <= rows <= most:
        raise ValueError(f"vectors: expected {least:,} to {most:,} rows, received {rows:,}")
    for expert in experts:
        tables.check_table("vectors", expert.vectors, np.uint8, rows, None)
        columns = expert.vectors.shape[1]
        tables.check_table("kernel", expert.kernel, np.float32, hidden, 2 * columns)
        tables.check_table("hidden_bias", expert.hidden_bias, np.float32, hidden)
        tables.check_table("last", expert.last, np.float32, 2 * columns + hidden)
    check_keys(size)
    check_slots(lookup.slots, size, lookup.pairs)


def is_negator(word: str) -> bool:
    """Whether the words after this one, in lower case, are negated."""
    return word in _NEGATORS or word.endswith("n't")


def negator_flags(words: Iterable[str]) -> Ids:
    """Whether each token id is a negator: (ids,) int32, 1 or 0, the reserved ids included."""
    flags = [is_negator(word) for word in words]
    return np.array([0] * FIRST_WORD_ID + flags, np.int32)


class PoolNetwork(keras.Model):  # type: ignore[misc]
    """A convolution of width one over the vectors of words and pairs, pooled.

    The experts share the vectors; each has kernels and a hidden layer of its own. A negated word
    goes through a second kernel, too, which all words share, so that rare ones are negated like
    common ones; what is special about a word is added.
    """

    def __init__(self, words: Floats, bigrams: Floats, lookup: Lookup, experts: int = 1) -> None:
        super().__init__()
        self.lookup, self.experts = lookup, experts
        self.word_table, self.bigram_table = embedding(words), embedding(bigrams)
        size = words.shape[1]
        self.negated_table = layers.Embedding(
            experts * len(words), COLUMNS, embeddings_initializer="zeros", name="negated"
        )
        self.word_kernel = self._kernels(experts, size, COLUMNS)
        self.bigram_kernel = self._kernels(experts, size, COLUMNS)
        self.negated_kernel = self._zeros(experts, size, COLUMNS)
        self.hidden_kernel = self._kernels(experts, 2 * COLUMNS, HIDDEN)
        self.hidden_bias = self._zeros(experts, HIDDEN)
        self.last_kernel = self._kernels(experts, 2 * COLUMNS + HIDDEN, 1)
        self.bias = self._zeros(experts, 1)
        self.vector_dropout = layers.SpatialDropout1D(0.1)
        self.feature_dropout = layers.Dropout(0.2)
        self([np.zeros((1, 1), np.int32)] * 2)

    def _zeros(self, *shape: int) -> Any:
        return self.add_weight(shape=shape, initializer="zeros")

    def _kernels(self, experts: int, *shape: int) -> Any:
        """One for each expert, each as a dense layer starts."""
        found = self._zeros(experts, *shape)
        found.assign(ops.stack([keras.initializers.GlorotUniform()(shape) for _ in range(experts)]))
        return found

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Give logits (rows, 1) of token ids and rows of pairs, (rows, tokens) int32 each."""
        ids, rows = inputs
        lookup = self.lookup
        last_expert = self.experts - 1
        expert = expert_of(ids, lookup.routes, lookup.route_limit, lookup.long_tokens, last_expert)
        of_expert = tf.one_hot(expert[:, 0], self.experts)
        is_token = mask(ids > START_ID)
        negated = is_negated(lookup.negators, ids)
        rows = known_pairs(rows, negated, NEGATED_PAIRS)
        words = self.vector_dropout(self.word_table(ids) * is_token, training=training)
        pairs = self.vector_dropout(self.bigram_table(rows) * mask(rows > 0), training=training)
        places = ids + len(lookup.negators) * expert
        change = words @ _chosen(of_expert, self.negated_kernel)
        change = (change + self.negated_table(places)) * is_token
        vectors = words @ _chosen(of_expert, self.word_kernel)
        vectors = vectors + pairs @ _chosen(of_expert, self.bigram_kernel)
        vectors = vectors + change * mask(negated > 0)
        features = ops.concatenate(pooled(ops.relu(vectors), is_token), -1)
        features = self.feature_dropout(features, training=training)
        sums = ops.einsum("bf,bfh->bh", features, _chosen(of_expert, self.hidden_kernel))
        hidden = ops.relu(sums + _chosen(of_expert, self.hidden_bias))
        every = ops.concatenate([features, hidden], -1)
        logit = ops.einsum("bf,bfo->bo", every, _chosen(of_expert, self.last_kernel))
        return logit + _chosen(of_expert, self.bias)

    def freeze(self, bigrams: Bigrams) -> Any:
        """Fold the kernels into one table of small integers for each expert; see `NgramPool`."""
        words, pairs = (np.array(t.embeddings) for t in (self.word_table, self.bigram_table))
        words[: START_ID + 1] = 0
        last_words = bigrams.keys % bigrams.vocabulary_size  # of each pair
        experts = []
        for at, negated in enumerate(
            np.split(np.array(self.negated_table.embeddings), self.experts)
        ):
            kernels = (self.word_kernel, self.bigram_kernel, self.negated_kernel)
            word_kernel, bigram_kernel, negated_kernel = (np.array(one)[at] for one in kernels)
            negated[: START_ID + 1] = 0
            plain, of_pairs = words @ word_kernel, pairs @ bigram_kernel
            turned = plain + words @ negated_kernel + negated
            vectors = [
                part
                for of_words, count in ((plain, len(pairs)), (turned, NEGATED_PAIRS))
                for part in (of_words, (of_words[last_words] + of_pairs)[:count])
            ]
            expert = Expert(
                vectors=np.maximum(np.concatenate(vectors), 0),
                kernel=np.array(self.hidden_kernel)[at].T,
                hidden_bias=np.array(self.hidden_bias)[at],
                last=np.array(self.last_kernel)[at, :, 0],
                bias=float(np.array(self.bias)[at, 0]),
            )
            experts.append(expert.rounded())
        return frozen(self.lookup, experts)


def embedding(vectors: Floats) -> Any:
    """A table that starts with these vectors, all scaled by one factor."""
    known = vectors[np.any(vectors != 0, axis=1)]
    deviation = float(known.std()) if len(known) else 0.0
    start = vectors / max(deviation, 1e-6) * _START_DEVIATION
    return keras.layers.Embedding(
        *vectors.shape, embeddings_initializer=keras.initializers.Constant(start)
    )


def mask(condition: Any) -> Any:
    """Turn truth values (rows, tokens) into factors (rows, tokens, 1) float32."""
    return ops.cast(ops.expand_dims(condition, -1), "float32")


def pooled(found: Any, is_token: Any) -> list[Any]:
    """Maximum and length-scaled sum over the tokens."""
    count = ops.sum(is_token, axis=1) + 1.0
    return [ops.max(found, axis=1), ops.sum(found, axis=1) / (4.0 * ops.sqrt(count))]


def _chosen(of_expert: Any, weights: Any) -> Any:
    """Give the weights of the expert of each review, (rows, …).

    A product, not a look-up: of the gradients of a look-up, Keras' Adam squares that of each review
    before it adds them up, and so takes larger steps than it should.
    """
    flat = ops.reshape(weights, (weights.shape[0], -1))
    return ops.reshape(of_expert @ flat, (-1, *weights.shape[1:]))


@tables.registered
class NgramPool(TableLayer):
    """Vectors of words and bigrams, plain or negated, pooled; a hidden layer; experts."""

    SIZES = ("vocabulary", "pairs", "rows", "slots", "columns", "hidden", "experts")

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        columns, hidden, experts = sizes["columns"], sizes["hidden"], sizes["experts"]
        size = sizes["vocabulary"]
        self.vectors = self._weight("vectors", (experts * sizes["rows"], columns), "uint8")
        self.negators = self._weight("negators", (size,), "int32")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        self.routes = self._weight("routes", (size,), "int32")
        self.route_limit = self._weight("route_limit", (), "int32")
        self.long_tokens = self._weight("long_tokens", (), "int32")
        self.kernel = self._weight("kernel", (experts, hidden, 2 * columns), "float32")
        self.hidden_bias = self._weight("hidden_bias", (experts, hidden), "float32")
        self.last = self._weight("last", (experts, 2 * columns + hidden), "float32")
        self.bias = self._weight("bias", (experts,), "float32")

    def logits(self, ids: Any) -> Any:
        """Give the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        size, last_expert = self._sizes["vocabulary"], self._sizes["experts"] - 1
        plain_rows = size + self._sizes["pairs"]
        kept = tables.counts(ids)
        expert = expert_of(ids, self.routes, self.route_limit, self.long_tokens, last_expert)
        pairs = bigram_rows(bigram_keys(ids, size), self.slots, kept)
        negated = is_negated(self.negators, ids)
        pairs = known_pairs(pairs, negated, self._sizes["rows"] - plain_rows - size)
        rows = tf.where(pairs > 0, size + pairs, ids) + plain_rows * negated
        rows = rows + self._sizes["rows"] * expert
        vectors = tf.cast(tf.gather(self.vectors, rows), tf.float32)
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        mean = tf.reduce_sum(vectors, axis=1) / (tf.sqrt(tokens + 1.0) * 4.0)
        pooled = tf.concat([tf.reduce_max(vectors, axis=1), mean], axis=-1)
        kernel, hidden_bias, last, bias = (
            tf.gather(weights, expert[:, 0])
            for weights in (self.kernel, self.hidden_bias, self.last, self.bias)
        )
        sums = tf.reduce_sum(pooled[:, None] * kernel, axis=-1)
        features = tf.concat([pooled, tf.nn.relu(sums + hidden_bias)], axis=-1)
        return (tf.reduce_sum(features * last, axis=-1) + bias)[:, None]

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.last.assign(self.last * scale)
        self.bias.assign(self.bias * scale + bias)


def is_negated(negators: Any, ids: Any) -> Any:
    """Whether one of the tokens before each negates it: (batch, tokens) int32, 1 or 0."""
    marks = tf.pad(tf.gather(negators, ids), [[0, 0], [SCOPE, 0]])
    count = tf.shape(ids)[1]
    return tf.reduce_max([marks[:, at : at + count] for at in _BEFORE], axis=0)


def known_pairs(pairs: Any, negated: Any, negated_pairs: int) -> Any:
    """The rows of pairs (batch, tokens), 0 where a pair has no vector for negated tokens."""
    return tf.where(tf.logical_and(negated > 0, pairs >= negated_pairs), 0, pairs)


def expert_of(ids: Any, routes: Any, limit: Any, long_tokens: Any, last_expert: int) -> Any:
    """Which expert reads each review: (batch, 1) int32; see `Lookup`."""
    route = tf.reduce_sum(tf.gather(routes, ids), axis=1, keepdims=True)
    tokens = tf.reduce_sum(tf.cast(tables.counts(ids), tf.int32), axis=1, keepdims=True)
    return tf.where(tokens < long_tokens, last_expert, tf.cast(route > limit, tf.int32))


def frozen(lookup: Lookup, experts: Sequence[Expert]) -> Any:
    """Make the network of its rounded tables; `ValueError` if they do not fit together.

    The vectors and routes of padding and of the start of a review are taken as zero, and so is the
    vector of no pair. The Keras model takes (batch, any length) int32 and gives (batch, 1) float32,
    the probability.
    """
    check_experts(lookup, experts)
    filled = [expert.filled(lookup) for expert in experts]
    routes = lookup.routes.copy()
    routes[: START_ID + 1] = 0
    weights = [
        np.concatenate([expert.vectors for expert in filled]),
        lookup.negators,
        lookup.slots,
        routes,
        np.int32(lookup.route_limit),
        np.int32(lookup.long_tokens),
        *(
            np.stack([getattr(expert, name) for expert in filled])
            for name in ("kernel", "hidden_bias", "last")
        ),
        np.array([expert.bias for expert in filled], np.float32),
    ]
    sizes = (
        *(len(lookup.negators), lookup.pairs, len(filled[0].vectors), len(lookup.slots)),
        *(filled[0].vectors.shape[1], len(filled[0].hidden_bias), len(filled)),
    )
    return tables.model_of(NgramPool, sizes, weights, "ngram-pool")


def to_onnx(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with 8-bit tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramPool):
        return None
    found = dict(zip(_WEIGHTS, map(np.asarray, layer.get_weights()), strict=True))
    negators, experts = found.pop("negators"), len(found["bias"])
    rows, plain_rows = len(found["vectors"]) // experts, len(negators) + layer.get_config()["pairs"]
    weights = {
        **found,
        # No pair owns a slot whose quotient is below zero: row 0 is never found.
        "slots": np.where(found["slots"] == 0, -1, found["slots"]).astype(np.int32),
        "shifts_after": negators * np.int32(plain_rows),
        "no_pair": np.array(rows - len(negators), np.int32),
        "long_tokens": found["long_tokens"].astype(np.float32),
        "last_expert": np.array(experts - 1, np.int32),
        "rows_of_expert": np.array(rows, np.int32),
        "none_in_front": integers(0, SCOPE, 0, 0),
        **{f"start_{at}": integers(at) for at in _BEFORE},
        **{f"end_{at}": integers(at - SCOPE) for at in _BEFORE},
        "last_axis": integers(2),
        "slots_size": np.array(len(found["slots"]), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "four": np.array(4, np.float32),
    }
    return tables.table_graph(_STEPS, weights, len(negators))


def from_onnx(model: onnx.ModelProto) -> Any:
    """Make the network of its graph; None for others."""
    found = tables.tables_of(model, _STEPS)
    if found is None:
        return None
    shifts, slots = found["shifts_after"], np.maximum(found["slots"], 0)
    rows = len(found["vectors"]) // len(found["bias"])
    # Without negators, the rows of negated tokens are never read, so any place of them will do.
    plain_rows = int(shifts.max()) or rows - len(shifts) - 1
    limits = int(found["route_limit"]), int(found["long_tokens"])
    negators = (shifts > 0).astype(np.int32)
    lookup = Lookup(negators, slots, plain_rows - len(shifts), found["routes"], *limits)
    parts = [np.split(found["vectors"], len(found["bias"])), *map(found.get, _OF_EXPERTS)]
    return frozen(lookup, [Expert(*part) for part in zip(*parts, strict=True)])


def _filled(table: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Fill up an axis to a multiple of eight."""
    more = [(0, 0)] * table.ndim
    more[axis] = (0, -table.shape[axis] % _COLUMNS_TOGETHER)
    return np.pad(table, more)
