"""Part 4: what a call costs before there is anything to score."""

from __future__ import annotations

import tempfile
from pathlib import Path

from examples.benchmarks.measure import PYTHON, Command, Contender, interleave, module, run_module
from examples.benchmarks.results import save
from examples.benchmarks.trial import WHOLE, Trial
from toolkit.model import SHIPPED

RUNS = 15
REVIEWS = 10
BOUND, SCORE, HELP = "imports and the model (the bound)", "toolkit score", "toolkit --help"


def main(trial: Trial = WHOLE) -> None:
    """Measure and save."""
    runs = trial.runs(RUNS)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "reviews.csv", Path(folder) / "out.csv"
        run_module("inputs", source, REVIEWS)
        contenders = []
        for model in SHIPPED:
            options = ["--model", model, "-o", str(output), "--force", "--quiet"]
            compared = {
                BOUND: module("contenders.open_model", model),
                SCORE: [*PYTHON, "toolkit", "score", str(source), *options],
            }
            contenders += [
                Contender(name, [Command(command)], runs, about={"model": model})
                for name, command in compared.items()
            ]
        contenders.append(Contender(HELP, [Command([*PYTHON, "toolkit", "--help"])], runs))
        rows = interleave(contenders)
    save("startup", rows, trial.results)
