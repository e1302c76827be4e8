"""Part 3: the steps of a model in one thread, without the start of a process: `step_times`."""

from __future__ import annotations

import json
import statistics
import sys

from examples.benchmarks.measure import run_module
from examples.benchmarks.programs import ARROW, NATIVE, VARIABLES, why_not
from examples.benchmarks.results import Rows, save
from examples.benchmarks.sources import PROJECT
from examples.benchmarks.trial import WHOLE, Trial
from toolkit.model import SHIPPED

REVIEWS = 25_000
RUNS = 3
STEPS = ["tokens_100", "tokens_512", "network", "scorer", "session"]


def main(trial: Trial = WHOLE) -> None:
    """Measure and save; all models and cores take turns."""
    runs: dict[tuple[str, str], list[dict[str, float]]] = {
        (model, core): [] for model in SHIPPED for core in (NATIVE, ARROW) if not why_not(core)
    }
    for turn in range(trial.runs(RUNS)):
        for (model, core), found in runs.items():
            path = PROJECT / "exported" / f"{model}.onnx"
            number = trial.part_of(REVIEWS)
            printed = run_module("step_times", path, number, *STEPS, **VARIABLES[core])
            found.append(json.loads(printed))
            print(f"run {turn + 1}: {model}, {core}: {printed.strip()}", file=sys.stderr)
    rows: Rows = [
        {
            "name": model,
            "core": core,
            "microseconds": {
                step: round(statistics.median(each[step] for each in found), 3) for step in STEPS
            },
        }
        for (model, core), found in runs.items()
    ]
    save("steps", rows, trial.results)
