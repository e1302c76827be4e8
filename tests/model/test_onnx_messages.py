"""Our own class of ONNX models, and the cut of a graph, against the package `onnx`."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.defs
import onnx.utils
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.data import PROJECT
from toolkit.model.onnx import (
    EXTERNAL,
    FLOAT,
    INT32,
    STRING,
    TYPE_NAMES,
    ModelProto,
    cut,
    read_onnx,
)

SHIPPED = sorted((PROJECT / "exported").glob("*.onnx"))
assert SHIPPED


def test_values_are_those_of_onnx() -> None:
    types = onnx.TensorProto
    assert (FLOAT, INT32, STRING) == (types.FLOAT, types.INT32, types.STRING)
    assert types.EXTERNAL == EXTERNAL


def test_fields_are_those_of_onnx() -> None:
    """Names, numbers, types and lists; what only has to be found may be bytes."""
    pairs = [(ModelProto.DESCRIPTOR, onnx.ModelProto.DESCRIPTOR)]
    seen = set()
    for own, theirs in pairs:
        for field in own.fields:
            other = theirs.fields_by_name[field.name]
            assert (field.number, field.is_repeated) == (other.number, other.is_repeated)
            assert kind(field) == kind(other) or field.type == field.TYPE_BYTES
            if field.message_type is not None and field.message_type.name not in seen:
                seen.add(field.message_type.name)
                pairs.append((field.message_type, other.message_type))
    assert {"NodeProto", "AttributeProto", "SparseTensorProto", "DimensionProto"} <= seen


def kind(field: FieldDescriptor) -> int:
    """The type of a field; an enumeration is read like a number."""
    found: int = field.TYPE_INT32 if field.type == field.TYPE_ENUM else field.type
    return found


def test_the_descriptors_are_not_those_of_onnx() -> None:
    assert isinstance(ModelProto.DESCRIPTOR, Descriptor)
    assert ModelProto.DESCRIPTOR is not onnx.ModelProto.DESCRIPTOR


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_nothing_is_lost(path: Path) -> None:
    written = read_onnx(path).SerializeToString()
    assert onnx.ModelProto.FromString(written) == onnx.load(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_cut_is_that_of_onnx(path: Path) -> None:
    expected = onnx.utils.Extractor(onnx.load(path)).extract_model(["token_ids"], ["probability"])
    own = cut(read_onnx(path), "token_ids", ["probability"])
    found = onnx.ModelProto.FromString(own.SerializeToString())
    onnx.checker.check_model(found)
    assert (found.ir_version, found.opset_import) == (expected.ir_version, expected.opset_import)
    for entry in ("node", "initializer", "input", "output"):
        assert getattr(found.graph, entry) == getattr(expected.graph, entry)
    assert "text" not in {name for node in found.graph.node for name in node.input}


def graph_of(*nodes: tuple[str, str], ends: tuple[str, ...] = ("c",)) -> ModelProto:
    """A graph from the tensor a, whose nodes each take one tensor and make one."""
    model = ModelProto(ir_version=8)
    for start, end in nodes:
        model.graph.node.add(op_type="Abs", input=[start], output=[end])
    model.graph.input.add(name="a")
    for end in ends:
        model.graph.output.add(name=end)
    return model


def test_a_cut_has_only_what_is_needed() -> None:
    model = graph_of(("x", "a"), ("a", "b"), ("b", "c"), ("b", "d"))
    assert [node.output[0] for node in cut(model, "a", ["c"]).graph.node] == ["b", "c"]


def test_a_circle_ends() -> None:
    model = graph_of(("c", "b"), ("b", "c"))
    assert len(cut(model, "a", ["c"]).graph.node) == 2


def test_what_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no tensor e"):
        cut(graph_of(("a", "c")), "a", ["e"])
    with pytest.raises(ValueError, match="two nodes have the output c"):
        cut(graph_of(("a", "c"), ("b", "c")), "a", ["c"])
    annotated = graph_of(("a", "c"))
    annotated.graph.quantization_annotation.append(b"")  # bytes in ours
    with pytest.raises(ValueError, match="annotated as quantized"):
        cut(annotated, "a", ["c"])


def test_type_names_are_those_of_onnx() -> None:
    names = {value: name.lower() for name, value in onnx.TensorProto.DataType.items()}
    names |= {1: "float32", 11: "float64"}
    assert dict(enumerate(TYPE_NAMES)).items() <= names.items() or len(names) < len(TYPE_NAMES)
