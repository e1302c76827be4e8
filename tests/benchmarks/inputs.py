"""Input files of the benchmark: the 25,000 IMDB test reviews several times.

Run as ``python -m tests.benchmarks.inputs FOLDER``.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pyarrow.parquet as pq

from tests.data import PROJECT

TIMES = 4
REVIEWS = TIMES * 25_000


def make_inputs(folder: Path) -> None:
    """Write the reviews with all their columns as CSV and as JSON Lines."""
    data = Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))
    table = pq.read_table(data / "imdb/test.parquet", columns=["id", "movie", "stars", "text"])
    rows = table.to_pylist() * TIMES
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table.column_names)
        writer.writeheader()
        writer.writerows(rows)
    with (folder / "reviews.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    make_inputs(Path(sys.argv[1]))
