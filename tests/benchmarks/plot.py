"""Part 6: draw examples/speed.png from results.json."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tests.benchmarks.results import Rows, load
from tests.benchmarks.sources import PROJECT

PICTURE = PROJECT / "examples/speed.png"

# The darker of a pair is one core, the lighter all of them.
OURS, THEIRS = ("#116149", "#5fbf9b"), ("#6e7781", "#c4cad1")
INK, FAINT = "#24292f", "#57606a"

# Where the columns next to the bars end, in widths of the panel.
ACCURACY, MEMORY = 1.13, 1.39
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "text.color": INK,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


def main() -> None:
    """Draw what peers compare on the left, and growth on the right."""
    results = load()
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplot_mosaic(
            [["peers", "time"], ["peers", "memory"]],
            figsize=(10.8, 4.2),
            width_ratios=[2.2, 1],
            layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08),
        )
        draw_peers(axes["peers"], results["peers"]["rows"])
        growth = results["growth"]["rows"]
        times = [1e6 * row["seconds"] / row["reviews"] for row in growth]
        draw_growth(axes["time"], growth, times, "toolkit: µs per review")
        memory = [row["peak_mebibytes"] for row in growth]
        draw_growth(axes["memory"], growth, memory, "toolkit: peak MiB")
        axes["memory"].set_xlabel("reviews in the file", color=FAINT)
        figure.savefig(PICTURE, dpi=150, facecolor="white")


def draw_peers(axes: Axes, rows: Rows) -> None:
    """Draw a bar of reviews a second for each contender, quickest on top."""
    rows = [row for row in rows if "accuracy" in row]
    contenders = [list(group) for _, group in groupby(rows, key=lambda row: row["name"])]
    contenders.sort(key=lambda group: -group[-1]["reviews_per_second"])
    for place, group in enumerate(contenders):
        draw_contender(axes, place, group)
    cores = max(row["cores"] for row in rows)
    axes.set_title(f"Reviews per second on one core (dark) and on {cores} cores (light)")
    axes.set_xlim(0, 1.22 * contenders[0][-1]["reviews_per_second"])
    axes.set_ylim(len(contenders) - 0.5, -1)
    axes.set_yticks(range(len(contenders)), [group[0]["name"] for group in contenders])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    for x, heading in ((ACCURACY, "accuracy"), (MEMORY, "peak memory")):
        across = axes.get_yaxis_transform()
        axes.text(x, -0.75, heading, transform=across, ha="right", va="center", color=FAINT)


def draw_contender(axes: Axes, place: int, group: Rows) -> None:
    """Draw the bars of a contender over one another, the slower in front, and its figures."""
    colors = OURS if group[0]["name"].startswith("toolkit") else THEIRS
    for row in reversed(group):
        color = colors[0] if row["cores"] == 1 else colors[1]
        axes.barh(place, row["reviews_per_second"], color=color, height=0.7)
    most = group[-1]
    axes.text(most["reviews_per_second"], place, f"  {most['reviews_per_second']:,}", va="center")
    accuracy, memory = f"{most['accuracy']:.1%}", f"{most['peak_mebibytes']:,} MiB"
    across = axes.get_yaxis_transform()
    for x, text in ((ACCURACY, accuracy), (MEMORY, memory)):
        axes.text(x, place, text, transform=across, ha="right", va="center")


def draw_growth(axes: Axes, rows: Rows, values: list[float], title: str) -> None:
    """Draw a line over the length of the file, from zero."""
    sizes = [row["reviews"] for row in rows]
    axes.plot(sizes, values, color=OURS[0], marker="o", markersize=5)
    for size, value in zip(sizes, values, strict=True):
        at = (size, value)
        axes.annotate(f"{value:.0f}", at, (0, 7), textcoords="offset points", ha="center")
    axes.set_title(title)
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 1.4, sizes[-1] * 1.4)
    axes.set_ylim(0, 1.4 * max(values))
    axes.minorticks_off()
    axes.set_xticks(sizes, [_short(size) for size in sizes])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _short(number: int) -> str:
    return f"{number // 1_000_000} M" if number >= 1_000_000 else f"{number // 1_000} k"


if __name__ == "__main__":
    main()
