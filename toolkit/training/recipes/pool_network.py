"""The network of `ngram-pool` while it is trained; it is folded into tables at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.networks import ngram_pool
from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.networks.ngram_pool import is_negated
from toolkit.text.token_ids import START_ID, Ids
from toolkit.training.recipes.bigram_table import Bigrams
from toolkit.training.recipes.layers import embedding, mask, pooled
from toolkit.training.recipes.word_vectors import Vectors

keras: Any = import_keras()
tf: Any = import_tensorflow()
layers, ops = keras.layers, keras.ops

COLUMNS = 32
HIDDEN = 32


class PoolNetwork(keras.Model):  # type: ignore[misc]
    """A convolution of width one over the vectors of words and pairs, pooled.

    A negated word goes through a second kernel, too, which all words share, so that rare ones are
    negated like common ones; what is special about a word is added. A hidden layer follows.
    """

    def __init__(self, words: Vectors, bigrams: Vectors, negators: Ids) -> None:
        super().__init__()
        self.negators = tf.constant(negators)
        self.word_table, self.bigram_table = embedding(words), embedding(bigrams)
        self.negated_table = layers.Embedding(
            len(words), COLUMNS, embeddings_initializer="zeros", name="negated"
        )
        self.word_kernel = layers.Dense(COLUMNS, use_bias=False)
        self.bigram_kernel = layers.Dense(COLUMNS, use_bias=False)
        self.negated_kernel = layers.Dense(COLUMNS, use_bias=False, kernel_initializer="zeros")
        self.vector_dropout = layers.SpatialDropout1D(0.1)
        self.feature_dropout = layers.Dropout(0.2)
        self.hidden = layers.Dense(HIDDEN, activation="relu")
        self.last = layers.Dense(1)
        self([np.zeros((1, 1), np.int32)] * 2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Give logits (rows, 1) of token ids and rows of pairs, (rows, tokens) int32 each."""
        ids, rows = inputs
        is_token = mask(ids > START_ID)
        words = self.vector_dropout(self.word_table(ids) * is_token, training=training)
        pairs = self.vector_dropout(self.bigram_table(rows) * mask(rows > 0), training=training)
        change = self.negated_kernel(words) + self.negated_table(ids) * is_token
        vectors = self.word_kernel(words) + self.bigram_kernel(pairs)
        vectors = vectors + change * mask(is_negated(self.negators, ids) > 0)
        features = ops.concatenate(pooled(ops.relu(vectors), is_token), -1)
        features = self.feature_dropout(features, training=training)
        return self.last(ops.concatenate([features, self.hidden(features)], -1))

    def freeze(self, bigrams: Bigrams) -> Any:
        """Fold the kernels into tables of small integers; see `ngram_pool`."""
        words, pairs = (np.array(t.embeddings) for t in (self.word_table, self.bigram_table))
        plain = words @ np.array(self.word_kernel.kernel)
        change = words @ np.array(self.negated_kernel.kernel)
        return ngram_pool.freeze(
            plain,
            plain + change + np.array(self.negated_table.embeddings),
            np.array(self.negators),
            pairs @ np.array(self.bigram_kernel.kernel),
            bigrams.slots,
            np.array(self.hidden.kernel).T,
            np.array(self.hidden.bias),
            np.array(self.last.kernel)[:, 0],
            float(np.array(self.last.bias)[0]),
        )
