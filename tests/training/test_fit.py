"""The held-out labels are turned around here: the better the fit, the higher their loss."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.training.conftest import make_rows
from toolkit.training.arrays import Arrays, Part, encode
from toolkit.training.fit import PATIENCE, fit
from toolkit.training.material import Material
from toolkit.training.options import TrainingOptions
from toolkit.training.presets.conv1d import CONV1D
from toolkit.training.sources.reviews import Reviews

PRESET = CONV1D


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    texts, labels = zip(*make_rows(200), strict=True)
    reviews = Reviews("made up", pa.chunked_array([texts]), np.array(labels).astype(np.int8))
    encoded = encode(PRESET, Material(reviews))
    turned = Part(encoded.fitted.ids[:40], 1 - encoded.fitted.labels[:40])
    return Arrays(encoded.vocabulary, encoded.fitted, turned)


def test_early_stopping_keeps_the_best_epoch(arrays: Arrays) -> None:
    found = fit(PRESET, arrays, TrainingOptions(epochs=30, batch_size=2), 0)
    losses = found.history["val_loss"]
    assert found.validation is not None
    assert found.best_epoch == int(np.argmin(losses)) + 1
    assert found.epochs == found.best_epoch + PATIENCE < 30
    assert losses[-1] > min(losses) + 0.02
    assert found.validation.loss == pytest.approx(min(losses), abs=1e-4)


def test_without_early_stopping_the_last_weights_stay(arrays: Arrays) -> None:
    options = TrainingOptions(epochs=8, batch_size=4, early_stopping=False)
    found = fit(PRESET, arrays, options, 0)
    losses = found.history["val_loss"]
    assert found.validation is not None
    assert found.epochs == 8
    assert found.best_epoch == int(np.argmin(losses)) + 1 < 8
    assert losses[-1] > min(losses) + 0.02
    assert found.validation.loss == pytest.approx(losses[-1], abs=1e-4)


def test_with_nothing_held_out_every_epoch_is_run(arrays: Arrays) -> None:
    everything = Arrays(arrays.vocabulary, arrays.fitted, None)
    found = fit(PRESET, everything, TrainingOptions(epochs=2), 0)
    assert found.epochs == found.best_epoch == 2
    assert found.validation is None
    assert set(found.history) == {"loss", "accuracy"}
