"""`toolkit score` with files that are not models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tests.cli.running import Command, write
from tests.models import EXPORTED, MODEL
from toolkit.model import DEFAULT_MODEL, SHIPPED, ModelFile


def foreign_model() -> bytes:
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
    )
    return bytes(onnx.helper.make_model(graph).SerializeToString())


def later_version() -> bytes:
    model = onnx.load(str(MODEL))
    for entry in model.metadata_props:
        if entry.key == "format_version":
            entry.value = "99"
    return bytes(model.SerializeToString())


def ids_twin() -> bytes:
    model = ModelFile.load(MODEL)
    twin = model.network
    model.facts.write_to(twin)
    return bytes(twin.SerializeToString())


def cut_short() -> bytes:
    return MODEL.read_bytes()[: MODEL.stat().st_size // 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(lambda: b"no model at all", "m.onnx: not an ONNX model", id="text"),
        pytest.param(lambda: b"", "m.onnx: not an ONNX model", id="empty"),
        pytest.param(cut_short, "m.onnx: not an ONNX model, or one that was cut short", id="cut"),
        pytest.param(foreign_model, "not written by `toolkit export`", id="foreign"),
        pytest.param(later_version, "m.onnx: model format version 99, but this", id="version"),
        pytest.param(ids_twin, "(the ids-in twin is not for this)", id="twin"),
    ],
)
def test_bad_models_are_refused(
    command: Command, content: Callable[[], bytes], message: str
) -> None:
    write("m.onnx", content())
    write("a.csv")
    command("score", "a.csv", "--model", "m.onnx").failed_with(message)
    assert command.files() == ["a.csv", "m.onnx"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_found_by_its_name(command: Command, name: str) -> None:
    write("a.csv")
    options = ["-q", "--force", "--report", "r.json"]
    assert command("score", "a.csv", "--model", name, *options).exit_code == 0
    by_name = Path("a.scored.csv").read_bytes()
    assert json.loads(Path("r.json").read_text())["model"]["name"] == name
    command("score", "a.csv", "--model", EXPORTED / f"{name}.onnx", *options)
    assert Path("a.scored.csv").read_bytes() == by_name
    command("score", "a.csv", *options)
    assert (Path("a.scored.csv").read_bytes() == by_name) == (name == DEFAULT_MODEL)


def test_a_missing_model_and_a_folder(command: Command) -> None:
    write("a.csv")
    Path("run").mkdir()
    command("score", "a.csv", "-m", "m.onnx").failed_with("m.onnx: no such model file")
    command("score", "a.csv", "-m", "conv2d").failed_with(
        "conv2d: no such model file. Choose a model file, a run"
    )
    command("score", "a.csv", "-m", "run").failed_with("run: a folder, expected a model file")


def test_a_run_folder_stands_for_its_export(command: Command) -> None:
    write("a.csv")
    Path("mine").mkdir()
    config = {"preset": "conv1d", "vocabulary_size": 10_000, "max_tokens": 100, "data": {}}
    Path("mine/config.json").write_text(json.dumps(config | {"config_version": 1}))
    message = "mine: a run folder without conv1d.onnx. Export it first: toolkit export mine"
    command("score", "a.csv", "-m", "mine").failed_with(message)
    Path("mine/conv1d.onnx").write_bytes((EXPORTED / "conv1d.onnx").read_bytes())
    for options in (("score", "a.csv", "-m", "mine"), ("evaluate", "mine", "a.csv")):
        ran = command(*options, "--report", "mine/conv1d.onnx", "--force")
        assert ran.exit_code == 2, ran.err
    command("score", "a.csv", "-m", "mine", "-o", "run.csv")
    command("score", "a.csv", "-m", "conv1d", "-o", "shipped.csv")
    assert Path("run.csv").read_bytes() == Path("shipped.csv").read_bytes()
