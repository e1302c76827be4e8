"""A network of classes that also reads the logit of a base, a network of positive and negative.

The logit of a class is the one of `toolkit.networks.class_linear`, plus a weighted sum of four
numbers that depend on the logit z of the base alone: z / 3, |z| / 3, tanh z and 1 / (1 + z²). So a
class may be for opinions that are positive, negative, strong or undecided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import tables
from toolkit.networks.adapted import BASE_IDS, BASE_LOGIT, logits_of_network
from toolkit.networks.class_linear import WEIGHTS, ClassLinear, ClassTables, graph_weights
from toolkit.networks.graphs import composed, integers
from toolkit.networks.tables import Floats, keras, tf
from toolkit.text.token_ids import UNKNOWN_ID

_STEPS = ("known_ids", "bigrams", "class_linear", "class_adapted")

FEATURES = 4  # of the logit of the base
_PART = 1 / 3


def opinion_features(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the features of the base's logits (texts,): (texts, `FEATURES`)."""
    part = logits * _PART
    return np.stack([part, np.abs(part), np.tanh(logits), 1 / (1 + logits**2)], axis=1)


@tables.registered
class ClassAdapted(ClassLinear):
    """Ids (batch, tokens) int32 → probabilities (batch, classes) float32, with a base."""

    SIZES: tuple[str, ...] = (*ClassLinear.SIZES, "known")

    def __init__(self, base: Any, **options: Any) -> None:
        super().__init__(**options)
        self.base = base

    def build(self, shape: Any) -> None:
        """Make the tables, all zero."""
        super().build(shape)
        self.opinions = self.add_weight(
            name="opinions",
            shape=(self._sizes["classes"], FEATURES),
            dtype="float32",
            initializer="zeros",
            trainable=False,
        )

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, classes) float32, of ids (batch, tokens) int32."""
        known = tf.where(ids < self._sizes["known"], ids, UNKNOWN_ID)
        logit = logits_of_network(self.base, known)
        part = logit * np.float32(_PART)
        features = [part, tf.abs(part), tf.tanh(logit), 1.0 / (logit * logit + 1.0)]
        of_base = tf.matmul(tf.concat(features, axis=1), self.opinions, transpose_b=True)
        return of_base + super().logits(ids)

    def rescale(self, scale: float) -> None:
        """Multiply all logits."""
        for weight in (self.scales, self.biases, self.opinions):
            weight.assign(weight * np.float32(scale))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the layer again."""
        base = keras.saving.serialize_keras_object(self.base)
        base.pop("compile_config", None)  # the optimizer, which a file does not need
        return {**super().get_config(), "base": base}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ClassAdapted:
        """Make the layer from the arguments of `get_config`."""
        base = keras.saving.deserialize_keras_object(config["base"])
        return cls(**(config | {"base": base}))


def frozen(found: ClassTables, opinions: Floats, base: Any, known: int) -> Any:
    """Make the network from its tables; raise `ValueError` if they do not fit together.

    - opinions (classes, `FEATURES`) float32: the weights of the base's features
    - base: a network of this toolkit for rows of any length, which is copied
    - known: ids from here on are unknown to the base
    """
    found.check()
    tables.check_table("opinions", opinions, np.float32, found.cells.shape[1], FEATURES)
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    values = (found.vocabulary_size, len(found.cells), len(found.slots), found.cells.shape[1])
    sizes = dict(zip(ClassLinear.SIZES, values, strict=True))
    layer = ClassAdapted(copy, name="class_adapted", known=known, **sizes)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    network = keras.Model(ids, layer(ids), name="class-adapted")
    for name in WEIGHTS:
        getattr(layer, name).assign(getattr(found, name))
    layer.opinions.assign(opinions)
    return network


def sharpened(network: Any, scale: float) -> Any:
    """Make a copy of a network with all logits multiplied; 1 / scale is called the temperature."""
    made = keras.models.clone_model(network)
    made.set_weights(network.get_weights())
    made.layers[-1].rescale(scale)
    return made


def to_onnx(
    network: Any, form_of: Callable[[Any], onnx.ModelProto | None]
) -> onnx.ModelProto | None:
    """Write the graph around the graph of the base, by `form_of`; None for other layers."""
    layer = network.layers[-1]
    if not isinstance(layer, ClassAdapted):
        return None
    base = form_of(layer.base)
    if base is None:
        return None
    sizes = layer.get_config()
    weights = {
        **graph_weights(layer),
        "opinions": np.asarray(layer.opinions),
        "known": np.array(sizes["known"], np.int32),
        "unknown": np.array(UNKNOWN_ID, np.int32),
        "third": np.array(_PART, np.float32),
        "columns_axis": integers(2),
    }
    around = tables.table_graph(_STEPS, weights, sizes["vocabulary"], classes=sizes["classes"])
    return composed(around, base, ids=BASE_IDS, logit=BASE_LOGIT)
