"""ONNX files, without the package `onnx`: their messages, and a part of a graph as a model.

Importing `onnx` takes a tenth of the time in which ten reviews are scored, mostly for operators,
helpers and text formats. So the class `ModelProto` is made from `onnx_messages.json`, a table of
the fields that the toolkit looks at, with their names and numbers in `onnx.proto`. protobuf keeps
all other fields as bytes and writes them again, so a model loses nothing.

For mypy it is the class of `onnx`. Where a function of `onnx` needs one of its own, make it with
``onnx.ModelProto.FromString(model.SerializeToString())``.

`read_onnx` reads a file from anywhere with care. A model file of this toolkit is one graph with its
weights inside, of operators that stock builds of ONNX Runtime have. Refused before ONNX Runtime
sees them: tensors stored outside, which it would read from any path; graphs inside nodes (loops
have no bound on their time), but for a `Scan`, which takes a step for each token, of a few products
and sums; functions, which call functions twice that call functions twice; and domains of operators
that stock builds lack. How much memory a network may take, and how many steps, is limited in
`toolkit.model.native_network`.
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

# Values of `TensorProto.DataType` and of `TensorProto.DataLocation`.
FLOAT, INT32, STRING = 1, 6, 8
EXTERNAL = 1

# Of all data types, by value; the first two of floating point are named as NumPy names them.
_TYPE_NAMES = """
    undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32
    uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz
    uint4 int4 float4e2m1 float8e8m0 uint2 int2 float6e2m3 float6e3m2
"""
TYPE_NAMES = tuple(_TYPE_NAMES.split())

# Of data types: how numbers are stored, and the field that has them where `raw_data` has not.
_TYPES = {
    FLOAT: ("<f4", "float_data"),
    2: ("<u1", "int32_data"),
    3: ("<i1", "int32_data"),
    INT32: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
}

# Number and type of each field, by message. With *, it is a list. What only has to be found is
# bytes, also where it is a message.
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


if TYPE_CHECKING:  # the only module of scoring that names `onnx`, for the others, too
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
    """Give the numbers of a tensor; raises `ValueError` if they are damaged, or of another type."""
    if tensor.data_type not in _TYPES:
        raise ValueError(f"{tensor.name}: numbers of the type {tensor.data_type}")
    kind, entry = _TYPES[tensor.data_type]
    if tensor.HasField("raw_data"):
        return np.frombuffer(tensor.raw_data, kind).reshape(tensor.dims)
    return np.array(getattr(tensor, entry), kind).reshape(tensor.dims)


def cut(model: ModelProto, start: str, ends: Sequence[str]) -> ModelProto:
    """Return the part that `cut_nodes` returns, with a copy of its weights."""
    return with_weights(cut_nodes(model, start, ends), weights_of(model))


def weights_of(model: ModelProto) -> dict[str, TensorProto]:
    """Return the weights of a graph by name, without a copy; of equal names, the last."""
    return {each.name: each for each in model.graph.initializer}


def with_weights(part: ModelProto, weights: Mapping[str, TensorProto]) -> ModelProto:
    """Return nodes with a copy of the weights that they read: tens of megabytes, and 20 ms."""
    whole = ModelProto()
    whole.CopyFrom(part)
    names = {name for node in part.graph.node for name in (*node.input, *node.output)}
    whole.graph.initializer.extend(each for name, each in weights.items() if name in names)
    return whole


def cut_nodes(model: ModelProto, start: str, ends: Sequence[str]) -> ModelProto:
    """Return the part of a flat graph from `start` to `ends`, which name tensors; no weights.

    Raises `ValueError` if the graph says nothing of these tensors, if two nodes make one tensor, or
    if weights are annotated as quantized.
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
    """Find the places of the nodes that make `ends` of `start`; None: of weights alone."""
    makers: dict[str, int] = {}
    for place, node in enumerate(model.graph.node):
        for name in filter(None, node.output):
            if makers.setdefault(name, place) != place:
                raise ValueError(f"two nodes make {name}")
    needed: set[int] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        maker = None if name == start else makers.get(name)
        if maker is not None and maker not in needed:
            needed.add(maker)
            waiting.extend(model.graph.node[maker].input)
    return sorted(needed)


# Parsed messages take a multiple of their bytes, so a limit of the file is one of the memory, too.
MOST_BYTES = 128 << 20

# Of the graph of a `Scan`: operators that add nothing to the memory, and as many nodes at most.
_STEP_OPERATORS, _MOST_STEP_NODES = ("Add", "Identity", "Mul"), 32

_CONTRIBUTED = "com.microsoft"  # operators of ONNX Runtime, which looks for them itself
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def read_onnx(path: Path) -> ModelProto:
    """Read a flat graph of known operators from one file; raises `ModelError` for anything else."""
    return parse_onnx(read_model(path), path)


def read_model(path: Path) -> bytes:
    """Read what may be a model file; raises `ModelError` for what is too large, or no file."""
    try:
        _check_kind(path)
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


def _check_kind(path: Path) -> None:
    """Refuse what is not a file before it is opened: reading a pipe could wait for ever."""
    if path.is_dir():
        raise ModelError(
            f"{path}: a folder, expected a model file. `toolkit export` makes one of a run folder."
        )
    size = path.stat().st_size
    if not path.is_file():
        raise ModelError(f"{path}: a pipe or a device, expected a model file; save it first")
    if size > MOST_BYTES:
        raise ModelError(
            f"{path}: {size / 1e6:,.0f} MB, expected a model file of {MOST_BYTES >> 20} MiB at most"
        )


def _check_flat(model: ModelProto, path: Path) -> None:
    graph = model.graph
    if model.functions or graph.sparse_initializer:
        kind = "functions" if model.functions else "sparse weights"
        raise ModelError(f"{path}: has {kind}, which no model of this toolkit has")
    _check_inside(graph.initializer, path)
    for node in graph.node:
        # Strings that are not UTF-8 come as bytes.
        if node.domain not in (*_DOMAINS, _CONTRIBUTED) or not isinstance(node.op_type, str):
            raise ModelError(f"{path}: the operator {_named(node)} is not in stock ONNX Runtime")
        for attribute in node.attribute:
            has_graph = attribute.HasField("g")
            if attribute.graphs or (has_graph and not _is_step(node, attribute.g)):
                raise ModelError(f"{path}: the node {_named(node)} has a graph of its own")
            _check_inside(_tensors(attribute), path)


def _is_step(node: NodeProto, graph: GraphProto) -> bool:
    """Whether a graph inside a node is what a `Scan` does at each token: products and sums."""
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
    return f"'{node.domain}{'.' * bool(node.domain)}{node.op_type!s:.60}'"
