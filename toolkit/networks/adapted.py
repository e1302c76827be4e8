"""A network that was adapted to a user's reviews: another scale and bias, and weights of words.

With z the logit of the *base*, the model it started from, and code(a) = a · |a|, the logit is

    base_scale · z + scale · Σ code(words[id]) / √(n + 1) + bias

over the n tokens of a review: a sum of int32, exact in any order. Words that the base does not know
have ids after its own; it reads them as the unknown word.

A change of scale and bias alone, as in a calibration, needs no other network: see `calibrated`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from toolkit.networks import tables
from toolkit.networks.graphs import composed
from toolkit.networks.tables import Floats, TableLayer, keras, tf
from toolkit.text.token_ids import UNKNOWN_ID

BASE_LOGIT = "base_logit"
BASE_IDS = "base_ids"
_STEPS = ("known_ids", "words", "adapted")


def logits_of_network(network: Any, ids: Any) -> Any:
    """Return the logits, (batch, 1) float32, of a network for ids, (batch, tokens).

    They are exact even if a float32 probability is 0 or 1. Raises `ValueError` as `calibrated`.
    """
    last = network.layers[-1]
    if isinstance(last, TableLayer):
        return last.logits(ids)
    _check_end(network, "sigmoid")
    for layer in network.layers[:-1]:
        ids = layer(ids, training=False)
    return tf.matmul(ids, last.kernel) + last.bias


def calibrated(network: Any, scale: float, bias: float) -> Any:
    """Make a copy of a network whose logit is ``scale · logit + bias``.

    The copy is compiled like the network, with its optimizer. Raises `ValueError` if the scale is
    not above 0, or if the last layer is neither a table layer nor a dense layer that ends in a
    sigmoid or softmax. A network of classes gets all logits scaled and moved alike.
    """
    if not scale > 0:
        raise ValueError(f"scale: expected more than 0, received {scale}")
    made = keras.models.clone_model(network)
    made.set_weights(network.get_weights())
    if network.compiled and network.optimizer.built:
        made.optimizer.build(made.trainable_variables)
        for copy, variable in zip(
            made.optimizer.variables, network.optimizer.variables, strict=True
        ):
            copy.assign(variable)
    last = made.layers[-1]
    if isinstance(last, TableLayer):
        last.rescale(scale, bias)
        return made
    _check_end(made, "sigmoid", "softmax")
    last.kernel.assign(last.kernel * scale)
    last.bias.assign(last.bias * scale + bias)
    return made


def _check_end(network: Any, *activations: str) -> None:
    last = network.layers[-1]
    is_dense = isinstance(last, keras.layers.Dense)
    if not is_dense or last.get_config()["activation"] not in activations:
        raise ValueError(f"{network.name}: its last layer, {last.name}, does not compute a logit")


@tables.registered
class Adapted(TableLayer):
    """The logit of a base, a network of this toolkit, and weights of words, one per token id."""

    SIZES = ("words", "known")

    def __init__(self, base: Any, **options: Any) -> None:
        super().__init__(**options)
        self.base = base

    def build(self, _: Any) -> None:
        """Make the table and the factors, all zero."""
        self.words = self._weight("words", (self._sizes["words"],), "int8")
        for name in ("scale", "base_scale", "bias"):
            setattr(self, name, self._weight(name, (), "float32"))

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        known = tf.where(ids < self._sizes["known"], ids, UNKNOWN_ID)
        codes = tables.decoded(tf.gather(self.words, ids))
        total = tf.cast(tf.reduce_sum(codes, axis=1, keepdims=True), tf.float32)
        tokens = tf.reduce_sum(tf.cast(tables.counts(ids), tf.float32), axis=1, keepdims=True)
        of_words = total / tf.sqrt(tokens + 1.0) * self.scale
        return logits_of_network(self.base, known) * self.base_scale + of_words + self.bias

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.scale.assign(self.scale * scale)
        self.base_scale.assign(self.base_scale * scale)
        self.bias.assign(self.bias * scale + bias)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the layer again."""
        base = keras.saving.serialize_keras_object(self.base)
        base.pop("compile_config", None)  # the optimizer, which a file does not need
        return {**super().get_config(), "base": base}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Adapted:
        """Make the layer from the arguments of `get_config`."""
        base = keras.saving.deserialize_keras_object(config["base"])
        return cls(**(config | {"base": base}))


def freeze(base: Any, known: int, weights: Floats, base_scale: float, bias: float) -> Any:
    """Make the network, with rounded weights of words; padding and start must have weight 0.

    - base: a network of this toolkit, which is copied
    - known: ids from here on are unknown to the base
    - weights (V,): one per token id, times the count of the token over √(n + 1)
    - base_scale, bias: the scale of the base's logit, and the bias of the sum
    """
    words, scale = tables.coded(weights)
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    layer = Adapted(copy, words=len(words), known=known)
    ids = keras.Input(base.input_shape[1:], dtype="int32", name="token_ids")
    network = keras.Model(ids, layer(ids), name="adapted")
    for weight, value in (
        (layer.words, words),
        (layer.scale, scale),
        (layer.base_scale, base_scale),
        (layer.bias, bias),
    ):
        weight.assign(value)
    return network


def to_onnx(
    network: Any, form_of: Callable[[Any], onnx.ModelProto | None]
) -> onnx.ModelProto | None:
    """Write the graph around the graph of the base, by `form_of`; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, Adapted):
        return None
    base = form_of(layer.base)
    if base is None:
        return None
    words, scale, base_scale, bias = (
        np.asarray(weight) for weight in (layer.words, layer.scale, layer.base_scale, layer.bias)
    )
    sizes = layer.get_config()
    weights = {
        "words": words,
        "scale": scale,
        "base_scale": base_scale,
        "bias": bias,
        "known": np.array(sizes["known"], np.int32),
        "unknown": np.array(UNKNOWN_ID, np.int32),
    }
    width = network.input_shape[-1]
    around = tables.table_graph(_STEPS, weights, len(words), width=width)
    return composed(around, base, ids=BASE_IDS, logit=BASE_LOGIT)
