"""Trainings that are interrupted, resumed, and end as if they had not been; and equal bytes."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.errors import UsageError
from toolkit.export import export
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.training import TrainingOptions, train
from toolkit.training.epochs import Checkpoints, SavedFit, lowest
from toolkit.training.presets import NetworkSettings

ALL = pytest.mark.parametrize(
    "preset", ["conv1d", "ngram-linear", pytest.param("ngram-recurrent", marks=pytest.mark.slow)]
)


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def stop_after(patch: pytest.MonkeyPatch, epochs: int) -> None:
    """Interrupt the training when so many more epochs are saved."""
    save, left = SavedFit.save, [epochs]

    def saved(self: SavedFit, *arguments: Any) -> None:
        save(self, *arguments)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    patch.setattr(SavedFit, "save", saved)


def train_in_parts(options: TrainingOptions, *epochs: int) -> Listener:
    """Interrupt a training after some epochs, resume it, and so on; give what the last one says."""
    for count in epochs:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            stop_after(patch, count)
            train(options)
        options = replace(options, resume=True)
    listener = Listener()
    train(options, listener)
    return listener


@ALL
def test_a_resumed_training_gives_the_same_bytes(
    options: TrainingOptions, tmp_path: Path, preset: str
) -> None:
    """Also of the exported file; dropout, batch order and the best epoch are as they were."""
    options = replace(options, preset=preset, epochs=4)
    whole, parts = (replace(options, output=tmp_path / name / "run") for name in ("a", "b"))
    for each in (whole, parts):
        each.run.parent.mkdir()
    train(whole)
    listener = train_in_parts(parts, 1, 2)
    assert listener.with_words("resumed after epoch 3 of at most 4")
    assert [path.name for path in parts.run.parent.iterdir()] == ["run"]  # no progress is left
    for each in (whole, parts):
        export(each.run)
    assert sums(whole.run) == sums(parts.run)


@pytest.mark.slow
def test_resumed_folds_give_the_same_bytes(options: TrainingOptions, tmp_path: Path) -> None:
    options = replace(options, folds=2, epochs=2)
    train(options)
    parts = replace(options, output=tmp_path / "parts")
    listener = train_in_parts(parts, 1, 2, 1, 1)
    assert len(listener.with_words("resumed after epoch")) == 3
    assert sums(options.run) == sums(parts.run)


@pytest.mark.slow
def test_a_fit_that_has_stopped_early_runs_no_more_epochs(
    options: TrainingOptions, write_csv: Callable[..., Path]
) -> None:
    random = np.random.default_rng(1)
    rows = [(text, str(random.integers(2))) for text, _ in make_rows(60)]
    options = replace(options, data=str(write_csv(*rows)), preset="ngram-linear", epochs=None)
    result = train(options)
    lines = result.run.history.read_text().splitlines()
    listener = train_in_parts(replace(options, force=True), len(lines) - 1)
    assert listener.with_words(f"resumed after epoch {len(lines) - 1} of")
    assert result.run.history.read_text().splitlines() == lines


def test_what_is_not_resumed(options: TrainingOptions, write_csv: Callable[..., Path]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 1)
        train(options)
    with pytest.raises(UsageError, match=r"run: an earlier training is unfinished.*--resume"):
        train(options)
    resumed = replace(options, resume=True)
    other = str(write_csv(*make_rows(60, seed=8), name="other.csv"))
    for wrong, name in (
        ({"seed": 4}, "--seed"),
        ({"epochs": 4, "batch_size": 9}, "--batch-size, --epochs"),
        ({"network": NetworkSettings(max_tokens=90)}, "--max-tokens"),
        ({"preset": "ngram-linear"}, "--preset"),
        ({"data": other}, "the data"),
    ):
        with pytest.raises(UsageError, match=rf"has changed: {name}\. Undo that, or start over"):
            train(replace(resumed, **wrong, force=True))  # which keeps the progress
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.training.epochs.__version__", "0.0")
        with pytest.raises(UsageError, match="has changed: the version of the toolkit"):
            train(resumed)
    saved = Checkpoints(options).of_fit(0).path
    whole = saved.read_bytes()
    arrays = dict(np.load(saved))
    for content in (
        {name: array for name, array in arrays.items() if name != "now-3"},
        {name: array for name, array in arrays.items() if name != "best-0"},
        arrays | {"now-0": arrays["now-0"][:1]},
        arrays | {"best-0": arrays["best-0"][:1]},
        arrays | {"facts": np.frombuffer(b"[]", np.uint8)},
        None,
    ):
        if content is None:
            saved.write_bytes(whole[:-300])
        else:
            np.savez(saved, **content)
        with pytest.raises(UsageError, match=r"fit-0\.npz: the progress is damaged: start over"):
            train(resumed)
    listener = Listener()
    train(replace(options, force=True, epochs=1), listener)
    assert not listener.with_words("resumed")
    assert not saved.parent.exists()


def test_what_changes_nothing_is_no_reason_not_to_resume(
    options: TrainingOptions, tmp_path: Path
) -> None:
    """Defaults that are given, and the same reviews in a file of another name."""
    options = replace(options, batch_size=None, epochs=None)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 1)
        train(options)
    path = Path(options.data).rename(tmp_path / "other.csv")
    chosen = NetworkSettings(max_tokens=100)
    named = ReadOptions(columns=Columns("text", label="label"))
    given: dict[str, Any] = {
        "preset": "conv1d",
        "batch_size": 32,
        "epochs": 100,
        "early_stopping": True,
    }
    options = replace(options, data=str(path), network=chosen, reading=named, resume=True)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 1)
        listener = Listener()
        train(replace(options, **given), listener)
    assert listener.with_words("resumed after epoch 1 of at most 100")


def test_an_epoch_without_a_loss_is_never_the_best() -> None:
    nan = float("nan")
    assert [lowest(each) for each in ([nan, 2.0, 1.0, nan, 1.0], [nan, nan], [3.0])] == [2, 0, 0]


def test_nothing_to_resume_is_said(options: TrainingOptions) -> None:
    listener = Listener()
    train(replace(options, resume=True, epochs=1), listener)
    assert listener.with_words("no unfinished training to resume: starting with the first epoch")


def started(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-m", "toolkit", "train", "reviews.csv", *options]
    return subprocess.Popen(call, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("preset", ["conv1d", "ngram-linear", "ngram-recurrent"])
def test_a_killed_training_is_resumed(reviews_csv: Path, tmp_path: Path, preset: str) -> None:
    """With kill -9 as soon as more is saved than after the kill before."""
    found = []
    for name, kills in (("whole", 0), ("killed", 2)):
        (folder := tmp_path / name).mkdir()
        (folder / "reviews.csv").write_bytes(reviews_csv.read_bytes())
        call = ["--preset", preset, "--epochs", "8", "--batch-size", "24"]
        call += ["--no-early-stopping", "-o", "run", "--resume"]
        before = b""
        for _ in range(kills):
            process = started(folder, *call)
            while process.poll() is None:
                files = [*folder.glob(".run.*.training/*.npz")]
                if files and files[0].read_bytes() != before:
                    break
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            before = files[0].read_bytes()
        assert started(folder, *call).wait() == 0
        assert {path.name for path in folder.iterdir()} == {"reviews.csv", "run"}
        found.append(sums(folder / "run"))
    assert found[0] == found[1]


def test_a_log_hears_now_and_then_how_far_an_epoch_is(
    options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.training.epochs._SECONDS", 0.0)
    listener = Listener()
    listener.progress = 2
    train(replace(options, epochs=1, batch_size=1), listener)  # of 48 steps
    shares = [line.split()[2] for line in listener.with_words("min left")]
    assert shares == [f"{round(100 * step / 48)}%," for step in range(5, 48, 5)]
    assert listener.with_words("epoch 1: 10%, about 1 min left")
    monkeypatch.undo()
    listener = Listener()
    listener.progress = 2
    train(replace(options, epochs=1, batch_size=1, force=True), listener)
    assert not listener.with_words("min left")  # an epoch of less than a minute
