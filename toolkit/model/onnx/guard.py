"""An ONNX file from anywhere, read with care: what could reach beyond the file is refused.

A model file of this toolkit is one flat graph with its weights inside, of operators that stock
builds of ONNX Runtime have. Refused before ONNX Runtime sees them: tensors stored outside, which it
would read from any path; graphs inside nodes (loops have no bound on their time); functions, which
call functions twice that call functions twice; and domains of operators that stock builds lack.
How much memory a network may take is limited in `toolkit.model.inference.onnx_sessions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from toolkit.errors import ModelError
from toolkit.model.onnx.onnx_messages import EXTERNAL, ModelProto

if TYPE_CHECKING:
    from toolkit.model.onnx.onnx_messages import AttributeProto, NodeProto, TensorProto

# Parsed messages take a multiple of their bytes, so a limit of the file is one of the memory, too.
MOST_BYTES = 128 << 20

_CONTRIBUTED = "com.microsoft"  # operators of ONNX Runtime, which looks for them itself
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def read_onnx(path: Path) -> ModelProto:
    """Read a flat graph of known operators from one file; raises `ModelError` for anything else."""
    try:
        _check_kind(path)
        model = ModelProto()
        model.ParseFromString(path.read_bytes())
        if not model.HasField("graph"):
            raise ModelError(f"{path}: not an ONNX model (it has no graph)")
        _check_flat(model, path)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such model file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (DecodeError, UnicodeDecodeError):
        raise ModelError(f"{path}: not an ONNX model, or one that was cut short") from None
    return model


def check_operators(model: ModelProto, path: Path) -> None:
    """Raise `ModelError` for an operator that ONNX does not know.

    ONNX Runtime finds those of a network by itself, so `toolkit score` does not need this.
    """
    from toolkit.model.onnx.operators import OPERATORS

    for node in model.graph.node:
        if node.domain in OPERATORS and node.op_type not in OPERATORS[node.domain]:
            raise _not_stock(node, path)


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
            raise _not_stock(node, path)
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise ModelError(f"{path}: the node {_named(node)} has a graph of its own")
            _check_inside(_tensors(attribute), path)


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


def _not_stock(node: NodeProto, path: Path) -> ModelError:
    return ModelError(f"{path}: the operator {_named(node)} is not in stock ONNX Runtime")


def _named(node: NodeProto) -> str:
    return f"'{node.domain}{'.' * bool(node.domain)}{node.op_type!s:.60}'"
