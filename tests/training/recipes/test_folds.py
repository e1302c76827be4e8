"""Cross-validation of a preset of fixed length: the last fit is as long as those of the folds."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.model.typed_json import encode
from toolkit.training.options import TrainingOptions
from toolkit.training.result import TrainingResult
from toolkit.training.train import train

pytest.importorskip("tensorflow", reason="needs the extra 'train'")


@pytest.fixture(autouse=True)
def _fewer_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step over a million hashed pairs takes as long as all the rest."""
    monkeypatch.setattr("toolkit.networks.ngram_linear.SLOTS", 4093)


@pytest.fixture
def options(write_csv: Callable[..., Path], tmp_path: Path) -> TrainingOptions:
    """Two folds of 240 reviews, and the same reviews to measure on at the end."""
    data = write_csv(*make_rows(240))
    return TrainingOptions(data=str(data), test_data=data, output=tmp_path / "run", folds=2)


def epochs_by_fold(result: TrainingResult) -> dict[str, int]:
    """How many epochs each fit had; the last one has an empty name."""
    with result.run.history.open(newline="") as file:
        folds = [row["fold"] for row in csv.DictReader(file)]
    return {fold: folds.count(fold) for fold in folds}


@pytest.mark.slow
def test_the_last_fit_is_as_long_as_those_of_the_folds(options: TrainingOptions) -> None:
    listener = Listener()
    result = train(replace(options, preset="ngram-linear"), listener)
    assert epochs_by_fold(result) == {"1": 15, "2": 15, "": 15}
    assert "Final fit on all 240 reviews" in listener.stages
    assert encode(result.metrics)["test"]["accuracy"] > 0.95
    assert encode(result.metrics)["test"]["loss"] < 0.3  # of a constant: 0.69
    training = result.run.load_config().training
    assert (training["epochs"], training["most_epochs"], training["batch_size"]) == (15, None, 12)


@pytest.mark.slow
def test_epochs_and_batches_of_the_user_are_those_of_every_fit(options: TrainingOptions) -> None:
    result = train(replace(options, preset="ngram-linear", epochs=2, batch_size=40))
    assert epochs_by_fold(result) == {"1": 2, "2": 2, "": 2}
    training = result.run.load_config().training
    assert (training["epochs"], training["batch_size"]) == (2, 40)
