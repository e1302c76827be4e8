"""A new preset is one file and one entry: from there it is trained, exported and scored with."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import make_rows
from tests.training.making import make_reviews
from tests.training.new_preset import MEAN
from toolkit.errors import UsageError
from toolkit.export import export
from toolkit.model import Scorer
from toolkit.scoring import score_file
from toolkit.training import (
    PRESETS,
    Preset,
    Reviews,
    TrainingObserver,
    TrainingOptions,
    find_preset,
    train,
)
from toolkit.training.data import FitData, FitTask
from toolkit.training.presets import DEFAULT_PRESET
from toolkit.training.result import review_probabilities
from toolkit.training.run import fit

pytest.importorskip("tensorflow", reason="needs the extra 'train'")


@pytest.fixture(scope="module")
def reviews() -> Reviews:
    return make_reviews(120)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_gives_probabilities_of_rows_of_ids(preset: Preset, reviews: Reviews) -> None:
    """The contract of every preset, with what the export and the scorer rely on."""
    rows = np.arange(len(reviews))
    data = FitData(reviews.take(rows[:100]), reviews.take(rows[100:]))
    options = TrainingOptions(preset=preset.name, batch_size=8)
    found = fit(FitTask(preset, data, options, TrainingObserver(), introduces=True))
    assert found.network.inputs[0].dtype == "int32"
    width = preset.max_tokens if preset.has_fixed_length else None
    assert found.network.input_shape == (None, width)
    assert found.network.output_shape == (None, 1)
    assert found.vocabulary.size <= found.vocabulary_size <= preset.vocabulary_size
    assert found.held_out is not None
    assert found.validation is not None
    assert found.held_out.dtype == np.float32
    assert found.held_out.shape == (20,)
    assert ((found.held_out >= 0) & (found.held_out <= 1)).all()
    assert found.validation.accuracy.value > 0.8
    assert set(found.history) >= {"loss", "accuracy", "val_loss", "val_accuracy"}
    again = review_probabilities(
        found.network, preset, found.vocabulary, reviews.take(rows[100:]).texts
    )
    assert np.array_equal(again, found.held_out)


@pytest.mark.parametrize(("name", "preset"), PRESETS.items(), ids=list(PRESETS))
def test_a_preset_is_registered_under_its_name(name: str, preset: Preset) -> None:
    assert preset.name == name
    assert find_preset(name) is preset


def test_conv1d_is_the_network_of_the_tutorial() -> None:
    from toolkit.training.fit_padded import build_network

    network = build_network(PRESETS["conv1d"], seed=1)
    assert network.count_params() == 152_593
    assert [type(layer).__name__ for layer in network.layers] == [
        "Embedding",
        "Dropout",
        "Conv1D",
        "Dropout",
        "MaxPooling1D",
        "Flatten",
        "Dropout",
        "Dense",
    ]
    assert [layer.rate for layer in network.layers if "dropout" in layer.name] == [0.5] * 3
    assert type(network.optimizer).__name__ == "Adam"


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=rf"--preset: no preset 'lstm' \(choose from: .*{DEFAULT_PRESET}"
    ):
        find_preset("lstm")


def test_the_command_and_its_presets_are_there_without_heavy_imports() -> None:
    heavy = ("tensorflow", "keras", "sklearn", "matplotlib", "pyarrow", "numpy")
    code = f"import toolkit.cli.train, sys; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"


def test_names_of_files_can_be_strings() -> None:
    strings: Any = {"output": "here", "test_data": "test.csv"}
    options = TrainingOptions(**strings)
    assert (options.run, options.test_data) == (Path("here"), Path("test.csv"))


def test_a_preset_of_one_file_goes_all_the_way(
    write_csv: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, MEAN.name, MEAN)
    data = write_csv(*make_rows(120), name="reviews.csv")
    options = TrainingOptions(data=str(data), preset="toy-mean", output=tmp_path / "run")
    result = train(options)
    validation = result.metrics.validation
    assert validation is not None
    assert (validation.accuracy or 0) > 0.9

    exported = export(result.run.path)
    assert exported.model == tmp_path / "run" / "toy-mean.onnx"
    assert exported.parity.largest_difference < 1e-5
    assert exported.parity.label_flips == 0
    assert any("as tf2onnx converted it" in note for note in exported.notes)

    new = write_csv(("a superb film", "1"), ("a dull film", "0"), name="new.csv")
    scored = tmp_path / "new.scored.csv"
    score_file(Scorer(exported.model), new, scored)
    with scored.open(newline="") as file:
        found = [row["predicted_sentiment"] for row in csv.DictReader(file)]
    assert found == ["positive", "negative"]
