"""A format from one file and one entry can be scored, trained on and evaluated.

The tests of the contract, the refusals and the laws run on it, too: see `python_formats`.
"""

from __future__ import annotations

from pathlib import Path

from tests.models import shipped_scorer
from tests.records.toy_format import read_queries, write_queries
from toolkit.evaluation import labelled_reviews
from toolkit.records import Columns, ReadOptions
from toolkit.scoring import ScoringOptions, score_file
from toolkit.training import sources as labelled_file
from toolkit.training import teacher

ROWS = [
    {"id": "1", "text": "a fine film", "label": "positive"},
    {"id": "2", "text": "dull & bad", "label": "negative"},
    {"id": "3", "text": "", "label": "0"},
    {"id": "4", "text": "fine = good", "label": "0.75"},
]
READING = ReadOptions(Columns(label="label"))


def test_it_is_scored_trained_on_and_evaluated(tmp_path: Path) -> None:
    path, scored = tmp_path / "a.query", tmp_path / "b.query"
    path.write_bytes(write_queries(ROWS, "\n"))
    summary = score_file(shipped_scorer(), path, scored, ScoringOptions(reading=READING))
    assert (summary.scored, summary.without_text, summary.labelled) == (3, 1, 3)
    rows = read_queries(scored.read_bytes())
    assert [{key: row[key] for key in ROWS[0]} for row in rows] == ROWS
    labelled = labelled_file.load_labelled(path, READING)
    assert labelled.texts.to_pylist() == ["a fine film", "dull & bad", "fine = good"]
    assert labelled.targets.tolist() == [1, 0, 0.75]
    found = labelled_reviews.load(path, READING)
    assert found.texts.to_pylist() == labelled.texts.to_pylist()
    assert found.labels.tolist() == [1, 0, 1]
    written = [float(row["positive_probability"]) for row in rows if row["text"]]
    read = labelled_reviews.load_predictions(scored, found, READING)
    assert [f"{value:.6g}" for value in read] == [f"{value:.6g}" for value in written]
    assert teacher.load_teacher(scored, READING).rows.tolist() == [0, 1, 3]
