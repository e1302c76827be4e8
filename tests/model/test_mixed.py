"""Which reviews are mixed, by their own probability and those of their sentences.

Real ones rarely are where they are clear, and often where they are not. The bounds are those that
the rule was chosen for; the documentation has the measured shares.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import shared_data
from tests.models import shipped_scorer
from toolkit import Scorer
from toolkit.model.labels import ToneLimits, count_sentences, is_mixed, tone
from toolkit.model.stars import rescaled
from toolkit.model.training_facts import Adaptation

probabilities = st.one_of(
    st.sampled_from([0.05, 0.2, 0.5, 0.8, 0.95]), st.floats(0, 1, width=32)
).map(np.float32)
reviews = st.lists(st.tuples(probabilities, st.lists(probabilities, max_size=9)), max_size=9)


def rule(probability: np.float32, sentences: list[np.float32]) -> bool:
    """Say what the docstring of `toolkit.model.labels` says."""
    positive = sum(value >= np.float32(0.8) for value in sentences)
    negative = sum(value <= np.float32(0.2) for value in sentences)
    fewer, more = sorted([positive, negative])
    is_sure = probability < np.float32(0.05) or probability > np.float32(0.95)
    return bool(fewer) and bool(2 * fewer >= more) and not is_sure


@given(reviews)
def test_mixed_is_the_rule(reviews: list[tuple[np.float32, list[np.float32]]]) -> None:
    of_reviews = np.array([probability for probability, _ in reviews], np.float32)
    numbers = np.repeat(np.arange(len(reviews)), [len(found) for _, found in reviews])
    sentences = np.array([value for _, found in reviews for value in found], np.float32)
    counts = count_sentences(tone(sentences), numbers, len(reviews))
    assert {each.dtype for each in counts.values()} == {np.dtype(np.int32)}
    found = is_mixed(pa.array(of_reviews), *map(pa.array, counts.values()))
    assert found.to_pylist() == [rule(*review) for review in reviews]


@pytest.mark.parametrize(
    ("probability", "positive", "negative", "mixed"),
    [
        (0.5, 1, 1, True),
        (0.5, 2, 1, True),
        (0.5, 1, 2, True),
        (0.5, 3, 1, False),  # one remark among many
        (0.5, 1, 3, False),
        (0.5, 2, 0, False),
        (0.5, 0, 0, False),
        (0.96, 1, 1, False),  # the review as a whole is sure
        (0.04, 1, 1, False),
        (None, 1, 1, None),
        (0.5, None, None, None),
    ],
)
def test_examples(
    probability: float | None, positive: int | None, negative: int | None, mixed: bool | None
) -> None:
    found = is_mixed(
        pa.array([probability], pa.float32()),
        pa.array([positive], pa.int32()),
        pa.array([negative], pa.int32()),
    )
    assert found.to_pylist() == [mixed]


def test_tones() -> None:
    values = np.array([0, 0.2, 0.201, 0.5, 0.799, 0.8, 1], np.float32)
    assert tone(values).tolist() == [-1, -1, 0, 0, 0, 1, 1]


def test_limits_of_an_adapted_model_are_moved_as_its_logits() -> None:
    facts = shipped_scorer().facts
    assert ToneLimits.of(facts) == ToneLimits()
    adaptation = Adaptation("scale and bias", (), folds=5, scale=1.5, bias=2.0)
    adapted = replace(facts, metrics=replace(facts.metrics, adaptation=adaptation))
    start = np.array([0.2, 0.8, 0.05, 0.95, 0.3, 0.7, 0.5], np.float32)
    moved = rescaled(start, 1.5, 2.0)
    assert ToneLimits.of(adapted)[:6] == pytest.approx(moved[:6], abs=1e-6)
    assert ToneLimits.of(adapted).of_aspects[:2] == pytest.approx(moved[4:6], abs=1e-6)
    near = np.array([start[0] - 0.01, start[1] + 0.01, start[6]], np.float32)
    assert tone(rescaled(near, 1.5, 2.0).astype(np.float32), ToneLimits.of(adapted)).tolist() == [
        -1,
        1,
        0,
    ]


COUNT = 1500
PAIRS = ("booking-pos-neg", "glassdoor-banks", "glassdoor-research")  # "1p" and "1n" are of one


@cache
def real_reviews() -> pa.Table:
    path = shared_data("reviews") / "reviews.parquet"
    return pq.read_table(path, columns=["source", "id", "text", "stars"])


@cache
def scorer() -> Scorer:
    return Scorer(by_sentence=True)


def share_mixed(texts: pa.Array | pa.ChunkedArray) -> float:
    """Give the share of mixed ones among some of the texts, the same ones each time."""
    places = np.random.default_rng(3).permutation(len(texts))[:COUNT]
    labels, _ = scorer().score_array(texts.take(pa.array(places)))
    return float(pc.mean(pc.equal(labels, "mixed").cast(pa.int8())).as_py())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stars", "least", "most"),
    [(1, 0, 0.1), (2, 0.1, 0.3), (3, 0.25, 0.5), (4, 0.1, 0.3), (5, 0, 0.1)],
)
def test_reviews_by_their_stars(stars: int, least: float, most: float) -> None:
    texts = real_reviews().filter(pc.equal(real_reviews()["stars"], stars))["text"]
    assert least <= share_mixed(texts) <= most


@pytest.mark.slow
@pytest.mark.parametrize("source", PAIRS)
def test_what_is_good_and_what_is_bad(source: str) -> None:
    found = real_reviews().filter(pc.equal(real_reviews()["source"], source))
    texts = dict(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True))
    pairs = [(texts[name], texts.get(f"{name[:-1]}n")) for name in texts if name.endswith("p")]
    good, bad = zip(*((p, n) for p, n in pairs if n), strict=True)
    both = [f"{p.rstrip('. ')}. {n}" for p, n in zip(good, bad, strict=True)]
    assert share_mixed(pa.array(both)) > 0.45
    assert share_mixed(pa.array(good)) < 0.06
    assert share_mixed(pa.array(bad)) < 0.06
