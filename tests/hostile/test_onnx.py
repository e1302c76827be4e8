"""ONNX files that reach beyond themselves, and damaged ones: one clear error each."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tests.cli.running import Command
from tests.data import PROJECT
from tests.models import MODEL
from toolkit.errors import ModelError
from toolkit.model import Scorer
from toolkit.model.description import describe
from toolkit.model.file import PROBABILITY, TOKEN_IDS, ModelFile
from toolkit.model.onnx import MOST_BYTES

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


def scan(*operators: str, **attributes: Any) -> bytes:
    """Read a column of the ids after the other, by operators one after the other."""
    names = ["before", *(f"step_{at}" for at in range(len(operators)))]
    nodes = [
        helper.make_node(kind, [source, *["read"] * (kind == "Add")], [target], **attributes)
        for kind, source, target in zip(operators, names, names[1:], strict=False)
    ]
    nodes.append(helper.make_node("Identity", [names[-1]], ["after"]))
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"])
        for name in ("before", "read", "after")
    ]
    body = helper.make_graph(nodes, "body", values[:2], values[2:])
    return with_network(
        [
            helper.make_node("Cast", [TOKEN_IDS], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["numbers", "columns"], ["start"], keepdims=0),
            helper.make_node(
                "Scan", ["start", "numbers"], ["extra_row"], body=body,
                num_scan_inputs=1, scan_input_axes=[1],
            ),
            helper.make_node("Unsqueeze", ["extra_row", "columns"], ["extra"]),
        ]
    )()  # fmt: skip


def step_with_weights() -> bytes:
    """A step with numbers of its own, such as may be stored outside of the file."""
    model = onnx.load_model_from_string(scan("Add"))
    (node,) = (node for node in model.graph.node if node.op_type == "Scan")
    body = next(entry for entry in node.attribute if entry.name == "body").g
    body.initializer.append(whole_numbers("more", [1]))
    return bytes(model.SerializeToString())


def endless_scan() -> bytes:
    """A step for each of more rows than ever end, which are empty, and so take no memory."""
    model = onnx.load_model_from_string(scan("Add"))
    (cast,) = (node for node in model.graph.node if "numbers" in node.output)
    cast.CopyFrom(helper.make_node("ConstantOfShape", ["shape"], ["numbers"]))
    (start,) = (node for node in model.graph.node if "start" in node.output)
    start.CopyFrom(helper.make_node("ConstantOfShape", ["nothing"], ["start"]))
    model.graph.initializer.extend(
        [whole_numbers("shape", [0, 10**15]), whole_numbers("nothing", [0])]
    )
    return bytes(model.SerializeToString())


def another_scan() -> bytes:
    """A network that the core knows, whose sum is made by a `Scan` of its own."""
    model, other = onnx.load(MODEL), onnx.load_model_from_string(endless_scan())
    names = {"numbers", "start", "extra_row"}
    steps = [node for node in other.graph.node if names & {*node.output}]
    (end,) = (node for node in model.graph.node if PROBABILITY in node.output)
    steps.append(helper.make_node("ReduceSum", ["extra_row"], ["nought"], keepdims=0))
    steps.append(helper.make_node("Add", [end.input[0], "nought"], ["with_steps"]))
    end.input[0] = "with_steps"
    at = [*model.graph.node].index(end)
    nodes = [*model.graph.node[:at], *steps, *model.graph.node[at:]]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(other.graph.initializer[-2:])
    return bytes(model.SerializeToString())


def test_steps_of_sums_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(scan("Add", "Identity"))
    assert ModelFile.load(path).network.graph.node


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


def behaviour(of: str, **changes: object) -> Maker:
    """Say nonsense of the toolkit's own sentences."""
    entries: dict[str, dict[str, object]] = {
        "phenomena": {"name": "negation", "right": 3, "sentences": 4},
        "same": {
            "part": "form", "name": "capitals", "sets": 2, "mean_spread": 0.1, "moved": 0.0,
            "other_label": 0.0, "lowest": [0.1, "a"], "highest": [0.2, "b"],
        },
    }  # fmt: skip
    entries[of] |= changes
    found = {name: [entry] for name, entry in entries.items()}
    return fact("metrics", json.dumps({"behaviour": {**found, "sha256": "a" * 64}}))


def no_words(model: onnx.ModelProto) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    del encoder.attribute[:]


_OTHER_SCAN = "the node 'Scan' is not as `toolkit export` writes it for the network ngram-recurrent"

REFUSED: dict[str, tuple[Maker, str]] = {
    "weights in ..": (weights_outside("../secret"), "stored outside the file"),
    "weights at /": (weights_outside("/etc/passwd"), "stored outside the file"),
    "weights in a link": (weights_outside("link"), "stored outside the file"),
    "constant in ..": (constant_outside("../secret"), "stored outside the file"),
    "constant in a link": (constant_outside("link"), "stored outside the file"),
    "unknown operator": (operator("Evil", ""), "cannot load its network"),
    "unknown domain": (operator("Run", "evil"), "the operator 'evil.Run' is not in stock"),
    "unknown of Microsoft": (operator("Evil", "com.microsoft"), "cannot load its network"),
    "loop": (endless_loop, "the node 'Loop' contains another graph"),
    "steps of others": (partial(scan, "Exp"), "the node 'Scan' contains another graph"),
    "steps with a graph": (
        partial(scan, "Add", body=helper.make_graph([], "inner", [], [])), "'Scan' contains "
                                                                           "another"
    ),
    "steps with weights": (step_with_weights, "the node 'Scan' contains another graph"),
    "many steps": (partial(scan, *["Add"] * 40), "the node 'Scan' contains another graph"),
    "steps without end": (endless_scan, _OTHER_SCAN),
    "more steps": (another_scan, _OTHER_SCAN),
    "functions": (functions_of_functions, "has functions"),
    "text of floats": (other_tensor("input", "text", 1), "the input 'text' has the wrong type"),
    "text of two axes": (other_tensor("input", "text", 8, 2), "the input 'text' has the wrong"),
    "probability as text": (other_tensor("output", "probability", 8), "output 'probability' has"),
    "ids without axes": (other_tensor("value_info", "token_ids", 6, 0), "'token_ids' has"),
    "no words": (changed(no_words), "the LabelEncoder lacks"),
    "deep metadata": (fact("labels", "[" * 100_000), "damaged metadata"),
    "deep, and closed": (fact("labels", '{"a":' * 300 + "1" + "}" * 300), "more than 100 levels"),
    "huge metadata": (fact("labels", json.dumps({"a": "a" * (2 << 20)})), "labels has 2,097"),
    "huge number": (fact("threshold", "9" * 5000), "damaged metadata"),
    "ids beyond int32": (fact("vocabulary_size", "9" * 30), "vocabulary_size is 9999"),
    "labels of the wrong kind": (fact("labels", '["a,", "b"]'), "labels is ['a,'"),
}  # fmt: skip

# What only describes a model is checked by what shows it.
REFUSED_BY_INFO: dict[str, tuple[Maker, str]] = {
    "deep data": (fact("data", "[" * 100_000), "damaged metadata"),
    "huge data": (fact("data", json.dumps({"a": "a" * (2 << 20)})), "data has 2,097"),
    "metadata of another type": (fact("metrics", '"high"'), "metrics is 'high'"),
    "number beyond floats": (
        fact("metrics", json.dumps({"test": {"accuracy": 10**400}})), "test.accuracy is 1000"
    ),
    "entry of an entry": (fact("data", '{"teachers": [{"rows": "9"}]}'), "data.teachers.rows is"),
    "more right than there are": (behaviour("phenomena", right=5), "behaviour.phenomena is"),
    "fewer than none right": (behaviour("phenomena", right=-1), "phenomena.right is -1"),
    "no sentences": (behaviour("phenomena", sentences=0), "behaviour.phenomena.sentences is 0"),
    "name of two lines": (behaviour("phenomena", name="a\nb"), "behaviour.phenomena.name is 'a"),
    "unknown part": (behaviour("same", part="colour"), "behaviour.same.part is 'colour'"),
    "sets of two lines": (behaviour("same", name="a\nb"), "behaviour.same.name is 'a"),
    "many sets": (behaviour("same", sets=10**9), "behaviour.same.sets is 1000000000"),
    "spread without a number": (behaviour("same", mean_spread=math.nan), "mean_spread is nan"),
    "share above 1": (behaviour("same", other_label=7.0), "behaviour.same.other_label is 7.0"),
    "probability above 1": (behaviour("same", lowest=[2.0, "a"]), "behaviour.same.lowest is 2.0"),
}  # fmt: skip

# What nothing but a run finds out.
_LATE = ("cannot load its network", _OTHER_SCAN)

_MANY = 1 << 40


def claims(*shape: int) -> Maker:
    """Say of two numbers that they are more."""
    weights = TensorProto(name="extra", data_type=TensorProto.FLOAT, dims=shape, raw_data=bytes(8))
    return with_network([], [weights])


HUNGRY: dict[str, Maker] = {
    "weights that are not there": claims(_MANY),
    "weights by weights": claims(1 << 20, 1 << 20),
    "more weights than a number can say": claims(1 << 62, 1 << 62),
    "fewer than no weights": claims(-1),
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


_WHOLE = SMALL.read_bytes()

# Peak memory that is allowed above that of a model that works, in MiB.
_MORE = 1000


@pytest.fixture
def folder(command: Command) -> Path:
    """The working folder, with what hostile files would like to read."""
    secret = command.folder.parent / "secret"
    secret.write_bytes(b"\0" * 4096)
    (command.folder / "link").symlink_to(secret)
    (command.folder / "a.csv").write_text("text,label\na fine film,1\nbad,0\n", encoding="utf-8")
    return command.folder


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_model_has_is_refused(
    command: Command, folder: Path, make: Maker, message: str
) -> None:
    (folder / "m.onnx").write_bytes(make())
    before = command.files()
    ran = command("score", "a.csv", "--model", "m.onnx")
    ran.failed_with(message)
    command("evaluate", "m.onnx", "a.csv").failed_with(message)
    if message not in _LATE:
        command("info", "m.onnx").failed_with(message)
    assert command.files() == before


@pytest.mark.parametrize(("make", "message"), REFUSED_BY_INFO.values(), ids=REFUSED_BY_INFO.keys())
def test_what_describes_a_model_is_refused_where_it_is_shown(
    command: Command, folder: Path, make: Maker, message: str
) -> None:
    (folder / "m.onnx").write_bytes(make())
    command("info", "m.onnx").failed_with(message)


def test_what_is_no_file(command: Command, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link to a pipe").symlink_to(folder / "pipe")
    (folder / "empty").touch()
    (folder / "circle").symlink_to("circle")
    with (folder / "huge").open("wb") as huge:
        huge.truncate(MOST_BYTES + 1)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    expected = {
        "pipe": "a pipe or a device",
        "link to a pipe": "a pipe or a device",
        "socket": "a pipe or a device",
        "/dev/zero": "a pipe or a device",
        "empty": "not an ONNX model",
        "circle": "Too many levels of symbolic links",
        "huge": "134 MB, expected a model file of 128 MiB at most",
        "none": "no such model file",
        "n" * 300: "File name too long",
    }
    for name, message in expected.items():
        for call in (("score", "a.csv", "-m", name), ("info", name), ("evaluate", name, "a.csv")):
            command(*call).failed_with(message)


def works_or_is_refused(path: Path) -> None:
    try:
        describe(path)
        scores = Scorer(path).score(["the good movie", "a bad one"])
        assert len(scores) == 2
    except ModelError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@given(st.integers(0, len(_WHOLE)))
@example(0)
@example(len(_WHOLE) - 1)
@settings(max_examples=40)
def test_any_prefix(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "prefix.onnx"
    path.write_bytes(_WHOLE[:length])
    works_or_is_refused(path)


@given(st.lists(st.integers(0, 8 * len(_WHOLE) - 1), min_size=1, max_size=8))
@settings(max_examples=150)
def test_any_flipped_bits(tmp_path_factory: pytest.TempPathFactory, bits: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.onnx"
    damaged = bytearray(_WHOLE)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    works_or_is_refused(path)


def test_the_maker_of_networks_makes_models_that_work(tmp_path: Path) -> None:
    """Else the tests around it would test nothing."""
    path = tmp_path / "m.onnx"
    one = onnx.helper.make_tensor("extra", onnx.TensorProto.FLOAT, [1], [1.0])
    path.write_bytes(with_network([], [one])())
    assert Scorer(path).score(["the movie"])[0].sentiment == "positive"


_MEASURED = """
import resource, sys
from toolkit.errors import ModelError
from toolkit.model import Scorer
for name in sys.argv[1:]:
    message = ""
    try:
        Scorer(name).score(["the movie"] * 200)
    except ModelError as error:
        message = str(error).replace("\\n", " ")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the unit of Linux")
def test_memory_is_limited(tmp_path: Path) -> None:
    paths = [SMALL]
    for name, make in HUNGRY.items():
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(make())
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, paths)],
        capture_output=True, text=True, timeout=120, check=True, cwd=PROJECT,
    )  # fmt: skip
    assert ran.stderr == ""
    (normal, message), *hungry = (line.split(" ", 1) for line in ran.stdout.splitlines())
    assert message == ""
    for path, (peak, message) in zip(paths[1:], hungry, strict=True):
        assert message.startswith(str(path))
        assert "its network" in message
        assert int(peak) < int(normal) + _MORE, path.name


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the unit of Linux")
@pytest.mark.parametrize("says_so", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_vocabulary_of_two_million_words(tmp_path: Path, says_so: bool) -> None:
    """It is refused, or tried as far as its metadata say so, in limited memory."""
    count = 2_000_000

    def grow(model: onnx.ModelProto) -> None:
        (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
        attributes = {entry.name: entry for entry in encoder.attribute}
        first = attributes["values_int64s"].ints[-1] + 1
        attributes["keys_strings"].strings.extend(b"word%d" % n for n in range(count))
        attributes["values_int64s"].ints.extend(range(first, first + count))
        if says_so:
            (entry,) = (entry for entry in model.metadata_props if entry.key == "vocabulary_size")
            entry.value = str(first + count)

    path = tmp_path / "giant.onnx"
    path.write_bytes(changed(grow)())
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(SMALL), str(path)],
        capture_output=True, text=True, timeout=120, check=True, cwd=PROJECT,
    )  # fmt: skip
    (normal, _), (memory, message) = (line.split(" ", 1) for line in ran.stdout.splitlines())
    assert int(memory) < int(normal) + _MORE
    expected = "its network fails" if says_so else "more words than token"
    assert expected in message
