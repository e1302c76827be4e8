"""The list of sources is complete: what the models learned from, and on what terms."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exported.data import FILMS, HALVES, HELD_OUT, SCHEMA, fold_of, group_of, join
from exported.sources import (
    FILMS_ONLY,
    MARKER,
    OPEN_ONLY,
    Source,
    load_sources,
    terms_lines,
    with_sources,
)
from tests.data import shared_data
from toolkit.errors import InputError
from toolkit.model.release import USES


def counts(source: Source) -> tuple[int, int, int, int]:
    return source.negative, source.neutral, source.positive, source.unlabelled


def test_every_source_is_listed_once_with_its_terms() -> None:
    sources = load_sources()
    names = Counter((each.domain, each.source) for each in sources)
    assert names.most_common(1)[0][1] == 1
    for each in sources:
        assert each.terms, each
        assert each.upstream, each
        assert (each.use == "none") == (each.terms == "none stated"), each
        assert ("research" in each.terms or "NC" in each.terms or "academic" in each.terms) == (
            each.use == "research"
        ), each


def test_the_rows_are_those_of_the_data() -> None:
    table = pq.read_table(
        shared_data("reviews") / "reviews.parquet", columns=["domain", "source", "stars", "label"]
    )
    kind = pc.if_else(
        pc.is_valid(table["label"]),
        pc.if_else(pc.equal(table["label"], 1), "positive", "negative"),
        pc.if_else(pc.is_finite(pc.fill_null(table["stars"], float("nan"))), "neutral", "none"),
    )
    found: dict[tuple[str, str], Counter[str]] = {}
    columns = (table["domain"].to_pylist(), table["source"].to_pylist(), kind.to_pylist())
    for domain, source, name in zip(*columns, strict=True):
        found.setdefault((domain, source), Counter())[name] += 1
    listed = {(each.domain, each.source): counts(each) for each in load_sources()}
    films = listed.pop(("films", "imdb"))
    assert films == (12_500, 0, 12_500, 50_000)
    assert listed == {
        name: tuple(rows[kind] for kind in ("negative", "neutral", "positive", "none"))
        for name, rows in found.items()
    }


def test_the_terms_of_all_labelled_reviews_are_summed_up() -> None:
    sources = load_sources()
    lines = terms_lines(sources).splitlines()
    for use, line in zip((*USES, None), lines, strict=True):
        chosen = [each for each in sources if each.use == use]
        assert line.startswith(f"- {len(chosen)} sources, {sum(e.labelled for e in chosen):,} ")
        if use in ("research", None):
            assert all(each.source in line for each in chosen)


def test_what_is_written_by_hand_stays() -> None:
    page = with_sources(f"# By hand\n\n{MARKER}\nold table\n")
    assert page.startswith(f"# By hand\n\n{MARKER}\n\n| domain / source |")
    assert page.count("\n| ") == 1 + len(load_sources())
    with pytest.raises(ValueError, match=r"SOURCES\.md: the line .* is missing"):
        with_sources("# By hand\n")


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


def test_what_a_model_learned_from_is_by_its_terms() -> None:
    free = load_sources(OPEN_ONLY)
    assert {each.use for each in free} == {"open"}
    # A copy under another licence than its owner states for the reviews is no clear case.
    assert not [each.source for each in free if "GPL" in each.repository_licence]
    unclear = [each.source for each in load_sources() if each.use is None]
    assert unclear == [f"webmd-{name}" for name in ("cancer", "citalopram", "diabetes", "heart")]
    assert sum(each.labelled for each in free) > 160_000
    assert [each.source for each in load_sources(FILMS_ONLY)] == ["imdb"]
    assert load_sources("reviews") == load_sources()


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
