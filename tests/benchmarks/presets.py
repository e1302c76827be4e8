"""Part 7: every shipped model, from its network alone to whole files, compared with fastText.

``network`` and ``text`` are timed inside of processes with one thread, without their start:
`preset_times`. ``file`` is whole processes from CSV to CSV. All of them and fastText take turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.measure import PYTHON, Command, Contender, interleave, run_module
from tests.benchmarks.results import Rows, save, show
from tests.benchmarks.sources import PROJECT
from toolkit.model.shipped import SHIPPED

REVIEWS = 100_000
REVIEWS_INSIDE = 25_000  # of the test reviews, each once
RUNS = 5
WORKERS = 2
NOTE = f"""
Reviews a second. "network": token ids in, in the batches that the scorer makes. "text": from texts
in memory to probabilities. Both are one thread, without the start of a process, and their ratio is
to one process of fastText. "CSV" is whole processes with {WORKERS} workers, and its ratio to
{WORKERS} processes of fastText. fastText's are whole processes on prepared text, which leaves out
what turns the CSV into its text and puts the scores back; "end to end" has both. Medians of {RUNS}
runs; memory is that of the process from CSV to CSV, and of fastText the largest process."""


@dataclass
class Inside(Contender):
    """A process that reports how long a part of it took."""

    def run(self) -> None:
        """Run it once, and take its word for the time."""
        super().run()
        if not self.skipped:
            self.seconds[-1] = float(self.commands[0].stdout.read_text())


def main() -> None:
    """Measure, save, and print."""
    models = [PROJECT / "exported" / f"{name}.onnx" for name in SHIPPED]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "reviews.csv"
        run_module("inputs", source, REVIEWS)
        fasttext = peers.fasttext(folder, WORKERS, RUNS, REVIEWS)
        ours = [one for model in models for one in contenders(model, source)]
        for contender in fasttext:  # what was right is not for this table
            contender.is_compared = False
        rows = interleave([*fasttext, *ours])
    sizes = {path.stem: path.stat().st_size for path in models}
    rows = [described(row, sizes) for row in rows]
    save("presets", rows)
    print_table(rows)


def contenders(model: Path, source: Path) -> Iterator[Contender]:
    """Give the three ways to time a model."""
    for kind in ("network", "text"):
        stdout = source.with_name(f"{model.stem}.{kind}")
        module = "tests.benchmarks.preset_times"
        command = Command([*PYTHON, module, kind, str(model), str(REVIEWS_INSIDE)], stdout)
        yield Inside(f"{model.stem}, {kind}", [command], RUNS, REVIEWS_INSIDE, cores=1)
    output = source.with_name(f"{model.stem}.csv")
    options = ["--model", str(model), "-o", str(output), "--workers", str(WORKERS), "--quiet"]
    command = Command([*PYTHON, "toolkit", "score", str(source), *options])
    name = f"{model.stem}, file"
    yield Contender(name, [command], RUNS, REVIEWS, WORKERS, [output], is_compared=False)


def described(row: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """Add which model of ours a row is about, if any, what was timed of it, and its size."""
    model, _, kind = row["name"].partition(", ")
    return {**row, "model": model, "kind": kind, "bytes": sizes[model]} if model in sizes else row


def print_table(rows: Rows) -> None:
    """Print a row for each model, and one for each way to run fastText."""
    header = ["", "network", "text", "fastText = 1", f"CSV, {WORKERS} workers", "fastText = 1"]
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row.get("model", ""), []).append(row)
    others = found.pop("", [])
    units = {row["cores"]: row for row in others if row["name"] == peers.FASTTEXT}
    show(
        "The shipped models",
        [*header, "MB", "peak MiB"],
        [
            *(_cells_of_model(name, each, units) for name, each in found.items()),
            *(_cells_of_fasttext(row, units) for row in others if "skipped" not in row),
        ],
    )
    print(NOTE)
    for row in rows:
        if "skipped" in row:
            print(f"\nleft out: {row['name']}: {row['skipped']}")


def _cells_of_model(name: str, rows: Rows, units: dict[int, dict[str, Any]]) -> list[str]:
    kinds = {row["kind"]: row for row in rows}
    network, text, file = kinds["network"], kinds["text"], kinds["file"]
    size = f"{file['bytes'] / 1e6:.2f}"
    cells = [f"`{name}`", _speed(network), _speed(text), _ratio(text, units)]
    return [*cells, _speed(file), _ratio(file, units), size, f"{file['peak_mebibytes']}"]


def _cells_of_fasttext(row: dict[str, Any], units: dict[int, dict[str, Any]]) -> list[str]:
    speed = [_speed(row), _ratio(row, units)]
    cells = [*speed, "", ""] if row["cores"] == 1 else ["", "", *speed]
    cores = "1 core" if row["cores"] == 1 else f"{row['cores']} cores"
    return [f"{row['name']}, {cores}", "", *cells, "", f"{row['peak_mebibytes']}"]


def _speed(row: dict[str, Any]) -> str:
    return f"{row['reviews_per_second']:,}"


def _ratio(row: dict[str, Any], units: dict[int, dict[str, Any]]) -> str:
    """How many times as quick as fastText on prepared text, with as many cores."""
    unit = units.get(row["cores"], {}).get("reviews_per_second")
    return f"{row['reviews_per_second'] / unit:.2f}" if unit else ""
