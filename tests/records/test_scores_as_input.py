"""What `toolkit score` writes can be given to `evaluate --predictions` and `train --teacher`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models import shipped_scorer
from tests.records.python_formats import PYTHON, every_file
from toolkit.errors import UsageError
from toolkit.evaluation import labelled_reviews
from toolkit.records import Columns, ReadOptions
from toolkit.scoring import ScoringOptions, score_file
from toolkit.training import teacher

TEXTS = ["a fine film", "", "dull,\n so dull", 'a "film"', " "]
ROWS = [{"text": text, "label": str(number % 2)} for number, text in enumerate(TEXTS)]
KEPT = [0, 2, 3]


@every_file
@pytest.mark.parametrize("output", [None, ".csv.gz", ".jsonl.zst", ".parquet"])
def test_scores_are_predictions_and_a_teacher(
    ending: str, output: str | None, tmp_path: Path
) -> None:
    path, scores = tmp_path / f"r{ending}", tmp_path / f"s{output or ending}"
    path.write_bytes(PYTHON[ending][0](ROWS, "\n"))
    score_file(shipped_scorer(), path, scores)
    check(path, scores, ReadOptions())


def check(path: Path, scores: Path, reading: ReadOptions) -> None:
    data = labelled_reviews.load(path, reading)
    expected = shipped_scorer().probabilities(data.texts).to_pylist()
    assert labelled_reviews.load_predictions(scores, data, reading).tolist() == expected
    found = teacher.load_teacher(scores, reading)
    assert found.rows.tolist() == KEPT
    assert found.probabilities.tolist() == expected
    assert found.texts == [teacher.fingerprint(TEXTS[row]) for row in KEPT]
    assert found.without_probability == 2


@pytest.mark.parametrize("header", [True, False])
def test_they_are_utf8_with_the_delimiter_of_the_data(tmp_path: Path, header: bool) -> None:
    lines = [f'"{row["text"].replace(chr(34), chr(34) * 2)}";{row["label"]};é\n' for row in ROWS]
    path, scores = tmp_path / "r.txt", tmp_path / "s.csv"
    path.write_text("text;label;x\n" * header + "".join(lines), "latin-1")
    columns = Columns() if header else Columns("1", label="2")
    reading = ReadOptions(columns, format="csv", delimiter=";", encoding="latin-1", header=header)
    score_file(shipped_scorer(), path, scores, ScoringOptions(reading=reading))
    check(path, scores, reading)


def test_a_file_that_says_no_reviews_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("positive_probability\n0.5\n")
    with pytest.raises(UsageError, match="to match its probabilities to reviews"):
        teacher.load_teacher(path, ReadOptions())
