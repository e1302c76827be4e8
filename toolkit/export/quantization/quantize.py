"""Large weights as int8 or float16: a smaller file, which is as fast as before once it is loaded.

The file keeps the small numbers, and `Cast` and `Mul` make floats of them again. They depend on no
input, so ONNX Runtime does it once, when it loads the file, and folds what `conv1d` makes of its
embedding as before: speed and memory stay those of the plain file. What else was measured:

- after the `Gather`, so that the table stays small in memory, too: 1.1 to 1.8 times the time for
  the networks of an embedding, and it would undo the tables of `conv1d`;
- `DequantizeLinear`: ONNX Runtime folds none, so that `conv1d` takes 1.6 to 2.7 times the time;
- one scale for a column instead of one for a row: a tenth of the file less, eight times the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from toolkit.errors import UsageError
from toolkit.export.canonical import rebuilt

KINDS = ("int8", "float16")

# Kernels and biases below this many numbers are read for every review and would save few bytes.
_LEAST_NUMBERS = 4096
# A scale has four bytes; for fewer numbers than this it would cost too much of what they save.
_LEAST_PER_SCALE = 8
_LARGEST_CODE = 127
_LARGEST_FLOAT16 = float(np.finfo(np.float16).max)

_Array = npt.NDArray[Any]
# What a file stores for some weights, the nodes that make floats of it, and these floats.
_Stored = tuple[list[onnx.TensorProto], list[onnx.NodeProto], _Array]


@dataclass(frozen=True)
class Quantized:
    """A network, `token_ids` → `probability`, with small weights."""

    network: onnx.ModelProto
    in_floats: onnx.ModelProto  # the same weights as floats, to check how runtimes read them


def check_kind(kind: str) -> None:
    """Raise `UsageError` unless this is `int8` or `float16`."""
    if kind not in KINDS:
        raise UsageError(f"--quantize: expected {' or '.join(KINDS)}, received {kind!r}")


def quantize(network: onnx.ModelProto, kind: str) -> Quantized:
    """Store the large float32 weights as int8, with one scale for each row, or as float16.

    Raises `UsageError` if there are none, so that the file would not become smaller.
    """
    check_kind(kind)
    graph = network.graph
    nodes: list[onnx.NodeProto] = []
    stored: list[onnx.TensorProto] = []
    floats: list[onnx.TensorProto] = []
    for entry in graph.initializer:
        if entry.data_type != TensorProto.FLOAT or math.prod(entry.dims) < _LEAST_NUMBERS:
            stored.append(entry)
            floats.append(entry)
            continue
        weights = numpy_helper.to_array(entry)
        parts, made_by, value = (_as_int8 if kind == "int8" else _as_float16)(weights, entry.name)
        nodes += made_by
        stored += parts
        floats.append(numpy_helper.from_array(value, entry.name))
    if not nodes:
        raise UsageError(_nothing_to_gain(graph, kind))
    return Quantized(
        rebuilt(network, [*nodes, *graph.node], stored), rebuilt(network, [*graph.node], floats)
    )


def _as_float16(weights: _Array, name: str) -> _Stored:
    codes = np.clip(weights, -_LARGEST_FLOAT16, _LARGEST_FLOAT16).astype(np.float16)
    stored = numpy_helper.from_array(codes, f"{name}_codes")
    return [stored], [_floats_of(stored.name, name)], codes.astype(np.float32)


def _as_int8(weights: _Array, name: str) -> _Stored:
    largest = np.abs(weights).max(axis=_axes_of_a_scale(weights.shape), keepdims=True)
    scales = np.where(largest > 0, largest / np.float32(_LARGEST_CODE), np.float32(1))
    codes = np.rint(weights / scales).clip(-_LARGEST_CODE, _LARGEST_CODE).astype(np.int8)
    stored = [
        numpy_helper.from_array(codes, f"{name}_codes"),
        numpy_helper.from_array(scales, f"{name}_scales"),
    ]
    whole = f"{name}_whole"
    product = helper.make_node("Mul", [whole, stored[1].name], [name], name)
    return stored, [_floats_of(stored[0].name, whole), product], codes * scales


def _axes_of_a_scale(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Choose the numbers that share a scale: rows, else filters, else columns, if long enough."""
    axes = tuple(range(len(shape)))
    for shared in (axes[-1:], axes[1:], axes[:-1]):
        if math.prod(shape[axis] for axis in shared) >= _LEAST_PER_SCALE:
            return shared
    return axes


def _floats_of(source: str, name: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [name], name, to=TensorProto.FLOAT)


def _nothing_to_gain(graph: onnx.GraphProto, kind: str) -> str:
    tables = (TensorProto.INT8, TensorProto.UINT8)
    small = sum(math.prod(entry.dims) for entry in graph.initializer if entry.data_type in tables)
    why = (
        f"the tables of this network are int8 already ({small:,} numbers), and its other weights "
        "are few"
        if small >= _LEAST_NUMBERS
        else f"this network has no table of {_LEAST_NUMBERS:,} floats or more"
    )
    return f"--quantize {kind}: nothing would become smaller: {why}. Export it without --quantize."
