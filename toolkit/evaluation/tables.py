"""The tables and the warnings of an evaluation, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.metrics import METRICS, Metric
from toolkit.evaluation.proportion import Proportion
from toolkit.evaluation.result import Data, Evaluation, ModelResult

UNDEFINED = "–"  # noqa: RUF001 (a dash, as tables have it)


class Cell(NamedTuple):
    """A figure of a model."""

    text: str
    note: str = ""  # how sure it is, or what it means
    share: float | None = None  # for a bar of this length


@dataclass(frozen=True)
class Row:
    """A line of a table, with a cell for each model after what is the same for all."""

    name: str
    common: tuple[str, ...]
    cells: tuple[Cell, ...]
    best: frozenset[int] = frozenset()  # which cells are the best ones


@dataclass(frozen=True)
class Table:
    """Rows by models."""

    title: str
    columns: tuple[str, ...]  # before those of the models
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class PlainTable:
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
    for count, what in ((data.without_text, "text"), (data.without_label, "label")):
        if count:
            rows = "row" if count == 1 else "rows"
            parts.append(f"{count:,} {rows} without {what} left out")
    return f"{data.reviews:,} reviews ({', '.join(parts)})"


def warnings_of(evaluation: Evaluation) -> list[str]:
    """Say what makes the figures look better than they are."""
    data = evaluation.data
    if data.positive in (0, data.reviews):
        return [
            f"All reviews are {data.majority_label}: these figures do not show whether a model "
            "recognizes the other label. Evaluate on reviews of both labels."
        ]
    return [text for model in evaluation.models if (text := _beside_constant(model, data))]


def _beside_constant(model: ModelResult, data: Data) -> str | None:
    """Say that a model is worse than a constant, or not clearly better; None if it is better."""
    found, metrics = model.baseline, model.metrics
    if found is None or found.interval[0] > 0:
        return None
    low, high = found.interval
    verdict = "is worse than a constant" if high < 0 else "is not clearly better than a constant"
    return (
        f"{model.name} {verdict} on these reviews: its accuracy is "
        f"{percent(metrics.accuracy.value)}, and that of always answering {data.majority_label} is "
        f"{percent(metrics.majority_accuracy)} (difference {_points(found.difference)} points, "
        f"95% interval {_points(low)} to {_points(high)}, p "
        f"{p_value(found.p_value)}). Balanced accuracy: {_number(metrics.balanced_accuracy)} "
        "(a constant: 50%)."
    )


def metrics_table(evaluation: Evaluation) -> Table:
    """The metrics, a row each."""
    models = evaluation.models
    rows = [_metric_row(metric, models) for metric in METRICS]
    rows.append(Row("threshold", (), tuple(Cell(f"{m.threshold:.4g}") for m in models)))
    return Table("Metrics", (), tuple(rows))


def _metric_row(metric: Metric, models: Sequence[ModelResult]) -> Row:
    found = [getattr(model.metrics, metric.key) for model in models]
    cells, values = [], []
    for value in found:
        if isinstance(value, Proportion):
            cells.append(Cell(percent(value.value), interval(value)))
            values.append(value.value)
        else:
            cells.append(Cell(_number(value, is_percent=metric.is_percent)))
            values.append(value)
    best = frozenset[int]() if metric.better == "neither" else _best(values, metric.better)
    return Row(metric.title, (), tuple(cells), best)


def confusion_table(evaluation: Evaluation) -> Table:
    """What is called what, a row for each cell of the confusion matrix."""
    rows = [
        Row(name, (), tuple(Cell(f"{getattr(m.metrics, key):,}") for m in evaluation.models))
        for name, key in _COUNTS
    ]
    return Table("Confusion matrix", (), tuple(rows))


def breakdown_table(breakdown: Breakdown) -> Table:
    """The accuracy on each part, beside the majority baseline of the part."""
    rows = [
        Row(
            part.name,
            (f"{part.reviews:,}", _short(part.majority_accuracy)),
            tuple(Cell(percent(each.value), interval(each), each.value) for each in part.accuracy),
            _best([each.value for each in part.accuracy]),
        )
        for part in breakdown.parts
    ]
    return Table(breakdown.title, ("reviews", "majority"), tuple(rows))


def coverage_table(evaluation: Evaluation) -> Table:
    """The accuracy if only the surest reviews are answered, and the range to leave out for it."""
    rows = []
    for steps in zip(*(model.coverage for model in evaluation.models), strict=True):
        cells = tuple(
            Cell(
                percent(step.accuracy),
                "" if step.uncertain is None else "{:.3f}:{:.3f}".format(*step.uncertain),
                step.accuracy,
            )
            for step in steps
        )
        best = _best([step.accuracy for step in steps])
        rows.append(Row(f"{steps[0].asked:.0%}", (), cells, best))
    return Table("Reviews answered", (), tuple(rows))


def threshold_table(model: ModelResult) -> PlainTable:
    """What a model would do with other thresholds."""
    columns = ("threshold", "called positive", "precision", "recall", "accuracy", "balanced")
    return PlainTable(
        columns,
        tuple(
            (
                f"{each.threshold:.1f}",
                *map(_short, (each.called_positive, each.precision, each.recall)),
                *map(_short, (each.accuracy, each.balanced_accuracy)),
            )
            for each in model.thresholds
        ),
    )


def comparison_table(evaluation: Evaluation) -> PlainTable:
    """A row for each model but the best."""
    columns = ("model", "it alone", "best alone", "difference", "95% interval", "p")
    return PlainTable(
        columns,
        tuple(
            (
                each.model,
                f"{each.only_model_right:,}",
                f"{each.only_reference_right:,}",
                _points(each.difference),
                f"{_points(each.interval[0])} to {_points(each.interval[1])}",
                p_value(each.p_value) + (" *" if each.is_exact else ""),
            )
            for each in evaluation.comparisons
        ),
    )


def comparison_note(evaluation: Evaluation) -> str:
    """Say how the comparison is to be read."""
    best = evaluation.models[evaluation.best].name
    exact = any(each.is_exact for each in evaluation.comparisons)
    return (
        f"Beside the best, {best}: reviews that only one of the two has right, the difference of "
        "the accuracies in points, and p of McNemar's test"
        + (" (* exact binomial)." if exact else ".")
    )


def percent(share: float) -> str:
    """Write a share with two decimals."""
    return f"{share:.2%}"


def interval(proportion: Proportion) -> str:
    """Write the interval of a proportion."""
    low, high = proportion.interval
    return f"{100 * low:.1f}–{100 * high:.1f}"  # noqa: RUF001


def p_value(value: float) -> str:
    """Write a p-value, with as many digits as mean something."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}".replace("-", "−")  # noqa: RUF001


def _number(value: float | None, *, is_percent: bool = True) -> str:
    if value is None:
        return UNDEFINED
    return percent(value) if is_percent else f"{value:.4f}"


def _short(share: float | None) -> str:
    return UNDEFINED if share is None else f"{share:.1%}"


def _best(values: Sequence[float | None], better: str = "higher") -> frozenset[int]:
    """Which are the best; none if there is only one, or all are equal."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):
        return frozenset()
    choose: Callable[[list[float]], float] = max if better == "higher" else min
    return frozenset(i for i, value in enumerate(values) if value == choose(known))
