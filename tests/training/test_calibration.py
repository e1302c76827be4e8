"""Scale and bias of logits, and how well they make probabilities tell the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.evaluation.metrics import calibration_error, log_loss
from toolkit.model.stars import logits_of, rescaled, sigmoid
from toolkit.model.typed_json import encode
from toolkit.training.calibration import fit_calibration

SCALE, BIAS = 0.4, 0.3


def overconfident(count: int, seed: int = 1) -> tuple[Any, Any]:
    """Labels, and probabilities whose logits are to be 0.4 · logit + 0.3."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 6, count)
    labels = random.random(count) < sigmoid(SCALE * logits + BIAS)
    return labels.astype(np.int8), sigmoid(logits).astype(np.float32)


def test_scale_and_bias_are_found() -> None:
    found = fit_calibration(*overconfident(20_000))
    assert found.scale == pytest.approx(SCALE, rel=0.06)
    assert found.bias == pytest.approx(BIAS, rel=0.2)
    assert found.fitted_on == 20_000
    assert found.note is None
    assert found.error_before is not None
    assert found.error is not None
    assert found.error_before > 0.08
    assert found.error < 0.02
    assert encode(found).keys() == {
        "scale", "bias", "fitted_on", "error_before", "error", "log_loss_before", "log_loss",
        "by_probability",
    }  # fmt: skip


def test_no_other_scale_and_bias_are_better() -> None:
    labels, probability = overconfident(500)
    found = fit_calibration(labels, probability)
    least = log_loss(labels, rescaled(probability, found.scale, found.bias))
    for scale, bias in ((0.98, 0), (1.02, 0), (1, 0.02), (1, -0.02)):
        other = rescaled(probability, found.scale * scale, found.bias + bias)
        assert log_loss(labels, other) > least


def test_soft_labels() -> None:
    """As many of each label as they say would give the same fit."""
    _, probability = overconfident(2000)
    soft = rescaled(probability, 0.7, -0.2)
    found = fit_calibration(soft, probability)
    assert (found.scale, found.bias) == pytest.approx((0.7, -0.2), abs=1e-3)


def of_films(shifts: list[float], scale: float) -> tuple[Any, Any, Any]:
    """Labels, probabilities, films: each has its own truth, which tells little of others."""
    films = np.repeat(np.arange(6), 50)
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 300)
    truth = sigmoid(scale * logits + np.array(shifts)[films])
    labels = (random.random(300) < truth).astype(np.int8)
    return labels, sigmoid(logits).astype(np.float32), films


def test_the_error_is_that_on_other_groups() -> None:
    labels, probability, films = of_films([1.5, -1.5, 1, -1, 0.5, -0.5], 0.3)
    by_film = fit_calibration(labels, probability, films)
    alone = fit_calibration(labels, probability)
    assert by_film.scale == alone.scale < 0.5
    assert by_film.log_loss is not None
    assert alone.log_loss is not None
    assert by_film.log_loss > alone.log_loss + 0.002


def test_nothing_is_changed_that_does_harm_to_other_groups() -> None:
    labels, probability, films = of_films([3, -3, 2, -2, 1, -1], 1)
    assert fit_calibration(labels, probability).note is None
    found = fit_calibration(labels, probability, films)
    assert (found.scale, found.bias) == (1.0, 0.0)
    assert found.note is not None
    assert found.note.startswith(
        "not calibrated: it would raise the log loss on other reviews to 0."
    )
    assert found.log_loss == found.log_loss_before


@pytest.mark.parametrize(
    ("count", "note", "is_scaled", "has_bias"),
    [
        (0, "not calibrated: 0 reviews are too few", False, False),
        (29, "not calibrated: 29 reviews are too few", False, False),
        (30, "scale only: 30 reviews are too few for a bias", True, False),
        (99, "scale only: 99 reviews are too few for a bias", True, False),
        (100, None, True, True),
    ],
)
def test_few_reviews(count: int, note: str | None, is_scaled: bool, has_bias: bool) -> None:
    found = fit_calibration(*overconfident(count))
    assert found.note == note
    assert (found.scale != 1) == is_scaled
    assert (found.bias != 0) == has_bias


def test_one_label() -> None:
    labels, probability = overconfident(200)
    for label in (0, 1):
        found = fit_calibration(np.full_like(labels, label), probability)
        assert (found.scale, found.bias) == (1, 0)
        assert "all reviews have one label" in str(found.note)
        assert found.error == found.error_before


@pytest.mark.parametrize("is_right", [True, False])
def test_a_network_without_any_mistake_or_with_nothing_else(is_right: bool) -> None:
    _, probability = overconfident(200)
    labels = (probability >= 0.5) == is_right
    found = fit_calibration(labels, probability)
    assert (found.scale, found.bias) == (1, 0)
    assert "no sound fit" in str(found.note)


def test_probabilities_of_zero_and_one() -> None:
    labels, probability = overconfident(500)
    probability[:5], labels[:5] = 1, 1
    probability[5:9], labels[5:9] = 0, 0
    found = fit_calibration(labels, probability)
    assert found.note is None
    assert found.log_loss_before is not None
    assert np.isfinite([found.scale, found.bias, found.log_loss_before]).all()


def test_error_of_a_few_reviews() -> None:
    labels = np.array([1, 0, 1, 0])
    # Two with 0.9, one of them positive; one with 0.8 that is positive; one with 0.61 that is not.
    probability = np.array([0.9, 0.9, 0.8, 0.61])
    expected = (abs(1.8 - 1) + abs(0.8 - 1) + abs(0.61 - 0)) / 4
    assert calibration_error(labels, probability) == pytest.approx(expected)
    assert calibration_error(1 - labels, 1 - probability) == pytest.approx(expected)
    assert calibration_error(np.array([0.7, 0.3]), np.array([0.7, 0.3])) == pytest.approx(0)


@given(st.lists(st.floats(0, 1, width=32), min_size=1), st.floats(0.1, 9), st.floats(-5, 5))
def test_rescaling_keeps_the_order(values: list[float], scale: float, bias: float) -> None:
    probability = np.sort(np.array(values, np.float32))
    changed = rescaled(probability, scale, bias)
    assert ((changed >= 0) & (changed <= 1)).all()
    assert (np.diff(changed) >= 0).all()


@given(st.floats(-16, 16))
def test_logits_come_back(logit: float) -> None:
    assert logits_of(sigmoid(np.array([logit])))[0] == pytest.approx(logit, abs=1e-6)
