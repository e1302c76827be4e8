"""The commands of the guides that score, evaluate or compare, run on small files of those names."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT
from tests.docs.console import run
from tests.docs.markdown import GUIDES, shell_lines
from tests.models import OLD_MODELS

COMMANDS = [
    line
    for page in GUIDES
    for line in shell_lines(page)
    if any(f"toolkit {name}" in line for name in ("score", "evaluate", "diff"))
]
LABELLED = PROJECT / "examples" / "labelled.csv"


@pytest.fixture
def files(folder: Path, trained: list[str], tmp_path: Path) -> Path:
    """Reviews in all the forms that the guides have, and a run folder."""
    with LABELLED.open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    (tmp_path / "inbox").mkdir()
    for name in ("reviews.csv", "labelled.csv", "new.csv", "inbox/today.csv"):
        shutil.copy(LABELLED, tmp_path / name)
    for name in ("data/2026-01.parquet", "more/film/reviews.parquet"):
        (tmp_path / name).parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    nested = "".join(json.dumps({"review": {"body": row["text"]}}) + "\n" for row in rows)
    (tmp_path / "reviews.jsonl.gz").write_bytes(gzip.compress(nested.encode()))
    (tmp_path / "export.txt").write_bytes("Id;Comment\n1;Très beau!\n".encode("latin-1"))
    (tmp_path / "lines.tsv").write_text("1\tA fine film.\n2\tDull.\n", encoding="utf-8")
    (tmp_path / "hotels.csv").write_text("Title,Body\nFine,All clean.\n", encoding="utf-8")
    probabilities = "".join(f"{0.2 + 0.6 * int(row['label'])}\n" for row in rows)
    (tmp_path / "fasttext.csv").write_text(f"probability\n{probabilities}", encoding="utf-8")
    shutil.copytree(folder / "runs" / "conv1d", tmp_path / "runs" / "mine")
    shutil.copy(OLD_MODELS / "ngram-cnn.onnx", tmp_path / "old.onnx")
    (tmp_path / "bin").symlink_to(folder / "bin")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guides_succeeds(command: str, files: Path) -> None:
    before = {path for path in files.rglob("*") if path.is_file()}
    printed = run(f"{command} && echo it succeeded", files)
    assert printed.rstrip().endswith("it succeeded") or "> scored.csv" in command, printed
    made = {path for path in files.rglob("*") if path.is_file()} - before
    assert made or "--json" in command or "--dry-run" in command or "toolkit diff" in command
    assert not any("rejected" in path.name for path in made)
