"""The tables of an evaluation, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.comparison import Comparison
from toolkit.evaluation.measures import Metrics
from toolkit.evaluation.result import Data, Evaluation
from toolkit.evaluation.shares import Share

UNDEFINED = "–"  # noqa: RUF001 (a dash, as tables have it)


class Cell(NamedTuple):
    """A figure, and how sure it is or what it means."""

    text: str
    note: str = ""
    share: float | None = None  # for a bar of this length


@dataclass(frozen=True)
class Row:
    """A line of a table, with a cell for each model behind what is the same for all."""

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


# How each is called, where it stands, and whether more is better (None: neither).
_METRICS: tuple[tuple[str, str, bool], ...] = (
    ("balanced accuracy", "balanced_accuracy", True),
    ("AUC", "auc", True),
    ("F1", "f1", True),
    ("precision", "precision", True),
    ("recall", "recall", True),
    ("log loss", "log_loss", False),
    ("Brier score", "brier_score", False),
    ("calibration error", "calibration_error", False),
)
_IN_PERCENT = ("balanced_accuracy", "f1", "precision", "recall")
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


def metrics_table(evaluation: Evaluation) -> Table:
    """The metrics, a row each."""
    models = evaluation.models
    accuracies = [model.metrics.accuracy for model in models]
    rows = [
        Row(
            "accuracy",
            (),
            tuple(Cell(percent(s.value), interval(s)) for s in accuracies),
            _best([s.value for s in accuracies], more=True),
        )
    ]
    rows += [
        Row(
            name,
            (),
            tuple(Cell(_figure(model.metrics, key)) for model in models),
            _best([getattr(model.metrics, key) for model in models], more=more),
        )
        for name, key, more in _METRICS
    ]
    rows.append(Row("threshold", (), tuple(Cell(f"{m.threshold:.4g}") for m in models)))
    return Table("Metrics", (), tuple(rows))


def confusion_table(evaluation: Evaluation) -> Table:
    """What is called what, a row for each cell of the confusion matrix."""
    rows = [
        Row(name, (), tuple(Cell(f"{getattr(m.metrics, key):,}") for m in evaluation.models))
        for name, key in _COUNTS
    ]
    return Table("Confusion matrix", (), tuple(rows))


def breakdown_table(breakdown: Breakdown) -> Table:
    """The accuracy on each part."""
    rows = [
        Row(
            part.name,
            (f"{part.reviews:,}",),
            tuple(Cell(percent(s.value), interval(s), s.value) for s in part.shares),
            _best([share.value for share in part.shares], more=True),
        )
        for part in breakdown.parts
    ]
    return Table(breakdown.title, ("reviews",), tuple(rows))


def coverage_table(evaluation: Evaluation) -> Table:
    """The accuracy if only the surest reviews are answered, and the range to leave out for it."""
    models = evaluation.models
    rows = []
    for steps in zip(*(model.coverage for model in models), strict=True):
        cells = tuple(
            Cell(
                percent(step.answered.value),
                "" if step.uncertain is None else "{:.3f}:{:.3f}".format(*step.uncertain),
                step.answered.value,
            )
            for step in steps
        )
        rows.append(
            Row(
                f"{steps[0].asked:.0%}",
                (),
                cells,
                _best([step.answered.value for step in steps], more=True),
            )
        )
    return Table("Reviews answered", (), tuple(rows))


COMPARISON_COLUMNS = ("model", "it alone", "best alone", "difference", "95 % interval", "p")


def comparison_rows(comparisons: Iterable[Comparison]) -> list[tuple[str, ...]]:
    """Give a row of `COMPARISON_COLUMNS` for each model but the best."""
    return [
        (
            each.model,
            f"{each.only_model_right:,}",
            f"{each.only_best_right:,}",
            _points(-each.difference),
            f"{_points(-each.high)} to {_points(-each.low)}",
            p_value(each.p_value) + (" *" if each.is_exact else ""),
        )
        for each in comparisons
    ]


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
    return f"{share:.2%}".replace("%", " %")


def interval(share: Share) -> str:
    """Write the interval of a share."""
    low, high = share.interval
    return f"{100 * low:.1f}–{100 * high:.1f}"  # noqa: RUF001


def p_value(value: float) -> str:
    """Write a p-value: with as many digits as mean something."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}".replace("-", "−")  # noqa: RUF001


def _figure(metrics: Metrics, key: str) -> str:
    value: float | None = getattr(metrics, key)
    if value is None:
        return UNDEFINED
    return percent(value) if key in _IN_PERCENT else f"{value:.4f}"


def _best(values: list[float | None] | list[float], *, more: bool) -> frozenset[int]:
    """Which are the best; none where there is only one, or all are alike."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):
        return frozenset()
    choose: Callable[[list[float]], float] = max if more else min
    return frozenset(i for i, value in enumerate(values) if value == choose(known))
