"""How accurate the default network is on domains that it was not trained on.

All domains but films are dealt into three sets. For each set a network is trained as the default
model is, on the reviews of films and of the other two sets, and evaluated on the domains that were
left out, beside the model that knows films alone. It learns from the labels alone: the teacher and
the texts without labels have seen all domains, so ``--with-teacher`` shows what they add, not what
a domain that nobody has seen would get.

Like the other parts, this one imports the standard library alone: each step is a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.benchmarks.measure import PYTHON, run_module
from examples.benchmarks.results import Rows, load, save
from examples.benchmarks.sources import PROJECT
from examples.benchmarks.unseen_page import WITH_TEACHER, write_page

RESULTS = Path(__file__).with_name("unseen.json")
BEFORE = PROJECT / "tests" / "frozen_files" / "format_2" / "ngram-cnn.onnx"
TEACHER = PROJECT / "exported" / "teacher.parquet"
SETS = (1, 2, 3)
PRESET, EPOCHS = "ngram-recurrent", 2
COLUMNS = ["--group-column", "group", "--balance-column", "kind"]
# Of each domain, what unseen.json keeps.
KEPT = (
    "name",
    "reviews",
    "positive",
    "accuracy",
    "balanced_accuracy",
    "balanced_accuracy_interval",
)


def main(
    sets: Sequence[int] = (),
    reviews: Path | None = None,
    keep: Path | None = None,
    taught: Path | None = None,
) -> None:
    """Leave out one set of domains after the other: train, evaluate, save, and print.

    ``reviews`` is the table of all reviews with their folds, by default made again; ``keep`` is a
    folder for the reviews and the models; ``taught`` is the folder with the teacher's texts.
    """
    for number in sets or SETS:
        with tempfile.TemporaryDirectory() as temporary:
            rows = _without(number, keep or Path(temporary), reviews, taught)
        save(f"set {number}{WITH_TEACHER if taught else ''}", rows, RESULTS)
        write_page(load(RESULTS))


def _without(number: int, keep: Path, reviews: Path | None, taught: Path | None) -> Rows:
    """Train without the domains of a set; give the rows of the old and of the new model on them."""
    folder = keep / f"set-{number}"
    facts = json.dumps({"set": number, "sets": len(SETS), "taught": taught and str(taught)})
    split = json.loads(run_module("unseen_data", facts, folder, *([reviews] if reviews else [])))
    print(f"set {number}: {split}", file=sys.stderr)
    started = time.perf_counter()
    model = _trained(folder, is_taught=taught is not None)
    seconds = round(time.perf_counter() - started)
    data = json.dumps({"data": str(folder / "unseen.parquet"), "group": "domain"})
    before, after = map(_row, json.loads(run_module("quality_evaluate", data, BEFORE, model)))
    return [before, {**after, **split, "seconds": seconds, "epochs": EPOCHS}]


def _trained(folder: Path, *, is_taught: bool) -> Path:
    run, model = folder / "run", folder / f"{PRESET}.onnx"
    held_out = ["--validation-data", folder / "validation.parquet"]
    more = ["--unlabelled", folder / "unlabelled.parquet", "--teacher", TEACHER]
    how = ["--preset", PRESET, "--epochs", EPOCHS, *(more if is_taught else [])]
    _toolkit("train", folder / "train.parquet", *COLUMNS, *held_out, *how, "-o", run, "--force")
    _toolkit("export", run, "-o", model, "--force")
    return model


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Keep the figures of each domain and their means."""
    groups = [{name: part[name] for name in KEPT} for part in row["groups"]]
    return {**{name: row[name] for name in ("name", "threshold", "macro_mean")}, "groups": groups}


def _toolkit(*arguments: object) -> None:
    command = [*PYTHON, "toolkit", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=PROJECT)
