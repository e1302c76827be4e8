"""How often real reviews are mixed: rarely where they are clear, often where they are not.

The bounds are those that the rule was chosen for; the documentation has the measured shares.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.data import shared_data
from toolkit import Scorer

COUNT = 1500
PAIRS = ("booking-pos-neg", "glassdoor-banks", "glassdoor-research")  # "1p" and "1n" are of one


@cache
def reviews() -> pa.Table:
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


@pytest.mark.parametrize(
    ("stars", "least", "most"),
    [(1, 0, 0.1), (2, 0.1, 0.3), (3, 0.25, 0.5), (4, 0.1, 0.3), (5, 0, 0.1)],
)
def test_reviews_by_their_stars(stars: int, least: float, most: float) -> None:
    texts = reviews().filter(pc.equal(reviews()["stars"], stars))["text"]
    assert least <= share_mixed(texts) <= most


@pytest.mark.parametrize("source", PAIRS)
def test_what_is_good_and_what_is_bad(source: str) -> None:
    found = reviews().filter(pc.equal(reviews()["source"], source))
    texts = dict(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True))
    pairs = [(texts[name], texts.get(f"{name[:-1]}n")) for name in texts if name.endswith("p")]
    good, bad = zip(*((p, n) for p, n in pairs if n), strict=True)
    both = [f"{p.rstrip('. ')}. {n}" for p, n in zip(good, bad, strict=True)]
    assert share_mixed(pa.array(both)) > 0.45
    assert share_mixed(pa.array(good)) < 0.06
    assert share_mixed(pa.array(bad)) < 0.06
