"""The benchmark of quality, on a few reviews made up for it."""

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

pytest.importorskip("sklearn", reason="needs the extra 'train'")

from scipy.sparse import csr_array

from examples.benchmarks import __main__ as command
from examples.benchmarks import quality, quality_evaluate, quality_page
from examples.benchmarks.contenders.nblr import log_count_ratios
from examples.benchmarks.quality_peers import NO_FASTTEXT, PEERS
from tests.models import CONV1D
from toolkit.evaluation import EvaluationOptions, evaluate
from toolkit.model.shipped import SHIPPED

pytestmark = pytest.mark.slow

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


def test_held_out_reviews_are_told_apart_by_domain(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "PEERS", {"nblr": PEERS["nblr"]})  # which saves a process
    (rows,) = run(monkeypatch, source, "--data", "held-out").values()
    nblr = rows["nblr"]
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


def test_log_count_ratios() -> None:
    features = csr_array([[1, 0, 1], [1, 1, 0], [0, 1, 0]], dtype=np.float64)
    found = log_count_ratios(features, np.array([1, 1, 0]), alpha=1)
    # Counts with alpha: positive 3, 2, 2 of 7; negative 1, 2, 1 of 4.
    expected = np.log([3 / 7 / (1 / 4), 2 / 7 / (2 / 4), 2 / 7 / (1 / 4)])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_best_peer_is_compared_with_even_if_ours_is_better(tmp_path: Path) -> None:
    texts, labels = (
        ["A superb film.", "Superb, touching.", "Awful, dull.", "A waste."],
        [1, 1, 0, 0],
    )
    data = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": texts, "label": labels}), data)
    guesses = {"worse": [0.2, 0.2, 0.2, 0.9], "better": [0.2, 0.9, 0.2, 0.2]}
    for name, values in guesses.items():
        table = pa.table({"positive_probability": values})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    paths = [tmp_path / f"{name}.parquet" for name in guesses]
    found = evaluate(data, [CONV1D], paths, EvaluationOptions(examples=0))
    assert found.models[found.best].name == "conv1d"
    (comparison,) = quality_evaluate.beside_best_peer(found)
    assert (comparison.model, comparison.reference) == ("conv1d", "better")
    assert (comparison.only_model_right, comparison.only_reference_right) == (1, 0)


def test_what_is_missing_is_named(source: Path) -> None:
    with pytest.raises(SystemExit, match=r"imdb/test\.parquet: no such file.*TOOLKIT_DATA"):
        quality.main(["test"], source)
