"""Settings of the network that a user chooses: `--dropout` and others."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.making import make_reviews
from toolkit.cli.app import app
from toolkit.errors import UsageError
from toolkit.model.run_folder import RunFolder
from toolkit.training.data import FitData, FitTask, TrainingObserver
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import NetworkSettings

OF_THE_PRESET: dict[str, Any] = {
    "dropout": 0.5,
    "max_tokens": 100,
    "vocabulary_size": 10_000,
    "learning_rate": 0.001,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dropout", -0.1, "--dropout: expected from 0 to 0.99, found -0.1"),
        ("dropout", 1.0, "--dropout: expected from 0 to 0.99, found 1.0"),
        ("dropout", float("nan"), "--dropout: expected .*, found nan"),
        ("max_tokens", 1, "--max-tokens: expected from 2 to 10,000, found 1"),
        ("max_tokens", 10_001, "--max-tokens: expected .*, found 10001"),
        ("vocabulary_size", 4, "--vocabulary-size: expected from 5 to 1,000,000, found 4"),
        ("vocabulary_size", 1_000_001, "--vocabulary-size: expected .*, found 1000001"),
        ("learning_rate", 0.0, "--learning-rate: expected from 0.000001 to 1, found 0.0"),
        ("learning_rate", float("inf"), "--learning-rate: expected .*, found inf"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        NetworkSettings(**{name: value})


@pytest.mark.parametrize("name", OF_THE_PRESET)
def test_presets_without_settings_name_those_that_have_them(name: str) -> None:
    settings = {name: OF_THE_PRESET[name]}
    option = f"--{name.replace('_', '-')}"
    message = rf"^{option}: the preset 'ngram-pool' does not let you choose.*\(these do: conv1d\)"
    with pytest.raises(UsageError, match=message):
        TrainingOptions(preset="ngram-pool", network=NetworkSettings(**settings))
    with pytest.raises(UsageError, match=rf"^{option}: for networks that are trained from scratch"):
        TrainingOptions(start="reviews", network=NetworkSettings(**settings))


def test_all_useless_settings_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"^--dropout, --max-tokens: the preset 'ngram-linear'"):
        TrainingOptions(preset="ngram-linear", network=NetworkSettings(max_tokens=50, dropout=0))


def weights_after_fit(settings: NetworkSettings, build: Any = None) -> list[Any]:
    from toolkit.training.train import fit

    reviews = make_reviews(60)
    data = FitData(reviews, reviews.take(np.arange(20)))
    options = TrainingOptions(network=settings, epochs=1, batch_size=8, seed=3)
    preset = options.chosen_preset
    if build is not None:
        preset = replace(preset, build=build, is_adjustable=False)
    weights: list[Any] = fit(
        FitTask(preset, data, options, TrainingObserver())
    ).network.get_weights()
    return weights


def _as_before(vocabulary_size: int, max_tokens: int) -> Any:
    """The network as it was before it had settings."""
    from toolkit.networks import import_keras

    keras = import_keras()
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((max_tokens,), dtype="int32", name="token_ids"),
            layers.Embedding(vocabulary_size, 15),
            layers.Dropout(0.5),
            layers.Conv1D(32, 2, padding="same", activation="relu"),
            layers.Dropout(0.5),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="conv1d",
    )
    network.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return network


def test_without_settings_every_weight_is_what_it_was() -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    before = weights_after_fit(NetworkSettings(), _as_before)
    for settings in (NetworkSettings(), NetworkSettings(**OF_THE_PRESET)):
        found = weights_after_fit(settings)
        assert all(map(np.array_equal, found, before))
    changed = weights_after_fit(NetworkSettings(learning_rate=0.002))
    assert not all(map(np.array_equal, changed, before))


@pytest.mark.parametrize(
    "settings",
    [
        {"max_tokens": 2, "vocabulary_size": 5, "learning_rate": 0.1},
        {"max_tokens": 1000, "dropout": 0.9, "learning_rate": 0.01},
        {"max_tokens": 75, "vocabulary_size": 100_000, "dropout": 0},
    ],
    ids=str,
)
def test_chosen_settings_are_used_recorded_and_exported(
    settings: dict[str, Any], reviews_csv: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    from toolkit.export import export
    from toolkit.networks.network_files import load_keras

    arguments = ["train", str(reviews_csv), "-o", str(tmp_path / "run"), "--epochs", "2"]
    for name, value in settings.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    run = RunFolder(tmp_path / "run")
    config, expected = run.load_config(), OF_THE_PRESET | settings
    found = {name: config.training[name] for name in ("dropout", "learning_rate")}
    found |= {name: getattr(config, name) for name in ("max_tokens", "vocabulary_size")}
    assert found == expected
    shown = CliRunner().invoke(app, ["info", str(run.path)]).output
    assert f"dropout {expected['dropout']:g}, learning rate {expected['learning_rate']:g}" in shown
    network = load_keras(run.model)
    assert network.input_shape == (None, expected["max_tokens"])
    assert network.layers[0].input_dim == expected["vocabulary_size"]
    rates = {layer.rate for layer in network.layers if "dropout" in layer.name}
    assert rates == {expected["dropout"]}
    with zipfile.ZipFile(run.model) as archive:
        stored = json.loads(archive.read("config.json"))
    rate = stored["compile_config"]["optimizer"]["config"]["learning_rate"]
    assert rate == pytest.approx(expected["learning_rate"])
    parity = export(run.path).parity  # which fails if Keras and ONNX disagree
    assert parity.largest_difference < 1e-6
    assert (parity.label_flips, parity.token_id_differences) == (0, 0)
