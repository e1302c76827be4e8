"""What networks made of tables have in common: rounded weights, layers, and graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import import_keras, import_tensorflow
from toolkit.networks.graphs import Weights, graph_of, steps, weights_of
from toolkit.text.token_ids import START_ID

keras: Any = import_keras()
tf: Any = import_tensorflow()

# Decorates a layer, so that Keras finds it again under this name.
registered: Any = keras.saving.register_keras_serializable(package="review_sentiment_toolkit")

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

_LARGEST_CODE = 127  # of int8, on both sides of zero
TINY = 1e-12  # in place of a largest value of 0

_CONSTANTS = """
 int64[1] flat = {-1}, int64[4] one_in_front = {0, 1, 0, 0}, int64[1] first = {0},
 int64[1] last = {-1}, int64[1] axis = {1}, int32 start_id = {1},
 float one = {1}, float half = {0.5}"""


class TableLayer(keras.layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Ids (batch, tokens) int32 → probability (batch, 1) float32, whatever the padding in front."""

    SIZES: tuple[str, ...] = ()  # the names of its arguments

    def __init__(self, **options: Any) -> None:
        self._sizes = {name: options.pop(name) for name in self.SIZES}
        super().__init__(**options)

    def _weight(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        return self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )

    def call(self, ids: Any) -> Any:
        """Return the probability, (batch, 1) float32, of ids (batch, tokens) int32."""
        return tf.sigmoid(self.logits(ids))

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return one column."""
        return input_shape[0], 1

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the layer again."""
        return {**super().get_config(), **self._sizes}

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias` by changing the last weights."""
        raise NotImplementedError


def counts(ids: Any) -> Any:
    """Whether each id counts: padding and the start of the review do not."""
    return tf.greater(ids, START_ID)


def model_of(kind: type[TableLayer], sizes: tuple[int, ...], weights: list[Any], name: str) -> Any:
    """Make a Keras model of one layer, (batch, any length) int32 → (batch, 1) float32."""
    layer = kind(**dict(zip(kind.SIZES, sizes, strict=True)))
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    network = keras.Model(ids, layer(ids), name=name)
    layer.set_weights(weights)
    return network


def table_graph(
    names: Sequence[str],
    tables: Weights,
    vocabulary_size: int,
    *,
    width: int | None = None,
    classes: int | None = None,
) -> onnx.ModelProto:
    """Write the graph of a table layer; these steps continue from the keys and the counts."""
    size = {"vocabulary_size": np.array(vocabulary_size, np.int32)}
    listing = steps("tables", *names)
    return graph_of(
        listing, tables | size, width=width or "tokens", constants=_CONSTANTS, classes=classes
    )


def tables_of(model: onnx.ModelProto, names: Sequence[str]) -> Weights | None:
    """Read the tables out of the graph of a table layer; None if it has other steps."""
    return weights_of(model, steps("tables", *names), constants=_CONSTANTS)


def check_table(name: str, table: npt.NDArray[Any], dtype: type, *shape: int | None) -> None:
    """Raise `ValueError` unless a table has this type, and this shape with any number for None."""
    fits = len(shape) == table.ndim and all(
        expected in (None, found) for expected, found in zip(shape, table.shape, strict=True)
    )
    if table.dtype != dtype or not fits or not table.size:
        expected = ", ".join("any" if number is None else str(number) for number in shape)
        raise ValueError(
            f"{name}: expected {np.dtype(dtype)} of the shape ({expected}), received {table.dtype} "
            f"of the shape {table.shape}"
        )


def coded(weights: Floats) -> tuple[Codes, float]:
    """Round weights to codes c, which stand for c · |c| of a unit, and give the unit.

    So, small weights have the finer steps.
    """
    largest = max(float(np.abs(weights).max()), TINY)
    codes = _LARGEST_CODE * np.sign(weights) * np.sqrt(np.abs(weights) / largest)
    return np.round(codes).astype(np.int8), largest / _LARGEST_CODE**2


def decoded(codes: Any) -> Any:
    """Return the values of a tensor of codes, in units of `coded`, as int32."""
    values = tf.cast(codes, tf.int32)
    return values * tf.abs(values)
