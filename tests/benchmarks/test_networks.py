"""The benchmark of networks: any model files, as ratios to a reference."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from examples.benchmarks import __main__ as command
from examples.benchmarks import networks
from tests.models import CONV1D


def test_times_are_ratios_to_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"a": 2.0, "b": 0.5}

    def run_module(name: str, path: Path, reviews: int, step: str) -> str:
        assert (name, reviews, step) == ("step_times", networks.REVIEWS, "network")
        times[path.stem] += 1  # the first turn is the best one
        return json.dumps({step: times[path.stem] - 1})

    monkeypatch.setattr(networks, "run_module", run_module)
    results = tmp_path / "results.json"
    monkeypatch.setattr(networks, "save", lambda part, rows: results.write_text(json.dumps(rows)))
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in files:
        path.write_bytes(CONV1D.read_bytes())
    call = ["benchmarks", "networks", "--reference", str(files[0]), "--model", str(files[1])]
    monkeypatch.setattr(sys, "argv", call)
    command.main()
    reference, other = json.loads(results.read_text())
    assert (reference["name"], reference["microseconds"], reference["ratio"]) == ("a", 2.0, 1.0)
    assert (other["name"], other["microseconds"], other["ratio"]) == ("b", 0.5, 0.25)
    size = files[1].stat().st_size / 1e6
    assert f"| `b` | 0.50 | 0.25 | {size:.2f} |" in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"none\.onnx: no such file"):
        networks.main([tmp_path / "none.onnx"], CONV1D)
