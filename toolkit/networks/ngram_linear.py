"""The network of `ngram-linear`: a weight for each word and each hashed bigram, rounded to int8.

With code(a) = a · |a|, the logit is

    scale · Σ (code(words[id]) + code(bigrams[(previous · V + id) % M])) / √(n + 1) + bias

over the n tokens of a review: a sum of int32, exact in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from toolkit.networks import tables
from toolkit.networks.tables import Codes, Floats, TableLayer, check_keys, tf
from toolkit.text.token_ids import START_ID

_STEPS = f"""
    {tables.WORD_STEPS}
    quotients = Div(keys, bigrams_size)
    multiples = Mul(quotients, bigrams_size)
    hashes = Sub(keys, multiples)
    bigram_codes = GatherElements <axis = 0> (bigrams, hashes)
    bigram = Cast <to = 6> (bigram_codes)
    bigram_size = Abs(bigram)
    bigram_weight = Mul(bigram, bigram_size)
    both = Add(word_weight, bigram_weight)
    counts = Cast <to = 6> (counted)
    weights = Mul(both, counts)
    weight_rows = Reshape(weights, shape)
    total = ReduceSum <keepdims = 0> (weight_rows, axis)
    whole = Cast <to = 1> (total)
    mean = Div(whole, root)
    scaled = Mul(mean, scale)
    logit = Add(scaled, bias)
    probability = Sigmoid(logit)
"""


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
        """Give the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = tf.cast(tables.counts(ids), tf.int32)
        hashes = tables.bigram_keys(ids, self._sizes["words"]) % self._sizes["bigrams"]
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
    """Round trained weights, those of the token ids and then those of the hash values."""
    weights = np.where(np.arange(len(weights)) > START_ID, weights, np.float32(0))
    codes, scale = tables.coded(weights)
    return frozen(codes[:vocabulary_size], codes[vocabulary_size:], scale, bias)


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
    return tables.model_of(NgramLinear, sizes, weights, "ngram-linear")


def onnx_form(network: Any) -> onnx.ModelProto | None:
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
    return frozen(found["words"], found["bigrams"], float(found["scale"]), float(found["bias"]))
