"""The tables of groups, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.errors import counted
from toolkit.evaluation.breakdown import Breakdown, Part
from toolkit.evaluation.groups import Figures, MacroMean, shown_groups
from toolkit.evaluation.metrics import Metrics
from toolkit.evaluation.result import Evaluation
from toolkit.evaluation.tables.result_tables import (
    UNDEFINED,
    Cell,
    PlainTable,
    Row,
    Table,
    best_of,
    ends,
    number,
    percent,
)

FIGURES_NOTE = (
    "cal. error is the calibration error, and the same * where both labels weigh the same; with "
    "few reviews, it is large by chance."
)
_COLUMNS = ("reviews", "positive", "accuracy", "balanced", "95%", "majority", "log loss")
_CALIBRATION = ("cal. error", "cal. error *")


def balanced_table(evaluation: Evaluation, groups: Breakdown) -> Table:
    """The balanced accuracy of all models on each group, side by side; then the mean."""
    models = range(len(evaluation.models))
    rows = []
    for part in shown_groups(groups, evaluation.best):
        cells = tuple(_balanced_cell(part, model) for model in models)
        positive = percent(part.positive / part.reviews, 1)
        common = (f"{part.reviews:,}", positive)
        rows.append(Row(part.name, common, cells, best_of(part.balanced_accuracy)))
    if (mean := evaluation.macro_mean) is not None:
        values = [figures.balanced_accuracy for figures in mean.models]
        cells = tuple(Cell(percent(value), "", value) for value in values)
        rows.append(Row(_mean_of(mean), ("", ""), cells, best_of(values)))
    return Table(evaluation.data.columns["group"], ("reviews", "positive"), tuple(rows))


def figures_table(evaluation: Evaluation, groups: Breakdown, model: int) -> PlainTable:
    """All figures of one model on each group; then the mean."""
    rows = [_figures(part, model) for part in shown_groups(groups, evaluation.best)]
    if (mean := evaluation.macro_mean) is not None:
        found = mean.models[model]
        rows.append(
            (
                _mean_of(mean),
                *("", ""),
                *(percent(found.accuracy), percent(found.balanced_accuracy), ""),
                percent(mean.majority_accuracy, 1),
                *_losses(found),
            )
        )
    return PlainTable((evaluation.data.columns["group"], *_COLUMNS, *_CALIBRATION), tuple(rows))


def _figures(part: Part, model: int) -> tuple[str, ...]:
    metrics = part.metrics[model]
    return (
        part.name,
        f"{part.reviews:,}",
        percent(part.positive / part.reviews, 1),
        percent(metrics.accuracy.value),
        number(part.balanced_accuracy[model]),
        ends(part.balanced_interval[model]),
        percent(part.majority_accuracy, 1),
        *_losses(metrics),
    )


def _losses(found: Figures | Metrics) -> Sequence[str]:
    values = (found.log_loss, found.calibration_error, found.balanced_calibration_error)
    return [UNDEFINED if value is None else f"{value:.3f}" for value in values]


def _balanced_cell(part: Part, model: int) -> Cell:
    value = part.balanced_accuracy[model]
    if value is None:
        return Cell(UNDEFINED, f"accuracy {percent(part.accuracy[model].value, 1)}")
    return Cell(percent(value), ends(part.balanced_interval[model]), value)


def _mean_of(mean: MacroMean) -> str:
    return f"mean of {counted(mean.groups, 'group')}"
