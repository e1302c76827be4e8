"""Real reviews by the native core and by Arrow: with TOOLKIT_ALL_REVIEWS=1 all, else a sample."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT, shared_data
from tests.native.both_ways import TYPES, by_arrow, needs_core, tables_of
from toolkit.native.texts import WordTable
from toolkit.text.rule import RULES
from toolkit.text.token_ids import TokenIds
from toolkit.text.vocabulary import Vocabulary

pytestmark = needs_core

EXPORTED = PROJECT / "exported"
ROWS_AT_ONCE = 2000
EVERY = 1 if os.environ.get("TOOLKIT_ALL_REVIEWS") else 40  # of the batches of a folder
MODELS = ("reviews", "reviews-small", "conv1d")


@cache
def _vocabulary(model: str, rule: int) -> Vocabulary:
    return Vocabulary.load(EXPORTED / f"{model}.vocabulary.txt", RULES[rule])


@cache
def _tables(model: str, rule: int) -> dict[str, WordTable]:
    return tables_of(_vocabulary(model, rule))


def _same(model: str, rule: int, texts: pa.Array, last: int | None) -> None:
    expected = by_arrow(_vocabulary(model, rule)).encode(texts, last)
    if last is not None:  # Arrow may give more
        first = np.maximum(expected.starts, expected.stops - last)
        expected = TokenIds(expected.values, first, expected.stops)
    expected = expected.take(np.arange(len(texts)))
    for kind in TYPES if EVERY > 1 else TYPES[:1]:
        for path, table in _tables(model, rule).items():
            values, bounds = table.encode(texts.cast(kind), last)
            assert np.array_equal(bounds[1:], expected.stops), path
            assert np.array_equal(values, expected.values), path


def _texts_of_lines(file: Path) -> pa.Array:
    lines = file.read_bytes().splitlines()
    return pa.array([json.loads(line).get("text") for line in lines], pa.string())


@pytest.mark.parametrize("file", ["exported/golden.jsonl", "tests/everyday_reviews.jsonl"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rule", RULES)
def test_reviews_of_the_project(file: str, model: str, rule: int) -> None:
    for last in (None, 1, 100, 512):
        _same(model, rule, _texts_of_lines(PROJECT / file), last)


def test_golden_ids() -> None:
    for line in (EXPORTED / "golden.jsonl").read_bytes().splitlines():
        golden = json.loads(line)
        for model, of_model in golden["models"].items():
            for table in _tables(model, rule=2).values():
                values, _ = table.encode(pa.array([golden["text"]], pa.string()))
                expected = of_model["token_ids"]
                ids = [1, *values.tolist()][-len(expected) :]
                assert ids == expected


def _batches(folder: Path) -> Iterator[pa.Array]:
    for file in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE, columns=["text"]):
            yield batch.column(0).cast(pa.string())
    for file in sorted(folder.glob("*.jsonl")):
        yield _texts_of_lines(file)


@pytest.mark.parametrize("folder", ["imdb", "reviews", "domains"])
def test_real_reviews(folder: str) -> None:
    reviews = 0
    for number, texts in enumerate(_batches(shared_data(folder))):
        if number % EVERY == 0:
            reviews += len(texts)
            for rule, last in ((2, None), (2, 512), (1, 100)):
                _same("reviews", rule, texts, last)
    print(f"{folder}: {reviews:,} reviews are the same")  # shown by pytest -s
    assert reviews >= 1000
