"""The benchmarks, on a few reviews made up for them."""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from examples.benchmarks import __main__ as command
from examples.benchmarks import (
    adapt_page,
    networks,
    programs,
    quality,
    quality_page,
    speed_page,
    step_times,
    unseen,
    unseen_data,
    unseen_page,
)
from examples.benchmarks.contenders.nblr import log_count_ratios
from examples.benchmarks.measure import Command, Contender, interleave
from examples.benchmarks.programs import ARROW, COPY, FASTTEXT, NATIVE, TOOLKIT
from examples.benchmarks.quality_peers import NO_FASTTEXT, PEERS
from examples.benchmarks.tradeoff import Point, points
from examples.benchmarks.trial import Trial
from examples.benchmarks.typography import typographic
from exported.data import FILMS
from tests.models import CONV1D, EXPORTED, many_texts
from toolkit.evaluation import evaluate
from toolkit.model import SHIPPED


def make_row(way: str, domain: str, labels: int, draw: int, balanced: float) -> dict[str, Any]:
    facts = {"way": way, "domain": domain, "labels": labels, "draw": draw, "seconds": 0.5}
    kept = {"kept": "words"} if way == "adapted" else {}
    return {**facts, "balanced_accuracy": balanced, "log_loss": 1 - balanced, **kept}


def test_tables_count_domains_alike() -> None:
    rows = [make_row("as it is", "tea", 20, draw, 0.8) for draw in range(3)]
    rows += [make_row("as it is", "taxis", 20, 0, 0.6), make_row("as it is", "tea", 500, 0, 0.8)]
    rows += [make_row("adapted", "tea", 20, draw, 0.9) for draw in range(3)]
    rows += [make_row("adapted", "taxis", 20, 0, 0.59), make_row("adapted", "tea", 500, 0, 0.95)]
    found = adapt_page.tables("set 9", rows)
    assert "**Set 9.**" in found
    assert "2 domains (500 labels: 1)" in found
    assert "| the start as it is | 70.0 | 80.0 |" in found
    assert "| **`train --from`** | 74.5 | 95.0 |" in found
    assert "| worst domain | -1.0 points | +15.0 points |" in found
    assert "| worst draw | -1.0 points | +15.0 points |" in found
    assert "| changed, of these lower log loss | 4, 3 | 1, 1 |" in found
    assert "| kept: words | 4 | 1 |" in found


def test_times_are_ratios_to_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"a": 2.0, "b": 0.5}

    def run_module(name: str, path: Path, reviews: int, step: str) -> str:
        assert (name, reviews, step) == ("step_times", networks.REVIEWS, "network")
        times[path.stem] += 1  # the first turn is the best one
        return json.dumps({step: times[path.stem] - 1})

    monkeypatch.setattr(networks, "run_module", run_module)
    results = tmp_path / "results.json"
    monkeypatch.setattr(networks, "save", lambda part, rows: results.write_text(json.dumps(rows)))
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in files:
        path.write_bytes(CONV1D.read_bytes())
    call = ["benchmarks", "networks", "--reference", str(files[0]), "--model", str(files[1])]
    monkeypatch.setattr(sys, "argv", call)
    command.main()
    reference, other = json.loads(results.read_text())
    assert (reference["name"], reference["microseconds"], reference["ratio"]) == ("a", 2.0, 1.0)
    assert (other["name"], other["microseconds"], other["ratio"]) == ("b", 0.5, 0.25)
    size = files[1].stat().st_size / 1e6
    assert f"| `b` | 0.50 | 0.25 | {size:.2f} |" in capsys.readouterr().out


def test_a_model_is_drawn_where_it_was_timed_and_evaluated() -> None:
    def timed(name: str, cores: int, speed: int, **about: str) -> dict[str, Any]:
        return {"name": name, "cores": cores, "reviews_per_second": speed, **about}

    rows = [
        timed("toolkit score", 1, 5, model="small", format="CSV", core="native"),
        timed("toolkit score", 2, 9, model="small", format="CSV", core="native"),
        timed("toolkit score", 2, 4, model="small", format="CSV", core="Arrow"),
        timed("toolkit score", 2, 8, model="small", format="Parquet", core="native"),
        timed("toolkit score", 2, 7, model="new", format="CSV", core="native"),
        timed("plain copy", 2, 90, format="CSV"),
        timed("scikit-learn", 2, 3),
        {"name": "VADER", "cores": 2, "skipped": "needs a package"},
    ]
    evaluated = [
        {"name": name, "macro_mean": {"balanced_accuracy": accuracy}}
        for name, accuracy in [("small", 0.8), ("tfidf", 0.75), ("vader", 0.6)]
    ]
    skipped = {"name": "fasttext", "skipped": "needs a program"}
    found = points({"files": {"rows": rows}}, {"held-out": {"rows": [*evaluated, skipped]}})
    assert [*found] == [Point("small", 9, 0.8), Point("tfidf", 3, 0.75)]


WORDS = {1: ["superb", "touching", "fine"], 0: ["awful", "dull", "waste"]}
DOMAINS, REVIEWS_OF_DOMAIN = 3, 60


def reviews() -> pa.Table:
    """Reviews of some domains whose words give their labels away; every fifth is held out."""
    draw = random.Random(1)
    numbers = range(DOMAINS * REVIEWS_OF_DOMAIN)
    labels = [number % 2 for number in numbers]
    texts = [f"A {draw.choice(WORDS[label])} one.\nReally {n}!" for n, label in enumerate(labels)]
    domains = [f"d{number // REVIEWS_OF_DOMAIN}" for number in numbers]
    folds = ["V" if number % 20 < 4 else "AB"[number % 2] for number in numbers]
    columns = {"text": texts, "label": labels, "domain": domains, "fold": folds}
    return pa.table({**columns, "stars": [None] * len(numbers)})


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All reviews, a folder of other data, and results that are not the project's."""
    path = tmp_path / "all.parquet"
    unlabelled = pa.table({"text": ["?"], "label": [None], "domain": ["d0"], "fold": ["V"]})
    table = pa.concat_tables([reviews(), unlabelled], promote_options="permissive")
    pq.write_table(table, path)
    books = tmp_path / "data" / "domains" / "amazon_books.jsonl"
    books.parent.mkdir(parents=True)
    rows = [{"text": "A superb\nbook", "label": 1}, {"text": "Dull.", "label": 0}]
    rows += [{"text": "A waste of a fine book: awful", "label": 1}]
    books.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(quality, "RESULTS", tmp_path / "quality.json")
    page = tmp_path / "README.md"
    page.write_text(f"above\n{quality_page.BEGIN}\nold\n{quality_page.END}\nbelow\n")
    monkeypatch.setattr(quality_page, "PAGE", page)
    return path


def run(
    monkeypatch: pytest.MonkeyPatch, source: Path, *arguments: object
) -> dict[str, dict[str, Any]]:
    """Call the command, without fastText; give the rows of each of the data."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    call = ["benchmarks", "quality", "--reviews", source, *arguments]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in call])
    command.main()
    found = json.loads(quality.RESULTS.read_text())
    return {name: {row["name"]: row for row in part["rows"]} for name, part in found.items()}


@pytest.mark.slow
def test_ours_and_the_peers_are_evaluated(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (rows,) = run(monkeypatch, source, "--data", "amazon_books").values()
    assert set(rows) == {*SHIPPED, *PEERS}
    assert rows["fasttext"]["skipped"] == NO_FASTTEXT
    expected = evaluate(source.parent / "data" / "domains" / "amazon_books.jsonl", [CONV1D])
    assert rows["conv1d"]["metrics"]["log_loss"] == expected.models[0].metrics.log_loss
    assert rows["conv1d"]["bytes"] == CONV1D.stat().st_size
    assert rows["conv1d"]["comparison"]["best"] in PEERS
    for peer in ("tfidf", "nblr"):
        assert rows[peer]["metrics"]["accuracy"] >= 2 / 3
        assert rows[peer]["settings"] == json.loads(json.dumps(PEERS[peer].settings))
        assert "comparison" not in rows[peer]
    assert str(source.parent) not in quality.RESULTS.read_text()
    printed = capsys.readouterr().out
    assert "**amazon_books: 3 reviews**" in printed
    best = PEERS[rows["conv1d"]["comparison"]["best"]].title
    assert f"**amazon_books: compared with the best peer, {best}**" in printed
    assert f"left out: {PEERS['fasttext'].title}: {NO_FASTTEXT}" in printed


@pytest.mark.slow
def test_held_out_reviews_are_told_apart_by_domain(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "PEERS", {"nblr": PEERS["nblr"]})  # which saves a process
    names = ("held-out", "everyday", "order")
    found = run(monkeypatch, source, *(word for name in names for word in ("--data", name)))
    assert [found[name]["nblr"]["reviews"] for name in names[1:]] == [460, 200]
    nblr = found["held-out"]["nblr"]
    assert nblr["reviews"] == len(reviews()) // 5
    assert {part["name"]: part["reviews"] for part in nblr["groups"]} == {
        f"d{number}": REVIEWS_OF_DOMAIN // 5 for number in range(DOMAINS)
    }
    assert nblr["metrics"]["accuracy"] == 1
    printed = capsys.readouterr().out
    assert "**held-out: balanced accuracy by group**" in printed
    page = quality_page.PAGE.read_text()
    assert page.startswith(f"above\n{quality_page.BEGIN}\n")
    assert page.endswith(f"{quality_page.END}\nbelow\n")
    assert "old" not in page.splitlines()
    assert "| d0 | 12 | 50% |" in page
    assert "is the mean over 3 domains" in page
    assert "| order of words |" in page


@pytest.mark.slow
def test_log_count_ratios() -> None:
    features = csr_array([[1, 0, 1], [1, 1, 0], [0, 1, 0]], dtype=np.float64)
    found = log_count_ratios(features, np.array([1, 1, 0]), alpha=1)
    # Counts with alpha: positive 3, 2, 2 of 7; negative 1, 2, 1 of 4.
    expected = np.log([3 / 7 / (1 / 4), 2 / 7 / (2 / 4), 2 / 7 / (1 / 4)])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


Row = dict[str, Any]


def row(name: str, seconds: float, cores: int = 2, reviews: int = 1000, **more: object) -> Row:
    found = {"name": name, "cores": cores, "reviews": reviews, "seconds": seconds}
    speed = round(reviews / seconds)
    return {**found, "reviews_per_second": speed, "peak_mebibytes": 1150, **more}


def of_model(seconds: float, cores: int = 2, kind: str = "CSV", core: str = NATIVE) -> Row:
    found = row(TOOLKIT, seconds, cores, model="small", core=core, accuracy=0.9)
    return {**found, "format": kind}


COPIES = [row(COPY, 2.0, format="CSV"), row(COPY, 4.0, format="Parquet")]
OURS = [
    of_model(3.0, cores=1),
    of_model(2.5),
    of_model(5.0, core=ARROW),
    of_model(8.0, kind="JSON Lines"),
    of_model(8.0, kind="Parquet"),
]
FASTTEXTS = [row(FASTTEXT, 15.0, 1, accuracy=0.8), row(FASTTEXT, 10.0, accuracy=0.8)]
MACHINE = {"date": "2026-01-02", "cores": 2, "processor": "X", "python": "3.13", "core": "Arrow"}


def part(rows: list[Row]) -> Row:
    return {"machine": MACHINE, "rows": rows}


def cells(written: str) -> list[list[str]]:
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(each) for each in found}) == 1
    return found[2:]


@pytest.mark.slow
def test_files_are_compared_with_their_copy_and_with_fasttext_on_as_many_cores() -> None:
    written = speed_page.of_files(part([*COPIES, *OURS, *FASTTEXTS]))
    found = cells(written)
    assert found[0] == ["`small`", "CSV", "1", NATIVE, "3.00", "333", "1.50", "5.00", "1,150"]
    assert [float(each[6]) for each in found] == [1.5, 1.25, 2.5, 4, 2, 1, 1, 7.5, 5]
    assert [float(each[7]) for each in found] == [5, 4, 2, 1.25, 1.25, 5, 2.5, 1, 1]
    assert found[-1][-1] == "2 x 1,150"
    assert "Right labels in %: `small` 90.0, fastText 80.0." in written


@pytest.mark.slow
def test_the_tool_is_run_on_each_core(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_text("text\n" + "".join(f"{text}\n" for text in many_texts(20)))
    found = [programs.toolkit("conv1d", source, 20, 1, core=c) for c in (ARROW, NATIVE)]
    for each in found:
        each.is_compared = False
    rows = [each for each in interleave(found) if "skipped" not in each]
    assert rows[0]["core"] == ARROW
    for result in rows:
        assert len(result["runs"]) == 1
        assert result["peak_mebibytes"] > 20
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]


@pytest.mark.slow
def test_contenders_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os, sys; open(sys.argv[1], 'a').write(os.environ['WHO'])"
    for warm_up, expected in ((True, "abababa"), (False, "ababa")):
        log.write_text("")
        found = [
            Contender(
                name, [Command([sys.executable, "-c", code, str(log)], variables={"WHO": name})], n
            )
            for name, n in (("a", 3), ("b", 2))
        ]
        rows = interleave(found, warm_up=warm_up)
        assert log.read_text() == expected
        assert [len(each["runs"]) for each in rows] == [3, 2]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_each_step_of_a_model_is_timed(name: str) -> None:
    texts = pa.chunked_array([many_texts(150)])
    for step in step_times.STEPS.values():
        assert 0 < step(EXPORTED / f"{name}.onnx", texts) < 1e6


@pytest.mark.slow
def test_a_trial_is_smaller_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Trial] = []
    monkeypatch.setitem(command.SPEED, "files", given.append)
    monkeypatch.setattr(command, "bind", lambda: None)
    call = ["benchmarks", "files", "--rows", "2000", "--runs", "2"]
    monkeypatch.setattr(sys, "argv", call)
    with pytest.raises(SystemExit):
        command.main()
    assert "--rows and --runs need --into" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*call, "--into", str(tmp_path / "new")])
    command.main()
    (trial,) = given
    assert (trial.reviews, trial.runs(5), trial.runs(1), trial.part_of(25_000)) == (2000, 2, 1, 500)
    assert {path.parent for path in (trial.results, trial.page, trial.picture)} == {
        tmp_path / "new"
    }


@pytest.mark.parametrize(
    ("plain", "typed"),
    [
        ("I don't like it", "I don’t like it"),  # noqa: RUF001
        ('It is "great", really', "It is “great”, really"),
        ("so-called 'quality'", "so-called ‘quality’"),  # noqa: RUF001
        ("the guests' room", "the guests’ room"),  # noqa: RUF001
        ('("The end")', "(“The end”)"),
        ('"\'Twas bad", he said', "“‘Twas bad”, he said"),  # noqa: RUF001
        ("wait... what....", "wait… what…"),
        ("good - not great -- fine--ish", "good – not great – fine—ish"),  # noqa: RUF001
        ("Why ? Oh !", "Why\u00a0? Oh\u00a0!"),
        ("well-made, 10 of 10.", "well-made, 10 of 10."),
    ],
)
def test_characters_are_typed_as_a_phone_does(plain: str, typed: str) -> None:
    assert typographic(plain) == typed
    assert typographic(typed) == typed


SIZES = {FILMS: 160, "hotels": 120, "phones": 120, "toys": 20}
SPAN_OF_HOTELS, SPAN_OF_NOBODY = "The hotel is old.", "The thing is new."


def with_folds() -> pa.Table:
    """Reviews whose words give their labels away; every fifth is held out, and one has no label."""
    draw, rows = random.Random(1), []
    for domain, size in SIZES.items():
        for number in range(size):
            label = number % 2
            rows.append(
                {
                    "text": f"A {draw.choice(WORDS[label])} one of {domain}, {number}.",
                    "label": label,
                    "domain": domain,
                    "group": f"{domain}:{number}",
                    "fold": "V" if number % 10 < 2 else "AB"[number % 4 // 2],
                }
            )
    rows.append({"text": "A hotel.", "domain": "hotels", "group": "hotels:x", "fold": "A"})
    return pa.Table.from_pylist(rows)


@pytest.fixture
def all_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All reviews; results and a page that are not the project's."""
    path = tmp_path / "all.parquet"
    pq.write_table(with_folds(), path)
    monkeypatch.setattr(unseen, "RESULTS", tmp_path / "unseen.json")
    page = tmp_path / "README.md"
    page.write_text(f"above\n{unseen_page.BEGIN}\nold\n{unseen_page.END}\nbelow\n")
    monkeypatch.setattr(unseen_page, "PAGE", page)
    return path


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.integers(min_value=1), max_size=40), st.integers(1, 5))
def test_each_domain_is_in_one_set_and_sets_are_as_large(sizes: dict[str, int], sets: int) -> None:
    dealt = unseen_data.deal(sizes, sets)
    assert sorted(domain for each in dealt for domain in each) == sorted(sizes)
    counts = [len(each) for each in dealt]
    assert len(counts) == sets
    assert max(counts) - min(counts) <= 1


@pytest.mark.slow
def test_what_is_trained_on_has_nothing_of_the_domains_left_out(
    all_reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught = tmp_path / "taught"
    (taught / "texts").mkdir(parents=True)
    texts = [SPAN_OF_HOTELS, SPAN_OF_NOBODY, "A hotel."]
    pq.write_table(pa.table({"text": texts}), taught / "unlabelled.parquet")
    spans = pa.table({"domain": ["hotels"], "fold": ["A"], "text": [SPAN_OF_HOTELS]})
    pq.write_table(spans, taught / unseen_data.SPANS)
    unseen_data.main(1, 3, taught, tmp_path / "set", all_reviews)
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
