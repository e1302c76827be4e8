"""The metrics, against their definitions written out; and that the order of reviews is nothing."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from toolkit.evaluation.metrics import (
    CALIBRATION_BINS,
    GOALS,
    RECALLS,
    TARGETS,
    THRESHOLDS,
    Labels,
    Probabilities,
    Proportion,
    at_thresholds,
    calibration_error,
    coverage_at,
    log_loss,
    measure,
    notable_thresholds,
    pr_curves,
    reliability,
    roc_curve,
)

# Few different probabilities, so that there are ties; the ends, and what float32 rounds.
PROBABILITY = st.sampled_from([0.0, 1e-6, 0.1, 0.25, 0.5, 0.7, 0.75, 1.0]) | st.floats(
    0, 1, width=32
)
ANSWERS = st.lists(st.tuples(st.integers(0, 1), PROBABILITY), min_size=1, max_size=40)
THRESHOLD = st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0])


def arrays(answers: list[tuple[int, float]]) -> tuple[Labels, Probabilities]:
    labels, probability = zip(*answers, strict=True)
    return np.array(labels, np.int8), np.array(probability, np.float32)


@given(ANSWERS, THRESHOLD)
def test_metrics_are_what_their_definitions_say(
    answers: list[tuple[int, float]], threshold: float
) -> None:
    labels, probability = arrays(answers)
    found = measure(labels, probability, threshold)
    limit = float(np.float32(threshold))
    pairs = [(bool(label), float(p) >= limit) for label, p in zip(labels, probability, strict=True)]
    tp, fn = pairs.count((True, True)), pairs.count((True, False))
    fp, tn = pairs.count((False, True)), pairs.count((False, False))
    assert (found.true_positives, found.false_negatives) == (tp, fn)
    assert (found.false_positives, found.true_negatives) == (fp, tn)
    assert found.accuracy == Proportion(tp + tn, len(pairs))
    check(found.precision, tp, tp + fp)
    check(found.recall, tp, tp + fn)
    check(found.f1, 2 * tp, 2 * tp + fp + fn)
    check(found.negative_precision, tn, tn + fn)
    check(found.negative_recall, tn, tn + fp)
    check(found.negative_f1, 2 * tn, 2 * tn + fp + fn)
    assert found.majority_accuracy == max(tp + fn, fp + tn) / len(pairs)
    assert found.positive_share == (tp + fn) / len(pairs)
    if tp + fn and fp + tn:
        assert found.balanced_accuracy == pytest.approx((tp / (tp + fn) + tn / (tn + fp)) / 2)
        assert found.auc == pytest.approx(naive_auc(labels, probability))
        expected = average_precision_score(labels, probability)
        assert found.average_precision == pytest.approx(expected)
        expected = average_precision_score(1 - labels, -probability)
        assert found.negative_average_precision == pytest.approx(expected)
    else:
        assert (found.balanced_accuracy, found.auc) == (None, None)
        assert (found.average_precision, found.negative_average_precision) == (None, None)
    exact = [float(p) for p in probability]
    assert found.mean_probability == pytest.approx(sum(exact) / len(exact))
    clipped = [min(max(p, 1e-7), 1 - 1e-7) for p in exact]
    loss = [-math.log(p if label else 1 - p) for label, p in zip(labels, clipped, strict=True)]
    assert found.log_loss == pytest.approx(sum(loss) / len(loss))
    distances = [(p - label) ** 2 for label, p in zip(labels.tolist(), exact, strict=True)]
    assert found.brier_score == pytest.approx(sum(distances) / len(distances))


@given(ANSWERS)
def test_the_curves_of_precision_and_recall_are_those_of_scikit_learn(
    answers: list[tuple[int, float]],
) -> None:
    labels, probability = arrays([*answers, (0, 0.5), (1, 0.5)])
    curves = pr_curves(*roc_curve(labels, probability))
    for signs, scores, (recall, precision) in zip(
        (labels, 1 - labels), (probability, -probability), curves, strict=True
    ):
        ours, theirs = (recall, precision), precision_recall_curve(signs, scores)
        assert ours[0] == pytest.approx(theirs[1][::-1])
        assert ours[1][1:] == pytest.approx(theirs[0][::-1][1:])


@pytest.mark.parametrize(("positives", "negatives"), [(40, 400), (400, 40)])
def test_the_intervals_of_average_precision_hold_the_true_value(
    positives: int, negatives: int
) -> None:
    """Of scores that are two standard deviations apart, in 200 draws; 97% or more hold it."""
    draw = np.random.default_rng(0)
    labels = np.repeat(np.array([1, 0], np.int8), [positives, negatives])

    def scores(times: int) -> Probabilities:
        logits = draw.normal(2 * np.repeat(labels, times), 1)
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

    true = measure(np.repeat(labels, 500), scores(500), 0.5)
    inside = np.zeros(2)
    for _ in range(200):
        found = measure(labels, scores(1), 0.5)
        for at, key in enumerate(("average_precision", "negative_average_precision")):
            value, interval = found.figure(key)
            assert interval is not None
            assert value is not None
            assert interval[0] <= value <= interval[1]
            inside[at] += interval[0] <= getattr(true, key) <= interval[1]
    assert inside.min() >= 190


def test_chance_explains_a_share_of_positives_in_19_of_20_cases() -> None:
    """Where the probabilities are right."""
    draw, inside = np.random.default_rng(0), 0
    for _ in range(400):
        logits = draw.normal(0, 2, 300)
        true = 1 / (1 + np.exp(-logits))
        labels = np.asarray(draw.random(300) < true, np.int8)
        found = measure(labels, true.astype(np.float32), 0.5)
        assert found.mean_probability_interval is not None
        low, high = found.mean_probability_interval
        inside += low <= found.positive_share <= high
    assert 370 <= inside <= 392
    of_one = measure(np.ones(300, np.int8), np.full(300, 0.8, np.float32), 0.5)
    assert of_one.mean_probability_interval is None


@given(ANSWERS, THRESHOLD)
def test_no_threshold_is_better_than_the_best_one(
    answers: list[tuple[int, float]], in_use: float
) -> None:
    labels, probability = arrays(answers)
    best, recalls = notable_thresholds(labels, probability, in_use)
    if len(set(labels.tolist())) == 1:
        assert (best, recalls) == ({}, ())
        return
    # Each makes a difference: called positive are those from it on.
    every = at_thresholds(labels, probability, [*np.unique(probability).tolist(), in_use])
    for goal in GOALS:
        values = [getattr(each, goal) for each in every]
        assert getattr(best[goal], goal) == pytest.approx(max(values))
        if values[-1] == max(values):
            assert best[goal].threshold == float(str(np.float32(in_use)))
        assert at_thresholds(labels, probability, [best[goal].threshold]) == (best[goal],)
    for least, found in zip(RECALLS, recalls, strict=True):
        reaching = [each for each in every if each.recall is not None and each.recall >= least]
        assert found.recall is not None
        assert found.recall >= least
        assert found.precision == max(each.precision or 0.0 for each in reaching)


def check(found: float | None, count: int, of: int) -> None:
    assert found == (pytest.approx(count / of) if of else None)


def naive_auc(labels: Labels, probability: Probabilities) -> float:
    pairs = [
        (p > n) + (p == n) / 2
        for p in probability[labels == 1].tolist()
        for n in probability[labels == 0].tolist()
    ]
    return float(sum(pairs)) / len(pairs)


@given(ANSWERS, THRESHOLD, st.randoms(use_true_random=False))
def test_the_order_of_the_reviews_is_nothing(
    answers: list[tuple[int, float]], threshold: float, draw: Any
) -> None:
    shuffled = answers[:]
    draw.shuffle(shuffled)
    first, second = arrays(answers), arrays(shuffled)
    assert coverage_at(*first, threshold, TARGETS) == coverage_at(*second, threshold, TARGETS)
    expected = measure(*first, threshold)
    for name, value in vars(measure(*second, threshold)).items():
        assert value == getattr(expected, name) or value == pytest.approx(getattr(expected, name))


def test_log_loss_takes_soft_labels() -> None:
    probability = np.array([0.9, 0.2])
    hard = [log_loss(np.full(2, label), probability) for label in (0, 1)]
    assert log_loss(np.full(2, 0.3), probability) == pytest.approx(0.7 * hard[0] + 0.3 * hard[1])


@given(ANSWERS)
def test_each_threshold_gives_what_it_would_as_the_threshold_in_use(
    answers: list[tuple[int, float]],
) -> None:
    labels, probability = arrays(answers)
    for threshold, found in zip(THRESHOLDS, at_thresholds(labels, probability), strict=True):
        expected = measure(labels, probability, threshold)
        assert found.threshold == threshold
        assert found.accuracy == expected.accuracy.value
        assert found.balanced_accuracy == expected.balanced_accuracy
        assert (found.precision, found.recall) == (expected.precision, expected.recall)
        assert found.f1 == expected.f1
        called = expected.true_positives + expected.false_positives
        assert found.called_positive == called / len(labels)


def test_errors_of_both_labels_do_not_cancel() -> None:
    """Called positive at 0.8, 60% are; called negative at 0.2, 0% are positive.

    By confidence, the answers are right in 80% of the cases, as they say.
    """
    labels = np.array([1] * 6 + [0] * 4 + [0] * 10, np.int8)
    probability = np.array([0.8] * 10 + [0.2] * 10, np.float32)
    assert measure(labels, probability, 0.5).accuracy.value == 0.8
    assert calibration_error(labels, probability) == pytest.approx(0.2, abs=1e-6)


@given(ANSWERS)
def test_the_calibration_error_is_the_distance_in_the_plot(
    answers: list[tuple[int, float]],
) -> None:
    labels, probability = arrays(answers)
    bins = reliability(labels, probability)
    distances = [each.reviews * abs(each.probability - each.positive) for each in bins]
    expected = pytest.approx(sum(distances) / len(answers))
    assert calibration_error(labels, probability) == expected


@given(ANSWERS)
def test_bins_hold_every_review_once(answers: list[tuple[int, float]]) -> None:
    labels, probability = arrays(answers)
    bins = reliability(labels, probability)
    assert sum(each.reviews for each in bins) == len(answers)
    assert sum(each.positive * each.reviews for each in bins) == pytest.approx(labels.sum())
    for each in bins:
        assert each.high - each.low == pytest.approx(1 / CALIBRATION_BINS)
        assert each.low - 1e-6 <= each.probability <= each.high + 1e-6


@given(st.integers(0, 200), st.integers(1, 200))
def test_intervals_are_wilsons(right: int, count: int) -> None:
    right = min(right, count)
    z, share = 1.959963984540054, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4) / (1 + z * z / count)
    expected = pytest.approx((middle - half, middle + half), abs=1e-9)
    assert Proportion(right, count).interval == expected


def test_metrics_are_imported_without_readers_writers_and_reports() -> None:
    program = "import sys, toolkit.evaluation.metrics; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = run.stdout.split()
    assert "toolkit.evaluation.metrics" in loaded
    heavy = ("pyarrow", "onnxruntime", "toolkit.records", "toolkit.scoring")
    assert [name for name in loaded if name.startswith(heavy)] == []
    assert [name for name in loaded if name.startswith("toolkit.evaluation.")] == [
        "toolkit.evaluation.metrics"
    ]
