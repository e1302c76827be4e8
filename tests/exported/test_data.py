"""All reviews in one table: groups, folds, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exported.data import FILMS, HALVES, HELD_OUT, SCHEMA, fold_of, group_of, join
from toolkit.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    films = {
        "id": ["tt1-0", "tt1-1", "tt2-0"],
        "movie": ["tt1", "tt1", "tt2"],
        "text": ["a film", "the film", "no film"],
        "stars": [10, 1, 7],
        "label": [1, 0, 1],
    }
    others = {
        "domain": ["hotels", "hotels", "apps"],
        "source": ["booking-pos-neg", "booking-pos-neg", "toy-apps"],
        "id": ["booking-pos-neg:7p", "booking-pos-neg:7n", "toy-apps:7"],
        "text": ["nice bed", "loud street", "it opens"],
        "stars": [None, None, 3.0],
        "label": [1, 0, None],
    }
    for name, columns in (("imdb/train", films), ("reviews/reviews", others)):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table(columns), path)
    return tmp_path


def test_films_and_other_domains_are_one_table(folder: Path) -> None:
    table = join(folder)
    assert table.schema == SCHEMA
    assert table["domain"].to_pylist() == [FILMS] * 3 + ["hotels", "hotels", "apps"]
    assert table["text"].to_pylist()[2:4] == ["no film", "nice bed"]
    assert table["stars"].to_pylist() == [5.0, 0.5, 3.5, None, None, 3.0]
    assert table["label"].to_pylist() == [1, 0, 1, 1, 0, None]


def test_what_belongs_together_is_one_group_in_one_fold(folder: Path) -> None:
    table = join(folder)
    groups, folds = table["group"].to_pylist(), table["fold"].to_pylist()
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4] != groups[5]
    assert folds == [fold_of(group) for group in groups]


@pytest.mark.parametrize(
    ("source", "first", "second"),
    [
        ("glassdoor-banks", "glassdoor-banks:12p", "glassdoor-banks:12n"),
        ("druglib", "druglib:some-name-1", "druglib:some-name-22"),
        ("is22-unl", "is22-unl:app-3", "is22-unl:app-4"),
    ],
)
def test_groups_of_sources_that_name_more_than_a_review(
    source: str, first: str, second: str
) -> None:
    assert group_of(source, first) == group_of(source, second)
    assert group_of(source, first).startswith(f"{source}:")
    assert group_of("toy", "toy:a-1") != group_of("toy", "toy:a-2")


@given(st.text(st.characters(codec="utf-8")))
def test_a_group_is_held_out_or_in_one_half(group: str) -> None:
    assert fold_of(group) in {HELD_OUT, *HALVES}


def test_six_percent_are_held_out_and_the_halves_are_even() -> None:
    counts = Counter(fold_of(f"toy:{number}") for number in range(20_000))
    assert counts[HELD_OUT] == pytest.approx(1200, abs=150)
    assert counts["A"] == pytest.approx(9400, abs=300)


def test_missing_files_and_columns_are_named(folder: Path) -> None:
    path = folder / "reviews" / "reviews.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["source"]), path)
    with pytest.raises(InputError, match=r"reviews\.parquet: no column 'source' \(found: domain, "):
        join(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"reviews\.parquet: no such file\. .*TOOLKIT_DATA"):
        join(folder)
