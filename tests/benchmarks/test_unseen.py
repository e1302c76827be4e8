"""The benchmark of unseen domains, on a few reviews made up for it."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.benchmarks import __main__ as command
from examples.benchmarks import unseen, unseen_data, unseen_page
from exported.data import FILMS

pytestmark = pytest.mark.slow

WORDS = {1: ["superb", "touching", "fine"], 0: ["awful", "dull", "waste"]}
SIZES = {FILMS: 160, "hotels": 120, "phones": 120, "toys": 20}
LONG = " and so on" * 13  # experts for long reviews need some
SPAN_OF_HOTELS, SPAN_OF_NOBODY = "The hotel is old.", "The thing is new."


def reviews() -> pa.Table:
    """Reviews whose words give their labels away; every fifth is held out, and one has no label."""
    draw, rows = random.Random(1), []
    for domain, size in SIZES.items():
        for number in range(size):
            label = number % 2
            rows.append(
                {
                    "text": f"A {draw.choice(WORDS[label])} one of {domain}, {number}.{LONG}",
                    "label": label,
                    "domain": domain,
                    "group": f"{domain}:{number}",
                    "fold": "V" if number % 10 < 2 else "AB"[number % 4 // 2],
                }
            )
    rows.append({"text": "A hotel.", "domain": "hotels", "group": "hotels:x", "fold": "A"})
    return pa.Table.from_pylist(rows)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All reviews; results and a page that are not the project's."""
    path = tmp_path / "all.parquet"
    pq.write_table(reviews(), path)
    monkeypatch.setattr(unseen, "RESULTS", tmp_path / "unseen.json")
    page = tmp_path / "README.md"
    page.write_text(f"above\n{unseen_page.BEGIN}\nold\n{unseen_page.END}\nbelow\n")
    monkeypatch.setattr(unseen_page, "PAGE", page)
    return path


@given(st.dictionaries(st.text(), st.integers(min_value=1), max_size=40), st.integers(1, 5))
def test_each_domain_is_in_one_set_and_sets_are_as_large(sizes: dict[str, int], sets: int) -> None:
    dealt = unseen_data.deal(sizes, sets)
    assert sorted(domain for each in dealt for domain in each) == sorted(sizes)
    counts = [len(each) for each in dealt]
    assert len(counts) == sets
    assert max(counts) - min(counts) <= 1


def test_what_is_trained_on_has_nothing_of_the_domains_left_out(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught = tmp_path / "taught"
    (taught / "texts").mkdir(parents=True)
    texts = [SPAN_OF_HOTELS, SPAN_OF_NOBODY, "A hotel."]
    pq.write_table(pa.table({"text": texts}), taught / "unlabelled.parquet")
    spans = pa.table({"domain": ["hotels"], "fold": ["A"], "text": [SPAN_OF_HOTELS]})
    pq.write_table(spans, taught / unseen_data.SPANS)
    unseen_data.main(1, 3, taught, tmp_path / "set", source)
    parts = {path.stem: pq.read_table(path) for path in (tmp_path / "set").iterdir()}
    domains = {n: {*t["domain"].to_pylist()} for n, t in parts.items() if n != "unlabelled"}
    others = {FILMS, "phones", "toys"}
    assert domains == {"train": others, "validation": others, "unseen": {"hotels"}}
    assert {*parts["validation"]["fold"].to_pylist()} == {"V"}
    assert {*parts["train"]["fold"].to_pylist()} == {"A", "B"}
    assert parts["unlabelled"]["text"].to_pylist() == [SPAN_OF_NOBODY]
    counts = {name: len(part) for name, part in parts.items()}
    assert counts["unseen"] == SIZES["hotels"]
    assert counts["train"] + counts["validation"] == sum(SIZES.values()) - SIZES["hotels"]
    assert json.loads(capsys.readouterr().out) == {"left_out": ["hotels"], **counts}


def test_a_domain_is_left_out_trained_without_and_evaluated(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    call = ["benchmarks", "unseen", "--set", "2", "--reviews", source, "--keep", tmp_path / "kept"]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in call])
    command.main()
    results = unseen.RESULTS.read_text()
    assert str(tmp_path) not in results
    ((name, part),) = json.loads(results).items()
    before, after = part["rows"]
    assert name == "set 2"
    assert (before["name"], after["name"]) == (unseen.BEFORE.stem, unseen.PRESET)
    assert (after["left_out"], after["unseen"]) == (["phones"], SIZES["phones"])
    assert after["groups"][0]["balanced_accuracy"] > 0.9
    page = unseen_page.PAGE.read_text()
    assert page.startswith(f"above\n{unseen_page.BEGIN}\n")
    assert page.endswith(f"{unseen_page.END}\nbelow\n")
    assert "| phones | 120 | 50% | 2 |" in page
    assert "old" not in page.splitlines()
