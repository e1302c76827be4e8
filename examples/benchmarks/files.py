"""Part 1: every shipped model on one file in each format, a plain copy of it, and other programs.

Every row is whole processes with their start, in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from examples.benchmarks import programs
from examples.benchmarks.measure import CORES, Contender, interleave, run_module
from examples.benchmarks.programs import ARROW, NATIVE, SUFFIXES
from examples.benchmarks.results import save
from examples.benchmarks.trial import WHOLE, Trial
from toolkit.model import SHIPPED

RUNS = 5
SLOW_RUNS = 1


def main(trial: Trial = WHOLE) -> None:
    """Measure and save."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in SUFFIXES.values():
            run_module("inputs", folder / f"reviews{suffix}", trial.reviews)
        runs = trial.runs(RUNS)
        contenders = [*copies(folder, trial.reviews, runs), *ours(folder, trial.reviews, runs)]
        rows = interleave([*contenders, *others(folder, trial.reviews, runs)])
    save("files", rows, trial.results)


def copies(folder: Path, reviews: int, runs: int) -> Iterator[Contender]:
    """Give the bounds; Arrow writes no JSON Lines."""
    for kind in ("CSV", "Parquet"):
        yield programs.copy(folder / f"reviews{SUFFIXES[kind]}", reviews, runs)


def ours(folder: Path, reviews: int, runs: int) -> Iterator[Contender]:
    """Give each model on CSV, with both cores and one worker or more, and on the other formats."""
    sources = {kind: folder / f"reviews{suffix}" for kind, suffix in SUFFIXES.items()}
    csv = sources.pop("CSV")
    for model in SHIPPED:
        for core in (NATIVE, ARROW):
            for workers in sorted({1, CORES}):
                yield programs.toolkit(model, csv, reviews, runs, core=core, workers=workers)
    for model in SHIPPED:
        for source in sources.values():
            yield programs.toolkit(model, source, reviews, runs)


def others(folder: Path, reviews: int, runs: int) -> Iterator[Contender]:
    """Yield other programs; scikit-learn, Keras and VADER take long and run less often."""
    source = folder / "reviews.csv"
    yield from programs.fasttext(source, 1, runs, sorted({1, CORES}))
    yield programs.fasttext_csv(source, reviews, runs)
    yield programs.scikit_learn(source, reviews, min(runs, SLOW_RUNS))
    yield programs.vader(source, reviews, min(runs, SLOW_RUNS))
    yield programs.keras(source, reviews, min(runs, SLOW_RUNS))
