"""The tables and the warnings of an evaluation, which the terminal and the page show alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor, sqrt

from toolkit.classes import OF_THREE, SENTIMENT
from toolkit.errors import counted
from toolkit.evaluation.cells import (
    UNDEFINED,
    Cell,
    Row,
    Table,
    ends,
    number,
    p_value,
    percent,
    table_of,
)
from toolkit.evaluation.comparison import constant_warning, difference_in_points
from toolkit.evaluation.evaluate_models import Evaluation, ModelResult
from toolkit.evaluation.groups import Breakdown, Figures, MacroMean, shown_groups
from toolkit.evaluation.labelled_reviews import Data
from toolkit.evaluation.metrics import (
    GOALS,
    METRICS,
    NORMAL_95,
    AtThreshold,
    Better,
    Metric,
    Metrics,
    Proportion,
    TargetCoverage,
)
from toolkit.evaluation.ratings import Ratings
from toolkit.model.stars import FIXED_RANGE
from toolkit.scoring.file_prior import FIRST_RECORDS

TARGET_NOTE = (
    "The largest share of reviews that the model answers with this accuracy if the least certain "
    "reviews are left out. The range of probabilities to leave out is next to it, for `toolkit "
    "score --neutral-range`. It is chosen on these reviews, so expect a slightly lower accuracy "
    "on others."
)
GROUPS_NOTE = (
    "cal. error: the calibration error; cal. error*: with both labels weighted equally. With few "
    "reviews, it is large by chance."
)
STARS_NOTE = (
    "Exact: the most likely number of stars is the reviewer's. Within one: the rounded stars "
    "differ by at most one. Balanced: the mean of the figures for 1, 2, 3, 4 and 5 stars. "
    "Constant: always the same number of stars, the best one for each figure."
)
THRESHOLD_NOTE = (
    "The best thresholds are chosen on these reviews, so their figures are optimistic: on others, "
    "expect less. Use a threshold with `toolkit score --threshold`, or keep it in the model with "
    "`toolkit export --threshold`; `toolkit export --optimize balanced` or `--optimize f1` "
    "chooses one on held-out reviews."
)
# Of the share of positives: a smaller shift hardly moves the best threshold. With many reviews,
# chance alone would explain even less, so that 80.9% in place of 79.1% would be warned of.
_LEAST_SHIFT = 0.05
_STARS = (
    Metric("exact", "exact"),
    Metric("within_one", "within one"),
    Metric("balanced_exact", "exact, balanced"),
    Metric("balanced_within_one", "within one, balanced"),
    Metric("mean_error", "mean error", better="lower", is_percent=False),
)
_OWN_CLASSES = Metric("macro_f1", "macro F1, own range", is_percent=False)
_FIXED_CLASSES = Metric(
    "macro_f1_of_fixed", "macro F1, {:g}:{:g}".format(*FIXED_RANGE), is_percent=False
)
_DIGITS = 10_000  # four digits after the point


def summary_of(data: Data, noun: str = "review") -> str:
    """Return the number of reviews, and of rows left out."""
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
    return f"{counted(data.reviews, noun)} ({', '.join(parts)})"


def warnings_of(evaluation: Evaluation) -> list[str]:
    """Return warnings of what makes the figures look better than they are."""
    found = [constant_warning(model.name, model.metrics) for model in evaluation.models]
    found.append(None if evaluation.data.is_suite else _shift_warning(evaluation.models))
    return [warning for warning in dict.fromkeys(found) if warning is not None]


def _shift_warning(models: Sequence[ModelResult]) -> str | None:
    """Report which models expect a clearly different share of positives; None if none does.

    A shift is reported if it is both significant (95%) and at least `_LEAST_SHIFT`.
    """
    share = models[0].metrics.positive_share
    found = []
    for name, each in ((model.name, model.metrics) for model in models):
        mean = each.mean_probability
        interval = each.mean_probability_interval
        # The distances of the labels also explain a share to a model that is too sure.
        explained = NORMAL_95 * sqrt(each.brier_score / each.accuracy.count)
        if interval is None or abs(share - mean) < max(_LEAST_SHIFT, explained):
            continue
        if not interval[0] <= share <= interval[1]:
            chance = f"mean probability; by chance {ends(interval)}%"
            found.append(f"{name} expects {percent(mean, 1)} ({chance})")
    if not found:
        return None
    return (
        f"{percent(share, 1)} of these reviews are positive, but {', '.join(found)}. To fix this, "
        "adapt the model to such reviews with `toolkit train --from`, or choose another "
        "threshold."
    )


def metrics_table(evaluation: Evaluation) -> Table:
    """Make a table with a row per metric."""
    models = evaluation.models
    found = [model.metrics for model in models]
    rows: list[Row] = [[metric.title, *_figures(metric, found)] for metric in METRICS]
    rows.append(["threshold", *(_threshold(model, model.threshold) for model in models)])
    for goal, name in GOALS.items():
        cells = _at(models, [model.best_thresholds.get(goal) for model in models], goal)
        rows.append([f"{name}, at best threshold", *cells])
    return _by_model(evaluation, ["Metrics"], rows)


def confusion_table(model: ModelResult) -> Table:
    """Make the confusion matrix of positive and negative."""
    found = model.metrics
    positive = found.true_positives, found.false_negatives
    negative = found.false_positives, found.true_negatives
    first = f"threshold {_threshold(model, model.threshold)}"
    return _counts_table(first, SENTIMENT[::-1], (positive, negative))


def class_confusion_table(model: ModelResult) -> Table | None:
    """Make the confusion matrix of three classes; None without neutral reviews or range."""
    found = (model.ratings or Ratings()).classes
    if found is None or found.confusion is None or found.range is None:
        return None
    name = "neutral {:g}:{:g}".format(*found.range)
    return _counts_table(name, OF_THREE, found.confusion)


def _counts_table(first: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """Make a table with a row per label, with the recall and its interval."""
    rows: list[Row] = []
    for at, (name, row) in enumerate(zip(names, counts, strict=True)):
        found = Proportion(row[at], sum(row))
        recall = Cell(percent(found.value), ends(found.interval)) if any(row) else Cell(UNDEFINED)
        rows.append([name, *(f"{each:,}" for each in row), recall])
    return table_of((first, *(f"predicted {name}" for name in names), "recall"), rows)


def comparison_table(evaluation: Evaluation) -> Table:
    """Make a table with a row per model, without the best."""
    columns = ("model", "it alone", "best alone", "difference", "95% interval", "p")
    rows = [
        (
            each.model,
            f"{each.only_model_right:,}",
            f"{each.only_reference_right:,}",
            *difference_in_points(each),
            p_value(each.p_value) + (" *" if each.is_exact else ""),
        )
        for each in evaluation.comparisons
    ]
    return table_of(columns, rows)


def comparison_note(evaluation: Evaluation) -> str:
    """Return a note on how to read the comparison."""
    best = evaluation.models[evaluation.best].name
    exact = any(each.is_exact for each in evaluation.comparisons)
    return (
        f"Compared with the best model, {best}: reviews that only one of the two gets right, the "
        "difference of the accuracies in points, and p of McNemar's test"
        + (" (* exact binomial)." if exact else ".")
    )


def breakdown_table(evaluation: Evaluation, breakdown: Breakdown) -> Table:
    """Make a table of the accuracy on each slice, with its majority baseline."""
    rows: list[Row] = []
    for each in breakdown.slices:
        cells = [_accuracy_cell(found) for found in each.metrics]
        common = (f"{each.reviews:,}", percent(each.metrics[0].majority_accuracy, 1))
        rows.append([each.name, *common, *_best(cells)])
    columns = (breakdown.title, "reviews", "majority")
    return _by_model(evaluation, columns, rows=rows, figure="accuracy")


def balanced_table(evaluation: Evaluation, groups: Breakdown) -> Table:
    """Make a table of balanced accuracies by group and model, with the mean."""
    rows: list[Row] = []
    for each in shown_groups(groups, evaluation.best):
        cells = [_balanced_cell(found) for found in each.metrics]
        common = (f"{each.reviews:,}", percent(each.positive / each.reviews, 1))
        rows.append([each.name, *common, *_best(cells)])
    if (mean := evaluation.macro_mean) is not None:
        values = [figures.balanced_accuracy for figures in mean.models]
        cells = [Cell(percent(value), "", value) for value in values]
        rows.append([_mean_of(mean), "", "", *_best(cells)])
    return _by_model(evaluation, (evaluation.data.columns["group"], "reviews", "positive"), rows)


def group_table(evaluation: Evaluation, groups: Breakdown, model: int) -> Table:
    """Make a table of all figures of one model by group, with the mean."""
    columns = ("reviews", "positive", "accuracy", "balanced", "95%", "majority", "log loss")
    rows = []
    for each in shown_groups(groups, evaluation.best):
        metrics = each.metrics[model]
        counts = (f"{each.reviews:,}", percent(each.positive / each.reviews, 1))
        balanced = number(metrics.balanced_accuracy), ends(metrics.balanced_accuracy_interval)
        accuracy = percent(metrics.accuracy.value)
        majority = percent(metrics.majority_accuracy, 1)
        rows.append((each.name, *counts, accuracy, *balanced, majority, *_losses(metrics)))
    if (mean := evaluation.macro_mean) is not None:
        found = mean.models[model]
        majority = percent(mean.majority_accuracy, 1)
        accuracies = percent(found.accuracy), percent(found.balanced_accuracy)
        rows.append((_mean_of(mean), "", "", *accuracies, "", majority, *_losses(found)))
    first = evaluation.data.columns["group"]
    return table_of((first, *columns, "cal. error", "cal. error *"), rows)


def star_table(evaluation: Evaluation) -> Table | None:
    """Compare the stars of models with the reviewers' stars; None without any."""
    ratings = [model.ratings or Ratings() for model in evaluation.models]
    constants = next((each.best_constants for each in ratings if each.best_constants), None)
    if constants is None:
        return None
    rows: list[Row] = []
    for metric in _STARS:
        constant = number(getattr(constants, metric.key), is_percent=metric.is_percent)
        rows.append([metric.title, constant, *_figures(metric, [each.stars for each in ratings])])
    columns = (f"Stars of {counted(constants.reviews, 'review')}", "constant")
    return _by_model(evaluation, columns, rows)


def class_table(evaluation: Evaluation) -> Table | None:
    """Make a table of the macro F1 of three classes; None without neutral reviews."""
    found = [(model.ratings or Ratings()).classes for model in evaluation.models]
    first = next((each for each in found if each is not None), None)
    if first is None:
        return None
    constant = number(first.macro_f1_of_constant, is_percent=False)
    notes = ["{:g}:{:g}".format(*each.range) if each and each.range else "" for each in found]
    rows: list[Row] = [
        [_OWN_CLASSES.title, constant, *_figures(_OWN_CLASSES, found, notes)],
        [_FIXED_CLASSES.title, constant, *_figures(_FIXED_CLASSES, found)],
    ]
    return _by_model(evaluation, (f"Three classes, {first.neutral:,} neutral", "constant"), rows)


def prior_table(evaluation: Evaluation) -> Table | None:
    """Show what `toolkit score --prior auto` would have changed; None without a change."""
    rows: list[Row] = []
    for model in evaluation.models:
        if model.prior is None:
            continue
        before = model.metrics
        after = model.prior.metrics
        for name, metrics in ((model.name, before), (f"{model.name}, adjusted", after)):
            called = metrics.true_positives + metrics.false_positives
            figures = (metrics.accuracy.value, metrics.negative_recall, metrics.recall)
            shares = (metrics.mean_probability, called / metrics.accuracy.count, *figures)
            rows.append([name, *map(number, shares), *_losses(metrics)[:2]])
    if not rows:
        return None
    heads = ("mean probability", "predicted positive", "accuracy")
    recalls = ("recall of negative", "recall of positive")
    return table_of(("--prior auto", *heads, *recalls, "log loss", "calibration error"), rows)


def prior_note(evaluation: Evaluation) -> str:
    """Return the share of positives that each model estimates, and the true share."""
    shares = [
        f"{percent(each.prior.share, 1)} by {each.name}"
        for each in evaluation.models
        if each.prior is not None
    ]
    true = evaluation.models[0].metrics.positive_share
    return (
        f"Share of positive reviews, estimated from the scores of the first {FIRST_RECORDS:,}, "
        f"without labels: {', '.join(shares)}. By the labels of all reviews, it is "
        f"{percent(true, 1)}."
    )


def target_table(evaluation: Evaluation) -> Table:
    """Make a table of the largest coverage at each accuracy, and the range to leave unanswered."""
    rows: list[Row] = []
    for targets in zip(*(model.coverage_at_accuracy for model in evaluation.models), strict=True):
        cells = [_target_cell(each) for each in targets]
        name = f"{100 * targets[0].target:.8g}%"
        rows.append([name, *_best(cells)])
    return _by_model(
        evaluation, ["Reviews answered at accuracy"], rows=rows, figure="reviews answered"
    )


def mistakes_title(model: ModelResult, label: int) -> str:
    """Return a title with the number of mistakes with this true label, 0 or 1."""
    count = (model.metrics.false_positives, model.metrics.false_negatives)[label]
    true = SENTIMENT[label]
    called = SENTIMENT[1 - label]
    shown = len(model.mistakes_of(label))
    return f"False {called}s ({true}, predicted {called}): {shown:,} of {count:,}"


def doubtful_note(evaluation: Evaluation) -> str:
    """Return a note on labels that look wrong; empty without any."""
    if not evaluation.doubtful:
        return ""
    best = evaluation.models[evaluation.best].name
    return (
        f"{counted(evaluation.doubtful, 'label')} may be wrong: {best} is as confident in the "
        "other label as in the average review that has it (confident learning, Northcutt et al. "
        "2021). `--doubtful FILE` writes all of them, the most confident first."
    )


def _by_model(
    evaluation: Evaluation, columns: Sequence[str], rows: Iterable[Row], figure: str | None = None
) -> Table:
    """Make a table with a column per model; a single model's column has the name `figure`."""
    names = [model.name for model in evaluation.models]
    heads = [figure] if figure and len(names) == 1 else names
    return table_of((*columns, *heads), rows, len(columns))


def _best(
    cells: Sequence[Cell], values: Sequence[float | None] = (), better: Better = "higher"
) -> list[Cell]:
    """Mark the best cells by their shares or other values; no mark if all are equal."""
    values = values or [cell.share for cell in cells]
    known = [value for value in values if value is not None]
    if better == "neither" or len(known) < 2 or min(known) == max(known):
        return [*cells]
    best = max(known) if better == "higher" else min(known)
    return [cell._replace(is_best=value == best) for cell, value in zip(cells, values, strict=True)]


def _figures(
    metric: Metric, found: Sequence[object | None], notes: Sequence[str] = ()
) -> list[Cell]:
    """Write a figure of each model with its interval or a note, and mark the best."""
    figures = [
        each.figure(metric.key)
        if isinstance(each, Metrics)
        else (getattr(each, metric.key, None), None)
        for each in found
    ]
    notes = notes or [ends(interval) for _, interval in figures]
    cells = [
        Cell(number(value, is_percent=metric.is_percent), note)
        for (value, _), note in zip(figures, notes, strict=True)
    ]
    return _best(cells, [value for value, _ in figures], metric.better)


def _balanced_cell(found: Metrics) -> Cell:
    value = found.balanced_accuracy
    if value is None:
        return Cell(UNDEFINED, f"accuracy {percent(found.accuracy.value, 1)}")
    return Cell(percent(value), ends(found.balanced_accuracy_interval), value)


def _accuracy_cell(found: Metrics) -> Cell:
    accuracy = found.accuracy
    value = found.balanced_accuracy
    balanced = "" if value is None else f"balanced {percent(value, 1)}"
    return Cell(
        text=percent(accuracy.value),
        note=ends(accuracy.interval),
        share=accuracy.value,
        detail=balanced,
    )


def _at(models: Sequence[ModelResult], found: Sequence[AtThreshold | None], key: str) -> list[Cell]:
    """Write a figure of each model, and the threshold beside it."""
    notes = [
        f"at {_threshold(model, each.threshold)}" if each else ""
        for model, each in zip(models, found, strict=True)
    ]
    return _figures(Metric(key, key), found, notes)


def _threshold(model: ModelResult, threshold: float) -> str:
    """Write a threshold in at least four digits, so that it calls the same reviews positive."""
    called = model.called_positive(threshold)
    for digits in range(4, 9):
        text = f"{threshold:.{digits}g}"
        if model.called_positive(float(text)) == called:
            return text
    return f"{threshold:.9g}"


def _losses(found: Figures | Metrics) -> list[str]:
    values = (found.log_loss, found.calibration_error, found.balanced_calibration_error)
    return [UNDEFINED if value is None else f"{value:.3f}" for value in values]


def _mean_of(mean: MacroMean) -> str:
    return f"mean of {counted(mean.groups, 'group')}"


def _target_cell(found: TargetCoverage) -> Cell:
    if found.accuracy is None or found.interval is None:
        return Cell(UNDEFINED, "never reached")
    low, high = found.interval
    detail = f"{found.right:,} of {found.answered:,} right, 95% interval {low:.1%} to {high:.1%}"
    return Cell(
        text=percent(found.share, 1),
        note=_outward(found.uncertain),
        share=found.share,
        detail=detail,
    )


def _outward(uncertain: tuple[float, float] | None) -> str:
    """Write a range, rounded outward: it leaves out at least the reviews of the exact one."""
    if uncertain is None:
        return "all"
    low, high = uncertain
    return f"{floor(low * _DIGITS) / _DIGITS:.4f}:{ceil(high * _DIGITS) / _DIGITS:.4f}"
