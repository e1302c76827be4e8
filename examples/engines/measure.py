"""Compare the speed of the engines with that of `toolkit score`.

python measure.py IN.parquet [--cores N] [--rounds N] [--engines NAME...]

Each round runs them one after the other, with all reviews and with one. The shortest times count:
what one review takes is the start, and the rest is the time of the reviews. Of engines with one
process that is processor time, which hardly depends on what else the machine does.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq

PACKAGES = {  # by the name of the program
    "sqlite": "sqlite3",
    "pandas": "pandas",
    "polars": "polars",
    "duckdb": "duckdb",
    "daft": "daft",
    "ray_data": "ray",
    "spark": "pyspark",
}
BASE = "toolkit score"
SEVERAL_PROCESSES = ("ray_data", "spark")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the speed of the engines.")
    parser.add_argument("source", type=Path, metavar="IN.parquet", help="with a column text")
    parser.add_argument("--cores", default="1")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--engines", nargs="+", choices=PACKAGES, default=[*PACKAGES])
    given = parser.parse_args()
    names = [BASE, *(name for name in given.engines if find_spec(PACKAGES[name]))]
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        count = prepare(given.source, folder)
        for _ in range(given.rounds):
            for name in names:
                for rows in ("all", "one"):
                    found = run(folder, name, rows, given.cores)
                    times.setdefault((name, rows), []).append(found)
    print("| | start | all | reviews/s | of `toolkit score` |\n|---|---:|---:|---:|---:|")
    for name in names:
        (whole, busy), (start, busy_start) = (
            shortest(times[name, rows]) for rows in ("all", "one")
        )
        (base, busy_base), (base_start, busy_base_start) = (
            shortest(times[BASE, rows]) for rows in ("all", "one")
        )
        if name in SEVERAL_PROCESSES:
            seconds, of_base = whole - start, base - base_start
        else:
            seconds, of_base = busy - busy_start, busy_base - busy_base_start
        print(
            f"| {name} | {start:.1f} s | {whole:.1f} s | {count / seconds:,.0f} "
            f"| {of_base / seconds:.2f} |"
        )


def shortest(times: list[tuple[float, float]]) -> tuple[float, float]:
    elapsed, busy = zip(*times, strict=True)
    return min(elapsed), min(busy)


def prepare(source: Path, folder: Path) -> int:
    """Write the reviews, and one of them, as Parquet and as SQLite; give their number."""
    reviews = pq.read_table(source)
    for name, rows in (("all", reviews), ("one", reviews.slice(0, 1))):
        pq.write_table(rows, folder / f"{name}.parquet", row_group_size=10_000)
        with closing(sqlite3.connect(folder / f"{name}.before.db")) as database, database:
            database.execute("CREATE TABLE reviews (number INTEGER PRIMARY KEY, text TEXT)")
            texts = enumerate(rows["text"].to_pylist())
            database.executemany("INSERT INTO reviews VALUES (?, ?)", texts)
    return int(reviews.num_rows)


def run(folder: Path, name: str, rows: str, cores: str) -> tuple[float, float]:
    """Give the seconds from the start of a program to its end, and its processor time."""
    source, target = folder / f"{rows}.parquet", folder / "scored.parquet"
    program = str(Path(__file__).parent / f"with_{name}.py")
    arguments = [program, str(source), str(target), cores]
    if name == "sqlite":
        database = shutil.copy(folder / f"{rows}.before.db", folder / "reviews.db")
        arguments = [program, str(database)]
    elif name == BASE:
        arguments = ["-m", "toolkit", "score", str(source), "--output", str(target)]
        arguments += ["--workers", cores, "--quiet"]
    start, busy = time.perf_counter(), processor_time()
    done = subprocess.run(  # noqa: S603 (programs of this folder)
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds, busy = time.perf_counter() - start, processor_time() - busy
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stderr}")
    for path in folder.glob("scored.parquet*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return seconds, busy


def processor_time() -> float:
    """Give the seconds of all programs that have ended."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
