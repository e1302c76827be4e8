"""Part 2: longer and longer files, CSV to CSV: time for each review and memory stay as they are."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import PYTHON, Command, Contender, interleave, run_module
from tests.benchmarks.results import Rows, save, seconds, show
from tests.benchmarks.sources import TIMED_MODEL

SIZES = [25_000, 100_000, 400_000, 1_000_000]
RUNS = 3
BYTES_PER_REVIEW = 1_400  # a little more than the CSV and its output have


def main() -> None:
    """Measure, save, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Inputs, outputs, and the partial file of the largest output while the former is there.
        needed = BYTES_PER_REVIEW * (2 * sum(SIZES) + SIZES[-1])
        if shutil.disk_usage(folder).free < needed:
            sys.exit(f"growth: needs {needed / 1e9:.1f} GB in {tempfile.gettempdir()} (TMPDIR)")
        rows = interleave([contender(folder, size) for size in SIZES])
    save("growth", rows)
    print_table(rows)


def contender(folder: Path, size: int) -> Contender:
    """Make a file of so many reviews, and the command that scores it with all workers."""
    source = folder / f"{size}.csv"
    run_module("inputs", source, size)
    output = folder / f"{size}.scored.csv"
    options = ["--model", TIMED_MODEL, "-o", str(output), "--quiet"]
    command = Command([*PYTHON, "toolkit", "score", str(source), *options])
    name = f"{size:,} reviews"
    return Contender(name, [command], RUNS, size, outputs=[output], is_compared=False)


def print_table(rows: Rows) -> None:
    """Print time and memory by length."""
    show(
        "Longer files",
        ["", "seconds", "µs/review", "reviews/s", "peak MiB"],
        [
            [
                row["name"],
                seconds(row),
                f"{1e6 * row['seconds'] / row['reviews']:.1f}",
                f"{row['reviews_per_second']:,}",
                f"{row['peak_mebibytes']}",
            ]
            for row in rows
        ],
    )
