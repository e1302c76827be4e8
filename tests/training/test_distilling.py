"""From a teacher file to a run folder, by the command line; the teacher of the example, too."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.data import PROJECT
from tests.training.conftest import make_rows
from toolkit.cli.app import app
from toolkit.model.run_folder import RunFolder
from toolkit.model.typed_json import encode
from toolkit.training.presets import PRESETS

SCRIPT = PROJECT / "examples" / "teacher" / "soft_labels.py"


def write(path: Path, columns: dict[str, Sequence[object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([tuple(columns), *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture(params=[".csv", ".parquet"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Sixty soft-labelled reviews and forty without labels, ten of which are the same."""
    rows = make_rows(60)
    labels = [0.05 + 0.9 * int(label) for _, label in rows]
    others = [text for text, _ in [*make_rows(30, seed=8), *rows[:10]]]
    reviews = {"number": range(60), "body": [text for text, _ in rows], "opinion": labels}
    unlabelled = {"number": range(100, 140), "body": others}
    return (
        write(tmp_path / f"reviews{request.param}", reviews),
        write(tmp_path / f"more{request.param}", unlabelled),
    )


def test_from_the_example_to_a_run(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(PRESETS["conv1d"], name="learner", uses_unlabelled=True)
    monkeypatch.setitem(PRESETS, preset.name, preset)
    reviews, unlabelled = map(str, files)
    teacher = tmp_path / "teacher.csv"
    columns = ["--text-column", "body", "--label-column", "opinion"]
    command = [str(SCRIPT), reviews, "--unlabelled", unlabelled, "--output", str(teacher), *columns]
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    assert "60 reviews, out-of-fold accuracy 100.00%" in done.stdout
    with teacher.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90
    assert all(0 < float(row["positive_probability"]) < 1 for row in rows)
    run = tmp_path / "run"
    settings = [
        "train",
        "--preset",
        "learner",
        "--epochs",
        "1",
        "-o",
        str(run),
        "--teacher",
        str(teacher),
    ]
    result = CliRunner().invoke(
        app,
        ["train", reviews, *columns, *settings, "--unlabelled", unlabelled],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    suffix = files[0].suffix
    for line in (
        f"reviews{suffix}: 60 reviews (30 positive, 30 negative, 60 soft labels)",
        f"more{suffix}: 40 unlabelled reviews",
        "teacher.csv: probabilities for 60 of 60 labelled and 40 of 40 unlabelled reviews "
        "(compared by text)",
        "unlabelled reviews left out: held out or tested on",
        "y_train (48,) float32",
    ):
        assert line in result.output
    RunFolder(run).check()
    data = encode(RunFolder(run).load_config().data)
    assert data["soft_labels"] == 60
    assert data["unlabelled"]["reviews"] == 40
    assert 0 < data["unlabelled"]["left_out"] < 10
    assert data["teachers"][0]["labelled"] == 60


def test_a_process_joins_by_the_ids_it_is_told(files: tuple[Path, Path], tmp_path: Path) -> None:
    reviews, _ = files
    votes: list[object] = ["0.25", "", "1"]
    teacher = write(tmp_path / "votes.csv", {"number": [0, 7, 99], "votes": votes})
    run = tmp_path / "run"
    command = ["train", str(reviews), "--epochs", "1", "-o", str(run), "--folds", "2"]
    columns = ["--text-column", "body", "--label-column", "opinion", "--id-column", "number"]
    chosen = [
        "--teacher",
        str(teacher),
        "--probability-column",
        "votes",
        "--teacher-weight",
        "0.25",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *command, *columns, *chosen],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "votes.csv: probabilities for 1 of 60 labelled reviews "
        "(compared by id, 1 row without a review, 1 row without probability)"
    ) in done.stdout
    assert RunFolder(run).load_config().training["teacher_weight"] == 0.25


def test_a_process_refuses_with_one_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    reviews, unlabelled = map(str, files)
    stars = write(tmp_path / "stars.csv", {"text": ["a", "b"], "label": [1, 50]})
    missing = str(tmp_path / "missing.csv")
    columns = ["--text-column", "body", "--label-column", "opinion"]
    for arguments, code, message in (
        ([str(stars)], 1, "row 2: found the label '50', expected 0 or 1"),
        ([reviews, "--unlabelled", unlabelled], 2, "the preset 'conv1d' learns nothing"),
        ([reviews, *columns, "--teacher", missing], 1, "missing.csv: no such file"),
        ([reviews, "--id-column", "number"], 2, "--id-column: there is no teacher. Name"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", "train", *arguments, "-o", str(tmp_path / "run")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
