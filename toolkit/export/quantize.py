"""Large weights as int8 or float16, and what that loses, measured before any file is written.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pyarrow as pa
import pyarrow.compute as pc
from onnx import TensorProto, helper, numpy_helper

from toolkit.errors import QuantizationError, UsageError
from toolkit.evaluation.reviews import load
from toolkit.export.convert import rebuilt
from toolkit.export.threshold import load_sample
from toolkit.model.facts import QuantizationCost
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.scorer import Scorer
from toolkit.records.options import ReadOptions

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
LARGEST_LOSS = 0.001  # of the accuracy: a tenth of a point


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


@dataclass(frozen=True)
class QuantizationOptions:
    """What `--quantize` asks for."""

    kind: str  # of the large weights in the file: `int8` or `float16`
    reviews: Path | None = None  # labelled reviews to evaluate it on; None: the sample of the run
    reading: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class LabelledSample:
    """(reviews,) texts and whether each is positive; `source` says where they are from."""

    source: str
    texts: pa.ChunkedArray
    labels: npt.NDArray[np.bool_]

    @classmethod
    def load(
        cls, options: QuantizationOptions, folder: RunFolder, config: RunConfig
    ) -> LabelledSample:
        """Read the reviews of a file, else the sample of the run; `ToolkitError` if it cannot."""
        check_kind(options.kind)
        if options.reviews is not None:
            reviews = load(options.reviews, options.reading).opinions()
            return cls(options.reviews.name, reviews.texts, reviews.labels == 1)
        parts = config.training.get("sample", "sample")
        return cls(f"{parts} reviews of the run", *load_sample(folder.sample))

    def measure_loss(self, kind: str, plain: Path, quantized: Path) -> QuantizationCost:
        """Score the reviews with a model file as it was and with it quantized."""
        scorer = Scorer(plain)
        before, after = (self._probabilities(model) for model in (scorer, Scorer(quantized)))
        called_before, called = before >= scorer.threshold, after >= scorer.threshold
        right_before, right = (int((c == self.labels).sum()) for c in (called_before, called))
        return QuantizationCost(
            weights=kind,
            source=self.source,
            reviews=len(self.labels),
            right_before=right_before,
            right=right,
            label_flips=int((called_before != called).sum()),
            largest_difference=float(np.abs(after - before).max()),
            bytes_before=plain.stat().st_size,
            bytes=quantized.stat().st_size,
            accuracy_before=right_before / len(self.labels),
            accuracy=right / len(self.labels),
            allowed_loss=LARGEST_LOSS,
        )

    def _probabilities(self, scorer: Scorer) -> npt.NDArray[Any]:
        found = scorer.probabilities(self.texts)
        array: npt.NDArray[Any] = pc.fill_null(found, 0).to_numpy(zero_copy_only=False)
        return array


def check_loss(cost: QuantizationCost) -> None:
    """Raise `QuantizationError` if the accuracy falls by more than is allowed."""
    # In whole reviews, which no rounding moves over the limit.
    if cost.right_before - cost.right <= cost.reviews // round(1 / LARGEST_LOSS):
        return
    advice = "Try --quantize float16, or export" if cost.weights == "int8" else "Export"
    raise QuantizationError(
        f"--quantize {cost.weights} costs too much: accuracy {cost.accuracy:.2%} instead of "
        f"{cost.accuracy_before:.2%} on {cost.reviews:,} labelled reviews ({cost.source}), and "
        f"{cost.label_flips:,} get another label. A loss of {100 * LARGEST_LOSS:g} points is "
        f"allowed. Nothing was exported. {advice} it without --quantize."
    )
