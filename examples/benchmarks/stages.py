"""Part 3: where the time of one core goes, in µs for each review.

To follow a change of the code, adapt the table of stages in `stage_times`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from examples.benchmarks.measure import run_module
from examples.benchmarks.results import Rows, save, show

REVIEWS = 100_000
RUNS = 5


def main() -> None:
    """Measure, save, and print."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "reviews.csv", Path(folder) / "out.csv"
        run_module("inputs", source, REVIEWS)
        runs = [json.loads(run_module("stage_times", source, output)) for _ in range(RUNS + 1)]
    medians = {stage: statistics.median(run[stage] for run in runs[1:]) for stage in runs[0]}
    rows: Rows = [
        {"name": stage, "microseconds": round(1e6 * median / REVIEWS, 3)}
        for stage, median in medians.items()
    ]
    save("stages", rows)
    print_table(rows)


def print_table(rows: Rows) -> None:
    """Print the stages and their shares."""
    total = sum(row["microseconds"] for row in rows)
    rows = [*rows, {"name": "together", "microseconds": total}]
    show(
        "One worker, CSV",
        ["", "µs/review", "share"],
        [
            [row["name"], f"{row['microseconds']:.2f}", f"{row['microseconds'] / total:.0%}"]
            for row in rows
        ],
    )
