"""Print how each runtime does on the golden vectors.

Run as ``python -m tests.examples.table [FOLDER]``; FOLDER has models, their Keras networks and
``golden.jsonl``, by default `exported/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from rich import box
from rich.console import Console
from rich.table import Table

from tests.examples.building import MissingError
from tests.examples.golden import (
    EXPORTED,
    Comparison,
    golden_texts_of,
    shipped_models,
)
from tests.examples.runtimes import RUNTIMES, Runtime, try_out
from toolkit.text.golden_texts import golden_texts

# Enough that the start of a program, which is timed apart, is the smaller part.
_COPIES = 200
_REPEATS = 2

REVIEWS = [text for name, text in golden_texts([]).items() if name.startswith("review ")]


def rate(runtime: Runtime, model: Path) -> float:
    """Reviews scored in a second of processor time, of all threads; the start is not counted."""
    start, whole = (
        min(_processor_seconds(runtime, model, texts) for _ in range(_REPEATS))
        for texts in (REVIEWS[:1], REVIEWS * _COPIES)
    )
    return (len(REVIEWS) * _COPIES - 1) / (whole - start)


def _processor_seconds(runtime: Runtime, model: Path, texts: list[str]) -> float:
    # Unlike the time on a clock, it hardly depends on what else the machine does.
    before = _processor_time()
    runtime.score(model, texts)
    return _processor_time() - before


def _processor_time() -> float:
    """Seconds that this process and the programs that it ran have used."""
    used = [getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)]
    return sum(entry.ru_utime + entry.ru_stime for entry in used)


def table(folder: Path) -> Table:
    """Compare and time every runtime with every model of a folder."""
    texts = list(golden_texts_of(folder).values())
    lines = Table(box=box.MARKDOWN)
    for name in ("model", "runtime"):
        lines.add_column(name)
    for name in ("ids equal", "largest difference", "flips", "texts/s a core"):
        lines.add_column(name, justify="right")
    for model in shipped_models(folder):
        for name, runtime in RUNTIMES.items():
            try:
                found = try_out(runtime, model, texts)
            except MissingError as error:
                lines.add_row(model.stem, f"{name}: {error}", "", "", "", "")
                continue
            lines.add_row(model.stem, name, *_cells(found), f"{rate(runtime, model):,.0f}")
    return lines


def _cells(found: Comparison) -> tuple[str, str, str]:
    ids = "" if found.ids_equal is None else f"{found.ids_equal} of {found.texts}"
    return ids, f"{found.largest_difference:.1e}", str(found.flips)


if __name__ == "__main__":
    Console(width=100).print(table(Path(sys.argv[1]) if sys.argv[1:] else EXPORTED))
