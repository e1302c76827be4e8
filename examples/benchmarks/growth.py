"""Part 2: longer and longer CSV files: time for each review and memory stay as they are.

By itself, it measures more and more small files, in a folder and in an archive:
``python -m examples.benchmarks.growth 100 1000 10000``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

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


def many_files(counts: list[int]) -> None:
    """Print the processor time and the memory of scoring some numbers of small files."""
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            source, archive = Path(name, "many"), Path(name, "many.zip")
            source.mkdir()
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
                for number in range(count):
                    content = f"id,text\n1,A fine film number {number}.\n2,A dull waste of time.\n"
                    (source / f"{number:06}.csv").write_text(content)
                    members.writestr(f"{number:06}.csv", content)
            for each in (source, archive):
                output = Path(name, f"{each.name}.scored")
                options = ["--output", f"{output}/", "--model", "reviews-small", "--quiet"]
                command = [*PYTHON, "toolkit", "score", str(each), *options]
                process = subprocess.Popen(command)
                _, status, used = os.wait4(process.pid, 0)
                if status:
                    sys.exit(f"growth: {each}: failed")
                seconds, mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss >> 10
                print(f"{each.name:10}{count:>9,} files  {seconds:8.2f} s  {mebibytes:,} MiB")


if __name__ == "__main__":
    many_files([int(count) for count in sys.argv[1:]])
