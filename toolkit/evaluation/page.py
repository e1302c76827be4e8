"""An evaluation as one HTML page that needs nothing else: no network, no script.

The colours of its figures are drawn as numbers that nothing else has, and replaced by variables of
the style sheet, so that one figure suits a light and a dark page. Its text stays text, in the
page's font. Nothing refers to anything outside: comments, metadata and namespaces are left out.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from toolkit import __version__
from toolkit.evaluation import tables
from toolkit.evaluation.coverage import coverage_curve
from toolkit.evaluation.evaluate_models import Evaluation, Mistake, ModelResult
from toolkit.evaluation.groups import Breakdown, Slice, groups_note, shown_groups
from toolkit.evaluation.metrics import METRICS, roc_curve
from toolkit.evaluation.reviews import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_SIZE = (4.3, 3.1)  # inches: small, so that the letters can be read on a phone, too
_HISTOGRAM_BINS = 20
_FEWEST_ANSWERS = 20  # the accuracy of fewer jumps
_MARGINS = (-0.02, 1.02)

# Models can be distinguished without colours, too: on and off, in line widths; () is a full line.
DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.2, 1.2, 1.2))
_GROUPS_WIDTH = 5.2  # inches
_ROW, _MORE_MODELS, _FRAME = 0.2, 0.07, 0.75  # heights: of a group, of each further model, the rest
_LONGEST_NAME = 28  # letters

_INK, _SOFT, _GRID = "#000001", "#000002", "#000003"
_VARIABLES = {_INK: "var(--ink)", _SOFT: "var(--soft)", _GRID: "var(--line)"}
_SERIES = 8  # colours in the style sheet

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "toolkit",  # the same figure gives the same bytes
    "text.parse_math": False,  # a dollar sign in a name is one
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}


class Plot(NamedTuple):
    """A figure of the report."""

    title: str
    svg: str
    caption: str
    has_dashes: bool = True  # whether dashes distinguish the models, and not only colours


def plots(evaluation: Evaluation) -> list[Plot]:
    """Draw all figures, without the ROC curve if all reviews have one label."""
    several = len(evaluation.models) > 1
    histograms = _histograms if several else _histogram
    found = [
        _plot(
            evaluation,
            "Reliability",
            _reliability,
            "Share of reviews that are positive, by the probability that the model gave them, in "
            "15 bins; the larger a point, the more reviews. On the dashed line, a probability of "
            "80% is right in 80% of the cases; the mean distance from it is the calibration error.",
        ),
        _plot(
            evaluation,
            "Probabilities by class",
            histograms,
            "Share of the reviews of each class, by the probability that the model gave them"
            + (": full lines positive, dashed negative." if several else "."),
        )._replace(has_dashes=not several),
        _plot(
            evaluation,
            "Accuracy by length",
            _by_length,
            "By the tokens of a review, before any cut; with 95% intervals.",
        ),
        _plot(
            evaluation,
            "Accuracy by coverage",
            _by_coverage,
            "Accuracy if only the surest part of the reviews is answered. The points are where "
            "the accuracies to reach are reached.",
        ),
    ]
    if 0 < evaluation.data.positive < evaluation.data.reviews:
        caption = (
            "Positive reviews that are found, against negative ones that are called positive, as "
            "the threshold moves; the point is the threshold in use."
        )
        found.insert(1, _plot(evaluation, "ROC curve", _roc, caption))
    return found


def group_plot(evaluation: Evaluation, groups: Breakdown) -> Plot | None:
    """Draw the groups that tables show; None if none has enough reviews of both labels."""
    shown = [each for each in shown_groups(groups, evaluation.best) if each.has_both_labels]
    if not shown:
        return None
    rows = _ROW + _MORE_MODELS * (len(evaluation.models) - 1)
    size = _GROUPS_WIDTH, _FRAME + len(shown) * rows
    caption = (
        "With 95% intervals; in brackets, the reviews. The group that is hardest for the best "
        "model is at the top; the dashed line is the mean over the groups. A constant has 50%."
    )
    column = evaluation.data.columns["group"]
    svg = _svg("groups", size, lambda axes: _by_group(axes, evaluation, shown))
    return Plot(f"Balanced accuracy by {column}", svg, caption, has_dashes=False)


def _plot(
    evaluation: Evaluation, title: str, draw: Callable[[Axes, Evaluation], None], caption: str
) -> Plot:
    name = draw.__name__.strip("_")
    return Plot(title, _svg(name, _SIZE, lambda axes: draw(axes, evaluation)), caption)


def _svg(name: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> str:
    with _style():
        # Not pyplot: no window system, and nothing kept between calls.
        from matplotlib.figure import Figure

        figure = Figure(figsize=size)
        draw(figure.add_subplot())
        return _as_svg(figure, name)


def _reliability(axes: Axes, evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        bins = model.reliability
        x, y = [each.probability for each in bins], [each.positive for each in bins]
        sizes = [12 + 90 * each.reviews / evaluation.data.reviews for each in bins]
        axes.plot(x, y, **_line(number))
        axes.scatter(x, y, s=sizes, color=_series(number), zorder=3, linewidths=0)
    _finish_square(axes, "Probability of positive", "Positive reviews")


def _roc(axes: Axes, evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        x, y = roc_curve(evaluation.labels, model.probability)
        axes.plot(x / x[-1], y / y[-1], **_line(number))
        m = model.metrics
        false = m.false_positives / (m.false_positives + m.true_negatives)
        true = m.true_positives / (m.true_positives + m.false_negatives)
        axes.plot(false, true, "o", color=_series(number), ms=5)
    _finish_square(axes, "Negative reviews called positive", "Positive reviews found")


def _finish_square(axes: Axes, xlabel: str, ylabel: str) -> None:
    """From 0 to 1 both ways, with the diagonal."""
    axes.plot([0, 1], [0, 1], color=_SOFT, lw=1, dashes=(4, 3), zorder=1)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=_MARGINS, ylim=_MARGINS)
    _percent_axis(axes.xaxis, axes.yaxis)


def _histogram(axes: Axes, evaluation: Evaluation) -> None:
    (model,) = evaluation.models
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for label, (name, side) in enumerate(zip(LABELS, sides, strict=True)):
        edges, heights = _shares_of_class(evaluation, model, label)
        colour = _series(1 - label)
        axes.stairs(heights, edges, color=colour, fill=True, alpha=0.35)
        axes.stairs(heights, edges, color=colour, lw=1.6)
        axes.set_title(name, loc=side, color=colour, fontsize=10, weight="bold")
    axes.axvline(model.threshold, color=_INK, lw=1, dashes=(2, 2))
    _finish_histogram(axes)


def _histograms(axes: Axes, evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        for label in (0, 1):
            edges, heights = _shares_of_class(evaluation, model, label)
            line = "-" if label else (0, (2, 1.2))
            axes.stairs(heights, edges, color=_series(number), lw=1.5, linestyle=line)
    _finish_histogram(axes)


def _shares_of_class(evaluation: Evaluation, model: ModelResult, label: int) -> Any:
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    chosen = model.probability[evaluation.labels == label].astype(np.float64)
    heights, _ = np.histogram(chosen, edges)
    return edges, heights / max(len(chosen), 1)


def _finish_histogram(axes: Axes) -> None:
    axes.set(xlabel="Probability of positive", ylabel="Reviews of the class", xlim=_MARGINS)
    axes.set_ylim(bottom=0)
    _percent_axis(axes.xaxis, axes.yaxis)


def _by_length(axes: Axes, evaluation: Evaluation) -> None:
    slices = evaluation.breakdowns[0].slices
    count = len(evaluation.models)
    for number in range(count):
        shift = (number - (count - 1) / 2) * min(0.14, 0.6 / count)
        places = np.arange(len(slices)) + shift
        values = np.array([each.metrics[number].accuracy.value for each in slices])
        ends = np.array([each.metrics[number].accuracy.interval for each in slices]).T
        bars = np.abs(ends - values)
        axes.plot(places, values, alpha=0.5, **_line(number))
        axes.errorbar(places, values, bars, fmt="o", color=_series(number), ms=4.5, lw=1.4)
    axes.set_xticks(range(len(slices)), [f"{each.name}\n{each.reviews:,}" for each in slices])
    axes.set(xlabel="Tokens, and reviews", ylabel="Accuracy")
    _percent_axis(axes.yaxis)


def _by_coverage(axes: Axes, evaluation: Evaluation) -> None:
    reviews = evaluation.data.reviews
    fewest = min(max(_FEWEST_ANSWERS, reviews // 50), reviews)
    for number, model in enumerate(evaluation.models):
        answered, right, _ = coverage_curve(evaluation.labels, model.probability, model.threshold)
        shown = answered >= fewest
        axes.plot(answered[shown] / reviews, right[shown] / answered[shown], **_line(number))
        for each in model.coverage_at_accuracy:
            if each.answered >= fewest and each.accuracy is not None:
                axes.plot(each.share, each.accuracy, "o", color=_series(number), ms=5)
    axes.set(xlabel="Reviews answered", ylabel="Accuracy", xlim=_MARGINS)
    _percent_axis(axes.xaxis, axes.yaxis)


def _line(number: int) -> dict[str, Any]:
    dashes = DASHES[number % len(DASHES)]
    return {"color": _series(number), **({"dashes": dashes} if dashes else {})}


def _by_group(axes: Axes, evaluation: Evaluation, groups: Sequence[Slice]) -> None:
    """Draw a line for each group, with a point for each model."""
    count, rows = len(evaluation.models), np.arange(len(groups))
    for number in range(count):
        shift = (number - (count - 1) / 2) * min(0.22, 0.7 / count)
        found = [each.metrics[number] for each in groups]
        values = np.array([each.balanced_accuracy for each in found], np.float64)
        ends = np.array([each.balanced_accuracy_interval for each in found]).T
        bars = np.abs(ends - values)
        colour = _series(number)
        axes.errorbar(values, rows + shift, xerr=bars, fmt="o", color=colour, ms=4, lw=1.3)
        if evaluation.macro_mean is not None:
            mean = evaluation.macro_mean.models[number].balanced_accuracy
            axes.axvline(mean, color=colour, lw=1, dashes=(4, 3), zorder=1)
    axes.axvline(0.5, color=_SOFT, lw=1, zorder=1)
    axes.set_yticks(rows, [f"{_short(each.name)} ({each.reviews:,})" for each in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set(xlabel="Balanced accuracy")
    axes.set_xlim(right=1.005)
    axes.grid(visible=False, axis="y")
    _percent_axis(axes.xaxis)


def _percent_axis(*axis: Any) -> None:
    """Write the numbers at axes in percent."""
    from matplotlib.ticker import PercentFormatter

    for each in axis:
        each.set_major_formatter(PercentFormatter(1.0))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _series(number: int) -> str:
    """The colour of a model, by its number from 0."""
    return f"#0001{number % _SERIES:02x}"


def _style() -> Any:
    """Give the context in which figures are drawn."""
    # Matplotlib says when it builds its font cache, which does not concern who reads a report.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl

    return mpl.rc_context(_STYLE)


def _as_svg(figure: Figure, name: str) -> str:
    """Write a figure, in the context of `style`, as ``svg``; no other of the page has its name."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # The text is drawn in the font of the page, so what Matplotlib's own lacks is not missing.
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| version="1.1"', "", text)
    text = text.replace("xlink:href", "href")
    # Names are looked up in the whole page.
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'^<svg width="[^"]*" height="[^"]*"', "<svg", text)
    text = re.sub(r"^<svg ([^>]*)>", r'<svg \1 aria-hidden="true">', text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub("#0001([0-9a-f]{2})", lambda m: f"var(--series-{int(m[1], 16)})", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return re.sub(r"\n\s*", "\n", text).strip()


# HTML has no place for them, not even escaped.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_LETTERS_SHOWN = 4000  # of a review whose words were not tried
_FAINT = 0.08  # of the strongest effect: weaker ones are not marked


class Span(NamedTuple):
    """A piece of a review, marked by what it adds to the wrong label."""

    text: str
    effect: float = 0.0  # log-odds; 0: not marked
    strength: float = 0.0  # 0 to 1, as a share of the strongest word


def page(evaluation: Evaluation) -> str:
    """Write the whole page; everything from the data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        finalize=_printable,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    here = files("toolkit.evaluation")
    template = environment.from_string((here / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        evaluation=evaluation,
        labels=LABELS,
        metrics=METRICS,
        plots=plots(evaluation),
        group_plot=evaluation.groups and group_plot(evaluation, evaluation.groups),
        groups_note=groups_note,
        dashes=DASHES,
        spans=spans,
        style=Markup((here / "report.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        tables=tables,
        version=__version__,
    )


def spans(mistake: Mistake) -> Iterator[Span]:
    """Split a review into its words and what is between them, as far as the model reads it."""
    words = [word for word in mistake.words if word.state != "unread"]
    if not words:
        cut = mistake.text[:_LETTERS_SHOWN]
        yield Span(cut + "…" * (cut != mistake.text))
        return
    at = words[0].start if mistake.unread else 0
    strongest = max(abs(word.contribution) for word in words)
    for word in words:
        yield Span(mistake.text[at : word.start])
        strength = abs(word.contribution) / strongest if strongest else 0.0
        effect = mistake.effect(word) if strength >= _FAINT else 0.0
        yield Span(mistake.text[word.start : word.end], effect, strength)
        at = word.end
    yield Span(mistake.text[at:])


def _printable(value: Any) -> Any:
    """Replace what HTML cannot hold by U+FFFD; what is escaped already stays as it is."""
    return _CONTROL.sub("\ufffd", value) if type(value) is str else value
