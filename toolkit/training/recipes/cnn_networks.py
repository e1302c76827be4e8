"""The network of `ngram-cnn` while it is trained, and the larger one that labels reviews for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.networks import ngram_cnn
from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.networks.ngram_cnn import WIDTH
from toolkit.text.token_ids import START_ID, TokenIds
from toolkit.training.recipes.bigram_table import Bigrams
from toolkit.training.recipes.layers import embedding, mask, pooled
from toolkit.training.recipes.ragged_fit import predicted
from toolkit.training.recipes.word_vectors import Vectors

keras: Any = import_keras()
tf: Any = import_tensorflow()
layers, ops = keras.layers, keras.ops

_FILTERS = 55  # and one column that says that there is a token: a multiple of eight together
_WINDOW_FILTERS = 64

# How far each review is moved against its target, as a share of the root mean square of its vectors
# (Miyato, Dai and Goodfellow, Adversarial Training Methods for Semi-Supervised Text Classification,
# ICLR 2017).
ADVERSARIAL = 1.5

_REVIEWS_SEEN = 4000


def teacher_network(words: Vectors, bigrams: Vectors) -> Any:
    """Convolutions of one and two tokens over vectors of words and pairs, strong dropout."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    rows = keras.Input((None,), dtype="int32", name="bigram_rows")
    is_token = mask(ids > START_ID)
    vectors = [embedding(words)(ids), embedding(bigrams)(rows)]
    inside = layers.SpatialDropout1D(0.3)(layers.Concatenate()(vectors)) * is_token
    found_in_all = []
    for width in (1, 2):
        found = layers.Conv1D(64, width, padding="same", activation="relu")(inside) * is_token
        found_in_all += pooled(found, is_token)
    features = layers.Dropout(0.5)(layers.Concatenate()(found_in_all))
    return keras.Model([ids, rows], layers.Dense(1)(features))


class StudentNetwork(keras.Model):  # type: ignore[misc]
    """A convolution of width one, the sum of two table rows, and one of windows of three tokens.

    The second one also sees whether there is a token in each place, in place of a bias.
    """

    def __init__(self, words: Vectors, bigrams: Vectors) -> None:
        super().__init__()
        self.word_table, self.bigram_table = embedding(words), embedding(bigrams)
        self.vector_dropout = layers.SpatialDropout1D(0.15)
        self.convolution = layers.Dense(_FILTERS, activation="relu", use_bias=False)
        self.around = layers.ZeroPadding1D(WIDTH - 1)
        self.window_convolution = layers.Conv1D(
            _WINDOW_FILTERS, WIDTH, activation="relu", use_bias=False
        )
        self.feature_dropout = layers.Dropout(0.3)
        self.last = layers.Dense(1)
        self([np.zeros((1, 1), np.int32)] * 2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Give logits (rows, 1) of token ids and rows of pairs, (rows, tokens) int32 each."""
        found = self._features(*self._vectors(inputs, training))
        return self.last(self.feature_dropout(found, training=training))

    def train_step(self, data: Any) -> dict[str, Any]:
        """Fit the batch as it is and, with the same dropout, moved against its targets."""
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            vectors, is_token = self._vectors(inputs, training=True)
            ones = tf.ones((tf.shape(vectors)[0], 2 * (_FILTERS + _WINDOW_FILTERS)))
            kept = self.feature_dropout(ones, training=True)

            def loss_of(moved: Any) -> tuple[Any, Any]:
                found = self.last(self._features(moved, is_token) * kept)
                return self.compute_loss(inputs, targets, found, weights), found

            with tf.GradientTape() as inner:
                inner.watch(vectors)
                loss, found = loss_of(vectors)
            move = self._worst_move(vectors, inner.gradient(loss, vectors))
            total = loss + loss_of(vectors + tf.stop_gradient(move))[0]
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        self._loss_tracker.update_state(loss)
        return dict(self.compute_metrics(inputs, targets, found, weights))

    def _worst_move(self, vectors: Any, slope: Any) -> Any:
        """The move of a given length that raises the loss of each review most."""
        length = tf.sqrt(tf.reduce_sum(slope**2, [1, 2], keepdims=True) + 1e-24)
        size = tf.sqrt(tf.reduce_mean(vectors**2, [1, 2], keepdims=True))
        return ADVERSARIAL * size * slope / length

    def _vectors(self, inputs: Any, training: bool) -> tuple[Any, Any]:
        ids, rows = inputs
        is_token = mask(ids > START_ID)
        vectors = [self.word_table(ids) * is_token, self.bigram_table(rows) * mask(rows > 0)]
        joined = ops.concatenate(vectors, -1)
        return self.vector_dropout(joined, training=training), is_token

    def freeze(self, bigrams: Bigrams, tokens: TokenIds) -> Any:
        """Fold the convolutions into tables and a kernel of small integers; see `ngram_cnn`."""
        words, pairs = (np.array(t.embeddings) for t in (self.word_table, self.bigram_table))
        kernel = np.array(self.convolution.kernel)
        cut = words.shape[1]
        seen = tokens.first(min(len(tokens), _REVIEWS_SEEN))
        return ngram_cnn.freeze(
            words @ kernel[:cut],
            pairs @ kernel[cut:],
            bigrams.slots,
            np.array(self.window_convolution.kernel),
            predicted(self.highest_of_windows, seen, bigrams.rows(seen)).max(axis=0),
            np.array(self.last.kernel)[:, 0].reshape(2, -1),
            float(np.array(self.last.bias)[0]),
        )

    def highest_of_windows(self, inputs: Any) -> Any:
        """Give the largest value of each column of the second convolution, (rows, columns)."""
        vectors, is_token = self._vectors(inputs, training=False)
        return ops.max(self._of_windows(self.convolution(vectors), is_token), axis=1)

    def _features(self, vectors: Any, is_token: Any) -> Any:
        tokens = self.convolution(vectors)
        windows = self._of_windows(tokens, is_token)
        parts = [pooled(tokens, is_token), pooled(windows, is_token)]
        return ops.concatenate([part for kind in zip(*parts, strict=True) for part in kind], -1)

    def _of_windows(self, tokens: Any, is_token: Any) -> Any:
        known = ops.concatenate([tokens, is_token], -1)
        return self.window_convolution(self.around(known))
