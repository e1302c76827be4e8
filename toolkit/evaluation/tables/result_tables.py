"""The tables and the warnings of an evaluation, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from toolkit.errors import counted
from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.comparison import Comparison, compare_with_constant
from toolkit.evaluation.metrics import METRICS, Better, Metric, Metrics
from toolkit.evaluation.proportion import Proportion
from toolkit.evaluation.result import LABELS, Data, Evaluation, ModelResult

UNDEFINED = "–"  # noqa: RUF001 (a dash, as tables have it)


class Cell(NamedTuple):
    """A figure of a model."""

    text: str
    note: str = ""  # how sure it is, or what it means
    share: float | None = None  # for a bar of this length
    detail: str = ""  # on the page only: a terminal has no room for it


class Row(NamedTuple):
    """A line of a table, with a cell for each model after what is the same for all."""

    name: str
    common: tuple[str, ...]
    cells: tuple[Cell, ...]
    best: frozenset[int] = frozenset()  # which cells are the best ones


class Table(NamedTuple):
    """Rows by models."""

    title: str
    columns: tuple[str, ...]  # before those of the models
    rows: tuple[Row, ...]


class PlainTable(NamedTuple):
    """Rows of strings; the first column is of names, the others are of figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


_COUNTS = (
    ("positive, called positive", "true_positives"),
    ("positive, called negative", "false_negatives"),
    ("negative, called positive", "false_positives"),
    ("negative, called negative", "true_negatives"),
)


def summary_of(data: Data) -> str:
    """Say how many reviews there are, and what was left out."""
    parts = [f"{data.positive:,} positive", f"{data.reviews - data.positive:,} negative"]
    if data.soft_labels:
        parts.append(f"{data.soft_labels:,} soft labels, rounded")
    left_out = (
        (data.without_text, "text"),
        (data.without_label, "label"),
        (data.without_score, "a score"),
    )
    for count, what in left_out:
        if count:
            parts.append(f"{counted(count, 'row')} without {what} left out")
    if data.neutral:
        parts.append(f"{data.neutral:,} neutral left out")
    return f"{counted(data.reviews, 'review')} ({', '.join(parts)})"


def warnings_of(evaluation: Evaluation) -> list[str]:
    """Say what makes the figures look better than they are."""
    found = [beside_constant(model.name, model.metrics) for model in evaluation.models]
    return [warning for warning in dict.fromkeys(found) if warning is not None]


def beside_constant(model: str, metrics: Metrics, kind: str = "") -> str | None:
    """Say that a model is not clearly better than one constant answer; None if it is.

    `kind` says which reviews: `held-out` or `test`.
    """
    found = compare_with_constant(model, metrics)
    if found is None:
        label = LABELS[round(metrics.positive_share)]
        return (
            f"All {kind} reviews are {label}: these figures do not show whether a model recognizes "
            "the other label. Evaluate on reviews of both labels."
        ).replace("  ", " ")
    if found.interval[0] > 0:
        return None
    verdict = "worse" if found.interval[1] < 0 else "not clearly better"
    difference, interval_of = _difference(found)
    return (
        f"{model} is {verdict} than {found.reference.replace(' ', ' answering ')} on "
        f"{f'the {kind}' if kind else 'these'} reviews: its accuracy is "
        f"{percent(metrics.accuracy.value)}, that of the constant answer "
        f"{percent(metrics.majority_accuracy)} (difference {difference} points, 95% interval "
        f"{interval_of}, p {p_value(found.p_value)}). Balanced accuracy: "
        f"{number(metrics.balanced_accuracy)} (a constant: 50%)."
    )


def metrics_table(evaluation: Evaluation) -> Table:
    """The metrics, a row each."""
    models = evaluation.models
    rows = [_metric_row(metric, models) for metric in METRICS]
    rows.append(Row("threshold", (), tuple(Cell(f"{m.threshold:.4g}") for m in models)))
    return Table("Metrics", (), tuple(rows))


def _metric_row(metric: Metric, models: Sequence[ModelResult]) -> Row:
    cells, values = [], []
    for model in models:
        found: Any = getattr(model.metrics, metric.key)
        value, range_ = found, getattr(model.metrics, f"{metric.key}_interval", None)
        if isinstance(found, Proportion):
            value, range_ = found.value, found.interval
        cells.append(Cell(number(value, is_percent=metric.is_percent), ends(range_)))
        values.append(value)
    return Row(metric.title, (), tuple(cells), best_of(values, metric.better))


def confusion_table(evaluation: Evaluation) -> Table:
    """What is called what, a row for each cell of the confusion matrix."""
    rows = []
    for name, key in _COUNTS:
        counts = [getattr(model.metrics, key) for model in evaluation.models]
        rows.append(Row(name, (), tuple(Cell(f"{count:,}") for count in counts)))
    return Table("Confusion matrix", (), tuple(rows))


def breakdown_table(breakdown: Breakdown) -> Table:
    """The accuracy on each part, with the majority baseline of the part."""
    rows = []
    for part in breakdown.parts:
        cells = [
            Cell(
                percent(each.value),
                interval(each),
                each.value,
                "" if balanced is None else f"balanced {percent(balanced, 1)}",
            )
            for each, balanced in zip(part.accuracy, part.balanced_accuracy, strict=True)
        ]
        common = (f"{part.reviews:,}", percent(part.majority_accuracy, 1))
        best = best_of([each.value for each in part.accuracy])
        rows.append(Row(part.name, common, tuple(cells), best))
    return Table(breakdown.title, ("reviews", "majority"), tuple(rows))


def threshold_table(model: ModelResult) -> PlainTable:
    """What a model would do with other thresholds."""
    columns = ("threshold", "called positive", "precision", "recall", "accuracy", "balanced")
    rows = []
    for each in model.thresholds:
        rates = (each.called_positive, each.precision, each.recall, each.accuracy)
        figures = [number(rate, 1) for rate in (*rates, each.balanced_accuracy)]
        in_use = " in use" if each.threshold == round(model.threshold, 6) else ""
        rows.append((f"{each.threshold:.1f}{in_use}", *figures))
    return PlainTable(columns, tuple(rows))


def comparison_table(evaluation: Evaluation) -> PlainTable:
    """A row for each model but the best."""
    columns = ("model", "it alone", "best alone", "difference", "95% interval", "p")
    rows = [
        (
            each.model,
            f"{each.only_model_right:,}",
            f"{each.only_reference_right:,}",
            *_difference(each),
            p_value(each.p_value) + (" *" if each.is_exact else ""),
        )
        for each in evaluation.comparisons
    ]
    return PlainTable(columns, tuple(rows))


def comparison_note(evaluation: Evaluation) -> str:
    """Say how the comparison is to be read."""
    best = evaluation.models[evaluation.best].name
    exact = any(each.is_exact for each in evaluation.comparisons)
    return (
        f"Compared with the best model, {best}: reviews that only one of the two has right, the "
        "difference of the accuracies in points, and p of McNemar's test"
        + (" (* exact binomial)." if exact else ".")
    )


def percent(share: float, digits: int = 2) -> str:
    """Write a share in percent."""
    return f"{share:.{digits}%}"


def interval(proportion: Proportion) -> str:
    """Write the interval of a proportion."""
    return ends(proportion.interval)


def ends(interval: tuple[float, float] | None) -> str:
    """Write both ends in percent; nothing of none."""
    if interval is None:
        return ""
    low, high = interval
    return f"{100 * low:.1f}–{100 * high:.1f}"  # noqa: RUF001


def p_value(value: float) -> str:
    """Write a p-value, with as many digits as mean something."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _difference(found: Comparison) -> tuple[str, str]:
    """Write a difference of accuracies in points, and its interval."""
    values = (found.difference, *found.interval)
    value, low, high = (f"{100 * each:+.2f}".replace("-", "−") for each in values)  # noqa: RUF001
    return value, f"{low} to {high}"


def number(value: float | None, digits: int = 2, *, is_percent: bool = True) -> str:
    """Write a figure that may be undefined."""
    if value is None:
        return UNDEFINED
    return percent(value, digits) if is_percent else f"{value:.4f}"


def best_of(values: Sequence[float | None], better: Better = "higher") -> frozenset[int]:
    """Which are the best; none if there is only one, or all are equal."""
    known = [value for value in values if value is not None]
    if better == "neither" or len(known) < 2 or min(known) == max(known):
        return frozenset()
    best = max(known) if better == "higher" else min(known)
    return frozenset(place for place, value in enumerate(values) if value == best)
