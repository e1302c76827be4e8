"""Print how each runtime does: on the golden vectors, and on a file of reviews.

Run as ``python -m examples.benchmarks.runtimes [NAME...]`` with names of runtimes, by default all.
The
golden vectors are those of all shipped models. The rest is of the default model: a whole process,
from its start to its end, gets 2,000 reviews of films as lines, or one line for the cold start.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from statistics import median

import pyarrow.parquet as pq
import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from examples.benchmarks.page_usage import usage_of_page
from tests.data import shared_data
from tests.examples import programs
from tests.examples.golden import EXPORTED, golden_texts_of, shipped_models
from tests.examples.programs import EXAMPLES
from tests.examples.runtimes import RUNTIMES, try_out
from tests.examples.usage import Usage, usage_of
from tests.models import MODEL

_REPEATS = 3
_REVIEWS = 2_000

# The two that have no program of their own: what their users would write.
_SCRIPTS = {
    "Keras": """if True:
        import sys, numpy, pyarrow
        from pathlib import Path
        from toolkit.model.scorer import Scorer
        from toolkit.networks.network_files import load_keras
        model = Path(sys.argv[1])
        scorer, network = Scorer(model), load_keras(model.with_suffix(".keras"))
        lines = sys.stdin.read().splitlines()
        for start in range(0, len(lines), 32):
            ids = scorer.token_ids(pyarrow.array(lines[start : start + 32]))
            for probability in numpy.asarray(network(ids, training=False))[:, 0]:
                print(scorer.facts.labels[int(probability >= 0.5)], probability)
    """,
    "toolkit score": """if True:
        import sys
        from toolkit import Scorer
        scorer = Scorer(sys.argv[1])
        for score in scorer.score(sys.stdin.read().splitlines()):
            print(score.sentiment, score.probability)
    """,
}
_SOURCES = {
    "Python": ["python/embed.py"],
    "Node": ["node/*.js"],
    "C": ["c/*.c", "c/*.h"],
    "C++": ["cpp/*.?pp"],
    "Go": ["go/*.go", "go/*/*.go"],
    "Rust": ["rust/embed.rs", "rust/sentiment.rs"],
    "Java": ["java/*.java"],
    "C#": ["csharp/*.cs"],
    "WebAssembly in Chromium": ["vite/sentiment.js"],
}


@cache
def reviews() -> list[str]:
    """Reviews of films, each on a line."""
    table = pq.read_table(shared_data("imdb") / "test.parquet", columns=["text"])
    rows = table.column("text").to_pylist()[:: len(table) // _REVIEWS][:_REVIEWS]
    return [" ".join(row.split()) for row in rows]


def lines_of_code(name: str) -> str:
    """Count the lines that are not blank, of what a user would copy."""
    files = [path for pattern in _SOURCES.get(name, []) for path in EXAMPLES.glob(pattern)]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return f"{sum(bool(line.strip()) for line in lines)}" if files else ""


def usage(name: str, texts: list[str]) -> Usage:
    """Run a runtime on the default model."""
    if name == "WebAssembly in Chromium":
        return usage_of_page(texts)
    build: Callable[[], tuple[str, ...]] = programs.PROGRAMS.get(
        name, lambda: (sys.executable, "-c", _SCRIPTS[name])
    )
    return usage_of([*build(), str(MODEL)], "".join(f"{text}\n" for text in texts).encode())


def golden_cells(name: str) -> tuple[str, str, str]:
    """Compare a runtime with the golden vectors of all shipped models."""
    texts = list(golden_texts_of(EXPORTED).values())
    found = [try_out(RUNTIMES[name], model, texts) for model in shipped_models()]
    largest = max(each.largest_difference for each in found)
    passed, number = (sum(each.passed for each in found), sum(each.texts for each in found))
    return f"{passed} of {number}", f"{largest:.1e}", str(sum(each.flips for each in found))


def speed_cells(name: str) -> tuple[str, str, str]:
    """Time a runtime, and weigh it: reviews a second of a core, cold start and memory."""
    cold = [usage(name, reviews()[:1]) for _ in range(_REPEATS)]
    whole = [usage(name, reviews()) for _ in range(_REPEATS)]
    return (
        f"{_REVIEWS / median(each.seconds for each in whole):,.0f}",
        f"{median(each.first_answer for each in cold):.2f} s",
        f"{median(each.megabytes for each in whole):.0f} MB",
    )


def table(names: list[str]) -> Table:
    """Compare, time and weigh runtimes."""
    lines = Table(box=box.MARKDOWN)
    lines.add_column("runtime")
    for title in ("golden vectors", "largest difference", "labels that differ"):
        lines.add_column(title, justify="right")
    for title in ("texts/s a core", "cold start", "memory", "lines of code"):
        lines.add_column(title, justify="right")
    for name in names:
        try:
            lines.add_row(name, *golden_cells(name), *speed_cells(name), lines_of_code(name))
        except pytest.skip.Exception as error:
            lines.add_row(f"{name}: {error}")
    return lines


if __name__ == "__main__":
    width = shutil.get_terminal_size((160, 1)).columns
    Console(width=max(width, 160)).print(table(sys.argv[1:] or list(RUNTIMES)))
