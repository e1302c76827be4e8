"""`toolkit score` with labels, neutral ranges and stars, as its users see it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.running import Command, hurry, write

LABELLED = "text,label\na superb film,1\nthe worst of all,1\ndull,x\n,0\n"


def test_the_accuracy_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    write("a.csv", LABELLED)
    ran = command("score", "a.csv", "--label-column", "label", "--report", "r.json")
    assert ran.exit_code == 0
    assert re.search(r"^a\.csv: 100%, 4 reviews, [\d,]+/s, 50\.00% right", ran.err, re.M)
    line = "  accuracy      50.00% of 2 labelled records, 1 without a readable label\n"
    assert line in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    for facts in (report, report["files"][0]):
        assert (facts["accuracy"], facts["labelled"], facts["unreadable_labels"]) == (0.5, 2, 1)
    written = Path("a.scored.csv").read_bytes()
    plain = command("score", "a.csv", "--force")
    assert "accuracy" not in plain.err
    assert "right" not in plain.err
    assert Path("a.scored.csv").read_bytes() == written


def test_neutral_reviews_are_counted_and_are_not_mistakes(command: Command) -> None:
    write("a.csv", LABELLED)
    ran = command(
        "score", "a.csv", "--label-column", "label", "--neutral-range", "0:1", "--report", "r.json"
    )
    assert "  neutral       3 (100.0% of scored)\n" in ran.err
    assert "  accuracy      of 0 labelled records, 2 called neutral left out, 1 without" in ran.err
    report = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (report["neutral"], report["neutral_range"]) == (3, [0.0, 1.0])
    assert report["accuracy"] is None
    assert Path("a.scored.csv").read_text(encoding="utf-8").count(",neutral,0.") == 3


def test_stars_and_the_models_own_neutral_range(command: Command) -> None:
    write("a.csv", "text\nPerfect! I love it\nIt is okay\nTerrible\n\n")
    ran = command("score", "a.csv", "--stars", "--neutral")
    header, best, middling, worst, *_ = Path("a.scored.csv").read_text(encoding="utf-8").split("\n")
    assert header == "text,predicted_sentiment,positive_probability,predicted_stars"
    assert [line.split(",")[1] for line in (best, middling, worst)] == [
        *("positive", "neutral", "negative")
    ]
    stars = [float(line.rpartition(",")[2]) for line in (best, middling, worst)]
    assert 1 <= stars[2] < 2 < stars[1] < 4 < stars[0] <= 5
    command("score", "a.csv", "--stars", "--names", "stars=told", "-o", "b.jsonl")
    assert '"told": 4.' in Path("b.jsonl").read_text(encoding="utf-8")
    assert "  neutral       1 (33.3% of scored)\n" in ran.err


def test_labels_that_are_stars_are_for_evaluate(command: Command) -> None:
    write("a.csv", "text,stars\nsuperb,5\nawful,1\nfine,4\n")
    ran = command("score", "a.csv", "--label-column", "stars")
    assert "2 without a readable label (for stars, three classes or names of" in ran.err


def test_one_accuracy_for_several_files(command: Command) -> None:
    write("a.csv", LABELLED)
    write("b.jsonl", '{"text": "superb", "label": 1}\n{"text": "awful", "label": 0}\n')
    ran = command("score", "a.csv", "b.jsonl", "-o", "out", "--label-column", "label")
    assert "  accuracy      75.00% of 4 labelled records, 1 without a readable label" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--neutral-range", "0.4"],
            "--neutral-range: expected two probabilities such as 0.4:0.6, rec",
        ),
        (
            ["--neutral-range", "0.6:0.4"],
            "neutral range: expected 0 <= low < high <= 1, received 0.6",
        ),
        (["--neutral-range", "0.6:0.7"], "the threshold 0.5 is not within 0.6 to 0.7. Choose"),
        (["--neutral", "--neutral-range", "0.4:0.6"], "--neutral is the model's own range"),
        (["--neutral", "-m", "conv1d"], "the model conv1d has no neutral range of its own"),
        (["--stars", "-m", "conv1d"], "the model conv1d has no stars"),
        (["--names", "stars=s"], "stars is a column that --stars adds: give --stars, too"),
        (["--stars", "--names", "stars=label"], "has a column 'label' already"),
        (["--label-column", "body"], "no column 'body' (found: text, label). Choose one with --l"),
        (["--label-column", "text"], "the column 'text' has the texts, and cannot have the lab"),
        (["--label-column", "\udcff"], "is not valid UTF-8"),
    ],
)
def test_wrong_ranges_and_labels(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv", LABELLED)
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv"]
