"""Columns that are named on the command line: several of texts, and misspelled ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Command, write
from tests.models import CONV1D, shipped_scorer

ROWS = [
    {"Title": "Great", "Review Text": "a fine film, superb", "Sentiment": "1"},
    {"Title": "", "Review Text": "dull and boring", "Sentiment": "0"},
    {"Title": "Awful", "Review Text": " ", "Sentiment": "0"},
    {"Title": "", "Review Text": "", "Sentiment": "1"},
]
JOINED = ["Great\na fine film, superb", "dull and boring", "Awful", None]
BOTH = ("--text-column", "title", "--text-column", "review_text")


@pytest.fixture
def data(command: Command) -> Path:
    del command  # which makes the folder
    lines = ["Title,Review Text,Sentiment", *(",".join(map(_quoted, r.values())) for r in ROWS)]
    write("r.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    return write("r.csv", "\n".join(lines) + "\n")


def _quoted(field: str) -> str:
    return f'"{field}"'


@pytest.mark.parametrize("output", ["s.csv", "s.parquet"])
def test_score_joins_texts(command: Command, data: Path, output: str) -> None:
    assert command("score", data, "r.jsonl", "-o", "plain/", *BOTH, "-q").exit_code == 0
    for source in (data, Path("r.jsonl")):
        assert command("score", source, "-o", output, *BOTH, "-q", "--force").exit_code == 0
        assert command("score", output, "-o", "s.jsonl", *BOTH, "-q", "--force").exit_code == 2
        renamed = ("--names", "sentiment=s,probability=p")
        ran = command("score", output, "-o", "s.jsonl", *BOTH, *renamed, "-q", "--force")
        assert ran.exit_code == 0
        rows = [json.loads(line) for line in Path("s.jsonl").read_text("utf-8").splitlines()]
        expected = [score.probability for score in shipped_scorer().score(JOINED)]
        assert [row["p"] for row in rows] == pytest.approx(expected)


def test_a_title_is_a_sentence(command: Command) -> None:
    write("r.csv", "title,body\nTerrible,Superb and wonderful\n")
    texts = ("--text-column", "title", "--text-column", "body")
    assert command("score", "r.csv", *texts, "--by-sentence", "-q").exit_code == 0
    _, row = Path("r.scored.csv").read_text(encoding="utf-8").splitlines()
    assert row.endswith(",1,1")


def test_evaluate_and_explain_join_texts(command: Command, data: Path) -> None:
    assert command("score", data, *BOTH, "-q", "--model", CONV1D).exit_code == 0
    compared = ("--predictions", "r.scored.csv", "--model", CONV1D)
    found = json.loads(command("evaluate", data, *BOTH, *compared, "--json").out)
    assert found["data"]["columns"] == {"text": "Title + Review Text", "label": "Sentiment"}
    assert found["data"]["reviews"] == 3
    first, second = (model["metrics"] for model in found["models"])
    assert first["log_loss"] == pytest.approx(second["log_loss"])
    explained = json.loads(command("explain", "--file", data, "--row", "1", *BOTH, "--json").out)
    assert explained["text"] == JOINED[0]


def test_predictions_of_other_texts_are_refused(command: Command, data: Path) -> None:
    assert command("score", data, *BOTH, "-q").exit_code == 0
    scored = Path("r.scored.csv")
    changed = scored.read_text(encoding="utf-8").replace("Great", "Grand")
    scored.write_text(changed, encoding="utf-8")
    ran = command("evaluate", data, *BOTH, "--predictions", scored, "--model", CONV1D)
    assert "row 1 has another text" in ran.err


def test_a_misspelled_column(command: Command, data: Path) -> None:
    for name in ("score", "evaluate", "train"):
        ran = command(name, data, "--text-column", "reviw_text", "--label-column", "sentiment")
        ran.failed_with("no column 'reviw_text', did you mean 'Review Text'?", exit_code=2)
    ran = command("evaluate", data, "--text-column", "title", "--label-column", "sentimnt")
    ran.failed_with("no column 'sentimnt', did you mean 'Sentiment'?", exit_code=2)
