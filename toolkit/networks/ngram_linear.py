"""The network of `ngram-linear`: a weight for each word and each hashed bigram, rounded to int8.

With code(a) = a · |a|, the logit is

    scale · Σ (code(words[id]) + code(bigrams[(previous · V + id) % M])) / √(n + 1) + bias

over the n tokens of a review: a sum of int32, exact in any order.

While it is trained, it is naive Bayes, weighted by what is learned: each word and each hashed
bigram has the log ratio of its smoothed shares in positive and negative reviews (Wang and Manning,
Baselines and Bigrams, ACL 2012), times a learned factor that starts at zero, so that rare ones stay
near nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import tables
from toolkit.networks.bigrams import bigram_keys, check_keys
from toolkit.networks.tables import Codes, Floats, TableLayer, keras, tf
from toolkit.records.labels import Targets
from toolkit.text.pairs import keys_of, pair_keys
from toolkit.text.token_ids import START_ID, TokenIds

ops = keras.ops

SLOTS = 1_048_573  # the largest prime below 2**20

_STEPS = ("words", "ngram_linear")


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
    share = np.tile(share, 2)
    weight = np.tile(weight, 2)
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
        """Return the network with rounded weights, see `NgramLinear`."""
        weights = np.array(self.ratios) * np.array(self.factors)
        return freeze(weights, self.vocabulary_size, float(np.array(self.bias)[0]))

    def _weights(self, places: Any) -> Any:
        return ops.take(self.ratios, places) * ops.take(self.factors, places)


@tables.registered
class NgramLinear(TableLayer):
    """Weights of words, one per token id, and of bigrams, one per hash value, summed."""

    SIZES = ("words", "bigrams")

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        for name, size in self._sizes.items():
            setattr(self, name, self._weight(name, (size,), "int8"))
        self.scale = self._weight("scale", (), "float32")
        self.bias = self._weight("bias", (), "float32")

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = tf.cast(tables.counts(ids), tf.int32)
        hashes = bigram_keys(ids, self._sizes["words"]) % self._sizes["bigrams"]
        codes = tables.decoded(tf.gather(self.words, ids))
        codes += tables.decoded(tf.gather(self.bigrams, hashes))
        total = tf.cast(tf.reduce_sum(codes * kept, axis=1, keepdims=True), tf.float32)
        tokens = tf.cast(tf.reduce_sum(kept, axis=1, keepdims=True), tf.float32)
        return total / tf.sqrt(tokens + 1.0) * self.scale + self.bias

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.scale.assign(self.scale * scale)
        self.bias.assign(self.bias * scale + bias)


def freeze(weights: Floats, vocabulary_size: int, bias: float) -> Any:
    """Round trained weights: weights of token ids, then weights of hash values."""
    weights = np.where(np.arange(len(weights)) > START_ID, weights, np.float32(0))
    codes, scale = tables.coded(weights)
    return frozen(
        words=codes[:vocabulary_size],
        bigrams=codes[vocabulary_size:],
        scale=scale,
        bias=bias,
    )


def frozen(words: Codes, bigrams: Codes, scale: float, bias: float) -> Any:
    """Make the network of its tables; `ValueError` if they are of another kind.

    - words (V,) and bigrams (M,): the codes of the token ids and of the hash values
    - scale, bias: the logit of a code of 1, and of a review without tokens
    """
    tables.check_table("words", words, np.int8, None)
    tables.check_table("bigrams", bigrams, np.int8, None)
    check_keys(len(words))
    weights = [words, bigrams, np.float32(scale), np.float32(bias)]
    sizes = (len(words), len(bigrams))
    return tables.model_of(kind=NgramLinear, sizes=sizes, weights=weights, name="ngram-linear")


def to_onnx(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with int8 tables; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, NgramLinear):
        return None
    words, bigrams, scale, bias = map(np.asarray, layer.get_weights())
    size = np.array(len(bigrams), np.int32)
    weights = {"words": words, "bigrams": bigrams, "scale": scale, "bias": bias}
    return tables.table_graph(_STEPS, weights | {"bigrams_size": size}, len(words))


def from_onnx(model: onnx.ModelProto) -> Any:
    """Make the network of its graph; None for others."""
    found = tables.tables_of(model, _STEPS)
    if found is None:
        return None
    return frozen(
        words=found["words"],
        bigrams=found["bigrams"],
        scale=float(found["scale"]),
        bias=float(found["bias"]),
    )
