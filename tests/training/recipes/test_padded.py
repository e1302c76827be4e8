"""The held-out labels are turned around here: the better the fit, the higher their loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from tests.training.making import make_reviews
from toolkit.training.data import FitData, FitTask, TrainingObserver
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import PRESETS
from toolkit.training.result import PATIENCE, Fit
from toolkit.training.train import fit

PRESET = PRESETS["conv1d"]


@pytest.fixture(scope="module")
def data() -> FitData:
    reviews = make_reviews(200)
    some = reviews.take(np.arange(40))
    return FitData(reviews, replace(some, labels=(1 - some.labels).astype(np.int8)))


def run(data: FitData, **options: Any) -> Fit:
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
