"""A folder to run the commands of the pages in, and a network that is trained there."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from tests.data import PROJECT
from tests.docs.markdown import README, TRAINING, run, runs


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def trained(folder: Path) -> list[str]:
    """Train and export as the README does, on the example reviews; give what was printed."""
    if find_spec("tensorflow") is None:  # importing it would take seconds
        pytest.skip("needs the extra 'train'")
    table = csv.read_csv(PROJECT / "examples" / "labelled.csv").rename_columns({"film": "movie"})
    pq.write_table(table, folder / "reviews.parquet")
    return [run(each.command, folder) for each in runs(README) if each.command.startswith(TRAINING)]
