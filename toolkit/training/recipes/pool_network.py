"""The network of `ngram-pool` while it is trained; it is folded into tables at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.networks import ngram_pool
from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.networks.experts import Expert, Lookup
from toolkit.networks.ngram_pool import expert_of, is_negated, known_pairs
from toolkit.text.token_ids import START_ID
from toolkit.training.recipes.bigram_table import Bigrams
from toolkit.training.recipes.layers import embedding, mask, pooled
from toolkit.training.recipes.word_vectors import Vectors

keras: Any = import_keras()
tf: Any = import_tensorflow()
layers, ops = keras.layers, keras.ops

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
    flat = ops.reshape(weights, (weights.shape[0], -1))
    return ops.reshape(of_expert @ flat, (-1, *weights.shape[1:]))
