"""The models that the package brings along, and how they are named."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from tests.data import PROJECT
from tests.models import CONV1D, EXPORTED, MODEL
from toolkit.errors import ModelError
from toolkit.model import DEFAULT_MODEL, SHIPPED, Scorer, find_model, is_shipped, load_model
from toolkit.training import PRESETS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_known_by_its_name(name: str) -> None:
    found = load_model(name)
    assert found.name == name
    assert found.facts.preset in PRESETS
    assert found.path.read_bytes() == (EXPORTED / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_batch_of_no_texts(name: str) -> None:
    session = ort.InferenceSession(str(EXPORTED / f"{name}.onnx"))
    found = session.run(None, {"text": np.array([], object)})
    assert [output.shape for output in found] == [(0,)] * len(session.get_outputs())
    assert {"label", "probability", "known_tokens"} <= {each.name for each in session.get_outputs()}


def test_the_default_is_shipped() -> None:
    assert load_model().path.read_bytes() == MODEL.read_bytes()
    assert load_model().name == DEFAULT_MODEL


def test_a_file_goes_before_a_shipped_model() -> None:
    shutil.copy(CONV1D, DEFAULT_MODEL)
    assert load_model(DEFAULT_MODEL).facts.preset == "conv1d"
    assert load_model(Path(DEFAULT_MODEL)).facts.preset == "conv1d"
    assert load_model().path.read_bytes() == MODEL.read_bytes()


def test_a_run_folder_of_that_name_is_not_passed_over() -> None:
    run_folder(Path("reviews"), exported=True)
    assert load_model("reviews").path == Path("reviews", "conv1d.onnx")
    assert not is_shipped(Path("reviews"))


def test_a_folder_of_reviews_does_not_hide_the_model() -> None:
    Path("reviews").mkdir()
    assert is_shipped(Path("reviews"))
    assert load_model("reviews").path == load_model().path
    Path("mine").mkdir()
    with pytest.raises(ModelError, match="mine: a folder, expected a model file or the run folder"):
        load_model("mine")


def test_a_link_that_leads_nowhere_is_not_passed_over() -> None:
    Path("conv1d").symlink_to("gone.onnx")
    with pytest.raises(ModelError, match=r"conv1d: no such model file$"):
        load_model("conv1d")


@pytest.mark.parametrize("name", ["ngram", "runs/conv1d", "conv1d.keras", "conv1d.onnx"])
def test_another_name_is_answered_with_those_there_are(name: str) -> None:
    names = ", ".join(SHIPPED)
    with pytest.raises(ModelError, match=rf"^{name}: no such model file.* models: {names}$"):
        load_model(name)


def test_what_cannot_be_looked_at_is_not_called_missing() -> None:
    Path("a.csv").write_text("text\n", encoding="utf-8")
    for name, message in (("x" * 300, "File name too long"), ("a.csv/m", "Not a directory")):
        with pytest.raises(ModelError, match=f"cannot be read: {message}"):
            load_model(name)


def run_folder(path: Path, *, exported: bool) -> Path:
    """A folder with all of a run that tells its model."""
    path.mkdir()
    config = {"preset": "conv1d", "vocabulary_size": 10_000, "max_tokens": 100, "data": {}}
    (path / "config.json").write_text(json.dumps(config | {"config_version": 1}), encoding="utf-8")
    if exported:
        shutil.copy(CONV1D, path / "conv1d.onnx")
    return path


def test_a_run_folder_stands_for_its_export() -> None:
    run = run_folder(Path("mine"), exported=True)
    assert find_model(run) == run / "conv1d.onnx"
    model = load_model("mine")
    assert (model.name, model.path) == ("mine", run / "conv1d.onnx")
    assert Scorer(run).score(["A fine film."])[0].sentiment == "positive"


def test_a_run_folder_that_was_not_exported() -> None:
    run_folder(Path("mine"), exported=False)
    with pytest.raises(ModelError, match=r"^mine: .* Export it first: toolkit export mine$"):
        load_model("mine")


def test_identity_has_the_keys_of_every_command() -> None:
    assert load_model("conv1d").identity() == {
        "name": "conv1d",
        "version": "2026.11",
        "path": str(CONV1D),
        "preset": "conv1d",
        "sha256": hashlib.sha256(CONV1D.read_bytes()).hexdigest(),
        "labels": ["negative", "positive"],
        "threshold": 0.5,
        "toolkit_version": "0.1.0",
    }


def test_the_wheel_has_the_shipped_models() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    files = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    expected = {
        f"exported/{name}": f"toolkit/model/shipped_models/{name}"
        for name in (*(f"{model}.onnx" for model in SHIPPED), "SHA256SUMS")
    }
    assert files == expected


def test_the_demo_is_made_anew_with_a_new_model() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^SHIPPED := \$\(addprefix exported/,(.*)\)$", makefile, re.M)
    assert listed.split() == [f"{name}.onnx" for name in SHIPPED]
