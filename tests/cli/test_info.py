"""`toolkit info`: the card and its JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.cli.running import Command
from tests.models import CONV1D
from toolkit import __version__
from toolkit.model import ModelFile, load_model
from toolkit.native import core_name

TWIN = CONV1D.with_suffix(".ids.onnx")


def described(command: Command, *arguments: str | Path) -> dict[str, Any]:
    ran = command("info", *arguments, "--json")
    assert (ran.exit_code, ran.err) == (0, "")
    content = json.loads(ran.out)
    assert isinstance(content, dict)
    return content


def with_facts(path: Path, **facts: Any) -> Path:
    model = onnx.load(CONV1D)
    stored = {entry.key: entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    changed = {key: json.dumps(value) for key, value in facts.items()}
    onnx.helper.set_model_props(model, stored | changed)
    path.write_bytes(model.SerializeToString())
    return path


def test_json_of_a_model(command: Command) -> None:
    found = described(command, CONV1D)
    facts = ModelFile.load(CONV1D).facts
    assert found["kind"] == "text-in model"
    assert found["bytes"] == CONV1D.stat().st_size
    assert found["sha256"] == hashlib.sha256(CONV1D.read_bytes()).hexdigest()
    assert found["inputs"] == [{"name": "text", "type": "string", "shape": ["batch"]}]
    assert [output["type"] for output in found["outputs"]] == ["float32", "string", "int32"]
    assert (found["preset"], found["labels"]) == (facts.preset, list(facts.labels))
    for name in ("data", "metrics", "parity", "calibration", "threshold", "threshold_choice"):
        assert found[name] == facts.as_dict()[name]
    assert found["words"] == found["vocabulary_size"] - 4


def test_json_of_the_twin(command: Command) -> None:
    found = described(command, TWIN)
    assert found["kind"] == "ids-in twin"
    assert found["inputs"] == [{"name": "token_ids", "type": "int32", "shape": ["batch", "tokens"]}]
    assert "words" not in found


def test_the_core_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    models = (CONV1D, TWIN)
    for value, name in (("1", core_name()), ("0", "Arrow (TOOLKIT_NATIVE=0)")):
        monkeypatch.setenv("TOOLKIT_NATIVE", value)
        assert [described(command, model)["core"] for model in models] == [name] * 2
        assert f"this toolkit {__version__}, core: {name} " in " ".join(
            command("info", CONV1D).out.split()
        )
        assert command("--version").out.endswith(f", core: {name}\n")
    monkeypatch.setenv("TOOLKIT_NATIVE", "yes")
    for arguments in (("info",), ("--version",)):
        command(*arguments).failed_with("TOOLKIT_NATIVE=yes: expected 1 (", exit_code=2)


def test_the_shipped_model_is_the_default(command: Command) -> None:
    assert described(command)["path"] == str(load_model().path)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_card(command: Command, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    (command.folder / "m.onnx").write_bytes(CONV1D.read_bytes())
    ran = command("info", "m.onnx")
    assert (ran.exit_code, ran.err) == (0, "")
    first, *lines = ran.out.splitlines()
    assert first == "m.onnx text-in model"
    assert all(len(line) <= width for line in lines if not line.startswith("Next: "))
    text = " ".join(ran.out.split())
    test = ModelFile.load(CONV1D).facts.metrics.test
    assert test is not None
    assert test.accuracy is not None
    accuracy = f"{test.accuracy:.2%}"
    for part in ("probability: float32[batch]", accuracy, "label flips"):
        assert part in text
    assert lines[-1] == "Next: toolkit score reviews.csv --model m.onnx"


def test_hostile_numbers_and_names_are_shown_safely(command: Command) -> None:
    path = command.folder / "a\x1b[31m.onnx"
    with_facts(
        path, preset="\x1b[31m[red]\ud800\n", metrics={"test": {"loss": float("nan"), "reviews": 2}}
    )
    ran = command("info", path.name)
    assert (ran.exit_code, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    text = " ".join(ran.out.split())
    assert "accuracy ?, loss nan on 2 reviews" in text
    assert "[red]" in text
    assert described(command, path.name)["metrics"]["test"]["loss"] is None


def test_recorded_facts_are_shown(command: Command) -> None:
    source = {"source": "more.parquet", "reviews": 1234, "left_out": 34, "sha256": "ab" * 32}
    with_facts(
        command.folder / "m.onnx",
        data={
            "source": "a.csv", "reviews": 100, "positive": 40, "sha256": "cd" * 32,
            "unlabelled": source,
            "teachers": [{"source": "teacher.csv", "rows": 99, "labelled": 90, "unlabelled": 9}],
        },
        metrics={
            "validation": {"accuracy": 0.9, "loss": 0.25, "reviews": 20},
            "unsure": 0.0914,
            "behaviour": {
                "phenomena": [
                    {"name": "plain", "right": 9, "sentences": 10},
                    {"name": "contrast", "right": 3, "sentences": 6},
                ],
                "same": [
                    {"part": "form", "name": name, "sets": sets, "mean_spread": spread,
                     "moved": 0.5, "other_label": 0.25, "lowest": [0.1, "a"], "highest": [0.9, "b"]}
                    for name, sets, spread in (("capitals", 10, 0.1), ("emoji", 30, 0.3))
                ],
                "sha256": "ef" * 32,
            },
        },
        calibration={"scale": 0.8, "bias": 0.1, "error": 0.01, "error_before": 0.05},
        threshold_choice={"chosen": "precision=0.95",
                          "validation": {"reviews": 20, "precision": 0.96, "recall": 0.5}},
        parity={},
    )  # fmt: skip
    text = " ".join(command("info", "m.onnx").out.split())
    for part in (
        "1,234 unlabelled reviews, more.parquet (34 left out",
        "100 labelled reviews, a.csv (40 of 100 positive, SHA-256",
        "99 probabilities of another model, teacher.csv (90 for labelled reviews, 9 for unlab",
        "accuracy 90.00%, loss 0.2500 on 20 reviews",
        "9.1% of the probabilities of held-out reviews are between 0.25 and 0.75",
        "75.0% of 16 own sentences right; fewest: contrast 50%, plain 90%",
        "form: spread 0.25, 25% of 40 sets with both labels",
        "logit · 0.800 +0.100, calibration error by confidence 0.0100, 0.0500 before",
        "0.5 (precision=0.95): precision 96.00%, recall 50.00% on 20 held-out reviews",
        "parity not recorded",
    ):
        assert part in text
    kept = described(command, "m.onnx")["metrics"]["behaviour"]["same"]
    assert [each["name"] for each in kept] == ["capitals", "emoji"]


def test_a_row_without_content_is_left_out(command: Command) -> None:
    found = {"phenomena": [{"name": "a", "right": 0, "sentences": 1}], "same": [], "sha256": "ab"}
    with_facts(command.folder / "m.onnx", metrics={"behaviour": found})
    out = command("info", "m.onnx").out
    assert "fewest: a 0%" in out
    assert "steadiness" not in out


def test_facts_of_a_newer_toolkit_are_ignored(command: Command) -> None:
    with_facts(command.folder / "m.onnx", data={"source": "a.csv", "mood": "good"}, more=[1])
    assert described(command, "m.onnx")["data"] == {"source": "a.csv"}


def test_a_model_without_facts(command: Command) -> None:
    model = onnx.load(TWIN)
    del model.metadata_props[:]
    (command.folder / "m.onnx").write_bytes(model.SerializeToString())
    command("info", "m.onnx").failed_with("m.onnx: an ONNX model, but not written by")


def test_other_files(command: Command) -> None:
    command("info", ".").failed_with("an incomplete run folder, without model.keras")
    for other in (".vocabulary.txt", ".keras"):
        command("info", CONV1D.with_suffix(other)).failed_with("not an ONNX model")
