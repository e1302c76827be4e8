"""Part 2: longer and longer CSV files: time for each review and memory stay as they are.

By itself, it measures more and more small files, in a folder and in an archive:
``python -m examples.benchmarks.growth folder,pattern,archive,store 100 1000 10000``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from examples.benchmarks import programs
from examples.benchmarks.measure import CORES, PYTHON, Contender, interleave, run_module
from examples.benchmarks.results import save
from examples.benchmarks.trial import WHOLE, Trial
from toolkit.model import SHIPPED

SIZES = [25_000, 100_000, 400_000, 1_000_000]
RUNS = 3
BYTES_PER_REVIEW = 1_400  # a little more than the CSV and its output have


def main(trial: Trial = WHOLE) -> None:
    """Measure and save."""
    sizes = [trial.part_of(size) for size in SIZES]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # All inputs, the prepared text twice, and an output.
        needed = BYTES_PER_REVIEW * (sum(sizes) + 3 * sizes[-1])
        if shutil.disk_usage(folder).free < needed:
            sys.exit(f"growth: needs {needed / 1e9:.1f} GB in {tempfile.gettempdir()} (TMPDIR)")
        # The first turn counts, as the files have just been written, and medians forgive it.
        rows = interleave([*contenders(folder, sizes, trial.runs(RUNS))], warm_up=False)
    save("growth", rows, trial.results)


def contenders(folder: Path, sizes: list[int], runs: int) -> Iterator[Contender]:
    """Give each model on each file, and the copy and fastText on the largest."""
    sources = {size: folder / f"{size}.csv" for size in sizes}
    for size, source in sources.items():
        run_module("inputs", source, size)
        for model in SHIPPED:
            yield programs.toolkit(model, source, size, runs)
    smallest, largest = sizes[0], sizes[-1]
    yield programs.copy(sources[largest], largest, runs)
    yield from programs.fasttext(sources[smallest], largest // smallest, runs, [CORES])


def many_files(ways: list[str], count: int) -> None:
    """Print what it takes to score a number of small files, found in some ways.

    The last file is not a file of reviews, so that the run fails with it and the journals stay; it
    is replaced, and the run resumed.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder, bucket = Path(name), None
        if "store" in ways:
            from tests.stores.server import Bucket, running_server

            bucket = Bucket(opened.enter_context(running_server()), "many").create()
            os.environ |= bucket.environment | {"TOOLKIT_WORK_FOLDER": str(folder / "work")}
        for way in ways:
            source, replace = _write_many(way, folder / way, count, bucket)
            output, report = folder / "out" / way, folder / f"{way}.json"
            planned = f"s3://many/{way}-plan" if bucket and way == "store" else f"{output}-plan"
            target = f"s3://many/{way}-out/" if bucket and way == "store" else f"{output}/"
            score = [*PYTHON, "toolkit", "score", source, "--model", "reviews-small", "--quiet"]
            run = [*score, "--output", target, "--report", str(report)]
            first = _taken(run, expected=1)
            journals = sum(path.stat().st_size for path in folder.glob("*/**/journal"))
            replace()
            # An archive stays as it is: another one would be another input.
            resumed = _taken([*run, "--resume"], expected=int(way == "archive"))
            left = sum(1 for _ in folder.glob("*/**/journal"))
            plan = _taken([*score, "--output", f"{planned}/", "--shards", "16"])
            if bucket and way == "store":
                plan_bytes = len(bucket.get(f"{way}-plan/_shards/plan.json") or b"")
            else:
                plan_bytes = sum(each.stat().st_size for each in Path(planned).rglob("plan*"))
            print(
                f"{way:8}{count:>8,} files  run {first}  resumed {resumed}  plan {plan}  "
                f"journals {journals:,} B, left {left}  report {report.stat().st_size:,} B  "
                f"plan {plan_bytes:,} B",
                flush=True,
            )
            for each in (folder / way, output, Path(planned)):
                shutil.rmtree(each, ignore_errors=True)


def _write_many(way: str, place: Path, count: int, bucket: Any) -> tuple[str, Callable[[], object]]:
    """Write small files; give what names them, and a function that puts a good one last."""
    place.mkdir()
    last, good = f"{count - 1:06}.csv", "id,text\n1,Good.\n2,Bad.\n"
    files = {
        f"{number:06}.csv": f"id,text\n1,A fine film number {number}.\n2,A dull waste of time.\n"
        for number in range(count - 1)
    }
    files[last] = "id,nothing\n1,2\n"
    if way == "store":
        for each, content in files.items():
            bucket.put(f"in/{each}", content.encode())
        return "s3://many/in/", lambda: bucket.put(f"in/{last}", good.encode())
    if way == "archive":
        archive = place / "many.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
            for each, content in files.items():
                members.writestr(each, content)
        return str(archive), lambda: None
    for each, content in files.items():
        (place / each).write_text(content)
    source = place if way == "folder" else place / "*.csv"
    return str(source), lambda: (place / last).write_text(good)


def _taken(command: list[str], expected: int = 0) -> str:
    """Run a command; say how long it took, on the clock and of processors, and its memory."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    _, error = "", process.stderr.read().decode() if process.stderr else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        sys.exit(f"growth: {' '.join(command)}: ended with {process.returncode}: {error}")
    seconds, clock = used.ru_utime + used.ru_stime, time.perf_counter() - began
    return f"{seconds:.1f} s ({clock:.1f} s), {used.ru_maxrss >> 10} MiB"


if __name__ == "__main__":
    for number in sys.argv[2:]:
        many_files(sys.argv[1].split(","), int(number))
