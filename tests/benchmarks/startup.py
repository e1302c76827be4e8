"""Part 4: what a call costs before there is anything to score."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.measure import PYTHON, Command, Contender, interleave, run_module
from tests.benchmarks.results import Rows, save, show
from tests.benchmarks.sources import TIMED_MODEL

RUNS = 15
REVIEWS = 10


def main() -> None:
    """Measure, save, and print."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "reviews.csv", Path(folder) / "out.csv"
        run_module("inputs", source, REVIEWS)
        options = ["--model", TIMED_MODEL, "-o", str(output), "--force", "--quiet"]
        score = ["toolkit", "score", str(source), *options]
        compared = {
            "imports and the model (the bound)": ["tests.benchmarks.contenders.open_model"],
            f"toolkit score, {REVIEWS} reviews": score,
            "toolkit --help": ["toolkit", "--help"],
        }
        rows = interleave(
            [Contender(name, [Command(PYTHON + args)], RUNS) for name, args in compared.items()]
        )
    save("startup", rows)
    print_table(rows)


def print_table(rows: Rows) -> None:
    """Print the times, with the bound as the unit."""
    bound = rows[0]["seconds"]
    show(
        "Start",
        ["", "seconds", "bound = 1", "peak MiB"],
        [
            [
                row["name"],
                f"{row['seconds']:.3f} ({min(row['runs']):.3f} to {max(row['runs']):.3f})",
                f"{row['seconds'] / bound:.2f}",
                f"{row['peak_mebibytes']}",
            ]
            for row in rows
        ],
    )
