"""The figure of the groups: the balanced accuracy of each, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.breakdown import Breakdown, Part
from toolkit.evaluation.groups import shown_groups
from toolkit.evaluation.report.plots import Plot, percent_axis
from toolkit.evaluation.report.svg import SOFT, as_svg, series, style
from toolkit.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 5.2  # inches
_ROW, _MORE_MODELS, _FRAME = 0.2, 0.07, 0.75  # heights: of a group, of each further model, the rest
_LONGEST_NAME = 28  # letters


def group_plot(evaluation: Evaluation, groups: Breakdown) -> Plot | None:
    """Draw the groups that tables show; None if none has enough reviews of both labels."""
    parts = [part for part in shown_groups(groups, evaluation.best) if part.has_both_labels]
    if not parts:
        return None
    with style():
        figure = draw_groups(evaluation, parts)
        svg = as_svg(figure, "groups")
    column = evaluation.data.columns["group"]
    caption = (
        "With 95% intervals; in brackets, the reviews. The group that is hardest for the best "
        "model is at the top; the dashed line is the mean over the groups. A constant has 50%."
    )
    return Plot(f"Balanced accuracy by {column}", svg, caption, has_dashes=False)


def draw_groups(evaluation: Evaluation, parts: list[Part]) -> Figure:
    """Draw a line for each part, with a point for each model."""
    # Not pyplot: no window system, and nothing kept between calls.
    from matplotlib.figure import Figure

    count = len(evaluation.models)
    height = _FRAME + len(parts) * (_ROW + _MORE_MODELS * (count - 1))
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_subplot()
    rows = np.arange(len(parts))
    for number in range(count):
        shift = (number - (count - 1) / 2) * min(0.22, 0.7 / count)
        values = np.array([part.balanced_accuracy[number] for part in parts], np.float64)
        ends = np.array([part.balanced_interval[number] for part in parts]).T
        bars = np.abs(ends - values)
        colour = series(number)
        axes.errorbar(values, rows + shift, xerr=bars, fmt="o", color=colour, ms=4, lw=1.3)
        if evaluation.macro_mean is not None:
            mean = evaluation.macro_mean.models[number].balanced_accuracy
            axes.axvline(mean, color=colour, lw=1, dashes=(4, 3), zorder=1)
    axes.axvline(0.5, color=SOFT, lw=1, zorder=1)
    axes.set_yticks(rows, [f"{_short(part.name)} ({part.reviews:,})" for part in parts])
    axes.set_ylim(len(parts) - 0.4, -0.6)
    axes.set(xlabel="Balanced accuracy")
    axes.set_xlim(right=1.005)
    axes.grid(visible=False, axis="y")
    percent_axis(axes.xaxis)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
