"""Print how each runtime does on the golden vectors.

Run as ``python -m tests.examples.table [FOLDER]``; FOLDER has models, their Keras networks and
``golden.jsonl``, by default `exported/`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.examples.golden import (
    EXPORTED,
    Comparison,
    golden_texts_of,
    shipped_models,
)
from tests.examples.programs import MissingError
from tests.examples.runtimes import RUNTIMES, Runtime, try_out
from toolkit.export.golden_reviews import REVIEWS

# Enough that the start, which is timed apart, is the smaller part.
_COPIES = 40


def rate(runtime: Runtime, model: Path) -> float:
    """Reviews scored in a second, the start of a program not counted."""
    times = []
    for texts in (list(REVIEWS[:1]), list(REVIEWS) * _COPIES):
        start = time.perf_counter()
        runtime.score(model, texts)
        times.append(time.perf_counter() - start)
    return (len(REVIEWS) * _COPIES - 1) / (times[1] - times[0])


def table(folder: Path) -> Table:
    """Compare and time every runtime with every model of a folder."""
    texts = list(golden_texts_of(folder).values())
    lines = Table(box=box.MARKDOWN)
    for name in ("model", "runtime"):
        lines.add_column(name)
    for name in ("ids equal", "largest difference", "flips", "texts/s"):
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
    Console().print(table(Path(sys.argv[1]) if sys.argv[1:] else EXPORTED))
