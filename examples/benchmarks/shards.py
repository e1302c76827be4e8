"""The same job in one process, as shards in a shell loop, and on a Ray cluster of two nodes.

Run as ``python -m examples.benchmarks.shards [--reviews N] [--runs N]``. The outputs must have the
same bytes. The results go to shards.json, and the tables into README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.benchmarks.measure import PYTHON, bind, module, run_module
from examples.benchmarks.page import table, write_between
from examples.benchmarks.process_tree import watch
from examples.benchmarks.results import machine
from examples.benchmarks.trial import PAGE

RESULTS = Path(__file__).with_name("shards.json")
BEGIN = "<!-- Shards: written by python -m examples.benchmarks.shards. -->"
END = "<!-- End of shards. -->"
REVIEWS, FILES, SHARDS = 4_000_000, 16, 16
MODEL = "reviews"

Row = dict[str, Any]

ONE, TWO = "one process, 1 worker", "one process, 2 workers"
LOOP, PAIRS = "shell loop, 2 workers each", "shell loop, two at a time, 1 worker each"
RAY_LOCAL, RAY_NODES = "Ray, started for the run, 2 CPUs", "Ray, two nodes of 1 CPU"


def main() -> None:
    """Measure, compare the outputs, save and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=REVIEWS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--page", action="store_true", help="write the tables only")
    given = parser.parse_args()
    if not given.page:
        bind()
        rows = [*_rows(given.reviews, given.runs)]
        content = {"machine": machine(), "reviews": given.reviews, "rows": rows}
        if given.reviews == REVIEWS:
            RESULTS.write_text(json.dumps(content, indent=1) + "\n")
        else:
            print(json.dumps(content, indent=1))
            return
    write_between(PAGE, BEGIN, END, written(json.loads(RESULTS.read_text())))


def _rows(reviews: int, runs: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_module("inputs", folder / "reviews.csv", reviews)
        parts = folder / "parquet"
        parts.mkdir()
        each = -(-reviews // FILES)
        run_module("inputs", parts / "00.parquet", each)
        for number in range(1, FILES):
            shutil.copy(parts / "00.parquet", parts / f"{number:02}.parquet")
        for kind, source in (("CSV", folder / "reviews.csv"), ("Parquet", parts)):
            found: dict[str, list[tuple[float, dict[str, int]]]] = {}
            expected = ""
            for turn in range(runs):
                for way in (TWO, ONE, LOOP, PAIRS, RAY_LOCAL, RAY_NODES):
                    if turn and way in (ONE, RAY_LOCAL):  # once is enough
                        continue
                    seconds, peaks, digest = _run(way, source, folder / "out")
                    expected = expected or digest
                    if digest != expected:
                        sys.exit(f"{kind}, {way}: other bytes than {TWO}")
                    print(f"{kind}, {way}: {seconds:.1f} s, {peaks}", file=sys.stderr)
                    found.setdefault(way, []).append((seconds, peaks))
            for way, took in found.items():
                yield {
                    "kind": kind,
                    "way": way,
                    "seconds": round(statistics.median(each for each, _ in took), 2),
                    "runs": [round(each, 2) for each, _ in took],
                    "peak_mebibytes": _largest([peaks for _, peaks in took]),
                }


def _run(way: str, source: Path, output: Path) -> tuple[float, dict[str, int], str]:
    """Score in one way; give seconds, peaks by program, and a digest of all outputs."""
    shutil.rmtree(output, ignore_errors=True)
    score = [*PYTHON, "toolkit", "score", str(source), "-o", f"{output}/", "-m", MODEL, "--quiet"]
    line = " ".join(score)
    finish = " ".join([*PYTHON, "toolkit", "finish", f"{output}/", "--quiet"])
    numbers = f"$(seq 0 {SHARDS - 1})"
    ray = [*score, "--engine", "ray", "--shards", str(SHARDS)]
    commands = {
        ONE: [*score, "--workers", "1"],
        TWO: [*score, "--workers", "2"],
        LOOP: ["sh", "-ec", f"for i in {numbers}; do {line} --shard $i/{SHARDS}; done; {finish}"],
        PAIRS: [
            "sh",
            "-ec",
            f"printf '%s\\n' {numbers} | xargs -P 2 -I @ {line} --workers 1 --shard @/{SHARDS}; "
            f"{finish}",
        ],
        RAY_LOCAL: ray,
        RAY_NODES: module("two_nodes", *ray),
    }
    took = watch(commands[way])
    seconds = took.seconds
    if way == RAY_NODES:  # without the start of the cluster
        seconds = float(took.output.strip().rpartition("\n")[2])
    digest = hashlib.sha256()
    for path in sorted(output.iterdir()):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    shutil.rmtree(output)
    return seconds, took.peaks, digest.hexdigest()


def _largest(found: list[dict[str, int]]) -> dict[str, int]:
    names = sorted({name for peaks in found for name in peaks if name != "other"})
    return {name: max(peaks.get(name, 0) for peaks in found) for name in names}


def written(content: Row) -> str:
    """Write the table."""
    head = ["", "CSV: s", "reviews/s", "time, 2 workers = 1", "peak MiB of a process"]
    head += ["16 Parquet files: s", "time, 2 workers = 1"]
    rows = {(row["kind"], row["way"]): row for row in content["rows"]}
    lines = []
    for way in (TWO, ONE, LOOP, PAIRS, RAY_LOCAL, RAY_NODES):
        csv, parquet = rows["CSV", way], rows["Parquet", way]
        lines.append(
            [
                way,
                f"{csv['seconds']:.1f}",
                f"{content['reviews'] / csv['seconds']:,.0f}",
                f"{csv['seconds'] / rows['CSV', TWO]['seconds']:.2f}",
                ", ".join(f"{name} {peak}" for name, peak in csv["peak_mebibytes"].items()),
                f"{parquet['seconds']:.1f}",
                f"{parquet['seconds'] / rows['Parquet', TWO]['seconds']:.2f}",
            ]
        )
    return table(head, lines)


if __name__ == "__main__":
    main()
