from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import make_rows
from tests.training.listening import PARTS, Listener
from toolkit import __version__
from toolkit.model.run_folder import RunFolder
from toolkit.model.typed_json import encode
from toolkit.networks import import_keras
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.options import TrainingOptions
from toolkit.training.result import TrainingResult
from toolkit.training.train import train

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded

HISTORY = ["fold", "epoch", "loss", "accuracy", "val_loss", "val_accuracy"]


def read_history(run: RunFolder) -> list[dict[str, str]]:
    with run.history.open(newline="") as file:
        return list(csv.DictReader(file))


def weights_of(result: TrainingResult) -> list[np.ndarray]:
    network = import_keras().saving.load_model(result.run.model)
    weights: list[np.ndarray] = network.get_weights()
    return weights


def test_the_run_folder_is_complete(options: TrainingOptions) -> None:
    result = train(options)
    run = result.run
    run.check()
    assert {path.name for path in run.path.iterdir()} == PARTS
    config = run.load_config()
    assert (config.preset, config.vocabulary_size, config.max_tokens) == ("conv1d", 10_000, 100)
    assert config.data.source == "reviews.csv"
    assert config.data.reviews == 60
    assert (config.data.fitted, config.data.held_out) == (48, 12)
    assert len(config.data.sha256 or "") == 64
    assert config.toolkit_version == __version__
    assert config.training["seed"] == 3
    assert config.training["sample"] == "validation and training"
    metrics = run.load_metrics()
    assert metrics == result.metrics
    assert metrics.parameters == 152_593
    assert metrics.validation is not None
    assert (metrics.validation.reviews, metrics.validation.split) == (12, "random")
    assert (run.path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_sample_is_what_the_network_was_not_fitted_on(
    options: TrainingOptions, monkeypatch: pytest.MonkeyPatch, encodings: list[Encoded]
) -> None:
    monkeypatch.setattr("toolkit.training.result.FEWEST_UNSEEN", 12)
    run = train(options).run
    sample = pq.read_table(run.sample)
    assert sample.num_rows == 12
    held_out = encodings[0].held_out
    assert held_out is not None
    ids = Vocabulary.load(run.vocabulary).encode(sample["text"], last=100).padded(100)
    assert np.array_equal(ids, held_out.ids)
    assert np.array_equal(sample["label"].to_numpy(), held_out.labels)


def test_the_vocabulary_is_built_on_the_fitted_reviews_alone(
    write_csv: Callable[..., Path], options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every review has a word of its own: those of the held-out reviews are unknown."""
    monkeypatch.setattr("toolkit.training.result.FEWEST_UNSEEN", 1)
    rows = [(f"{text} own{number}", label) for number, (text, label) in enumerate(make_rows(60))]
    run = train(replace(options, data=str(write_csv(*rows)), epochs=1)).run
    words = set(Vocabulary.load(run.vocabulary).words.to_pylist())
    held_out = {text.split()[-1] for text in pq.read_table(run.sample)["text"].to_pylist()}
    assert len(held_out) == 12
    assert not held_out & words
    assert sum(word.startswith("own") for word in words) == 48


def test_the_seed_decides_everything(options: TrainingOptions, tmp_path: Path) -> None:
    first, second, other = (
        train(replace(options, output=tmp_path / name, seed=seed))
        for name, seed in (("first", 3), ("second", 3), ("other", 4))
    )
    assert replace(first.metrics, seconds=0) == replace(second.metrics, seconds=0)
    assert first.run.history.read_bytes() == second.run.history.read_bytes()
    assert first.run.history.read_bytes() != other.run.history.read_bytes()
    for one, same in zip(weights_of(first), weights_of(second), strict=True):
        assert np.array_equal(one, same)


def test_folds_evaluate_and_the_final_fit_is_on_everything(
    options: TrainingOptions,
) -> None:
    listener = Listener()
    result = train(replace(options, folds=3, epochs=4), listener)
    folds = encode(result.metrics)["folds"]
    assert [fold["reviews"] for fold in folds["each"]] == [20, 20, 20]
    for name in ("loss", "accuracy"):
        values = [fold[name] for fold in folds["each"]]
        assert folds[name]["mean"] == pytest.approx(np.mean(values))
        assert folds[name]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert "validation" not in encode(result.metrics)
    epochs = round(np.mean([fold["best_epoch"] for fold in folds["each"]]))
    assert listener.stages[-1] == f"Final fit on all 60 reviews, epochs: {epochs}"
    assert result.ending == f"all {epochs} epochs were run: the mean best epoch of the folds"
    assert listener.sizes[0].startswith("x_train (40, 100)")  # the first fold is shown
    assert pq.read_table(result.run.sample).num_rows == 60
    history = read_history(result.run)
    assert list(history[0]) == HISTORY
    assert {row["fold"] for row in history} == {"1", "2", "3", ""}
    final = [row for row in history if not row["fold"]]
    assert len(final) == epochs
    assert {row["val_loss"] for row in final} == {""}
    assert result.run.load_config().training["sample"] == "training"
    assert {path.name for path in result.run.path.iterdir()} == PARTS


def test_groups_make_it_a_split_by_group(
    write_csv: Callable[..., Path], options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.training.result.FEWEST_UNSEEN", 1)
    rows = [(*row, f"film {number // 4}") for number, row in enumerate(make_rows(80))]
    data = write_csv(*rows, header=("text", "label", "film"))
    reading = ReadOptions(Columns(group="film"))
    result = train(replace(options, data=str(data), reading=reading, epochs=1))
    assert encode(result.metrics)["validation"]["split"] == "group"
    kept = {dict(zip((row[0] for row in rows), (row[2] for row in rows), strict=True))[text]
            for text in pq.read_table(result.run.sample)["text"].to_pylist()}  # fmt: skip
    assert len(kept) == 4


def test_test_data_are_measured_and_recorded(
    write_csv: Callable[..., Path], options: TrainingOptions
) -> None:
    test_data = write_csv(*make_rows(20, seed=8), name="test.csv")
    listener = Listener()
    result = train(replace(options, test=True, test_data=test_data, folds=2), listener)
    assert encode(result.metrics)["test"]["reviews"] == 20
    assert listener.reviews == ["reviews.csv", "test.csv"]
    config = result.run.load_config()
    assert encode(config.data)["test"]["source"] == "test.csv"
    assert config.training["sample"] == "test and training"
    assert pq.read_table(result.run.sample).num_rows == 80


def test_samples_are_fitted_rows_in_words(options: TrainingOptions) -> None:
    listener = Listener()
    train(replace(options, show_samples=3, epochs=1), listener)
    assert len(listener.samples) == 3
    known = {f"<start> {text}": int(label) for text, label in make_rows(60)}
    assert all(known[words] == label for words, label in listener.samples)
    assert "conv1d (Conv1D)" in listener.summary
    assert max(map(len, listener.summary.splitlines())) < 80


def test_the_default_place_is_made(
    options: TrainingOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = train(replace(options, output=None, epochs=1))
    assert result.run.path == Path("runs/conv1d")
    result.run.check()
