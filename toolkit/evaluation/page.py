"""An evaluation, or a summary, as one HTML page that needs nothing else: no network, no script.

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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit import __version__
from toolkit.evaluation import behaviour, cells, tables
from toolkit.evaluation.evaluate_models import Evaluation, Mistake
from toolkit.evaluation.groups import Slice, groups_note, shown_groups
from toolkit.evaluation.metrics import METRICS, pr_curves, roc_curve
from toolkit.evaluation.summary import Summary, headline, sections
from toolkit.model.classes import SENTIMENT
from toolkit.model.explain import pieces
from toolkit.model.facts import PARTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_SIZE = (4.3, 3.1)  # inches: small, so that the letters can be read on a phone, too
_WIDE = (5.6, 2.6)
_DATES_SHOWN = 5
_HISTOGRAM_BINS = 20
_MARGINS = (-0.02, 1.02)

# Models can be distinguished without colours, too: on and off, in line widths; () is a full line.
DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.2, 1.2, 1.2))
_CLASS_LINES: tuple[Any, ...] = ("-", (0, (2, 1.2)))  # of positive and of negative
_GROUPS_WIDTH = 5.2  # inches
_ROW, _MORE_MODELS, _FRAME = 0.2, 0.07, 0.75  # heights: of a group, of each further model, the rest
_LONGEST_NAME = 28  # letters

_HERE = Path(__file__).parent  # of the template and the styles

# The same are in report.mplstyle.
_INK, _SOFT, _GRID = "#000001", "#000002", "#000003"
_BAD = "#000004"
_VARIABLES = {_INK: "var(--ink)", _SOFT: "var(--soft)", _GRID: "var(--line)", _BAD: "var(--bad)"}
_SERIES = 8  # colours in the style sheet


def plots(evaluation: Evaluation) -> dict[str, str]:
    """Draw all figures as SVG, by their names in the template.

    There are no curves if all reviews have one label. Of the groups that tables show, there are
    those with enough reviews of both.
    """
    found = {"reliability": _reliability, "histograms": _histograms, "lengths": _lengths}
    if 0 < evaluation.data.positive < evaluation.data.reviews:
        found |= {"roc": _roc, "precision_recall": _precision_recall}
    drawn = {name: _svg(name, _SIZE, partial(draw, evaluation)) for name, draw in found.items()}
    shown = evaluation.groups and shown_groups(evaluation.groups, evaluation.best)
    if groups := [each for each in shown or () if each.has_both_labels]:
        rows = _ROW + _MORE_MODELS * (len(evaluation.models) - 1)
        size = _GROUPS_WIDTH, _FRAME + len(groups) * rows
        drawn["groups"] = _svg("groups", size, partial(_groups, evaluation, groups))
    return drawn


def _svg(name: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> str:
    # Matplotlib says when it builds its font cache, which does not concern who reads a report.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl
    from matplotlib.figure import Figure  # not pyplot: no window system, nothing kept between calls

    with mpl.rc_context(fname=str(_HERE / "report.mplstyle")):
        figure = Figure(figsize=size)
        draw(figure.add_subplot())
        return _as_svg(figure, name)


def _reliability(evaluation: Evaluation, axes: Axes) -> None:
    for number, model in enumerate(evaluation.models):
        bins = model.reliability
        x, y = [each.probability for each in bins], [each.positive for each in bins]
        sizes = [12 + 90 * each.reviews / evaluation.data.reviews for each in bins]
        axes.plot(x, y, **_line(number))
        axes.scatter(x, y, s=sizes, color=_series(number), zorder=3, linewidths=0)
    _finish_square(axes, "Probability of positive", "Positive reviews")


def _roc(evaluation: Evaluation, axes: Axes) -> None:
    for number, model in enumerate(evaluation.models):
        x, y = roc_curve(evaluation.labels, model.probability)
        axes.plot(x / x[-1], y / y[-1], **_line(number))
        m = model.metrics
        false = m.false_positives / (m.false_positives + m.true_negatives)
        true = m.true_positives / (m.true_positives + m.false_negatives)
        axes.plot(false, true, "o", color=_series(number), ms=5)
    _finish_square(axes, "Negative reviews called positive", "Positive reviews found")


def _precision_recall(evaluation: Evaluation, axes: Axes) -> None:
    for number, model in enumerate(evaluation.models):
        m, curves = model.metrics, pr_curves(*roc_curve(evaluation.labels, model.probability))
        points = (m.recall, m.precision), (m.negative_recall, m.negative_precision)
        for (x, y), point, line in zip(curves, points, _CLASS_LINES, strict=True):
            axes.plot(x, y, color=_series(number), lw=1.5, linestyle=line, drawstyle="steps-pre")
            axes.plot(*np.array(point, np.float64), "o", color=_series(number), ms=5)
    _finish_square(axes, "Recall", "Precision", diagonal=False)


def _finish_square(axes: Axes, xlabel: str, ylabel: str, *, diagonal: bool = True) -> None:
    """From 0 to 1 both ways, with the diagonal if it means something."""
    if diagonal:
        axes.plot([0, 1], [0, 1], color=_SOFT, lw=1, dashes=(4, 3), zorder=1)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=_MARGINS, ylim=_MARGINS)
    _percent_axis(axes.xaxis, axes.yaxis)


def _histograms(evaluation: Evaluation, axes: Axes) -> None:
    edges = np.linspace(0, 1, _HISTOGRAM_BINS + 1)
    for number, model in enumerate(evaluation.models):
        for label, line in zip((1, 0), _CLASS_LINES, strict=True):
            chosen = model.probability[evaluation.labels == label].astype(np.float64)
            heights = np.histogram(chosen, edges)[0] / max(len(chosen), 1)
            axes.stairs(heights, edges, color=_series(number), lw=1.5, linestyle=line)
    axes.set(xlabel="Probability of positive", ylabel="Reviews of the class", xlim=_MARGINS)
    axes.set_ylim(bottom=0)
    _percent_axis(axes.xaxis, axes.yaxis)


def _lengths(evaluation: Evaluation, axes: Axes) -> None:
    _slices(axes, evaluation.breakdowns[0].slices, "accuracy")
    axes.set(xlabel="Accuracy", ylabel="Tokens (reviews)")


def _groups(evaluation: Evaluation, groups: Sequence[Slice], axes: Axes) -> None:
    _slices(axes, groups, "balanced_accuracy")
    for number, mean in enumerate(evaluation.macro_mean.models if evaluation.macro_mean else ()):
        axes.axvline(mean.balanced_accuracy, color=_series(number), lw=1, dashes=(4, 3), zorder=1)
    axes.axvline(0.5, color=_SOFT, lw=1, zorder=1)
    axes.set(xlabel="Balanced accuracy")


def _slices(axes: Axes, slices: Sequence[Slice], key: str) -> None:
    """Draw a line for each slice, with a point and its interval for each model."""
    count, rows = len(slices[0].metrics), np.arange(len(slices))
    for number in range(count):
        shift = (number - (count - 1) / 2) * min(0.22, 0.7 / count)
        found = [each.metrics[number].figure(key) for each in slices]
        values = np.array([value for value, _ in found], np.float64)
        bars = np.abs(np.array([ends for _, ends in found]).T - values)
        colour = _series(number)
        axes.errorbar(values, rows + shift, xerr=bars, fmt="o", color=colour, ms=4, lw=1.3)
    axes.set_yticks(rows, [f"{_short(each.name)} ({each.reviews:,})" for each in slices])
    axes.set_ylim(len(slices) - 0.4, -0.6)
    axes.set_xlim(right=1.005)
    axes.grid(visible=False, axis="y")
    _percent_axis(axes.xaxis)


def _line(number: int) -> dict[str, Any]:
    dashes = DASHES[number % len(DASHES)]
    return {"color": _series(number), **({"dashes": dashes} if dashes else {})}


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


def _as_svg(figure: Figure, name: str) -> str:
    """Write a figure, in the context of its style, as ``svg``; no other one has its name."""
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
    return _rendered(
        "report.html.j2",
        evaluation=evaluation,
        labels=SENTIMENT,
        metrics=METRICS,
        behaviour=behaviour,
        parts=PARTS,
        plots={} if evaluation.data.is_suite else plots(evaluation),
        groups_note=groups_note,
        dashes=DASHES,
        spans=spans,
        cells=cells,
        tables=tables,
    )


def summary_page(found: Summary) -> str:
    """Write the page of scored files; everything from the data is escaped."""
    drawn = {"scores": _svg("scores", _SIZE, partial(_scores, found))}
    if len(found.over_time) > 1:
        drawn["time"] = _svg("time", _WIDE, partial(_over_time, found))
    return _rendered(
        "summary.html.j2",
        found=found,
        lead=headline(found),
        bar_labels=[found.negative, *found.labels[1:-1], found.positive],
        plots=drawn,
        cells=cells,
        sections=sections(found),
    )


def _scores(found: Summary, axes: Axes) -> None:
    heights = np.array(found.texts.histogram, np.float64) / max(sum(found.texts.histogram), 1)
    axes.stairs(heights, np.linspace(0, 1, len(heights) + 1), color=_series(0), fill=True)
    axes.set(xlabel=f"Probability of {found.positive}", ylabel="Reviews", xlim=_MARGINS)
    _percent_axis(axes.yaxis)


def _over_time(found: Summary, axes: Axes) -> None:
    places = [at for at, each in enumerate(found.over_time) if each.rows]
    shares = [found.over_time[at].share(found.negative) for at in places]
    low, high = zip(*(each.interval for each in shares), strict=True)
    axes.fill_between(places, low, high, color=_BAD, alpha=0.25, linewidth=0)
    axes.plot(places, [each.value for each in shares], color=_BAD, marker="o", ms=3)
    step = -(-len(found.over_time) // _DATES_SHOWN)
    ticks = range(0, len(found.over_time), step)
    axes.set_xticks(ticks, [found.over_time[at].name for at in ticks])
    axes.set(ylabel=found.negative)
    axes.set_ylim(bottom=0)
    _percent_axis(axes.yaxis)


def _rendered(name: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        finalize=_printable,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name).render(
        **values,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        version=__version__,
    )


def spans(mistake: Mistake) -> Iterator[Span]:
    """Split a review into its words and what is between them, as far as the model reads it."""
    words = [word for word in mistake.words if word.state != "unread"]
    if not words:
        cut = mistake.text[:_LETTERS_SHOWN]
        yield Span(cut + "…" * (cut != mistake.text))
        return
    strongest = max(abs(word.contribution) for word in words)
    for text, word in pieces(mistake.text, mistake.words):
        strength = abs(word.contribution) / strongest if word and strongest else 0.0
        effect = mistake.effect(word) if word and strength >= _FAINT else 0.0
        yield Span(text, effect, strength)


def _printable(value: Any) -> Any:
    """Replace what HTML cannot hold by U+FFFD; what is escaped already stays as it is."""
    return _CONTROL.sub("\ufffd", value) if type(value) is str else value
