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

from tests.benchmarks import __main__ as command
from tests.benchmarks import quality, quality_data, quality_evaluate
from tests.benchmarks.contenders import predict
from tests.benchmarks.contenders.nblr import log_count_ratios
from tests.benchmarks.quality_peers import NO_FASTTEXT, PEERS
from tests.models import CONV1D
from toolkit.evaluation import EvaluationOptions, evaluate

WORDS = {1: ["superb", "touching", "fine"], 0: ["awful", "dull", "waste"]}
FILMS, REVIEWS_OF_FILM = 10, 8


def reviews() -> pa.Table:
    """Reviews whose words give their labels away, of several films."""
    draw = random.Random(1)
    labels = [number % 2 for number in range(FILMS * REVIEWS_OF_FILM)]
    texts = [
        f"A {draw.choice(WORDS[label])} film.\nReally {number}!"
        for number, label in enumerate(labels)
    ]
    films = [f"tt{number // REVIEWS_OF_FILM}" for number in range(len(labels))]
    return pa.table({"movie": films, "label": labels, "text": texts})


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data, which has no test reviews, and results that are not the project's."""
    path = tmp_path / "data" / "imdb" / "train.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(reviews(), path)
    books = tmp_path / "data" / "domains" / "amazon_books.jsonl"
    books.parent.mkdir()
    rows = [{"text": "A superb\nbook", "label": 1}, {"text": "Dull.", "label": 0}]
    rows += [{"text": "A waste of a fine book: awful", "label": 1}]
    books.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(quality, "RESULTS", tmp_path / "quality.json")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, dict[str, Any]]:
    """Call the command, without fastText; give the rows of each of the data."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "quality", *arguments])
    command.main()
    found = json.loads(quality.RESULTS.read_text())
    return {name: {row["name"]: row for row in part["rows"]} for name, part in found.items()}


def test_ours_and_the_peers_are_evaluated(
    train: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (rows,) = run(monkeypatch, "--data", "amazon_books").values()
    assert set(rows) == {path.stem for path in quality.our_models()} | set(PEERS)
    assert rows["fasttext"]["skipped"] == NO_FASTTEXT
    expected = evaluate(train.parents[1] / "domains" / "amazon_books.jsonl", [CONV1D])
    assert rows["conv1d"]["metrics"]["log_loss"] == expected.models[0].metrics.log_loss
    assert rows["conv1d"]["bytes"] == CONV1D.stat().st_size
    assert rows["conv1d"]["comparison"]["best"] in PEERS
    for peer in ("tfidf", "nblr"):
        assert rows[peer]["metrics"]["accuracy"] >= 2 / 3
        assert rows[peer]["settings"] == json.loads(json.dumps(PEERS[peer].settings))
        assert "comparison" not in rows[peer]
    assert str(train.parents[1]) not in quality.RESULTS.read_text()
    printed = capsys.readouterr().out
    assert "**amazon_books: 3 reviews**" in printed
    best = PEERS[rows["conv1d"]["comparison"]["best"]].title
    assert f"**amazon_books: compared with the best peer, {best}**" in printed
    assert f"left out: {PEERS['fasttext'].title}: {NO_FASTTEXT}" in printed


def test_held_out_reviews_are_for_the_peers_alone(
    train: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "PEERS", {"nblr": PEERS["nblr"]})  # which saves a process
    rows = run(monkeypatch, "--held-out")
    assert set(rows) == {"held-out"}
    assert set(rows["held-out"]) == {"nblr"}
    assert rows["held-out"]["nblr"]["reviews"] == FILMS * REVIEWS_OF_FILM // 5
    assert rows["held-out"]["nblr"]["metrics"]["accuracy"] == 1


def test_no_film_is_on_both_sides(train: Path, tmp_path: Path) -> None:
    quality_data.main(train, tmp_path)
    parts = [pq.read_table(tmp_path / f"{name}.parquet") for name in ("train", "held-out")]
    films = [set(part["movie"].to_pylist()) for part in parts]
    assert films[0].isdisjoint(films[1])
    texts = sorted(text for part in parts for text in part["text"].to_pylist())
    assert texts == sorted(reviews()["text"].to_pylist())


@pytest.mark.skipif(shutil.which("fasttext") is None, reason=NO_FASTTEXT)
def test_fasttext_repeats_itself(train: Path, tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        assert predict.main("fasttext", train, tmp_path / name, [train]) > 0
        table = pq.read_table(tmp_path / name / "train" / "fasttext.parquet")
        found.append(table["positive_probability"].to_numpy())
    assert len(found[0]) == FILMS * REVIEWS_OF_FILM
    np.testing.assert_array_equal(*found)
    right = (found[0] >= 0.5) == (reviews()["label"].to_numpy() == 1)
    assert right.mean() > 0.9
    assert 0 <= found[0].min() <= found[0].max() <= 1


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


def test_what_is_missing_is_named(train: Path) -> None:
    with pytest.raises(SystemExit, match=r"test\.parquet: no such file.*TOOLKIT_DATA"):
        quality.main(["test"])


def test_options_of_quality_are_for_it_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "startup", "--held-out"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert "are for the part quality" in capsys.readouterr().err
