"""The frozen network of `ngram-linear`: a weight for each word and each hashed bigram.

With code(a) = a · |a|, which gives small weights the finer steps, the logit is

    scale · Σ (code(words[id]) + code(bigrams[(previous · V + id) % M])) / √(n + 1) + bias

over the n tokens of a review. The sum is one of int32: exact, in whatever order it is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks.tables import (
    PACKAGE,
    TableLayer,
    bigram_keys,
    check_keys,
    check_table,
    counts,
    keras,
    model_of,
    tf,
)


@keras.saving.register_keras_serializable(package=PACKAGE)
class NgramLinear(TableLayer):
    """Weights of words and bigrams, summed.

    Parameters
    ----------
    words : int
        Token ids.
    bigrams : int
        Hash values of bigrams.
    **options : Any
        Of any Keras layer.
    """

    def __init__(self, words: int, bigrams: int, **options: Any) -> None:
        super().__init__(**options)
        self._sizes = {"words": words, "bigrams": bigrams}

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        for name, size in self._sizes.items():
            setattr(self, name, self._weight(name, (size,), "int8"))
        self.scale = self._weight("scale", (), "float32")
        self.bias = self._weight("bias", (), "float32")

    def call(self, ids: Any) -> Any:
        """Give the probability, (batch, 1) float32, of ids (batch, tokens) int32."""
        kept = tf.cast(counts(ids), tf.int32)
        hashes = bigram_keys(ids, self._sizes["words"]) % self._sizes["bigrams"]
        codes = _decoded(tf.gather(self.words, ids)) + _decoded(tf.gather(self.bigrams, hashes))
        total = tf.cast(tf.reduce_sum(codes * kept, axis=1, keepdims=True), tf.float32)
        tokens = tf.cast(tf.reduce_sum(kept, axis=1, keepdims=True), tf.float32)
        return tf.sigmoid(total / tf.sqrt(tokens + 1.0) * self.scale + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Give one column."""
        return input_shape[0], 1

    def get_config(self) -> dict[str, Any]:
        """Give the arguments to make the layer again."""
        return {**super().get_config(), **self._sizes}

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.scale.assign(self.scale * scale)
        self.bias.assign(self.bias * scale + bias)


def frozen(
    words: npt.NDArray[np.int8], bigrams: npt.NDArray[np.int8], scale: float, bias: float
) -> Any:
    """Make the network of its tables.

    Parameters
    ----------
    words : npt.NDArray[np.int8]
        (V,), the codes of the token ids.
    bigrams : npt.NDArray[np.int8]
        (M,), the codes of the hash values.
    scale : float
        Logit of a code of 1.
    bias : float
        Logit of a review without tokens.

    Returns
    -------
    Any
        A Keras model, (batch, any length) int32 → (batch, 1) float32: the probability.

    Raises
    ------
    ValueError
        If a table is of another kind.
    """
    check_table("words", words, np.int8, 1)
    check_table("bigrams", bigrams, np.int8, 1)
    check_keys(len(words))
    weights = [words, bigrams, np.float32(scale), np.float32(bias)]
    return model_of(NgramLinear(len(words), len(bigrams)), weights, "ngram-linear")


def _decoded(codes: Any) -> Any:
    values = tf.cast(codes, tf.int32)
    return values * tf.abs(values)
