"""The network of `ngram-linear` while it is trained: naive Bayes, weighted by what is learned.

Each word and each hashed bigram has the log ratio of its smoothed shares in positive and negative
reviews (Wang and Manning, Baselines and Bigrams, ACL 2012), times a learned factor that starts at
zero, so that rare ones stay near nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks import ngram_linear
from toolkit.networks.backend import import_keras
from toolkit.networks.pairs import keys_of, pair_keys
from toolkit.records.values import Targets
from toolkit.text.token_ids import START_ID, TokenIds

keras: Any = import_keras()
ops = keras.ops

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
