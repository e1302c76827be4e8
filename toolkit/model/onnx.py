"""Read ONNX files without the package `onnx`, and cut a part of a graph out as a model.

Importing `onnx` takes a tenth of the time of scoring ten reviews, mostly for operators, helpers and
text formats. Instead, the class `ModelProto` is built from `onnx_messages.json`: the names, numbers
and types of the fields that the toolkit reads, as in `onnx.proto`. protobuf keeps all other fields
as bytes and writes them back, so a model loses nothing.

mypy takes `ModelProto` for the class of `onnx`. For a function of the package `onnx`, convert a
model with ``onnx.ModelProto.FromString(model.SerializeToString())``.

`read_onnx` accepts files from untrusted sources. A model file of this toolkit is one graph with its
weights inside, of operators in stock builds of ONNX Runtime. Before ONNX Runtime sees a file, these
are refused:

- tensors stored outside the file: ONNX Runtime would read them from any path;
- graphs inside nodes, as loops may never end. A `Scan` is accepted: it takes one step per token, of
  a few products and sums;
- functions: nested calls can double the work at each level;
- operators of domains that stock builds lack.

`toolkit.model.native_network` limits the memory and the steps of a network.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from toolkit.errors import ModelError

# Values of `TensorProto.DataType`.
FLOAT = 1
INT32 = 6
STRING = 8
# Value of `TensorProto.DataLocation`.
EXTERNAL = 1

# Names of all data types, by value. Where NumPy has the type, its name is used.
_TYPE_NAMES = """
    undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32
    uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz
    uint4 int4 float4e2m1 float8e8m0 uint2 int2 float6e2m3 float6e3m2
"""
TYPE_NAMES = tuple(_TYPE_NAMES.split())

# Data type → type of the stored numbers, and the field that has them if `raw_data` is not set.
_TYPES = {
    FLOAT: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    INT32: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
}

# Message → field → number and type; * marks a list. A message that the toolkit only needs to notice
# is read as bytes.
_MESSAGES = Path(__file__).with_name("onnx_messages.json")
_SCALARS = {
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def _model_class() -> Any:
    file = FileDescriptorProto(name="toolkit/onnx.proto", package="onnx", syntax="proto2")
    for name, entries in json.loads(_MESSAGES.read_bytes()).items():
        message = file.message_type.add(name=name)
        for entry, (number, kind) in entries.items():
            field = message.field.add(name=entry, number=number)
            is_list = kind.endswith("*")
            field.label = field.LABEL_REPEATED if is_list else field.LABEL_OPTIONAL
            field.type = _SCALARS.get(kind.rstrip("*"), field.TYPE_MESSAGE)
            field.options.packed = entry.endswith("_data") and is_list
            if field.type == field.TYPE_MESSAGE:
                field.type_name = f".onnx.{kind.rstrip('*')}"
    pool = DescriptorPool()  # its own, so that `onnx` can be imported, too
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("onnx.ModelProto"))


if TYPE_CHECKING:  # other modules of scoring import these types from here, not from `onnx`
    import onnx

    AttributeProto = onnx.AttributeProto
    GraphProto = onnx.GraphProto
    ModelProto = onnx.ModelProto
    NodeProto = onnx.NodeProto
    TensorProto = onnx.TensorProto
    ValueInfoProto = onnx.ValueInfoProto
else:
    ModelProto = _model_class()


def array_of(tensor: TensorProto) -> npt.NDArray[Any]:
    """Return the numbers of a tensor; raise `ValueError` for damaged data and other types."""
    if tensor.data_type not in _TYPES:
        raise ValueError(f"{tensor.name}: its element type {tensor.data_type} is not supported")
    kind, entry = _TYPES[tensor.data_type]
    if tensor.HasField("raw_data"):
        return np.frombuffer(tensor.raw_data, kind).reshape(tensor.dims)
    return np.array(getattr(tensor, entry), kind).reshape(tensor.dims)


def check_finite(weights: Iterable[TensorProto], path: Path) -> None:
    """Raise `ModelError` for a weight that has NaN or infinity, which takes under 1 ms."""
    for each in weights:
        if each.data_type != FLOAT:
            continue
        try:
            numbers = array_of(each)
        except ValueError as error:
            raise ModelError(f"{path}: damaged: {error}") from None
        is_finite = np.isfinite(numbers)
        if not is_finite.all():
            at = np.argwhere(~is_finite)[0].tolist()
            raise ModelError(
                f"{path}: the weights {each.name!r:.100} have a value that is not a number, "
                f"at {at}. Export the model again"
            )


def cut(model: ModelProto, start: str, ends: Sequence[str]) -> ModelProto:
    """Return the part of a flat graph from `start` to `ends` as a model with its weights."""
    return with_weights(cut_nodes(model, start, ends), weights_of(model))


def weights_of(model: ModelProto) -> dict[str, TensorProto]:
    """Return name → weight of a graph, not copied; the last of equal names."""
    return {each.name: each for each in model.graph.initializer}


def with_weights(part: ModelProto, weights: Mapping[str, TensorProto]) -> ModelProto:
    """Return nodes with a copy of their weights, which takes 20 ms for 16 MB."""
    whole = ModelProto()
    whole.CopyFrom(part)
    names = {name for node in part.graph.node for name in (*node.input, *node.output)}
    whole.graph.initializer.extend(each for name, each in weights.items() if name in names)
    return whole


def cut_nodes(model: ModelProto, start: str, ends: Sequence[str]) -> ModelProto:
    """Return what `cut` returns, without weights.

    Raises `ValueError` if the graph does not declare these tensors, if two nodes have the same
    output, or if weights are annotated as quantized.
    """
    graph = model.graph
    values = {each.name: each for each in (*graph.value_info, *graph.input, *graph.output)}
    if missing := {start, *ends} - values.keys():
        raise ValueError(f"no tensor {missing.pop()}")
    if graph.quantization_annotation:
        raise ValueError("its weights are annotated as quantized")
    nodes = [graph.node[place] for place in nodes_between(model, start, ends)]
    names = {name for node in nodes for name in (*node.input, *node.output)}
    part = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    part.graph.name = graph.name
    part.graph.node.extend(nodes)
    part.graph.input.append(values[start])
    part.graph.output.extend(values[name] for name in ends)
    part.graph.value_info.extend(each for each in graph.value_info if each.name in names - {start})
    return part


def nodes_between(model: ModelProto, start: str | None, ends: Iterable[str]) -> list[int]:
    """Return the indices of the nodes that compute `ends` from `start`; None: from weights only."""
    makers: dict[str, int] = {}
    for place, node in enumerate(model.graph.node):
        for name in filter(None, node.output):
            if makers.setdefault(name, place) != place:
                raise ValueError(f"two nodes have the output {name}")
    needed: set[int] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        maker = None if name == start else makers.get(name)
        if maker is not None and maker not in needed:
            needed.add(maker)
            waiting.extend(model.graph.node[maker].input)
    return sorted(needed)


# Parsed messages take a multiple of the file's bytes, so this also limits the memory.
MOST_BYTES = 128 << 20

# For the graph of a `Scan`: operators that need no further memory, and the limit of its nodes.
_STEP_OPERATORS = ("Add", "Identity", "Mul")
_MOST_STEP_NODES = 32

_CONTRIBUTED = "com.microsoft"  # operators of ONNX Runtime, which looks for them itself
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def read_onnx(path: Path) -> ModelProto:
    """Read a flat graph of known operators from one file; raise `ModelError` for anything else."""
    return parse_onnx(read_model(path), path)


def read_model(path: Path) -> bytes:
    """Read the bytes of a model file; raise `ModelError` if it is not a file, or too large."""
    return read_content(path, MOST_BYTES)


def read_content(path: Path, most: int) -> bytes:
    """Read the bytes of a file of a model; raise `ModelError` if it has more than `most`."""
    try:
        _check_kind(path, most)
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def parse_onnx(content: bytes, path: Path) -> ModelProto:
    """Parse the content of the file at `path`, as `read_onnx` does."""
    try:
        model = ModelProto()
        model.ParseFromString(content)
        if not model.HasField("graph"):
            raise ModelError(f"{path}: not an ONNX model (it has no graph)")
        _check_flat(model, path)
    except (DecodeError, UnicodeDecodeError):
        raise ModelError(f"{path}: not an ONNX model, or one that was cut short") from None
    return model


def check_no_loops(model: ModelProto, path: Path) -> None:
    """Raise `ModelError` for a `Scan`, which only a network of this toolkit may have."""
    if any(node.op_type == "Scan" for node in model.graph.node):
        raise ModelError(f"{path}: the node 'Scan' is not in a network of a classifier")


def _check_kind(path: Path, most: int) -> None:
    """Refuse anything but a file before opening it: reading a pipe could block forever."""
    if path.is_dir():
        raise ModelError(
            f"{path}: a folder, expected a model file. If it is a run folder, export it first: "
            "`toolkit export FOLDER`."
        )
    size = path.stat().st_size
    if not path.is_file():
        raise ModelError(f"{path}: a pipe or a device, expected a model file; save it first")
    if size > most:
        raise ModelError(
            f"{path}: {size / 1e6:,.0f} MB, expected a model file of {max(1, most >> 20):,} MiB at "
            "most"
        )


def _check_flat(model: ModelProto, path: Path) -> None:
    graph = model.graph
    if model.functions or graph.sparse_initializer:
        kind = "functions" if model.functions else "sparse weights"
        raise ModelError(
            f"{path}: has {kind}, which models of this toolkit never have. Export "
            "the model with `toolkit export`"
        )
    _check_inside(graph.initializer, path)
    for node in graph.node:
        # protobuf returns strings that are not UTF-8 as bytes.
        if node.domain not in (*_DOMAINS, _CONTRIBUTED) or not isinstance(node.op_type, str):
            raise ModelError(f"{path}: the operator {_named(node)} is not in stock ONNX Runtime")
        for attribute in node.attribute:
            has_graph = attribute.HasField("g")
            if attribute.graphs or (has_graph and not _is_step(node, attribute.g)):
                raise ModelError(
                    f"{path}: the node {_named(node)} contains another graph, which "
                    "models of this toolkit never do. Export the model with "
                    "`toolkit export`"
                )
            _check_inside(_tensors(attribute), path)


def _is_step(node: NodeProto, graph: GraphProto) -> bool:
    """Whether a graph inside a node is the step of a `Scan`, of products and sums only."""
    return (
        (node.domain, node.op_type) == ("", "Scan")
        and len(graph.node) <= _MOST_STEP_NODES
        and not (graph.initializer or graph.sparse_initializer)
        and all(
            each.domain == "" and each.op_type in _STEP_OPERATORS and not each.attribute
            for each in graph.node
        )
    )


def _tensors(attribute: AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
        yield from (sparse.values, sparse.indices)


def _check_inside(tensors: Iterable[TensorProto], path: Path) -> None:
    for tensor in tensors:
        if tensor.data_location == EXTERNAL or tensor.external_data:
            raise ModelError(f"{path}: the weights '{tensor.name}' are stored outside the file")


def _named(node: NodeProto) -> str:
    prefix = f"{node.domain}." if node.domain else ""
    return f"'{prefix}{node.op_type!s:.60}'"
