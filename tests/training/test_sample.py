"""The reviews that a run folder keeps for the proof of parity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from toolkit.model.facts import Copies
from toolkit.training.data import FitData, TrainingData
from toolkit.training.options import SplitKind
from toolkit.training.result import Outcome
from toolkit.training.reviews import Reviews

UNUSED: Any = None


def make_reviews(name: str, count: int) -> Reviews | None:
    texts = pa.chunked_array([pa.array([f"{name} {number}" for number in range(count)])])
    return Reviews(name, texts, np.zeros(count, np.int8)) if count else None


def make_outcome(validation: int, test: int, fitted: int = 3000) -> Outcome:
    training = make_reviews("training", fitted)
    assert training is not None
    return Outcome(
        read=TrainingData(training, make_reviews("test", test)),
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
