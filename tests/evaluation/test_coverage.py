"""How many reviews are answered at a chosen accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.conftest import WriteRows
from tests.evaluation.test_metrics import ANSWERS, THRESHOLD, arrays
from tests.models import MODEL
from toolkit.classes import SENTIMENT, is_positive
from toolkit.errors import UsageError
from toolkit.evaluation import EvaluationOptions, evaluate
from toolkit.evaluation.metrics import coverage_at, margins
from toolkit.evaluation.tables import target_table
from toolkit.model import load_model
from toolkit.model.labels import Labelling

FILE = load_model(MODEL)
TARGETS = st.sampled_from([0.01, 0.5, 2 / 3, 0.9, 1.0])


@given(ANSWERS, THRESHOLD, TARGETS)
def test_the_most_reviews_are_answered_that_reach_the_accuracy(
    answers: list[tuple[int, float]], threshold: float, target: float
) -> None:
    """Of all limits of sureness that could be set, ties included."""
    labels, probability = arrays(answers)
    margin, right = (
        margins(probability, threshold),
        is_positive(probability, threshold) == labels,
    )
    limits = [margin >= limit for limit in np.unique(margin)]
    enough = [answered for answered in limits if right[answered].mean() >= target]
    (found,) = coverage_at(labels, probability, threshold, [target])
    expected = max((answered.sum() for answered in enough), default=0)
    assert found.answered == expected
    assert found.share == expected / len(answers)
    if expected:
        assert found.accuracy == found.right / found.answered >= target
        assert found.interval is not None
        assert found.interval[0] <= found.accuracy <= found.interval[1]
    else:
        assert (found.accuracy, found.interval, found.uncertain) == (None, None, None)


@given(ANSWERS, st.sampled_from([0.1, 0.5, 0.7]), TARGETS)
def test_the_range_gives_that_coverage_in_scoring(
    answers: list[tuple[int, float]], threshold: float, target: float
) -> None:
    labels, probability = arrays(answers)
    for found in coverage_at(labels, probability, threshold, [target, 0.8]):
        if found.uncertain is None:
            assert found.answered in (0, len(answers))
            continue
        labelling = Labelling.of(FILE, threshold, found.uncertain, by_sentence=False)
        sentiments = labelling.of_probability(pa.array(probability)).to_pylist()
        assert len(answers) - sentiments.count("neutral") == found.answered
        names = [SENTIMENT[label] for label in labels.tolist()]
        right = sum(name == given for name, given in zip(names, sentiments, strict=True))
        assert right == found.right


def test_reviews_that_are_equally_sure_are_answered_all_or_none() -> None:
    labels = np.array([1, 1, 0, 0], np.int8)
    probability = np.array([0.75, 0.75, 0.75, 0.25], np.float32)
    exact, lower = coverage_at(labels, probability, 0.5, [1.0, 0.75])
    assert (exact.answered, exact.uncertain) == (0, None)
    assert (lower.answered, lower.right, lower.uncertain) == (4, 3, None)


def predictions(write_rows: WriteRows) -> tuple[Path, Path]:
    data = write_rows("r.csv", ("text", "label"), [("a", 1), ("b", 0), ("c", 1), ("d", 0)])
    return data, write_rows("p.csv", ("positive_probability",), [[0.96875], [0.125], [0.25], [0.5]])


def test_the_table_names_the_share_and_the_range(write_rows: WriteRows) -> None:
    data, others = predictions(write_rows)
    found = evaluate(data, [], [others], EvaluationOptions(targets=(1.0, 0.5, 0.97)))
    rows = {row[0].text: row[1] for row in target_table(found).rows}
    assert list(rows) == ["100%", "50%", "97%"]
    assert (rows["100%"].text, rows["100%"].note) == ("50.0%", "0.2500:0.5001")
    assert (rows["50%"].text, rows["50%"].note) == ("100.0%", "all")
    assert "2 of 2 right" in rows["97%"].detail
    wrong = write_rows("q.csv", ("positive_probability",), [[0.25], [0.75], [0.25], [0.75]])
    (row, *_) = target_table(evaluate(data, [], [wrong])).rows
    assert row[1].note == "never reached"
    strict = evaluate(data, [], [others], EvaluationOptions(targets=(0.99999, 0.07)))
    assert [row[0].text for row in target_table(strict).rows] == ["99.999%", "7%"]


@pytest.mark.parametrize("target", [0.0, -1.0, 1.01, 97.0, float("nan")])
def test_an_accuracy_to_reach_is_a_share(write_rows: WriteRows, target: float) -> None:
    data, others = predictions(write_rows)
    with pytest.raises(UsageError, match="--target-accuracy: expected a share above 0"):
        evaluate(data, [], [others], EvaluationOptions(targets=[target]))
