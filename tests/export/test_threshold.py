"""The threshold of a model file: given, or chosen on held-out reviews."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exported.cards import model_card
from tests.export.conftest import CONFIG, REVIEWS
from toolkit.errors import ModelError, UsageError
from toolkit.export import export
from toolkit.export.threshold import Goal, Threshold, choose_threshold
from toolkit.model import ModelFile, RunConfig, RunFolder, Scorer
from toolkit.model.stars import rescaled
from toolkit.model.training_facts import (
    Calibration,
    RunMetrics,
    ThresholdChoice,
    ThresholdReached,
    TrainingData,
)

# In the order of the probabilities: 1 of 1 positive above 0.8, 3 of 4 above 0.3, and all.
LABELS = [0, 1, 0, 1, 1, 0, 1]
PROBABILITY = [0.05, 0.1, 0.2, 0.4, 0.5, 0.7, 0.9]


def reached_of(threshold: Threshold) -> ThresholdReached:
    assert threshold.choice.validation is not None
    return threshold.choice.validation


def save(folder: RunFolder, labels: list[Any], probability: list[Any]) -> None:
    folder.path.mkdir(exist_ok=True)
    columns = {"label": labels, "probability": pa.array(probability, pa.float32())}
    pq.write_table(pa.table(columns), folder.validation)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    made = RunFolder(tmp_path_factory.mktemp("run"))
    save(made, LABELS, PROBABILITY)
    return made


@pytest.mark.parametrize(
    ("goal", "threshold", "reached"),
    [
        ("accuracy", 0.3, {"accuracy": 5 / 7, "precision": 0.75, "recall": 0.75, "f1": 0.75}),
        ("balanced", 0.5714, {"balanced_accuracy": 11 / 24, "recall": 0.25}),
        ("f1", 0.075, {"accuracy": 5 / 7, "precision": 4 / 6, "recall": 1.0, "f1": 0.8}),
        ("precision=1", 0.8, {"accuracy": 4 / 7, "precision": 1.0, "recall": 0.25, "f1": 0.4}),
        ("precision=0.7", 0.3, {"precision": 0.75, "recall": 0.75}),
        ("recall=0.75", 0.3, {"precision": 0.75, "recall": 0.75}),
        ("recall=0.76", 0.075, {"precision": 4 / 6, "recall": 1.0}),
        ("recall=1", 0.075, {"precision": 4 / 6, "recall": 1.0}),
    ],
)
def test_goals(folder: RunFolder, goal: str, threshold: float, reached: dict[str, float]) -> None:
    found = choose_threshold(folder, CONFIG, None, goal)
    assert found.value == pytest.approx(threshold, rel=1e-6)
    assert found.value == float(str(np.float32(found.value)))  # no more digits than it has
    assert found.choice.chosen == goal
    assert reached_of(found).reviews == 7
    for name, value in reached.items():
        assert getattr(reached_of(found), name) == pytest.approx(value), name


def test_both_labels_alike(folder: RunFolder) -> None:
    """The share of positives is chosen where no other is clearly better."""
    save(folder, [0, 0, 1, 1, 1], [0.2, 0.3, 0.55, 0.7, 0.8])  # 0.425 would make no mistake
    assert choose_threshold(folder, CONFIG, None, "balanced").value == 0.6
    labels = [0] * 200 + [1] * 800
    save(folder, labels, [0.3] * 200 + [0.85] * 800)
    found = choose_threshold(folder, CONFIG, None, "balanced")
    assert (found.value, found.warning) == (0.8, None)
    assert reached_of(found).balanced_accuracy == 1
    # Clearly better than 0.8, which calls nothing positive.
    save(folder, labels, [0.3] * 200 + [0.7] * 800)
    found = choose_threshold(folder, CONFIG, None, "balanced")
    assert (found.value, found.choice.chosen) == (0.5, "balanced")
    assert reached_of(found).balanced_accuracy == 1


def test_both_labels_alike_of_a_balanced_fit(folder: RunFolder) -> None:
    save(folder, [0] * 20 + [1] * 80, [0.3] * 20 + [0.7] * 80)
    config = replace(CONFIG, training={"balanced": True})
    assert choose_threshold(folder, config, None, "balanced").value == 0.5


def test_the_threshold_of_a_run(folder: RunFolder) -> None:
    config = replace(CONFIG, threshold=0.45)
    found = choose_threshold(folder, config, None, None)
    assert (found.value, found.choice.chosen) == (0.45, "share of positives")
    assert reached_of(found).recall == 0.5
    assert choose_threshold(folder, config, 0.5, None).choice.chosen == "given"
    assert choose_threshold(folder, config, None, "accuracy").value == pytest.approx(0.3)
    folder.validation.unlink()
    assert choose_threshold(folder, config, None, None).value == 0.45


def test_given_and_default_thresholds(folder: RunFolder) -> None:
    assert choose_threshold(folder, CONFIG, 0.4, None).choice.chosen == "given"
    assert reached_of(choose_threshold(folder, CONFIG, 0.4, None)).recall == 0.75
    default = choose_threshold(folder, CONFIG, None, None)
    assert (default.value, default.choice.chosen) == (0.5, "default")
    assert reached_of(default).recall == 0.5
    folder.validation.unlink()
    assert choose_threshold(folder, CONFIG, None, None) == Threshold(
        0.5, ThresholdChoice("default")
    )
    assert choose_threshold(folder, CONFIG, 0.4, None) == Threshold(0.4, ThresholdChoice("given"))


def test_the_threshold_is_one_of_calibrated_probabilities(folder: RunFolder) -> None:
    config = RunConfig("conv1d", 13, 12, TrainingData(), calibration=Calibration(0.5, 1.0))
    found = choose_threshold(folder, config, None, "precision=1")
    low, high = rescaled(np.array([0.7, 0.9]), 0.5, 1.0)
    assert found.value == pytest.approx((low + high) / 2, rel=1e-6)


probabilities = st.floats(0, 1, width=32)


@given(
    st.lists(st.tuples(st.integers(0, 1), probabilities), min_size=2, max_size=30),
    st.sampled_from(["accuracy", "f1", "precision=0.6", "recall=0.6"]),
)
def test_no_other_threshold_is_better(
    tmp_path_factory: pytest.TempPathFactory, reviews: list[tuple[int, float]], goal: str
) -> None:
    labels, probability = (np.array(part) for part in zip(*reviews, strict=True))
    assume(0 < labels.mean() < 1)
    folder = RunFolder(tmp_path_factory.getbasetemp() / "any")
    save(folder, labels.tolist(), probability.tolist())
    try:
        found = choose_threshold(folder, CONFIG, None, goal)
    except UsageError:
        assert goal == "precision=0.6"
        assert all(reached(labels, probability, t)["precision"] < 0.6 for t in probability)
        return
    mine = reached(labels, probability, found.value)
    assert mine == pytest.approx({name: getattr(reached_of(found), name) for name in mine})
    measure, _, least = goal.partition("=")
    for other in (reached(labels, probability, t) for t in probability):
        if not least:
            assert mine[measure] >= other[measure] - 1e-9
        else:
            rival = "recall" if measure == "precision" else "precision"
            assert mine[measure] >= 0.6
            assert mine[rival] >= other[rival] - 1e-9 or other[measure] < 0.6


def reached(labels: Any, probability: Any, threshold: float) -> dict[str, float]:
    called = probability.astype(np.float32) >= np.float32(threshold)
    right = float((called & (labels == 1)).sum())
    precision, recall = right / max(called.sum(), 1), right / labels.sum()
    return {
        "accuracy": float((called == labels).mean()),
        "precision": precision,
        "recall": recall,
        "f1": 2 * right / (called.sum() + labels.sum()),
    }


@pytest.mark.parametrize(
    "text", ["", "auc", "precision", "precision=", "precision=0", "precision=1.01", "recall=-1",
             "recall=0.9x", "accuracy=0.9", "f1=1", "precision=nan"]
)  # fmt: skip
def test_what_is_no_goal(folder: RunFolder, text: str) -> None:
    with pytest.raises(UsageError, match="--optimize: expected accuracy, balanced, f1, precision="):
        choose_threshold(folder, CONFIG, None, text)


def test_goals_read_back() -> None:
    for text in ("accuracy", "f1", "precision=0.95", "recall=0.9", "recall=1"):
        assert str(Goal.parse(text)) == text


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_what_is_no_threshold(folder: RunFolder, threshold: float) -> None:
    with pytest.raises(UsageError, match="--threshold: expected a probability from 0 to 1"):
        choose_threshold(folder, CONFIG, threshold, None)


def test_a_model_that_is_no_better_than_a_constant_is_warned_of(folder: RunFolder) -> None:
    found = choose_threshold(folder, CONFIG, 0.95, None)
    assert (reached_of(found).balanced_accuracy, reached_of(found).majority_accuracy) == (
        0.5,
        4 / 7,
    )
    assert str(found.warning).startswith("the model is not clearly better than always answering")
    save(folder, [0, 1] * 50, [0.1, 0.9] * 50)
    assert choose_threshold(folder, CONFIG, None, None).warning is None


def test_one_of_the_two(folder: RunFolder) -> None:
    with pytest.raises(UsageError, match="choose one of the two"):
        choose_threshold(folder, CONFIG, 0.5, "f1")


def test_goals_that_cannot_be_reached(folder: RunFolder) -> None:
    save(folder, LABELS[::-1], PROBABILITY)
    with pytest.raises(
        UsageError,
        match=r"no threshold reaches a precision of 0\.95 on the 7 .*; the highest is 0\.6000",
    ):
        choose_threshold(folder, CONFIG, None, "precision=0.95")
    save(folder, [1] * 7, PROBABILITY)
    with pytest.raises(UsageError, match="have one label"):
        choose_threshold(folder, CONFIG, None, "f1")
    folder.validation.unlink()
    with pytest.raises(UsageError, match=r"validation\.parquet is missing, .* --threshold"):
        choose_threshold(folder, CONFIG, None, "f1")


@pytest.mark.parametrize(
    ("labels", "probability", "message"),
    [([], [], "label"), ([1, 2], [0.1, 0.2], "label"), ([1, None], [0.1, 0.2], "label"),
     ([0, 1], [0.1, 1.5], "probability"), ([0, 1], [0.1, None], "probability"),
     (["a", "b"], [0.1, 0.2], "a")],
)  # fmt: skip
def test_damaged_held_out_reviews(
    folder: RunFolder, labels: list[Any], probability: list[Any], message: str
) -> None:
    save(folder, labels, probability)
    with pytest.raises(
        ModelError, match=rf"validation\.parquet: not the held-out reviews of a run: .*{message}"
    ):
        choose_threshold(folder, CONFIG, None, "f1")


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_no_parquet(folder: RunFolder, content: bytes) -> None:
    folder.validation.write_bytes(content)
    with pytest.raises(ModelError, match="not the held-out reviews of a run"):
        choose_threshold(folder, CONFIG, None, None)


def test_the_threshold_is_in_the_file(run: RunFolder) -> None:
    save(run, LABELS, PROBABILITY)
    calibration = Calibration(0.5, 1.0, fitted_on=7)
    run.save_config(RunConfig("conv1d", 13, 12, TrainingData(), calibration=calibration))
    run.save_metrics(RunMetrics())
    result = export(run.path, optimize="recall=0.75")
    facts = ModelFile.load(result.model).facts
    assert facts.threshold == result.threshold.value != 0.5
    assert facts.threshold_choice.chosen == "recall=0.75"
    assert facts.threshold_choice == result.threshold.choice
    assert reached_of(result.threshold).recall == 0.75
    assert facts.calibration == calibration
    card = model_card(result.model)
    assert f"| threshold | {facts.threshold} (recall=0.75): accuracy" in card
    assert "| calibration | logit · 0.500 +1.000, fitted on 7 held-out reviews |" in card
    (stored,) = (
        e for e in onnx.load(result.model).graph.initializer if e.name.endswith("threshold")
    )
    assert onnx.numpy_helper.to_array(stored) == np.float32(facts.threshold)
    for score in Scorer(result.model).score(REVIEWS):
        assert score.probability is not None
        assert score.sentiment == (
            "positive" if score.probability >= facts.threshold else "negative"
        )


def test_held_out_reviews_of_another_run(run: RunFolder) -> None:
    save(run, LABELS, PROBABILITY)
    with pytest.raises(ModelError, match=r"validation\.parquet changed after the training"):
        export(run.path)


@pytest.mark.parametrize(
    "calibration", [1, {"scale": 1}, {"scale": 0, "bias": 0}, {"scale": "1", "bias": 0},
                    {"scale": float("nan"), "bias": 0}]
)  # fmt: skip
def test_calibration_of_the_wrong_kind(run: RunFolder, calibration: object) -> None:
    config = json.loads(run.config.read_text())
    run.config.write_text(json.dumps(config | {"calibration": calibration}))
    with pytest.raises(ModelError, match="damaged: calibration"):
        export(run.path)


def test_a_config_without_calibration(run: RunFolder) -> None:
    config = json.loads(run.config.read_text())
    for nothing in ("{}", '{"calibration": {}}'):  # the second is that of earlier versions
        run.config.write_text(json.dumps(config | json.loads(nothing)))
        assert run.load_config().calibration is None
