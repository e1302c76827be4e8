"""The list of sources is complete: what the models learned from, and on what terms."""

from __future__ import annotations

from collections import Counter

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from exported.sources import MARKER, Source, load_sources, terms_lines, with_sources
from tests.data import shared_data
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
    assert len(lines) == len(USES)
    for use, line in zip(USES, lines, strict=True):
        chosen = [each for each in sources if each.use == use]
        assert line.startswith(f"- {len(chosen)} sources, {sum(e.labelled for e in chosen):,} ")
        if use == "research":
            assert all(each.source in line for each in chosen)


def test_what_is_written_by_hand_stays() -> None:
    page = with_sources(f"# By hand\n\n{MARKER}\nold table\n")
    assert page.startswith(f"# By hand\n\n{MARKER}\n\n| domain / source |")
    assert page.count("\n| ") == 1 + len(load_sources())
    with pytest.raises(ValueError, match=r"SOURCES\.md: the line .* is missing"):
        with_sources("# By hand\n")
