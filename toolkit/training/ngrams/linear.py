"""The network of `ngram-linear` while it is trained: naive Bayes, weighted by what is learned.

Each word and each hashed pair of words has the log ratio r of its smoothed shares in the positive
and in the negative reviews (Wang and Manning, Baselines and Bigrams, ACL 2012); what is learned is
a factor u for each, from zero, so that rare ones stay near nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks.backend import import_keras
from toolkit.text.vocabulary import START_ID
from toolkit.training.ngrams.tokens import Floats, Tokens

keras: Any = import_keras()
ops = keras.ops

SLOTS = 1_048_573  # the largest prime below 2**20


def log_ratios(
    tokens: Tokens, targets: Floats, weights: Floats, vocabulary_size: int, smoothing: float = 1.0
) -> Floats:
    """Log ratios of words, then of hashed pairs: (vocabulary_size + SLOTS,) float32."""
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


def hashed(tokens: Tokens, vocabulary_size: int) -> npt.NDArray[np.int64]:
    """The slot of the pair that ends at each token, (all tokens,) int64."""
    return (tokens.previous.astype(np.int64) * vocabulary_size + tokens.values) % SLOTS


class LinearNetwork(keras.Model):  # type: ignore[misc]
    """Ids (rows, tokens) int32 → logit (rows, 1) float32.

    Parameters
    ----------
    ratios : Floats
        (vocabulary_size + SLOTS,) float32, fixed.
    vocabulary_size : int
        Every id is below it.
    """

    def __init__(self, ratios: Floats, vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.ratios = ops.convert_to_tensor(ratios)
        self.factors = self.add_weight(shape=(len(ratios),), initializer="zeros")
        self.bias = self.add_weight(shape=(1,), initializer="zeros")
        self(np.zeros((1, 1), np.int32))

    def call(self, ids: Any) -> Any:
        """Add up the weights of words and pairs, and divide by the root of their count."""
        previous = ops.pad(ids[:, :-1], [[0, 0], [1, 0]])
        pairs = ops.mod(previous * self.vocabulary_size + ids, SLOTS) + self.vocabulary_size
        is_token = ops.cast(ids > START_ID, "float32")
        found = (self._weights(ids) + self._weights(pairs)) * is_token
        count = ops.sum(is_token, axis=1, keepdims=True) + 1.0
        return ops.sum(found, axis=1, keepdims=True) / ops.sqrt(count) + self.bias

    def _weights(self, places: Any) -> Any:
        return ops.take(self.ratios, places) * ops.take(self.factors, places)
