"""Draw accuracy against speed, one point for each model: ``tradeoff RESULTS QUALITY PICTURE``.

Speed is that of the part `files`, CSV to CSV with all workers and the core that runs by default.
Accuracy is that of the part `quality`: the mean over the domains of the held-out reviews.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from examples.benchmarks.plot import COLORS, FAINT, INK, STYLE
from examples.benchmarks.programs import ARROW, FASTTEXT_CSV, NATIVE, SCIKIT_LEARN, VADER
from examples.benchmarks.results import load

# The models of others: the name of the program that was timed, and of the peer that was evaluated.
PEERS_OF_PROGRAMS = {FASTTEXT_CSV: "fasttext", SCIKIT_LEARN: "tfidf", VADER: "vader"}
LABELS = {"fasttext": "fastText, bigrams", "tfidf": "tf-idf, scikit-learn", "vader": "VADER"}
# Where a label stands, seen from its point, in points of type: to the right if nothing is said.
OFFSETS = {"reviews-small": (0, -18), "conv1d": (0, 11)}
RIGHT = (11, -4)


@dataclass(frozen=True)
class Point:
    """A model: its name in the results of quality, reviews a second, and accuracy from 0 to 1."""

    name: str
    reviews_per_second: float
    accuracy: float

    @property
    def is_ours(self) -> bool:
        """Whether the toolkit ships it."""
        return self.name not in LABELS


def points(results: dict[str, Any], quality: dict[str, Any]) -> Iterator[Point]:
    """Yield each model that was timed and evaluated."""
    rows = results["files"]["rows"]
    accuracies = {
        row["name"]: row["macro_mean"]["balanced_accuracy"]
        for row in quality["held-out"]["rows"]
        if "skipped" not in row
    }
    workers = max(row["cores"] for row in rows)
    for row in rows:
        name = row.get("model") or PEERS_OF_PROGRAMS.get(row["name"], "")
        is_usual = row.get("format", "CSV") == "CSV" and row.get("core") != ARROW
        if row["cores"] == workers and is_usual and name in accuracies and "skipped" not in row:
            yield Point(name, row["reviews_per_second"], accuracies[name])


def draw(axes: Axes, found: list[Point]) -> None:
    """Draw the points with their names."""
    for point in found:
        color = COLORS[NATIVE] if point.is_ours else COLORS[""]
        place = (point.reviews_per_second, 100 * point.accuracy)
        axes.plot(*place, "o" if point.is_ours else "s", color=color, markersize=10)
        offset = OFFSETS.get(point.name, RIGHT)
        axes.annotate(
            LABELS.get(point.name, point.name),
            place,
            offset,
            textcoords="offset points",
            color=color if point.is_ours else INK,
            fontweight="bold" if point.is_ours else "normal",
            ha="left" if offset == RIGHT else "center",
        )
    speeds = [point.reviews_per_second for point in found]
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 1.6, max(speeds) * 3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("reviews a second on two cores, CSV to CSV, log scale", color=FAINT)
    axes.set_ylabel("accuracy, %, mean of 36 domains", color=FAINT)
    axes.grid(color="#d0d7de", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def main(results: Path, quality: Path, picture: Path) -> None:
    """Draw what both parts measured."""
    found = list(points(load(results), load(quality)))
    if not found:
        sys.exit(f"tradeoff: {results} and {quality} have no model in common")
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.6, 4.2), layout="constrained")
        draw(axes, found)
        figure.savefig(picture, dpi=150, facecolor="white")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
