"""The metrics, against their definitions written out; and that the order of reviews is nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models import MODEL
from toolkit import Scorer
from toolkit.evaluation.calibration_error import CALIBRATION_BINS, calibration_error
from toolkit.evaluation.coverage import STEPS, coverages, margins
from toolkit.evaluation.measures import (
    Labels,
    Probabilities,
    calls_positive,
    measure,
    reliability,
)
from toolkit.evaluation.shares import Share

# Few different probabilities, so that there are ties; the ends, and what float32 rounds.
PROBABILITY = st.sampled_from([0.0, 1e-6, 0.1, 0.25, 0.5, 0.7, 0.75, 1.0]) | st.floats(
    0, 1, width=32
)
JUDGED = st.lists(st.tuples(st.integers(0, 1), PROBABILITY), min_size=1, max_size=40)
THRESHOLD = st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0])


def arrays(judged: list[tuple[int, float]]) -> tuple[Labels, Probabilities]:
    labels, probability = zip(*judged, strict=True)
    return np.array(labels, np.int8), np.array(probability, np.float32)


@given(JUDGED, THRESHOLD)
def test_metrics_are_what_their_definitions_say(
    judged: list[tuple[int, float]], threshold: float
) -> None:
    labels, probability = arrays(judged)
    found = measure(labels, probability, threshold)
    limit = float(np.float32(threshold))
    pairs = [(bool(label), float(p) >= limit) for label, p in zip(labels, probability, strict=True)]
    tp, fn = pairs.count((True, True)), pairs.count((True, False))
    fp, tn = pairs.count((False, True)), pairs.count((False, False))
    assert (found.true_positives, found.false_negatives) == (tp, fn)
    assert (found.false_positives, found.true_negatives) == (fp, tn)
    assert found.accuracy == Share(tp + tn, len(pairs))
    check(found.precision, tp, tp + fp)
    check(found.recall, tp, tp + fn)
    check(found.f1, 2 * tp, 2 * tp + fp + fn)
    if tp + fn and fp + tn:
        assert found.balanced_accuracy == pytest.approx((tp / (tp + fn) + tn / (tn + fp)) / 2)
        assert found.auc == pytest.approx(naive_auc(labels, probability))
    else:
        assert (found.balanced_accuracy, found.auc) == (None, None)
    exact = [float(p) for p in probability]
    clipped = [min(max(p, 1e-7), 1 - 1e-7) for p in exact]
    loss = [-math.log(p if label else 1 - p) for label, p in zip(labels, clipped, strict=True)]
    assert found.log_loss == pytest.approx(sum(loss) / len(loss))
    distances = [(p - label) ** 2 for label, p in zip(labels.tolist(), exact, strict=True)]
    assert found.brier_score == pytest.approx(sum(distances) / len(distances))


def check(found: float | None, count: int, of: int) -> None:
    assert found == (pytest.approx(count / of) if of else None)


def naive_auc(labels: Labels, probability: Probabilities) -> float:
    pairs = [
        (p > n) + (p == n) / 2
        for p in probability[labels == 1].tolist()
        for n in probability[labels == 0].tolist()
    ]
    return float(sum(pairs)) / len(pairs)


@given(JUDGED, THRESHOLD, st.randoms(use_true_random=False))
def test_the_order_of_the_reviews_is_nothing(
    judged: list[tuple[int, float]], threshold: float, draw: Any
) -> None:
    shuffled = judged[:]
    draw.shuffle(shuffled)
    first, second = arrays(judged), arrays(shuffled)
    assert coverages(*first, threshold) == coverages(*second, threshold)
    expected = measure(*first, threshold)
    for name, value in vars(measure(*second, threshold)).items():
        assert value == getattr(expected, name) or value == pytest.approx(getattr(expected, name))


def test_the_calibration_error_of_an_example() -> None:
    """Confidences 0.9, 0.9, 0.9 and 0.6 in two bins: |2/3 - 0.9| · 3/4 + |0 - 0.6| · 1/4."""
    labels = np.array([1, 1, 1, 1], np.int8)
    probability = np.array([0.9, 0.9, 0.1, 0.4], np.float32)
    expected = abs(2 / 3 - 0.9) * 3 / 4 + 0.6 / 4
    assert calibration_error(labels, probability, 0.5) == pytest.approx(expected, abs=1e-6)


def test_what_is_always_right_for_sure_is_calibrated() -> None:
    labels = np.array([0, 1] * 10, np.int8)
    assert calibration_error(labels, labels.astype(np.float32), 0.5) == 0.0
    assert calibration_error(labels, 1 - labels.astype(np.float32), 0.5) == 1.0


@given(JUDGED)
def test_bins_hold_every_review_once(judged: list[tuple[int, float]]) -> None:
    labels, probability = arrays(judged)
    bins = reliability(labels, probability)
    assert sum(each.reviews for each in bins) == len(judged)
    assert sum(each.positive * each.reviews for each in bins) == pytest.approx(labels.sum())
    for each in bins:
        assert each.high - each.low == pytest.approx(1 / CALIBRATION_BINS)
        assert each.low - 1e-6 <= each.probability <= each.high + 1e-6


@given(JUDGED, THRESHOLD)
def test_only_the_surest_are_answered(judged: list[tuple[int, float]], threshold: float) -> None:
    labels, probability = arrays(judged)
    margin = margins(probability, threshold)
    right = calls_positive(probability, threshold) == labels
    assert ((margin >= 0) & (margin <= 1)).all()
    for step, found in zip(STEPS, coverages(labels, probability, threshold), strict=True):
        answered = found.answered
        assert answered.count >= len(judged) * step / 100
        least = np.sort(margin)[-answered.count]
        assert answered == Share(int(right[margin >= least].sum()), int((margin >= least).sum()))
        # Without those that are as sure as the least sure one, it would be too few.
        assert (margin > least).sum() < max(len(judged) * step / 100, 1)


@settings(max_examples=30)  # each loads the model some times
@given(JUDGED, st.sampled_from([0.1, 0.5, 0.7]))
def test_the_range_to_leave_out_is_what_a_scorer_takes(
    judged: list[tuple[int, float]], threshold: float
) -> None:
    labels, probability = arrays(judged)
    for found in coverages(labels, probability, threshold):
        if found.uncertain is None:
            assert found.answered.count == len(judged)
            continue
        scorer = Scorer(MODEL, threshold, found.uncertain)
        sentiments = scorer.sentiments(pa.array(probability)).to_pylist()
        assert len(judged) - sentiments.count("uncertain") == found.answered.count
        names = [("negative", "positive")[label] for label in labels.tolist()]
        right = [name == found for name, found in zip(names, sentiments, strict=True)]
        assert sum(right) == found.answered.right


@given(st.integers(0, 200), st.integers(1, 200))
def test_intervals_are_wilsons(right: int, count: int) -> None:
    right = min(right, count)
    z, share = 1.959963984540054, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4) / (1 + z * z / count)
    expected = pytest.approx((middle - half, middle + half), abs=1e-9)
    assert Share(right, count).interval == expected
