"""Networks alone, µs a review, as ratios to a reference model in the same run.

The reviews are the first test reviews, with their real lengths, from token ids to probabilities as
a scorer does it; one thread. The models take turns, and the best of the turns counts, in processor
time: what is wanted is the cost of the network, not of what else runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.benchmarks.measure import run_module
from examples.benchmarks.results import Rows, save, show
from examples.benchmarks.sources import PROJECT
from toolkit.model import SHIPPED

# The default model before there were general ones; the first file that is there.
REFERENCES = [
    PROJECT / "tests" / "frozen_files" / "format_2" / "ngram-cnn.onnx",
    PROJECT / "exported" / "ngram-cnn.onnx",
]
REVIEWS = 6_000
TURNS = 5


def main(models: Sequence[Path] = (), reference: Path | None = None) -> None:
    """Measure, save, and print; by default the shipped models."""
    reference = reference or next(filter(Path.is_file, REFERENCES), REFERENCES[0])
    others = models or [PROJECT / "exported" / f"{name}.onnx" for name in SHIPPED]
    files = [reference, *others]
    for path in files:
        if not path.is_file():
            sys.exit(f"networks: {path}: no such file")
    best = dict.fromkeys(files, float("inf"))
    for turn in range(TURNS):
        for path in best:
            found = json.loads(run_module("step_times", path, REVIEWS, "network"))["network"]
            best[path] = min(best[path], found)
            print(f"turn {turn}: {path.name}: {found:.2f} µs", file=sys.stderr)
    rows: Rows = [
        {
            "name": path.stem,
            "microseconds": microseconds,
            "ratio": round(microseconds / best[reference], 4),
            "bytes": path.stat().st_size,
        }
        for path, microseconds in best.items()
    ]
    save("networks", rows)
    print_table(rows)


def print_table(rows: Rows) -> None:
    """Print the times and the ratios; the first row is the reference."""
    show(
        "Networks alone, one thread",
        ["", "µs/review", "time, reference = 1", "MB"],
        [
            [
                f"`{row['name']}`" + (" (reference)" if row is rows[0] else ""),
                f"{row['microseconds']:.2f}",
                f"{row['ratio']:.2f}",
                f"{row['bytes'] / 1e6:.2f}",
            ]
            for row in rows
        ],
    )
