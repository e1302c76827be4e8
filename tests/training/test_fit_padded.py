"""The held-out labels are turned around here: the better the fit, the higher their loss."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.training.conftest import make_reviews, make_rows
from toolkit.cli.app import app
from toolkit.errors import UsageError
from toolkit.model import RunFolder
from toolkit.training import PRESETS, Reviews, TrainingObserver, TrainingOptions, train
from toolkit.training.data import FitData, FitTask
from toolkit.training.presets import NetworkSettings
from toolkit.training.result import PATIENCE, Fit
from toolkit.training.reviews import balanced_weights
from toolkit.training.run import fit

PRESET = PRESETS["conv1d"]


@pytest.fixture(scope="module")
def data() -> FitData:
    reviews = make_reviews(200)
    some = reviews.take(np.arange(40))
    return FitData(reviews, replace(some, labels=(1 - some.labels).astype(np.int8)))


def run(data: FitData, **options: Any) -> Fit:
    options["preset"] = "conv1d"
    return fit(FitTask(PRESET, data, TrainingOptions(**options), TrainingObserver()))


def test_early_stopping_keeps_the_best_epoch(data: FitData) -> None:
    found = run(data, epochs=30, batch_size=2)
    losses = found.history["val_loss"]
    assert found.validation is not None
    assert found.kept_epoch == found.best_epoch == int(np.argmin(losses)) + 1
    assert found.epochs == found.best_epoch + PATIENCE < 30
    assert losses[-1] > min(losses) + 0.02
    assert found.validation.log_loss == pytest.approx(min(losses), abs=1e-4)
    assert found.ending == (
        f"stopped after epoch {found.epochs} of at most 30: the validation loss had not fallen "
        f"for 3 epochs; epoch {found.best_epoch} is kept"
    )


@pytest.mark.slow
def test_without_early_stopping_the_last_weights_stay(data: FitData) -> None:
    found = run(data, epochs=8, batch_size=4, early_stopping=False)
    losses = found.history["val_loss"]
    assert found.validation is not None
    assert found.kept_epoch == found.epochs == 8
    assert found.best_epoch == int(np.argmin(losses)) + 1 < 8
    assert losses[-1] > min(losses) + 0.02
    assert found.validation.log_loss == pytest.approx(losses[-1], abs=1e-4)
    assert found.ending == (
        "all 8 epochs were run; the last one is kept (the validation loss was lowest in epoch "
        f"{found.best_epoch})"
    )


def test_with_nothing_held_out_every_epoch_is_run(data: FitData) -> None:
    found = run(replace(data, held_out=None), epochs=2)
    assert found.epochs == found.kept_epoch == found.best_epoch == 2
    assert found.validation is None
    assert set(found.history) == {"loss", "accuracy"}
    assert found.ending == "all 2 epochs were run; the last one is kept"


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
    message = (
        rf"^{option}: the preset 'ngram-recurrent' does not let you choose.*\(these do: conv1d\)"
    )
    with pytest.raises(UsageError, match=message):
        TrainingOptions(preset="ngram-recurrent", network=NetworkSettings(**settings))
    with pytest.raises(UsageError, match=rf"^{option}: cannot be combined with --from"):
        TrainingOptions(start="reviews", network=NetworkSettings(**settings))


def test_all_useless_settings_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"^--dropout, --max-tokens: the preset 'ngram-linear'"):
        TrainingOptions(preset="ngram-linear", network=NetworkSettings(max_tokens=50, dropout=0))


def weights_after_fit(build: Any = None) -> list[Any]:
    reviews = make_reviews(60)
    data = FitData(reviews, reviews.take(np.arange(20)))
    options = TrainingOptions(preset="conv1d", epochs=1, batch_size=8, seed=3)
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


@pytest.mark.slow
def test_without_settings_every_weight_is_what_it_was() -> None:
    before = weights_after_fit(_as_before)
    assert all(map(np.array_equal, weights_after_fit(), before))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"max_tokens": 2, "vocabulary_size": 5, "learning_rate": 0.1, "dropout": 0.9},
        pytest.param(
            {"max_tokens": 1000, "vocabulary_size": 100_000, "dropout": 0}, marks=pytest.mark.slow
        ),
    ],
    ids=str,
)
def test_chosen_settings_are_used_recorded_and_exported(
    settings: dict[str, Any], reviews_csv: Path, tmp_path: Path
) -> None:
    from toolkit.export import export
    from toolkit.networks.network_files import load_keras

    arguments = ["train", str(reviews_csv), "-o", str(tmp_path / "run"), "--epochs", "2"]
    arguments += ["--preset", "conv1d"]
    for name, value in settings.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    run = RunFolder(tmp_path / "run")
    config, expected = run.load_config(), OF_THE_PRESET | settings
    found = {name: config.training[name] for name in ("dropout", "learning_rate")}
    found |= {name: getattr(config, name) for name in ("max_tokens", "vocabulary_size")}
    assert found == expected
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


def test_a_rare_label_weighs_as_much_as_the_other() -> None:
    labels = np.array([0] * 4 + [1] * 296, np.int8)
    texts = pa.chunked_array([pa.array(["a"] * 300)])
    reviews = Reviews("some", texts, labels, domains=np.zeros(300, np.int64))
    weights = balanced_weights(reviews)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum(), rel=1e-5)
    assert weights.mean() == pytest.approx(1, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["conv1d", pytest.param("ngram-linear", marks=pytest.mark.slow)])
def test_networks_find_the_rare_label(preset: str, write_csv: Any, tmp_path: Path) -> None:
    """The probabilities are those of reviews of which half are positive."""
    rows = make_rows(1200)
    negative = [row for row in rows if row[1] == "0"][:40]
    data = write_csv(*[row for row in rows if row[1] == "1"], *negative)
    means = {}
    for weight in (None, "balanced"):
        run = tmp_path / str(weight)
        options = TrainingOptions(
            data=str(data), preset=preset, class_weight=weight, output=run, epochs=4
        )
        result = train(options)
        config = result.run.load_config()
        assert config.training.get("balanced") == (weight and True)
        held_out = pq.read_table(result.run.validation)
        labels, probability = (held_out[name].to_numpy() for name in ("label", "probability"))
        means[weight] = probability[labels == 0].mean()
    assert means["balanced"] < means[None]


def test_another_class_weight() -> None:
    with pytest.raises(UsageError, match="--class-weight: expected balanced, found x"):
        TrainingOptions(class_weight="x")
