"""The commands whose output the pages show, run: what they print is what the page shows.

A `…` in a page is a part that was left out. Times are not compared.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from tests.data import PROJECT
from tests.docs.markdown import GUIDES, README, Run, runs

RUNS = [*runs(README), *runs(GUIDES)]
TRAINING = ("toolkit train", "toolkit export")  # on data that are not in the project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages have it: one for all of them, as commands build on each other."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("examples", "exported"):
        shutil.copytree(
            PROJECT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "dist")
        )
    program = folder / "bin" / "toolkit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m toolkit \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


def run(command: str, folder: Path) -> str:
    """Give what a terminal of 80 columns without colours shows."""
    environment = os.environ | {
        "COLUMNS": "80",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        ["sh", "-c", f"{command} 2>&1"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def comparable(text: str) -> str:
    """Drop spaces at line ends and empty lines, and what depends on the clock or the place."""
    lines = [line.rstrip() for line in text.splitlines()]
    text = "\n".join(line for line in lines if line)
    return re.sub(r"[\d,.]+ s \([\d,]+ reviews/s\)", "T s (N reviews/s)", text)


def agrees(shown: str, printed: str) -> bool:
    """Tell whether what a page shows is what was printed, but for the parts it leaves out."""
    parts = [re.escape(part.strip(" ")) for part in comparable(shown).split("…")]
    return re.fullmatch(r"[ \n]*.*?[ \n]*".join(parts), comparable(printed), re.DOTALL) is not None


@pytest.mark.parametrize(
    "shown",
    [shown for shown in RUNS if not shown.command.startswith(TRAINING)],
    ids=lambda shown: f"{shown.page}: {shown.command}",
)
def test_a_command_prints_what_the_page_shows(shown: Run, folder: Path) -> None:
    printed = run(shown.command, folder)
    assert agrees(shown.output, printed), f"{shown.page} shows another output:\n{printed}"


def test_training_prints_lines_like_those_of_the_page(folder: Path) -> None:
    """On other reviews, and fewer: every shown line is printed, with other numbers."""
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    table = csv.read_csv(PROJECT / "examples" / "labelled.csv").rename_columns({"film": "movie"})
    pq.write_table(table, folder / "reviews.parquet")
    found = [shown for shown in RUNS if shown.command.startswith(TRAINING)]
    assert len(found) == len(TRAINING)
    for shown in found:
        printed = without_numbers(run(shown.command, folder))
        for line in without_numbers(shown.output).splitlines():
            assert line == "…" or line in printed.splitlines(), printed


def without_numbers(text: str) -> str:
    return re.sub(r"\d[\d,.]*", "N", comparable(text))


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("a …\n", "a b c", True),
        ("time 0.01 s (2,350 reviews/s)", "time 1.2 s (9 reviews/s)", True),
        ("a\n", "a\nb\n", False),
    ],
)
def test_shortened_output_is_compared(shown: str, printed: str, expected: bool) -> None:
    assert agrees(shown, printed) is expected
