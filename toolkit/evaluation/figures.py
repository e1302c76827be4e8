"""The figures of the pages: curves, points and intervals in the units of an SVG.

`figure.html.j2` draws them. Colours are variables of the style sheet, so that one figure suits a
light and a dark page, and text is in the page's font.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import NamedTuple, TypeVar
from unicodedata import east_asian_width

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.evaluate_models import Evaluation
from toolkit.evaluation.groups import GroupFigures, shown_groups
from toolkit.evaluation.metrics import pr_curves, roc_curve
from toolkit.evaluation.second_opinion import SecondEvaluation
from toolkit.evaluation.summary import Summary, Trend

_Values = Sequence[float] | npt.NDArray[np.float64]
_Number = TypeVar("_Number", float, npt.NDArray[np.float64])

_SIZE = (310, 223)  # small, so that the letters can be read on a phone, too
_TIME_SIZE = (403, 187)
_SPARK_SIZE = (84, 20)
_SPARK_MARGIN = 2
_GROUPS_WIDTH = 374
_ROW = 14.4  # height of a group
_MORE_MODELS = 5.0  # height that each further model adds to it
_FRAME = 54  # height of a figure without its rows

_LETTER = 10  # size of the letters
_LETTER_WIDTH = 0.64  # of most letters, in their size; East Asian ones are as wide as high
_GAP = 5  # between numbers and the plot
_LONGEST_NAME = 28  # letters
_MOST_TICKS = 8
_FEW_TICKS = 5  # beside the names of rows, there is less room
_NEAR = 0.4  # points of a curve that are nearer to each other are left out
_DATES_SHOWN = 5
_HISTOGRAM_BINS = 20
# Rows: of a histogram, and on average of a step of time. Less are noise.
_FEWEST_SCORES = 100
_FEWEST_OF_STEP = 10

INK = "var(--ink)"
SOFT = "var(--soft)"
BAD = "var(--bad)"
_SERIES = 8  # colours in the style sheet

# Models can be distinguished without colours, too: lengths on and off, in line widths.
DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.2, 1.2, 1.2))
_NEGATIVE_DASHES = (2, 1.2)  # the curve of positive is a full line
_MARK_DASHES = (4, 3)  # of the diagonal and of means


@dataclass(frozen=True)
class Scale:
    """How the numbers of an axis become places in the figure."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]  # numbers and what is written there

    def at(self, value: _Number, start: float, end: float) -> _Number:
        """Map values to coordinates: the low end to `start`, the high end to `end`."""
        return start + (value - self.low) / (self.high - self.low) * (end - start)


@dataclass(frozen=True)
class Line:
    """A curve."""

    points: str  # as SVG has them
    colour: str
    width: float
    dashes: str  # lengths on and off; empty: a full line


@dataclass(frozen=True)
class Area:
    """A filled area."""

    points: str  # as SVG has them
    colour: str
    opacity: float


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass
class Figure:
    """A figure of two axes, with shapes in the order in which they are drawn."""

    x: Scale
    y: Scale
    xlabel: str = ""
    ylabel: str = ""
    size: tuple[float, float] = _SIZE
    has_rows: bool = False  # each tick of y is a row with a name, without a line
    areas: list[Area] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Where the plot begins: after the numbers of y."""
        widest = max((_width(text) for _, text in self.y.ticks), default=0)
        return widest + _GAP + 2 + (_LETTER + 6 if self.ylabel else 0)

    @property
    def right(self) -> float:
        """Where the plot ends; half of the last number of x is after it."""
        value, text = self.x.ticks[-1]
        inside = self.size[0] - self.left
        over = _width(text) / 2 - inside * (self.x.high - value) / (self.x.high - self.x.low)
        return self.size[0] - max(over, 2) - 1

    @property
    def top(self) -> float:
        """Where the plot begins, from above."""
        return _LETTER / 2 + 1

    @property
    def bottom(self) -> float:
        """Where the plot ends, from above."""
        return self.size[1] - (2 * _LETTER + 11 if self.xlabel else _LETTER + 8)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the data is in the figure."""
        return (
            round(self.x.at(x, self.left, self.right), 1),
            round(self.y.at(y, self.bottom, self.top), 1),
        )

    def x_ticks(self) -> list[tuple[float, str]]:
        """Return the places and texts of the numbers below the plot."""
        return [(self.place(value, self.y.low)[0], text) for value, text in self.x.ticks]

    def y_ticks(self) -> list[tuple[float, str]]:
        """Return the places and texts of the numbers or names left of the plot."""
        return [(self.place(self.x.low, value)[1], text) for value, text in self.y.ticks]

    def line(
        self,
        x: _Values,
        y: _Values,
        colour: str,
        *,
        width: float = 1.8,
        dashes: Sequence[float] = (),
    ) -> None:
        """Add a curve, (points,); `dashes` are lengths on and off, in line widths."""
        on_and_off = " ".join(f"{width * length:g}" for length in dashes)
        self.lines.append(
            Line(points=self._points(x, y), colour=colour, width=width, dashes=on_and_off)
        )

    def area(self, x: _Values, y: _Values, colour: str, opacity: float = 1.0) -> None:
        """Add a filled area between points, (points,)."""
        self.areas.append(Area(self._points(x, y), colour, opacity))

    def dot(self, x: float, y: float, colour: str, radius: float = 3.0) -> None:
        """Add a point."""
        self.dots.append(Dot(*self.place(x, y), round(radius, 2), colour))

    def _points(self, x: _Values, y: _Values) -> str:
        """Write points as SVG has them, without those that nobody could see."""
        places = np.column_stack(
            [
                self.x.at(np.asarray(x, np.float64), self.left, self.right),
                self.y.at(np.asarray(y, np.float64), self.bottom, self.top),
            ]
        ).round(1)
        is_new = np.append(True, np.any(np.diff(places, axis=0) != 0, axis=1))
        kept: list[list[float]] = []
        for across, up in places[is_new].tolist():
            if not kept or max(abs(across - kept[-1][0]), abs(up - kept[-1][1])) >= _NEAR:
                kept.append([across, up])
        kept.append(places[-1].tolist())
        return " ".join(f"{across:g},{up:g}" for across, up in kept)


def plots(evaluation: Evaluation) -> dict[str, Figure]:
    """Return the figures of an evaluation by their names in the template.

    There are no curves if all reviews have one label. Groups are those that tables show, if they
    have enough reviews of both labels.
    """
    found = {
        "reliability": _reliability(evaluation),
        "histograms": _histograms(evaluation),
        "lengths": _lengths(evaluation),
    }
    if 0 < evaluation.data.positive < evaluation.data.reviews:
        found["roc"] = _roc(evaluation)
        found["precision_recall"] = _precision_recall(evaluation)
    shown = shown_groups(evaluation.groups, evaluation.best) if evaluation.groups else ()
    if groups := [each for each in shown if each.has_both_labels]:
        found["groups"] = _groups(evaluation, groups)
    if evaluation.second is not None:
        found["second"] = _second(evaluation.second)
    return found


def summary_plots(found: Summary) -> dict[str, Figure]:
    """Return the figures of scored files by their names in the template, if rows are enough."""
    drawn = {}
    if found.total.rows >= _FEWEST_SCORES:
        drawn["scores"] = _scores(found)
    filled = [each for each in found.over_time if each.rows]
    rows = sum(each.rows for each in filled)
    if len(found.over_time) > 1 and rows >= _FEWEST_OF_STEP * len(filled):
        drawn["time"] = _over_time(found)
    return drawn


@dataclass(frozen=True)
class Spark:
    """A trend as a small line without axes, from 0 to its highest share."""

    points: str  # as SVG has them
    last: tuple[float, float]
    since: float | None  # where the share has turned
    size: tuple[float, float] = _SPARK_SIZE


def spark(trend: Trend) -> Spark:
    """Draw a trend as a small line."""
    width, height = _SPARK_SIZE
    shares = [each.share.value for each in trend.points]
    most = max(shares) or 1.0
    right = width - 2 * _SPARK_MARGIN
    up = height - 2 * _SPARK_MARGIN
    places = [
        (
            round(_SPARK_MARGIN + right * at / max(len(shares) - 1, 1), 1),
            round(height - _SPARK_MARGIN - up * share / most, 1),
        )
        for at, share in enumerate(shares)
    ]
    since = None
    if trend.turn is not None:
        after = [at for at, each in enumerate(trend.points) if each.since <= trend.turn.since]
        since = places[after[-1]][0]
    return Spark(" ".join(f"{x:g},{y:g}" for x, y in places), places[-1], since)


def _reliability(evaluation: Evaluation) -> Figure:
    figure = _square("Probability of positive", "Positive reviews")
    _diagonal(figure)
    for number, model in enumerate(evaluation.models):
        bins = model.reliability
        x = [each.probability for each in bins]
        y = [each.positive for each in bins]
        figure.line(x, y, _series(number), dashes=_dashes(number))
        for each in bins:
            area = 12 + 90 * each.reviews / evaluation.data.reviews
            radius = (area / np.pi) ** 0.5
            figure.dot(each.probability, each.positive, colour=_series(number), radius=radius)
    return figure


def _roc(evaluation: Evaluation) -> Figure:
    figure = _square("Negative reviews predicted positive", "Positive reviews found")
    _diagonal(figure)
    for number, model in enumerate(evaluation.models):
        false, true = roc_curve(evaluation.labels, model.probability)
        colour = _series(number)
        figure.line(false / false[-1], true / true[-1], colour, dashes=_dashes(number))
        m = model.metrics
        false_share = m.false_positives / (m.false_positives + m.true_negatives)
        true_share = m.true_positives / (m.true_positives + m.false_negatives)
        figure.dot(false_share, true_share, colour)
    return figure


def _precision_recall(evaluation: Evaluation) -> Figure:
    figure = _square("Recall", "Precision")
    for number, model in enumerate(evaluation.models):
        m = model.metrics
        positive, negative = pr_curves(*roc_curve(evaluation.labels, model.probability))
        colour = _series(number)
        figure.line(*_steps_before(*positive), colour, width=1.5)
        figure.line(*_steps_before(*negative), colour, width=1.5, dashes=_NEGATIVE_DASHES)
        in_use = ((m.recall, m.precision), (m.negative_recall, m.negative_precision))
        for recall, precision in in_use:
            if recall is not None and precision is not None:
                figure.dot(recall, precision, colour)
    return figure


def _second(found: SecondEvaluation) -> Figure:
    """Draw the accuracy of two models together, by the share that the second one is asked."""
    asked = [each.share for each in found.curve]
    own = [each.accuracy for each in found.curve]
    mean = [each.mean_accuracy for each in found.curve]
    alone = own[0]
    lowest = min(*own, *mean)
    highest = max(*own, *mean, found.best.accuracy)
    margin = max(0.08 * (highest - lowest), 0.002)
    figure = Figure(
        x=_from_0_to_1(),
        y=_percents(max(lowest - margin, 0.0), min(highest + margin, 1.002)),
        xlabel="Reviews that the second model is asked for",
        ylabel="Accuracy",
    )
    figure.line([0, 1], [alone] * 2, SOFT, width=1)
    figure.line(asked, own, _series(0))
    figure.line(asked, mean, _series(0), dashes=_NEGATIVE_DASHES)
    for curve in (own, mean):
        for share, accuracy in zip(asked, curve, strict=True):
            figure.dot(share, accuracy, _series(0), radius=1.9)
    if found.best.helps:
        figure.dot(found.best.share, found.best.accuracy, INK, radius=4)
    return figure


def _histograms(evaluation: Evaluation) -> Figure:
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    curves = []
    for number, model in enumerate(evaluation.models):
        for label, dashes in ((1, ()), (0, _NEGATIVE_DASHES)):
            chosen = model.probability[evaluation.labels == label].astype(np.float64)
            heights = np.histogram(chosen, edges)[0] / max(len(chosen), 1)
            curves.append((heights, _series(number), dashes))
    figure = Figure(
        x=_from_0_to_1(),
        y=_from_0(max(float(heights.max()) for heights, _, _ in curves)),
        xlabel="Probability of positive",
        ylabel="Reviews of the class",
    )
    for heights, colour, dashes in curves:
        figure.line(*_outline(heights, edges), colour, width=1.5, dashes=dashes)
    return figure


def _lengths(evaluation: Evaluation) -> Figure:
    slices = evaluation.breakdowns[0].slices
    return _slices(slices, "accuracy", xlabel="Accuracy", ylabel="Tokens (reviews)")


def _groups(evaluation: Evaluation, groups: Sequence[GroupFigures]) -> Figure:
    marks = [_Mark(0.5, SOFT)]
    if evaluation.macro_mean is not None:
        for number, mean in enumerate(evaluation.macro_mean.models):
            marks.append(_Mark(mean.balanced_accuracy, _series(number), _MARK_DASHES))
    row = _ROW + _MORE_MODELS * (len(evaluation.models) - 1)
    return _slices(
        groups,
        "balanced_accuracy",
        xlabel="Balanced accuracy",
        size=(_GROUPS_WIDTH, round(_FRAME + len(groups) * row)),
        marks=marks,
    )


class _Mark(NamedTuple):
    """A number of the horizontal axis with a line from top to bottom."""

    value: float
    colour: str
    dashes: Sequence[float] = ()


def _slices(
    slices: Sequence[GroupFigures],
    key: str,
    *,
    xlabel: str,
    ylabel: str = "",
    size: tuple[float, float] = _SIZE,
    marks: Sequence[_Mark] = (),
) -> Figure:
    """Draw a row for each slice, with a point and its interval for each model."""
    rows = [[each.figure(key) for each in one.metrics] for one in slices]
    numbers = [mark.value for mark in marks]
    for row in rows:
        numbers += [interval[0] for _, interval in row if interval is not None]
    low = min(numbers, default=0.0)
    names = [f"{_short(each.name)} ({each.reviews:,})" for each in slices]
    figure = Figure(
        x=_percents(low - 0.05 * (1 - low), 1.005, _FEW_TICKS),
        y=Scale(len(slices) - 0.4, -0.6, tuple(enumerate(names))),
        xlabel=xlabel,
        ylabel=ylabel,
        size=size,
        has_rows=True,
    )
    for mark in marks:
        ends = [figure.y.low, figure.y.high]
        figure.line([mark.value] * 2, ends, mark.colour, width=1, dashes=mark.dashes)
    models = len(slices[0].metrics)
    for number in range(models):
        shift = (number - (models - 1) / 2) * min(0.22, 0.7 / models)
        for place, row in enumerate(rows):
            value, interval = row[number]
            if value is not None and interval is not None:
                height = place + shift
                figure.line(interval, [height, height], _series(number), width=1.3)
                figure.dot(value, height, _series(number), radius=2.4)
    return figure


def _scores(found: Summary) -> Figure:
    counts = np.array(found.texts.histogram, np.float64)
    heights = counts / max(counts.sum(), 1)
    figure = Figure(
        x=_from_0_to_1(is_percent=False),
        y=_from_0(float(heights.max())),
        xlabel=f"Probability of {found.positive}",
        ylabel="Reviews",
    )
    figure.area(*_outline(heights, np.linspace(0, 1, len(heights) + 1)), _series(0))
    return figure


def _over_time(found: Summary) -> Figure:
    """Draw the share of negative reviews in each step, with its interval as an area."""
    steps = [at for at, each in enumerate(found.over_time) if each.rows]
    shares = [found.over_time[at].share(found.negative) for at in steps]
    lows = [each.interval[0] for each in shares]
    highs = [each.interval[1] for each in shares]
    last = len(found.over_time) - 1
    shown = range(0, last + 1, -(-len(found.over_time) // _DATES_SHOWN))
    margin = 0.03 * last
    figure = Figure(
        x=Scale(-margin, last + margin, tuple((at, found.over_time[at].name) for at in shown)),
        y=_from_0(max(highs)),
        ylabel=found.negative,
        size=_TIME_SIZE,
    )
    figure.area([*steps, *steps[::-1]], [*lows, *highs[::-1]], BAD, opacity=0.25)
    figure.line(steps, [each.value for each in shares], BAD)
    for at, share in zip(steps, shares, strict=True):
        figure.dot(at, share.value, BAD, radius=1.9)
    if found.turn is not None:
        at = next(n for n, each in enumerate(found.over_time) if each.name == found.turn.since)
        for ends, share in (((0, at - 1), found.turn.before), ((at, last), found.turn.now)):
            figure.line(ends, [share.value] * 2, INK, width=1, dashes=_MARK_DASHES)
    return figure


def _square(xlabel: str, ylabel: str) -> Figure:
    """Make a figure from 0 to 1 both ways."""
    return Figure(x=_from_0_to_1(), y=_from_0_to_1(), xlabel=xlabel, ylabel=ylabel)


def _diagonal(figure: Figure) -> None:
    figure.line([0, 1], [0, 1], SOFT, width=1, dashes=_MARK_DASHES)


def _from_0_to_1(*, is_percent: bool = True) -> Scale:
    fifths = [each / 5 for each in range(6)]
    ticks = [(each, f"{each:.0%}" if is_percent else f"{each:.1f}") for each in fifths]
    return Scale(-0.02, 1.02, tuple(ticks))


def _from_0(highest: float) -> Scale:
    """Make a scale of percents from 0 to a little above the highest number."""
    return _percents(0.0, 1.05 * highest or 1.0)


def _percents(low: float, high: float, most: int = _MOST_TICKS) -> Scale:
    """Make a scale with numbers in percent, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    digits = max(0, -floor(log10(step) + 1e-9) - 2)
    ticks = [(number * step, f"{number * step:.{digits}%}") for number in range(first, last + 1)]
    return Scale(low, high, tuple(ticks))


def _steps_before(x: _Values, y: _Values) -> tuple[_Values, _Values]:
    """Return the corners of a curve that changes at once after each of its points."""
    return np.repeat(x, 2)[:-1], np.repeat(y, 2)[1:]


def _outline(heights: _Values, edges: _Values) -> tuple[_Values, _Values]:
    """Return the corners of the outline of a histogram, from 0 to 0."""
    return np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])


def _dashes(number: int) -> Sequence[float]:
    return DASHES[number % len(DASHES)]


def _series(number: int) -> str:
    """Return the colour of a model, by its number from 0."""
    return f"var(--series-{number % _SERIES})"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _width(text: str) -> float:
    """Estimate the width of a text in the page's font."""
    wide = sum(east_asian_width(letter) in "WF" for letter in text)
    return _LETTER * (wide + _LETTER_WIDTH * (len(text) - wide))
