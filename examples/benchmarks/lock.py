"""Part 5: how much of the time one worker holds Python's lock, which bounds what threads can bring.

A further thread wakes up every half millisecond and needs the lock to go on. How often it comes
later than it does when nothing is scored is the share of the time in which the lock is held. That
needs a core for each of the two.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from examples.benchmarks.measure import run_module
from examples.benchmarks.results import Rows, save, show
from examples.benchmarks.sources import TIMED_MODEL

REVIEWS = 100_000
RUNS = 5
NAP = 0.0005  # seconds


def main() -> None:
    """Measure, save, and print."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "reviews.csv", Path(folder) / "out.csv"
        run_module("inputs", source, REVIEWS)
        shares = [float(run_module("lock", source, output)) for _ in range(RUNS)]
    rows: Rows = [{"name": "one worker", "share": round(statistics.median(shares), 4)}]
    rows[0]["runs"] = shares
    save("lock", rows)
    print_table(rows)


def print_table(rows: Rows) -> None:
    """Print the share."""
    show(
        "Python's lock is held",
        ["", "share of the time"],
        [[row["name"], f"{row['share']:.1%}"] for row in rows],
    )


def waits(work: Callable[[], object]) -> list[float]:
    """Do some work, and give by how much each nap meanwhile took longer than it should."""
    found: list[float] = []
    is_done = threading.Event()

    def nap() -> None:
        while not is_done.is_set():
            began = time.perf_counter()
            time.sleep(NAP)
            found.append(time.perf_counter() - began - NAP)

    thread = threading.Thread(target=nap)
    thread.start()
    work()
    is_done.set()
    thread.join()
    return found


def share_of(source: Path, output: Path) -> float:
    """Score a file with one worker, and give the share."""
    from toolkit.cli.process import prepare_process

    prepare_process()
    from toolkit.model import Scorer
    from toolkit.scoring import ScoringOptions, score_file

    scorer, options = Scorer(TIMED_MODEL), ScoringOptions(workers=1, force=True)
    usual = statistics.quantiles(waits(lambda: time.sleep(1)), n=100)[98]
    late = waits(lambda: score_file(scorer, source, output, options))
    return sum(wait > usual for wait in late) / len(late)


if __name__ == "__main__":
    print(share_of(Path(sys.argv[1]), Path(sys.argv[2])))
