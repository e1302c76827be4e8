"""Draw the time of each program as a multiple of the plain copy: ``plot RESULTS PICTURE``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from examples.benchmarks.programs import (
    ARROW,
    FASTTEXT,
    FASTTEXT_CSV,
    KERAS,
    NATIVE,
    SCIKIT_LEARN,
    VADER,
)
from examples.benchmarks.results import Rows, load
from examples.benchmarks.speed_page import memory, times_copy

COLORS = {NATIVE: "#116149", ARROW: "#5fbf9b", "": "#6e7781"}
INK, FAINT = "#24292f", "#57606a"
LABELS = {
    FASTTEXT: "fastText, prepared text",
    FASTTEXT_CSV: "fastText, CSV to CSV",
    SCIKIT_LEARN: "scikit-learn, tf-idf",
    KERAS: "Keras, conv1d",
    VADER: "VADER",
}
TICKS = [0.5, 1, 2, 5, 10, 20, 50, 100]

# Where the columns beside the lines end, in widths of the panel.
ACCURACY, MEMORY = 1.14, 1.42
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.labelcolor": INK,
}


def main(results: Path, picture: Path) -> None:
    """Draw what the part `files` measured on CSV with all workers."""
    found = load(results)
    if "files" not in found:
        sys.exit(f"plot: {results} has no results of the part files")
    rows = found["files"]["rows"]
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.6, 4.8), layout="constrained")
        draw(axes, rows)
        figure.savefig(picture, dpi=150, facecolor="white", bbox_inches="tight", pad_inches=0.15)


def draw(axes: Axes, rows: Rows) -> None:
    """Draw a line from the copy to each program, the quickest on top."""
    workers = max(row["cores"] for row in rows)
    drawn = [
        (time, row)
        for row in rows
        if row["cores"] == workers and row.get("format", "CSV") == "CSV" and "accuracy" in row
        if (time := times_copy(row, rows)) is not None
    ]
    drawn.sort(key=lambda each: each[0])
    for place, (time, row) in enumerate(drawn):
        color = COLORS[row.get("core", "")]
        axes.plot([1, time], [place, place], color=color, linewidth=7, solid_capstyle="butt")
        axes.annotate(
            f"{time:.1f}" if time >= 2 else f"{time:.2f}",
            (max(1, time), place),
            (7, 0),
            textcoords="offset points",
            va="center",
        )
        across = axes.get_yaxis_transform()
        figures = ((ACCURACY, f"{row['accuracy']:.1%}"), (MEMORY, f"{memory(row)} MiB"))
        for x, text in figures:
            axes.text(x, place, text, transform=across, ha="right", va="center")
    for x, heading in ((ACCURACY, "accuracy"), (MEMORY, "peak memory")):
        axes.text(x, -0.85, heading, transform=axes.get_yaxis_transform(), ha="right", color=FAINT)
    axes.set_yticks(range(len(drawn)), [_label(row) for _, row in drawn])
    axes.set_ylim(len(drawn) - 0.5, -0.6)
    times = [time for time, _ in drawn]
    low, high = min(1, *times) / 1.05, 1.4 * max(times)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(
        [t for t in TICKS if low < t < high], [f"{t:g}" for t in TICKS if low < t < high]
    )
    axes.set_xlabel(
        f"time, a plain copy of the CSV file = 1; {workers} workers, log scale", color=FAINT
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(1, color=FAINT, linewidth=1)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _label(row: dict[str, Any]) -> str:
    if "model" not in row:
        return LABELS[row["name"]]
    core = "native core" if row["core"] == NATIVE else ARROW
    return f"toolkit, {row['model']}, {core}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
