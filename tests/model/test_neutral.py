"""A label of its own for what is near the threshold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import MODEL, many_texts, shipped_scorer
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model.ranges import parse_range

NARROW = Scorer(MODEL, 0.5, (0.3, 0.7))
# 0.3 and 0.7 are no float32: the range begins and ends at their neighbours.
LOW, HIGH = np.float32(0.3), np.float32(0.7)


@given(st.lists(st.floats(0, 1, width=32) | st.sampled_from([LOW, HIGH, 0.5]), max_size=20))
def test_from_the_low_end_to_below_the_high_one(values: list[float]) -> None:
    probability = pa.array([*map(float, values), None], pa.float32())
    expected = [
        "neutral" if LOW <= np.float32(p) < HIGH else "positive" if p >= 0.5 else "negative"
        for p in values
    ]
    assert NARROW.sentiments(probability).to_pylist() == [*expected, None]


def test_only_labels_change() -> None:
    texts = [*many_texts(60), ""]
    plain, narrow = shipped_scorer().score(texts), NARROW.score(texts)
    assert [score.probability for score in plain] == [score.probability for score in narrow]
    assert {score.sentiment for score in narrow} == {"positive", "negative", "neutral", None}
    changed = [score.probability for score in narrow if score.sentiment == "neutral"]
    assert all(p is not None and LOW <= p < HIGH for p in changed)


@pytest.mark.parametrize(
    ("neutral", "threshold", "message"),
    [
        ((0.6, 0.4), None, r"^--neutral-range: expected two probabilities .* received 0\.6:0\.4"),
        ((0.5, 0.5), None, "from 0 to 1, the lower first"),
        ((0.5, 0.5 + 1e-12), None, "from 0 to 1, the lower first"),
        ((-0.1, 0.6), None, "from 0 to 1, the lower first"),
        ((0.4, 1.1), None, "from 0 to 1, the lower first"),
        ((float("nan"), 0.6), None, "from 0 to 1, the lower first"),
        ((0.6, 0.9), None, r"the threshold 0\.5 is not within 0\.6 to 0\.9"),
        ((0.4, 0.6), 0.7, r"the threshold 0\.7 is not within"),
    ],
)
def test_ranges_that_make_no_sense(
    neutral: tuple[float, float], threshold: float | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Scorer(MODEL, threshold, neutral)


@pytest.mark.parametrize("ends", [(0.5, 0.6), (0.4, 0.5)])
def test_the_threshold_may_be_an_end(ends: tuple[float, float]) -> None:
    assert Scorer(MODEL, 0.5, ends).neutral == tuple(float(np.float32(end)) for end in ends)


def test_a_written_range() -> None:
    assert parse_range("0.4:0.6") == (0.4, 0.6)
    for wrong in ("", "0.4", "0.4:", ":0.6", "a:b", "0.4:0.6:0.7", "0,4:0,6"):
        with pytest.raises(
            UsageError, match=r"--neutral-range: expected two .* 0\.4:0\.6, received"
        ):
            parse_range(wrong)
