"""Hostile ONNX files, made of a small model that works."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import onnx
from onnx import TensorProto, helper

from tests.data import PROJECT
from toolkit.model.file import PROBABILITY, TOKEN_IDS

SMALL = PROJECT / "tests" / "frozen_files" / "version_1.onnx"

Maker = Callable[[], bytes]


def changed(change: Callable[[onnx.ModelProto], object]) -> Maker:
    """The small model with something changed."""

    def make() -> bytes:
        model = onnx.load(SMALL)
        change(model)
        return bytes(model.SerializeToString())

    return make


def fact(key: str, value: str) -> Maker:
    def change(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == key)
        entry.value = value

    return changed(change)


def with_network(
    nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto] = (), **extra: object
) -> Maker:
    """The small model with another network: `token_ids` → `extra`, which is added to a mean."""

    def change(model: onnx.ModelProto) -> None:
        graph = model.graph
        kept = [n for n in graph.node if n.name.startswith("front_end/") or TOKEN_IDS in n.output]
        label = [n for n in graph.node if any(name.startswith("label") for name in n.output)]
        names = {name for node in [*kept, *label] for name in node.input}
        weights = [entry for entry in graph.initializer if entry.name in names]
        mean = [
            helper.make_node("Cast", [TOKEN_IDS], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats", "columns"], ["mean"], keepdims=0),
            helper.make_node("ReduceMax", ["extra"], ["more"], keepdims=0),
            helper.make_node("Add", ["mean", "more"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], [PROBABILITY]),
        ]
        weights.append(whole_numbers("columns", [1]))
        for field, content in (("node", [*kept, *nodes, *mean, *label]),
                               ("initializer", [*weights, *constants])):  # fmt: skip
            graph.ClearField(field)
            getattr(graph, field).extend(content)

    return changed(change)


def whole_numbers(name: str, values: list[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def outside(location: str) -> Callable[[onnx.TensorProto], onnx.TensorProto]:
    """Say of a tensor that its bytes stand in another file."""

    def change(tensor: onnx.TensorProto) -> onnx.TensorProto:
        for field in ("raw_data", "float_data", "int64_data"):
            tensor.ClearField(field)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        return tensor

    return change


def weights_outside(location: str) -> Maker:
    return changed(lambda model: outside(location)(model.graph.initializer[0]))


def constant_outside(location: str) -> Maker:
    """In an attribute of a node, where no list of the weights has it."""
    tensor = outside(location)(helper.make_tensor("secret", TensorProto.FLOAT, [1], [0.0]))
    return with_network([helper.make_node("Constant", [], ["extra"], value=tensor)])


def operator(name: str, domain: str) -> Maker:
    return with_network([helper.make_node(name, [TOKEN_IDS], ["extra"], domain=domain)])


def endless_loop() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["goes_on"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go_on", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("goes_on", TensorProto.BOOL, [])],
    )  # fmt: skip
    return with_network([helper.make_node("Loop", ["", "true"], ["extra"], body=body)])()


def functions_of_functions() -> bytes:
    """Each calls the one before it twice: 2 to the power of 40 nodes when all are put in."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]

    def function(level: int) -> onnx.FunctionProto:
        inner = ("Neg", "") if not level else (f"f{level - 1}", "own")
        nodes = [
            helper.make_node(inner[0], [source], [target], domain=inner[1])
            for source, target in (("x", "y"), ("y", "z"))
        ]
        return helper.make_function("own", f"f{level}", ["x"], ["z"], nodes, opsets)

    model = onnx.load_model_from_string(operator("f40", "own")())
    model.functions.extend(function(level) for level in range(41))
    return bytes(model.SerializeToString())


def other_tensor(field: str, name: str, element: int, rank: int = 1) -> Maker:
    """Declare a tensor of another type or shape."""

    def change(model: onnx.ModelProto) -> None:
        (value,) = (entry for entry in getattr(model.graph, field) if entry.name == name)
        value.CopyFrom(helper.make_tensor_value_info(name, element, ["batch"] * rank))

    return changed(change)


def no_words(model: onnx.ModelProto) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    del encoder.attribute[:]


REFUSED: dict[str, tuple[Maker, str]] = {
    "weights in ..": (weights_outside("../secret"), "stored outside the file"),
    "weights at /": (weights_outside("/etc/passwd"), "stored outside the file"),
    "weights in a link": (weights_outside("link"), "stored outside the file"),
    "constant in ..": (constant_outside("../secret"), "stored outside the file"),
    "constant in a link": (constant_outside("link"), "stored outside the file"),
    "unknown operator": (operator("Evil", ""), "cannot load its network"),
    "unknown domain": (operator("Run", "evil"), "the operator 'evil.Run' is not in stock"),
    "unknown of Microsoft": (operator("Evil", "com.microsoft"), "cannot load its network"),
    "loop": (endless_loop, "the node 'Loop' has a graph of its own"),
    "functions": (functions_of_functions, "has functions"),
    "text of floats": (other_tensor("input", "text", 1), "the input 'text' is of another type"),
    "text of two axes": (other_tensor("input", "text", 8, 2), "the input 'text' is of another"),
    "probability as text": (other_tensor("output", "probability", 8), "output 'probability' is"),
    "ids without axes": (other_tensor("value_info", "token_ids", 6, 0), "'token_ids' is of"),
    "no words": (changed(no_words), "the LabelEncoder has no"),
    "deep metadata": (fact("data", "[" * 100_000), "damaged metadata"),
    "deep, and closed": (fact("data", '{"a":' * 300 + "1" + "}" * 300), "more than 100 levels"),
    "huge metadata": (fact("data", json.dumps({"a": "a" * (2 << 20)})), "data has 2,097"),
    "huge number": (fact("threshold", "9" * 5000), "damaged metadata"),
    "ids beyond int32": (fact("vocabulary_size", "9" * 30), "vocabulary_size is 9999"),
    "metadata of another type": (fact("metrics", '"high"'), "metrics is 'high'"),
    "number beyond floats": (
        fact("metrics", json.dumps({"test": {"accuracy": 10**400}})), "test.accuracy is 1000"
    ),
    "labels of the wrong kind": (fact("labels", '["a,", "b"]'), "labels is ['a,'"),
    "entry of an entry": (fact("data", '{"teachers": [{"rows": "9"}]}'), "data.teachers.rows is"),
}  # fmt: skip

_MANY = 1 << 40

HUNGRY: dict[str, Maker] = {
    "ConstantOfShape": with_network(
        [helper.make_node("ConstantOfShape", ["shape"], ["extra"])],
        [whole_numbers("shape", [_MANY])],
    ),
    "Expand": with_network(
        [helper.make_node("Expand", ["one", "shape"], ["extra"])],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
         whole_numbers("shape", [1 << 30])],
    ),
    "Tile": with_network(
        [helper.make_node("Tile", ["one", "times"], ["extra"])],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]), whole_numbers("times", [_MANY])],
    ),
    "doubled": with_network(
        [helper.make_node("Concat", [f"c{n}"] * 2, [f"c{n + 1}" if n < 39 else "extra"], axis=0)
         for n in range(40)],
        [helper.make_tensor("c0", TensorProto.FLOAT, [1], [1.0])],
    ),
    "all by all": with_network(
        [helper.make_node("MatMul", ["column", "row"], ["extra"])],
        [helper.make_tensor(name, TensorProto.FLOAT, shape, bytes(4 << 17), raw=True)
         for name, shape in (("column", [1 << 17, 1]), ("row", [1, 1 << 17]))],
    ),
    "by the rows": with_network(
        [helper.make_node("Shape", [TOKEN_IDS], ["rows"]),
         helper.make_node("Mul", ["rows", "times"], ["shape"]),
         helper.make_node("ConstantOfShape", ["shape"], ["extra"])],
        [whole_numbers("times", [1 << 28, 1])],
    ),
}  # fmt: skip
