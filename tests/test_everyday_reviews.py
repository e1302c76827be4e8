"""The suite of everyday reviews, `everyday_reviews.jsonl`, and what the default model makes of it.

The reviews were written for this project, one by one, in ten domains, without templates, data sets
or names. Their labels were decided while writing: 1 is positive, 0 is negative, and null is neutral
or mixed. A clear review is one that has a label and is not ironic.

No model, teacher or choice of a recipe may learn from this file. Do not copy its sentences into
other files. To see a model by kind of review:
`toolkit evaluate MODEL tests/everyday_reviews.jsonl --group-column kind`.

The last 200 reviews have the part "order": they test the order of words and the reading of context,
have kinds and labels of their own, and came later. They are measured apart.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT, shared_data
from tests.models import shipped_scorer

EVERYDAY = PROJECT / "tests" / "everyday_reviews.jsonl"
NEITHER = {"mixed", "neutral"}  # kinds without labels
TYPOGRAPHIC = set("‘’“”—…")  # noqa: RUF001


class Review(TypedDict):
    """One line of the file."""

    id: str
    text: str
    label: int | None
    kind: str
    domain: str


class OrderReview(Review):
    """One line of the later part."""

    part: str


ALL = [json.loads(line) for line in EVERYDAY.read_bytes().splitlines()]
REVIEWS: list[Review] = [review for review in ALL if "part" not in review]
ORDER: list[OrderReview] = [review for review in ALL if "part" in review]


def test_lines_are_complete_and_unique() -> None:
    assert len(REVIEWS) == 540
    assert all(set(review) == set(Review.__annotations__) for review in REVIEWS)
    assert all(set(review) == set(OrderReview.__annotations__) for review in ORDER)
    assert [*REVIEWS, *ORDER] == ALL
    assert len({review["id"] for review in ALL}) == len(ALL)
    normal = pc.unique(_letters_and_digits(pa.array(review["text"] for review in ALL)))
    assert len(normal) == len(ALL)


def test_reviews_about_order_are_balanced_and_varied() -> None:
    assert {review["part"] for review in ORDER} == {"order"}
    counts = Counter((review["kind"], review["label"]) for review in ORDER)
    assert len(counts) == 20
    assert set(counts.values()) == {10}
    assert not {kind for kind, _ in counts} & {review["kind"] for review in REVIEWS}
    assert len({review["domain"] for review in ORDER}) == 12
    words = [review["text"].split() for review in ORDER]
    assert all(4 <= len(each) <= 45 for each in words)
    assert max(Counter(" ".join(each[:3]).lower() for each in words).values()) <= 2
    assert not TYPOGRAPHIC & set("".join(review["text"] for review in ORDER))


def test_reviews_are_short() -> None:
    lengths = [len(review["text"].split()) for review in REVIEWS]
    assert min(lengths) >= 3
    assert max(lengths) <= 40


def test_domains_and_kinds_are_about_equally_many() -> None:
    domains = Counter(review["domain"] for review in REVIEWS)
    assert len(domains) == 10
    assert min(domains.values()) >= 0.8 * max(domains.values())
    kinds = Counter(review["kind"] for review in REVIEWS)
    assert len(kinds) == 10
    assert min(kinds.values()) >= 35
    cells = Counter((review["kind"], review["domain"]) for review in REVIEWS)
    assert len(cells) == len(kinds) * len(domains)


def test_half_of_the_labels_are_positive() -> None:
    groups: dict[str, list[int]] = {}
    for review in REVIEWS:
        assert (review["label"] is None) == (review["kind"] in NEITHER), review["id"]
        if review["label"] is not None:
            for name in (review["kind"], review["domain"]):
                groups.setdefault(name, []).append(review["label"])
    for name, labels in groups.items():
        assert set(labels) == {0, 1}, name
        assert 0.45 <= sum(labels) / len(labels) <= 0.55, name


def test_only_typographic_reviews_have_typographic_signs() -> None:
    for review in REVIEWS:
        has_signs = bool(TYPOGRAPHIC & set(review["text"]))
        assert has_signs == (review["kind"] == "typographic"), review["id"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["imdb", "domains", "reviews"])
def test_no_review_is_in_the_data_sets(folder: str) -> None:
    ours = _letters_and_digits(pa.array(review["text"] for review in ALL))
    longest = 2 * max(len(review["text"]) for review in ALL)
    files = sorted(shared_data(folder).glob("*.parquet")) + sorted(
        shared_data(folder).glob("*.jsonl")
    )
    assert files
    for path in files:
        read = pj.read_json if path.suffix == ".jsonl" else pq.read_table
        texts = read(path)["text"]
        short = texts.filter(pc.less_equal(pc.utf8_length(texts), longest))
        assert not pc.any(pc.is_in(_letters_and_digits(short), ours)).as_py(), path


# Floors of the default model, in percent of the reviews.
FLOORS: dict[str, tuple[Callable[[Review], bool], float]] = {
    "clear": (lambda review: review["kind"] != "ironic", 80),
    "negated": (lambda review: review["kind"] == "negated", 80),
}


@pytest.mark.parametrize("group", FLOORS)
def test_the_default_model_reaches_its_floor(group: str) -> None:
    belongs, floor = FLOORS[group]
    chosen = [review for review in REVIEWS if review["label"] is not None and belongs(review)]
    scores = shipped_scorer().score([review["text"] for review in chosen])
    right = [
        sentiment == ("negative", "positive")[review["label"] or 0]
        for review, (sentiment, _) in zip(chosen, scores, strict=True)
    ]
    assert 100 * sum(right) / len(right) >= floor


def _letters_and_digits(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Lowercase, with one blank for everything else, so that small changes do not hide a copy."""
    words = pc.replace_substring_regex(pc.utf8_lower(texts), r"[^a-z0-9]+", " ")
    return pc.utf8_trim_whitespace(words)
