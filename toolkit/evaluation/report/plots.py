"""The figures of an evaluation; several models are in one plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from toolkit.evaluation.coverage import coverage_curve
from toolkit.evaluation.report.svg import INK, SOFT, as_svg, series, style
from toolkit.evaluation.result import LABELS, Evaluation, ModelResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (4.3, 3.1)  # inches: small, so that the letters can be read on a phone, too
_HISTOGRAM_BINS = 20
_FEWEST_ANSWERS = 20  # the accuracy of fewer jumps
_MARGINS = (-0.02, 1.02)

# Models can be distinguished without colours, too: on and off, in line widths; () is a full line.
DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.2, 1.2, 1.2))


class Plot(NamedTuple):
    """A figure of the report."""

    title: str
    svg: str
    caption: str
    has_dashes: bool  # whether dashes distinguish the models, and not only colours


def plots(evaluation: Evaluation) -> list[Plot]:
    """Draw all figures, without the ROC curve if all reviews have one label."""
    several = len(evaluation.models) > 1
    figures: dict[str, tuple[Callable[[Axes, Evaluation], None], str]] = {
        "Reliability": (
            _reliability,
            "Share of reviews that are positive, by the probability that the model gave them, in "
            "15 bins; the larger a point, the more reviews. On the dashed line, a probability of "
            "80% is right in 80% of the cases; the mean distance from it is the calibration error.",
        ),
        "ROC curve": (
            _roc,
            "Positive reviews that are found, against negative ones that are called positive, as "
            "the threshold moves; the point is the threshold in use.",
        ),
        "Probabilities by class": (
            _histograms if several else _histogram,
            "Share of the reviews of each class, by the probability that the model gave them"
            + (": full lines positive, dashed negative." if several else "."),
        ),
        "Accuracy by length": (
            _by_length,
            "By the tokens of a review, before any cut; with 95% intervals.",
        ),
        "Accuracy by coverage": (
            _by_coverage,
            "Accuracy if only the surest part of the reviews is answered. The points are where "
            "the accuracies to reach are reached.",
        ),
    }
    if evaluation.data.positive in (0, evaluation.data.reviews):
        del figures["ROC curve"]
    return [
        Plot(title, _svg(evaluation, draw), caption, has_dashes=draw is not _histograms)
        for title, (draw, caption) in figures.items()
    ]


def _svg(evaluation: Evaluation, draw: Callable[[Axes, Evaluation], None]) -> str:
    with style():
        # Not pyplot: no window system, and nothing kept between calls.
        from matplotlib.figure import Figure

        figure = Figure(figsize=_SIZE)
        draw(figure.add_subplot(), evaluation)
        return as_svg(figure, draw.__name__.strip("_"))


def _reliability(axes: Axes, evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        bins = model.reliability
        x, y = [each.probability for each in bins], [each.positive for each in bins]
        sizes = [12 + 90 * each.reviews / evaluation.data.reviews for each in bins]
        axes.plot(x, y, **_line(number))
        axes.scatter(x, y, s=sizes, color=series(number), zorder=3, linewidths=0)
    _finish_square(axes, "Probability of positive", "Positive reviews")


def _roc(axes: Axes, evaluation: Evaluation) -> None:
    from sklearn.metrics import roc_curve

    for number, model in enumerate(evaluation.models):
        x, y, _ = roc_curve(evaluation.labels, model.probability.astype(np.float64))
        axes.plot(x, y, **_line(number))
        m = model.metrics
        false = m.false_positives / (m.false_positives + m.true_negatives)
        true = m.true_positives / (m.true_positives + m.false_negatives)
        axes.plot(false, true, "o", color=series(number), ms=5)
    _finish_square(axes, "Negative reviews called positive", "Positive reviews found")


def _finish_square(axes: Axes, xlabel: str, ylabel: str) -> None:
    """From 0 to 1 both ways, with the diagonal."""
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, dashes=(4, 3), zorder=1)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=_MARGINS, ylim=_MARGINS)
    percent_axis(axes.xaxis, axes.yaxis)


def _histogram(axes: Axes, evaluation: Evaluation) -> None:
    (model,) = evaluation.models
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for label, (name, side) in enumerate(zip(LABELS, sides, strict=True)):
        edges, heights = _shares_of_class(evaluation, model, label)
        colour = series(1 - label)
        axes.stairs(heights, edges, color=colour, fill=True, alpha=0.35)
        axes.stairs(heights, edges, color=colour, lw=1.6)
        axes.set_title(name, loc=side, color=colour, fontsize=10, weight="bold")
    axes.axvline(model.threshold, color=INK, lw=1, dashes=(2, 2))
    _finish_histogram(axes)


def _histograms(axes: Axes, evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        for label in (0, 1):
            edges, heights = _shares_of_class(evaluation, model, label)
            line = "-" if label else (0, (2, 1.2))
            axes.stairs(heights, edges, color=series(number), lw=1.5, linestyle=line)
    _finish_histogram(axes)


def _shares_of_class(evaluation: Evaluation, model: ModelResult, label: int) -> Any:
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    chosen = model.probability[evaluation.labels == label].astype(np.float64)
    heights, _ = np.histogram(chosen, edges)
    return edges, heights / max(len(chosen), 1)


def _finish_histogram(axes: Axes) -> None:
    axes.set(xlabel="Probability of positive", ylabel="Reviews of the class", xlim=_MARGINS)
    axes.set_ylim(bottom=0)
    percent_axis(axes.xaxis, axes.yaxis)


def _by_length(axes: Axes, evaluation: Evaluation) -> None:
    parts = evaluation.breakdowns[0].parts
    count = len(evaluation.models)
    for number in range(count):
        shift = (number - (count - 1) / 2) * min(0.14, 0.6 / count)
        places = np.arange(len(parts)) + shift
        values = np.array([part.accuracy[number].value for part in parts])
        ends = np.array([part.accuracy[number].interval for part in parts]).T
        bars = np.abs(ends - values)
        axes.plot(places, values, alpha=0.5, **_line(number))
        axes.errorbar(places, values, bars, fmt="o", color=series(number), ms=4.5, lw=1.4)
    axes.set_xticks(range(len(parts)), [f"{p.name}\n{p.reviews:,}" for p in parts])
    axes.set(xlabel="Tokens, and reviews", ylabel="Accuracy")
    percent_axis(axes.yaxis)


def _by_coverage(axes: Axes, evaluation: Evaluation) -> None:
    reviews = evaluation.data.reviews
    fewest = min(max(_FEWEST_ANSWERS, reviews // 50), reviews)
    for number, model in enumerate(evaluation.models):
        answered, right = coverage_curve(evaluation.labels, model.probability, model.threshold)
        shown = answered >= fewest
        axes.plot(answered[shown] / reviews, right[shown] / answered[shown], **_line(number))
        for each in model.coverage_at_accuracy:
            if each.answered >= fewest and each.accuracy is not None:
                axes.plot(each.share, each.accuracy, "o", color=series(number), ms=5)
    axes.set(xlabel="Reviews answered", ylabel="Accuracy", xlim=_MARGINS)
    percent_axis(axes.xaxis, axes.yaxis)


def _line(number: int) -> dict[str, Any]:
    dashes = DASHES[number % len(DASHES)]
    return {"color": series(number), **({"dashes": dashes} if dashes else {})}


def percent_axis(*axis: Any) -> None:
    """Write the numbers at axes in percent."""
    from matplotlib.ticker import PercentFormatter

    for each in axis:
        each.set_major_formatter(PercentFormatter(1.0))
