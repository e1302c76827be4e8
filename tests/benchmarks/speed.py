"""How fast files are scored: whole processes, interleaved, medians, against a plain copy.

Run as ``python -m tests.benchmarks.speed`` (or ``make bench``). The input is the 25,000 IMDB test
reviews four times, with all their columns; the bound is a process that reads the same CSV with
Arrow and writes it again. Peak memory is that of the process, as the system counts it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.inputs import REVIEWS

RUNS = 5
COPY = """
import sys, pyarrow as pa, pyarrow.csv as c
parse = c.ParseOptions(newlines_in_values=True)
convert = c.ConvertOptions(column_types={n: pa.string() for n in ("id", "movie", "stars", "text")})
reader = c.open_csv(sys.argv[1], c.ReadOptions(block_size=4 << 20), parse, convert)
with c.CSVWriter(sys.argv[2], reader.schema) as writer:
    for batch in reader:
        writer.write(batch)
"""


@dataclass
class Contender:
    """A command, and what its runs took."""

    name: str
    command: list[str]
    seconds: list[float] = field(default_factory=list)
    mebibytes: float = 0.0

    def run(self) -> None:
        """Run the command once, to its end."""
        started = time.perf_counter()
        process = os.spawnv(os.P_NOWAIT, self.command[0], self.command)
        _, status, usage = os.wait4(process, 0)
        if status:
            sys.exit(f"{self.name} failed: {' '.join(self.command)}")
        self.seconds.append(time.perf_counter() - started)
        self.mebibytes = max(self.mebibytes, usage.ru_maxrss / 1024)


def contenders(folder: Path) -> list[Contender]:
    """List what is compared; the plain copy comes first."""
    csv_file, jsonl_file = folder / "reviews.csv", folder / "reviews.jsonl"
    copy = [sys.executable, "-c", COPY, str(csv_file), str(folder / "copy.csv")]
    found = [Contender("plain copy of the CSV (the bound)", copy)]
    for source in (csv_file, jsonl_file):
        for workers in (1, 2):
            output = folder / f"out{source.suffix}"
            options = ["-o", str(output), "--workers", str(workers), "--force", "--quiet"]
            command = [sys.executable, "-m", "toolkit", "score", str(source), *options]
            found.append(Contender(f"toolkit score, {source.suffix}, {workers} worker(s)", command))
    return found


def main() -> None:
    """Measure, and print a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child inherits the peak memory of the parent that starts it.
        subprocess.run([sys.executable, "-m", "tests.benchmarks.inputs", folder], check=True)
        compared = contenders(Path(folder))
        for run in range(RUNS + 1):
            for contender in compared:
                contender.run()
                if run == 0:
                    contender.seconds.clear()  # the first run fills the caches
        bound = statistics.median(compared[0].seconds)
        print(f"{REVIEWS:,} reviews, {RUNS} runs\n")
        print("| | seconds | reviews/s | time, copy = 1 | peak memory |")
        print("|---|---|---|---|---|")
        for contender in compared:
            median = statistics.median(contender.seconds)
            spread = f"{min(contender.seconds):.2f} to {max(contender.seconds):.2f}"
            print(
                f"| {contender.name} | {median:.2f} ({spread}) | {REVIEWS / median:,.0f} "
                f"| {median / bound:.1f} | {contender.mebibytes:.0f} MiB |"
            )


if __name__ == "__main__":
    main()
