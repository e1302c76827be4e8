"""MPNet, a transformer of twelve layers and 768 dimensions, in plain TensorFlow.

Song et al., MPNet: Masked and Permuted Pre-training for Language Understanding, NeurIPS 2020. The
texts of a batch have equally many word pieces, so there is no padding. Matrices are multiplied in
bfloat16, which a processor with AMX does four times as fast as float32; sums, norms and the softmax
are of float32, and so are the weights that learn.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from examples.teacher.mpnet.weights import WEIGHTS, model_file

WIDTH, LAYERS, HEADS = 768, 12, 12
DROPOUT = 0.1
MOST_PIECES = 256  # of a text, with its first and last mark
_EPSILON = 1e-5
_FIRST_POSITION = 2  # the rows before it are for padding
_BUCKETS, _FARTHEST = 32, 128  # of the distances between two pieces

Arrays = dict[str, npt.NDArray[np.float32]]
Floats = npt.NDArray[np.float32]

# The names of a layer here, and in the file; the three of attention are one matrix here.
_NAMES = {
    "out": "attention.attn.o",
    "norm": "attention.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "last_norm": "output.LayerNorm",
}
_ATTENTION = "qkv"


def pretrained(work: Path) -> Arrays:
    """Read the weights: of layers by `0.up.weight` and so on, matrices as (inputs, outputs)."""
    from safetensors.numpy import load_file  # noqa: PLC0415 (not installed for the tests)

    given = load_file(str(model_file(work, WEIGHTS)))
    found = {
        "words": given["embeddings.word_embeddings.weight"],
        "positions": given["embeddings.position_embeddings.weight"][_FIRST_POSITION:],
        "distances": given["encoder.relative_attention_bias.weight"],
        "norm.weight": given["embeddings.LayerNorm.weight"],
        "norm.bias": given["embeddings.LayerNorm.bias"],
    }
    for layer in range(LAYERS):
        theirs = f"encoder.layer.{layer}"
        for end in ("weight", "bias"):
            parts = [given[f"{theirs}.attention.attn.{name}.{end}"].T for name in _ATTENTION]
            found[f"{layer}.attention.{end}"] = np.concatenate(parts, axis=-1)
            for name, other in _NAMES.items():
                found[f"{layer}.{name}.{end}"] = given[f"{theirs}.{other}.{end}"].T
    return {name: np.ascontiguousarray(one, np.float32) for name, one in found.items()}


def is_of_layers(name: str, layers: Iterable[int]) -> bool:
    """Tell whether a weight is of one of some layers."""
    return any(name.startswith(f"{layer}.") for layer in layers)


def distance_buckets(pieces: int) -> npt.NDArray[np.int64]:
    """Number the distances between pieces, (pieces, pieces), as the pretraining did."""
    places = np.arange(pieces)
    distances = places[:, None] - places[None, :]
    half = _BUCKETS // 2
    exact = half // 2
    far = np.log(np.maximum(np.abs(distances), 1) / exact) / math.log(_FARTHEST / exact)
    rounded = np.minimum(exact + (far * (half - exact)).astype(np.int64), half - 1)
    numbers = np.where(np.abs(distances) < exact, np.abs(distances), rounded)
    return np.asarray(np.where(distances < 0, half, 0) + numbers)


class Network:
    """Layers of MPNet over weights, which may be variables that learn.

    Parameters
    ----------
    weights : Mapping[str, Any]
        By the names of `pretrained`, arrays or variables; `head.weight` and `head.bias` for logits.
    exact : bool
        Multiply in float32.
    """

    def __init__(self, weights: Mapping[str, Any], *, exact: bool = False) -> None:
        self._kind = tf.float32 if exact else tf.bfloat16
        self._given = weights
        self._fixed = {
            name: tf.constant(one, self._kind if one.ndim > 1 else tf.float32)
            for name, one in weights.items()
            if isinstance(one, np.ndarray)
        }

    def embedded(self, ids: Any) -> Any:
        """(texts, pieces) int32 → vectors (texts, pieces, WIDTH) float32."""
        pieces = tf.shape(ids)[1]
        positions = self._weight("positions")[:pieces]
        vectors = tf.gather(self._weight("words"), ids) + positions
        return self._normed(tf.cast(vectors, tf.float32), "norm")

    def biases(self, pieces: Any) -> Any:
        """Return what the distances add to the scores of attention: (1, HEADS, pieces, pieces)."""
        table = tf.constant(distance_buckets(MOST_PIECES), tf.int32)
        found = tf.gather(self._weight("distances"), table[:pieces, :pieces])
        return tf.cast(tf.transpose(found, [2, 0, 1])[None], tf.float32)

    def layers(self, vectors: Any, chosen: Iterable[int], *, learns: bool = False) -> Any:
        """Vectors (texts, pieces, WIDTH) float32 → the same, after some layers."""
        texts, pieces = tf.shape(vectors)[0], tf.shape(vectors)[1]
        biases = self.biases(pieces)
        flat = tf.reshape(vectors, [texts * pieces, WIDTH])
        for layer in chosen:
            flat = self._layer(flat, (texts, pieces), str(layer), biases, learns)
        return tf.reshape(flat, [texts, pieces, WIDTH])

    def logits(self, vectors: Any, *, learns: bool = False) -> Any:
        """Vectors of the last layer → (texts,) float32, over their means."""
        mean = _dropped(tf.reduce_mean(vectors, 1), learns)
        head = tf.cast(self._weight("head.weight"), tf.float32)
        return tf.matmul(mean, head)[:, 0] + self._weight("head.bias")

    def _layer(
        self, flat: Any, shape: tuple[Any, Any], name: str, biases: Any, learns: bool
    ) -> Any:
        parts = tf.reshape(
            self._dense(flat, f"{name}.attention"), [*shape, 3, HEADS, WIDTH // HEADS]
        )
        queries, keys, values = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
        scores = tf.cast(tf.matmul(queries, keys, transpose_b=True), tf.float32)
        shares = tf.nn.softmax(scores * (WIDTH // HEADS) ** -0.5 + biases)
        mixed = tf.matmul(tf.cast(shares, self._kind), values)
        mixed = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [shape[0] * shape[1], WIDTH])
        out = tf.cast(self._dense(mixed, f"{name}.out"), tf.float32)
        flat = self._normed(flat + _dropped(out, learns), f"{name}.norm")
        inner = tf.nn.gelu(self._dense(flat, f"{name}.up"), approximate=False)
        down = tf.cast(self._dense(inner, f"{name}.down"), tf.float32)
        return self._normed(flat + _dropped(down, learns), f"{name}.last_norm")

    def _dense(self, flat: Any, name: str) -> Any:
        product = tf.matmul(tf.cast(flat, self._kind), self._weight(f"{name}.weight"))
        return tf.nn.bias_add(product, tf.cast(self._weight(f"{name}.bias"), self._kind))

    def _normed(self, vectors: Any, name: str) -> Any:
        centred = vectors - tf.reduce_mean(vectors, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
        scaled = centred * tf.math.rsqrt(variance + _EPSILON)
        return scaled * self._weight(f"{name}.weight") + self._weight(f"{name}.bias")

    def _weight(self, name: str) -> Any:
        """Return a matrix in the kind of number that is multiplied, a vector as it is."""
        if name in self._fixed:
            return self._fixed[name]
        given = self._given[name]
        return tf.cast(given, self._kind) if len(given.shape) > 1 else given


def _dropped(vectors: Any, learns: bool) -> Any:
    return tf.nn.dropout(vectors, DROPOUT) if learns else vectors
