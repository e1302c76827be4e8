"""The network of `ngram-pool` while it is trained; it is folded into tables at the end.

What the networks over vectors of words and pairs have in common while they are trained.

The network of `ngram-linear` while it is trained: naive Bayes, weighted by what is learned.

Each word and each hashed bigram has the log ratio of its smoothed shares in positive and negative
reviews (Wang and Manning, Baselines and Bigrams, ACL 2012), times a learned factor that starts at
zero, so that rare ones stay near nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks import import_keras, import_tensorflow, ngram_linear, ngram_pool
from toolkit.networks.ngram_pool import Expert, Lookup, expert_of, is_negated, known_pairs
from toolkit.networks.tables import keys_of, pair_keys
from toolkit.records.labels import Targets
from toolkit.text.token_ids import START_ID, TokenIds
from toolkit.training.word_vectors import Bigrams, Vectors

keras: Any = import_keras()
ops = keras.ops

# Deviation of the start vectors, as wide as the network's own start weights.
_START_DEVIATION = 0.1


def mask(condition: Any) -> Any:
    """Turn truth values (rows, tokens) into factors (rows, tokens, 1) float32."""
    return ops.cast(ops.expand_dims(condition, -1), "float32")


def embedding(vectors: Vectors) -> Any:
    """A table that starts with these vectors, all scaled by one factor."""
    known = vectors[np.any(vectors != 0, axis=1)]
    deviation = float(known.std()) if len(known) else 0.0
    start = vectors / max(deviation, 1e-6) * _START_DEVIATION
    return keras.layers.Embedding(
        *vectors.shape, embeddings_initializer=keras.initializers.Constant(start)
    )


def pooled(found: Any, is_token: Any) -> list[Any]:
    """Maximum and length-scaled sum over the tokens."""
    count = ops.sum(is_token, axis=1) + 1.0
    return [ops.max(found, axis=1), ops.sum(found, axis=1) / (4.0 * ops.sqrt(count))]


tf: Any = import_tensorflow()
layers, ops_of_pool_network = keras.layers, keras.ops

COLUMNS = 16
HIDDEN = 32
NEGATED_PAIRS = 64_000  # rows of pairs, the most common first, that have a vector where negated


class PoolNetwork(keras.Model):  # type: ignore[misc]
    """A convolution of width one over the vectors of words and pairs, pooled.

    The experts share the vectors; each has kernels and a hidden layer of its own. A negated word
    goes through a second kernel, too, which all words share, so that rare ones are negated like
    common ones; what is special about a word is added.
    """

    def __init__(self, words: Vectors, bigrams: Vectors, lookup: Lookup, experts: int = 1) -> None:
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
        found.assign(
            ops_of_pool_network.stack(
                [keras.initializers.GlorotUniform()(shape) for _ in range(experts)]
            )
        )
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
        features = ops_of_pool_network.concatenate(
            pooled(ops_of_pool_network.relu(vectors), is_token), -1
        )
        features = self.feature_dropout(features, training=training)
        sums = ops_of_pool_network.einsum(
            "bf,bfh->bh", features, _chosen(of_expert, self.hidden_kernel)
        )
        hidden = ops_of_pool_network.relu(sums + _chosen(of_expert, self.hidden_bias))
        every = ops_of_pool_network.concatenate([features, hidden], -1)
        logit = ops_of_pool_network.einsum(
            "bf,bfo->bo", every, _chosen(of_expert, self.last_kernel)
        )
        return logit + _chosen(of_expert, self.bias)

    def freeze(self, bigrams: Bigrams) -> Any:
        """Fold the kernels into one table of small integers for each expert; see `ngram_pool`."""
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
        return ngram_pool.frozen(self.lookup, experts)


def _chosen(of_expert: Any, weights: Any) -> Any:
    """Give the weights of the expert of each review, (rows, …).

    A product, not a look-up: of the gradients of a look-up, Keras' Adam squares that of each review
    before it adds them up, and so takes larger steps than it should.
    """
    flat = ops_of_pool_network.reshape(weights, (weights.shape[0], -1))
    return ops_of_pool_network.reshape(of_expert @ flat, (-1, *weights.shape[1:]))


SLOTS = 1_048_573  # the largest prime below 2**20


def log_ratios(
    tokens: TokenIds,
    targets: Targets,
    weights: Targets,
    vocabulary_size: int,
    smoothing: float = 1.0,
) -> Targets:
    """Log ratios of words, then of hashed bigrams: (vocabulary_size + SLOTS,) float32."""
    counted = tokens.values > START_ID
    share = targets[tokens.rows][counted].astype(np.float64)
    weight = weights[tokens.rows][counted].astype(np.float64)
    places = np.concatenate(
        [tokens.values[counted], vocabulary_size + hashed(tokens, vocabulary_size)[counted]]
    )
    share, weight = np.tile(share, 2), np.tile(weight, 2)
    positive = np.bincount(places, weight * share, vocabulary_size + SLOTS)
    negative = np.bincount(places, weight * (1 - share), vocabulary_size + SLOTS)
    seen = positive + negative > 0
    shares = [(found + smoothing) / (found + smoothing).sum() for found in (positive, negative)]
    ratios = np.log(shares[0] / shares[1])
    return np.where(seen, ratios, 0).astype(np.float32)


def hashed(tokens: TokenIds, vocabulary_size: int) -> npt.NDArray[np.int64]:
    """The slot of the bigram that ends at each token, (all tokens,) int64."""
    return keys_of(tokens.previous, tokens.values, vocabulary_size) % SLOTS


class LinearNetwork(keras.Model):  # type: ignore[misc]
    """Ids (rows, tokens) int32 → logit (rows, 1) float32; `ratios` (vocabulary_size + SLOTS,)."""

    def __init__(self, ratios: Targets, vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.ratios = ops.convert_to_tensor(ratios)
        self.factors = self.add_weight(shape=(len(ratios),), initializer="zeros")
        self.bias = self.add_weight(shape=(1,), initializer="zeros")
        self(np.zeros((1, 1), np.int32))

    def call(self, ids: Any) -> Any:
        """Add up the weights of words and bigrams, and divide by the root of their count."""
        previous = ops.pad(ids[:, :-1], [[0, 0], [1, 0]])
        pairs = (
            ops.mod(pair_keys(previous, ids, self.vocabulary_size), SLOTS) + self.vocabulary_size
        )
        is_token = ops.cast(ids > START_ID, "float32")
        found = (self._weights(ids) + self._weights(pairs)) * is_token
        count = ops.sum(is_token, axis=1, keepdims=True) + 1.0
        return ops.sum(found, axis=1, keepdims=True) / ops.sqrt(count) + self.bias

    def freeze(self) -> Any:
        """Give the network with rounded weights, see `toolkit.networks.ngram_linear`."""
        weights = np.array(self.ratios) * np.array(self.factors)
        return ngram_linear.freeze(weights, self.vocabulary_size, float(np.array(self.bias)[0]))

    def _weights(self, places: Any) -> Any:
        return ops.take(self.ratios, places) * ops.take(self.factors, places)
