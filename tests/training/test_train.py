"""A training from its options to the run folder, and what is said of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import make_rows, remember_encodings
from tests.training.listening import PARTS, Listener
from toolkit import __version__
from toolkit.model import RunFolder
from toolkit.model.typed_json import encode
from toolkit.networks import import_keras
from toolkit.records import Columns, ReadOptions
from toolkit.text import Vocabulary
from toolkit.training import TrainingOptions, TrainingResult, train

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from typer.testing import CliRunner

from toolkit.cli.app import app
from toolkit.cli.train import show
from toolkit.errors import UsageError
from toolkit.model.training_facts import Calibration, Copies, Folds, RunMetrics, Spread
from toolkit.training import Reviews, SplitKind
from toolkit.training.data import FitData, TrainingSets, count_copies
from toolkit.training.result import HeldOut, Outcome
from toolkit.training.split import Split
from toolkit.training.write import metrics_of

HISTORY = ["fold", "epoch", "loss", "accuracy", "val_loss", "val_accuracy"]


def read_history(run: RunFolder) -> list[dict[str, str]]:
    with run.history.open(newline="") as file:
        return list(csv.DictReader(file))


def weights_of(run: RunFolder) -> list[np.ndarray]:
    network = import_keras().saving.load_model(run.model)
    weights: list[np.ndarray] = network.get_weights()
    return weights


@dataclass(frozen=True)
class Trained:
    """A training of the default place, in a folder of its own, and what was heard of it."""

    options: TrainingOptions
    result: TrainingResult
    run: RunFolder
    listener: Listener
    encoded: Encoded


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Sixty reviews, each with a word of its own."""
    folder = tmp_path_factory.mktemp("trained")
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(f"{text} own{n}", label) for n, (text, label) in enumerate(make_rows(60))]
        csv.writer(file).writerows([("text", "label"), *rows])
    options = TrainingOptions(
        data=str(folder / "reviews.csv"), preset="conv1d", epochs=3, batch_size=8, seed=3
    )
    listener = Listener()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("toolkit.training.result.FEWEST_UNSEEN", 12)
        found = remember_encodings(patch)
        result = train(options, listener)
    return Trained(options, result, RunFolder(folder / result.run.path), listener, found[0])


def test_the_run_folder_is_complete(trained: Trained) -> None:
    run = trained.run
    assert trained.result.run.path == Path("runs/conv1d")
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
    assert config.training["sample"] == "validation"
    metrics = run.load_metrics()
    assert metrics == trained.result.metrics
    assert metrics.parameters == 152_593
    assert metrics.validation is not None
    assert (metrics.validation.reviews, metrics.validation.split) == (12, "random")
    assert (run.path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_the_sample_is_what_the_network_was_not_fitted_on(trained: Trained) -> None:
    sample, held_out = pq.read_table(trained.run.sample), trained.encoded.held_out
    assert held_out is not None
    vocabulary = Vocabulary.load(trained.run.vocabulary)
    ids = vocabulary.encode(sample["text"], last=100).padded(100)
    assert np.array_equal(ids, held_out.ids)
    assert np.array_equal(sample["label"].to_numpy(), held_out.targets)
    # The words of the held-out reviews alone are unknown.
    words = set(vocabulary.words.to_pylist())
    own = {text.split()[-1] for text in sample["text"].to_pylist()}
    assert len(own) == 12
    assert not own & words
    assert sum(word.startswith("own") for word in words) == 48


@pytest.mark.slow
def test_the_seed_decides_everything(trained: Trained, tmp_path: Path) -> None:
    first, again = trained, replace(trained.options, output=tmp_path / "again")
    second = train(again)
    assert first.result.metrics == second.metrics
    assert first.run.history.read_bytes() == second.run.history.read_bytes()
    for one, same in zip(weights_of(first.run), weights_of(second.run), strict=True):
        assert np.array_equal(one, same)
    other = train(replace(again, output=tmp_path / "other", seed=4, epochs=1))
    assert read_history(other.run)[0] != read_history(first.run)[0]


def test_the_layers_are_shown(trained: Trained) -> None:
    listener = trained.listener
    assert listener.with_words("conv1d (Conv1D)")
    assert max(map(len, listener.said)) < 80


@pytest.mark.slow
def test_folds_evaluate_and_the_final_fit_is_on_everything(
    write_csv: Callable[..., Path], reviews_csv: Path, tmp_path: Path
) -> None:
    test_data, run = write_csv(*make_rows(20, seed=8), name="test.csv"), RunFolder(tmp_path / "run")
    call = ["train", str(reviews_csv), "-o", str(run.path), "--test-data", str(test_data)]
    call += ["--preset", "conv1d"]
    ran = CliRunner().invoke(app, [*call, "--folds", "2", "--epochs", "2"], catch_exceptions=False)
    said, metrics = " ".join(ran.output.split()), encode(run.load_metrics())
    folds = metrics["folds"]
    assert [fold["reviews"] for fold in folds["each"]] == [30, 30]
    for name in ("loss", "accuracy"):
        values = [fold[name] for fold in folds["each"]]
        assert folds[name]["mean"] == pytest.approx(np.mean(values))
        assert folds[name]["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert "validation" not in metrics
    assert metrics["test"]["reviews"] == 20
    epochs = round(np.mean([fold["best_epoch"] for fold in folds["each"]]))
    for words in (
        "x_train (30, 100)",  # the first fold is shown
        "Fold 2 of 2",
        "Fold 2: loss ",
        "2 folds, split random",
        f"Final fit on all 60 reviews, epochs: {epochs}",
        f"{epochs} epochs were run, the mean of the best epochs of the folds",
    ):
        assert words in said
    history = read_history(run)
    assert list(history[0]) == HISTORY
    assert {row["fold"] for row in history} == {"1", "2", ""}
    final = [row for row in history if not row["fold"]]
    assert len(final) == epochs
    assert {row["val_loss"] for row in final} == {""}
    config = run.load_config()
    assert encode(config.data)["test"]["source"] == "test.csv"
    assert config.training["sample"] == "test and training"
    assert pq.read_table(run.sample).num_rows == 80
    assert {path.name for path in run.path.iterdir()} == PARTS


@pytest.mark.slow
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


UNUSED: Any = None


def make_reviews(name: str, count: int) -> Reviews | None:
    texts = pa.chunked_array([pa.array([f"{name} {number}" for number in range(count)])])
    return Reviews(name, texts, np.zeros(count, np.int8)) if count else None


def make_outcome(validation: int, test: int, fitted: int = 3000) -> Outcome:
    training = make_reviews("training", fitted)
    assert training is not None
    return Outcome(
        read=TrainingSets(training, make_reviews("test", test)),
        split=SplitKind.RANDOM,
        fit=UNUSED,
        data=FitData(training, make_reviews("validation", validation)),
        copies=Copies(0),
    )


@pytest.mark.parametrize(
    ("validation", "test", "expected"),
    [
        (5000, 5000, {"validation": 2000}),
        (2000, 300, {"validation": 2000}),
        (1200, 300, {"validation": 1200, "test": 300}),
        (1200, 5000, {"validation": 1200, "test": 800}),
        (1000, 0, {"validation": 1000}),
        (600, 400, {"validation": 600, "test": 400}),
        (999, 0, {"validation": 999, "training": 1001}),
        (12, 20, {"validation": 12, "test": 20, "training": 1968}),
        (0, 2500, {"test": 2000}),
        (0, 20, {"test": 20, "training": 1980}),
        (0, 0, {"training": 2000}),
    ],
)
def test_a_sample_goes_on_to_the_next_part(
    validation: int, test: int, expected: dict[str, int]
) -> None:
    sample = make_outcome(validation, test).sample(seed=1)
    assert [(name, len(reviews)) for name, reviews in sample.items()] == [*expected.items()]
    for name, reviews in sample.items():
        assert reviews.name == name
        assert len(set(reviews.texts.to_pylist())) == len(reviews)


def test_small_data_are_the_sample() -> None:
    sample = make_outcome(validation=3, test=0, fitted=9).sample(seed=1)
    assert {name: len(reviews) for name, reviews in sample.items()} == {
        "validation": 3,
        "training": 9,
    }


def test_the_seed_decides_the_sample() -> None:
    first, again, other = (
        [review for part in make_outcome(1500, 1500).sample(seed).values() for review in part.texts]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("copies", "calibration", "expected"),
    [
        (50, None, (1 + 2) / 10),
        (50, Calibration(1.0, 20.0), 0),
        (50, Calibration(0.01, 0.0), 1),
        (49, None, None),  # too few
    ],
)
def test_the_share_of_unsure_answers_is_weighted_and_calibrated(
    copies: int, calibration: Calibration | None, expected: float | None
) -> None:
    probability = np.tile(np.array([0.25, 0.6, 0.2, 0.99], np.float32), copies)
    weights = np.tile(np.array([1, 2, 3, 4], np.float32), copies)
    nothing: Any = np.zeros(len(weights), np.int32)
    held_out = HeldOut(nothing, probability, nothing, weights, weights, nothing, nothing)
    fit: Any = SimpleNamespace(network=SimpleNamespace(count_params=int), validation=None)
    outcome = replace(make_outcome(9, 0), fit=fit, held_out=held_out, calibration=calibration)
    assert metrics_of(outcome).unsure == pytest.approx(expected)


@pytest.mark.slow
def test_the_command_shows_what_is_fitted_and_how_well(reviews_csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [str(reviews_csv), "-o", str(run), "--test-data", str(reviews_csv)]
    settings = ["--preset", "conv1d", "--epochs", "2", "--batch-size", "8", "--seed", "5"]
    result = CliRunner().invoke(app, ["train", *arguments, *settings], catch_exceptions=False)
    assert result.exit_code == 0
    assert "60 reviews (30 positive, 30 negative)" in result.output
    assert "x_train (48, 100) int32  y_train (48,) int8" in result.output
    assert "x_valid (12, 100) int32  y_valid (12,) int8" in result.output
    assert "Total params: 152,593" in result.output
    assert "60 of 60 test reviews have the same text as reviews to train on" in result.stderr
    metrics = encode(RunFolder(run).load_metrics())
    assert metrics["copies"]["test_in_training"] == 60
    for name in ("validation", "test"):
        scores = metrics[name]
        found = (
            f"accuracy {scores['accuracy']:.2%} (balanced {scores['balanced_accuracy']:.2%}, "
            f"majority baseline 50.00%), loss {scores['loss']:.4f} on "
        )
        assert found in " ".join(result.output.split())
    kept = metrics["validation"]["epoch"]
    end = f"all 2 epochs were run; epoch {kept} is kept, with the lowest validation loss"
    assert end in " ".join(result.output.split())
    calibration = result.stdout.split("  calibration", 1)[1].split("  training", 1)[0]
    assert "12 reviews are too few (calibration error 0." in " ".join(calibration.split())
    assert "before" not in calibration
    *_, plots, written, following = result.stdout.splitlines()
    assert plots.split(maxsplit=1)[1].strip() == "loss.png and accuracy.png, in the run folder"
    assert written == f"Written to {run}"
    assert following == f"Next: toolkit export {run}"
    training = RunFolder(run).load_config().training
    assert (training["seed"], training["epochs"], training["batch_size"]) == (5, 2, 8)


def test_errors_go_to_whoever_turns_them_into_exit_codes(reviews_csv: Path) -> None:
    with pytest.raises(UsageError, match="--folds: expected 0 or at least 2, found 1"):
        CliRunner().invoke(app, ["train", str(reviews_csv), "--folds", "1"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("scale", "folds", "note"),
    [
        (2, None, "; the held-out scores are from before it"),
        (2, Folds(Spread(0, 0), Spread(1, 0)), "; the cross-validated scores are from before it"),
        (1, None, ""),
    ],
)
def test_scores_before_a_calibration_are_named(
    capsys: pytest.CaptureFixture[str], scale: float, folds: Folds | None, note: str
) -> None:
    metrics = RunMetrics(calibration=Calibration(scale, 0, 99), folds=folds)
    show(TrainingResult(RunFolder(Path("run")), metrics))
    calibration = capsys.readouterr().out.split("  calibration", 1)[1].split("  training", 1)[0]
    text = " ".join(calibration.split())
    assert text == (
        f"logit · 2.000 +0.000, fitted on 99 held-out reviews{note}" if note else "none"
    )


WriteCsv = Callable[..., Path]


def reviews_of(*texts: str) -> Reviews:
    return Reviews("r", pa.chunked_array([list(texts)]), np.zeros(len(texts), np.int8))


def split_at(*held_out: int, count: int) -> Split:
    rows = np.arange(count)
    return Split(rows[~np.isin(rows, held_out)], np.array(held_out))


def test_copies_are_counted_between_and_within_the_parts() -> None:
    training, test = reviews_of("a", "b", "a", "c", "a", "d"), reviews_of("a", "c", "x", "x", "x")
    read = TrainingSets(training, test)
    once = read.for_fit(split_at(0, 1, 5, count=6))
    assert count_copies([once], test) == Copies(2, 1, 2, 2)
    folds = [read.for_fit(split_at(*rows, count=6)) for rows in ((0, 2), (1, 3), (4, 5))]
    assert count_copies(folds, test) == Copies(2, 3, 2, 2)
    assert count_copies([read.for_fit()], None) == Copies(2)


def test_texts_that_differ_by_a_letter_are_no_copies() -> None:
    read = TrainingSets(reviews_of("a film", "A film", "a film ", "a  film"))
    assert count_copies([read.for_fit(split_at(0, count=4))], None) == Copies(0, 0)


@pytest.mark.slow
def test_a_network_that_is_no_better_than_a_constant(
    write_csv: WriteCsv, options: TrainingOptions
) -> None:
    """Three hundred positive and four negative reviews: an accuracy of 98 % says nothing."""
    positive = [row for row in make_rows(600) if row[1] == "1"]
    negative = [row for row in make_rows(8) if row[1] == "0"]
    data = write_csv(*positive, *negative, name="skewed.csv")
    listener = Listener()
    result = train(replace(options, data=str(data), epochs=1, batch_size=32), listener)
    validation = result.run.load_metrics().validation
    assert validation is not None
    assert validation.accuracy == validation.majority_accuracy == pytest.approx(60 / 61)
    assert validation.balanced_accuracy == 0.5
    (warning,) = listener.warnings
    assert warning.startswith(
        "the network is not clearly better than always answering positive on the held-out "
        "reviews: its accuracy is 98.36%, and the constant answer has 98.36%"
    )


# In a process of its own: it depends on what the import of TensorFlow finds.
RETRACING = """
from toolkit.networks import import_tensorflow
tensorflow = import_tensorflow()
@tensorflow.function
def same(number):
    return number
for number in range(10):
    same(number)
"""


@pytest.mark.slow
def test_tensorflow_warns_of_no_retracing() -> None:
    found = subprocess.run(
        [sys.executable, "-c", RETRACING], capture_output=True, text=True, check=True
    )
    assert found.stderr == ""
