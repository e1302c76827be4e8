"""What was measured of a model of classes, as tables for the terminal and the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.evaluation.cells import UNDEFINED, Cell, Table, ends, number, percent, table_of
from toolkit.evaluation.class_evaluate import ClassEvaluation
from toolkit.evaluation.class_metrics import TOP

MOST_CLASSES = 100  # in a table
MOST_IN_MATRIX = 30  # classes; a page is not wider
MOST_GROUPS = 30  # in a table
OTHERS = "others"
_LABELS_SHOWN = 5  # of labels that are not a class of the model

SURE_NOTE = (
    "If only texts are answered whose label has at least this probability: the share of texts "
    "that are answered, and the accuracy on them. toolkit score has --min-probability."
)


def summary_of(found: ClassEvaluation) -> str:
    """Return a line on the texts, and on the rows that were left out."""
    data = found.data
    parts = [f"{data.texts:,} texts of {len(found.metrics.classes):,} classes"]
    others = sum(data.other_labels.values())
    named = ", ".join(f"{label!r:.60}" for label in [*data.other_labels][:_LABELS_SHOWN])
    left_out = (
        (data.without_text, "without text"),
        (data.without_label, "without label"),
        (others, f"with a label that is not a class of the model ({named})"),
        (data.without_answer, "without a word that the model knows"),
    )
    parts += [f"{count:,} rows {what} left out" for count, what in left_out if count]
    return "; ".join(parts)


def warning_of(found: ClassEvaluation) -> str | None:
    """Return a warning if a model is not clearly better than a constant answer, or None."""
    metrics = found.metrics
    if metrics.accuracy.interval[0] > metrics.constant_accuracy:
        return None
    return (
        f"the model is not clearly better than always answering {metrics.constant!r:.60}: its "
        f"accuracy is {percent(metrics.accuracy.value)}, and the constant answer reaches "
        f"{percent(metrics.constant_accuracy)}."
    )


def figures_table(found: ClassEvaluation) -> Table:
    """Return the figures of all classes together, beside the best constant answer."""
    metrics = found.metrics
    constant = f"always {metrics.constant}"[:40]
    rows = [
        ("accuracy", percent(metrics.accuracy.value), ends(metrics.accuracy.interval),
         percent(metrics.constant_accuracy)),
        ("balanced accuracy (mean recall)", percent(metrics.balanced_accuracy), "",
         percent(1 / sum(each.support > 0 for each in metrics.classes))),
        ("macro F1", percent(metrics.macro_f1), "", percent(metrics.constant_macro_f1)),
        ("weighted F1", percent(metrics.weighted_f1), "", UNDEFINED),
        (f"right label among the first {TOP}", percent(metrics.top_accuracy), "", UNDEFINED),
        ("log loss", f"{metrics.log_loss:.4f}", "", UNDEFINED),
        ("calibration error", f"{metrics.calibration_error:.4f}", "", UNDEFINED),
    ]  # fmt: skip
    return table_of(("", str(found.model["name"]), "95%", constant), rows)


def class_table(found: ClassEvaluation, most: int = MOST_CLASSES) -> Table:
    """Return precision, recall and F1 of the classes with the most texts, the largest first."""
    ordered = sorted(found.metrics.classes, key=lambda each: -each.support)
    rows = [
        (
            each.label,
            f"{each.support:,}",
            f"{each.called:,}",
            number(each.precision, 1),
            number(each.recall, 1),
            Cell(number(each.f1, 1), share=each.f1),
        )
        for each in ordered[:most]
    ]
    return table_of(("class", "texts", "predicted", "precision", "recall", "F1"), rows)


def confused_table(found: ClassEvaluation) -> Table:
    """Return the pairs of classes that are confused most often."""
    rows = [(each.label, each.called, f"{each.count:,}") for each in found.confused]
    return table_of(("confused most often", "predicted as", "texts"), rows, 2)


def group_table(found: ClassEvaluation) -> Table | None:
    """Return the figures of the groups with the lowest accuracy; None without groups."""
    if not found.groups:
        return None
    rows = [
        (
            each.name,
            f"{each.accuracy.count:,}",
            Cell(percent(each.accuracy.value, 1), ends(each.accuracy.interval)),
            percent(each.macro_f1, 1),
            percent(each.constant_accuracy, 1),
        )
        for each in found.groups[:MOST_GROUPS]
    ]
    return table_of(("group", "texts", "accuracy", "macro F1", "by a constant"), rows)


def groups_note(found: ClassEvaluation) -> str:
    """Return how many groups are not in the table; empty if all are."""
    more = len(found.groups) - MOST_GROUPS
    return f"The weakest are shown; {more:,} more are in the JSON." if more > 0 else ""


def sure_table(found: ClassEvaluation) -> Table:
    """Return how many texts are answered from a probability on, and how well."""
    count = found.metrics.accuracy.count
    rows = [
        (
            f"{each.least:g}",
            Cell(percent(each.texts / count, 1), share=each.texts / count),
            number(each.right / each.texts if each.texts else None, 1),
        )
        for each in found.metrics.sure
    ]
    return table_of(("probability", "answered", "accuracy"), rows)


@dataclass(frozen=True)
class MatrixCell:
    """The texts of a label that get one answer, and their share of all texts of the label."""

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: a row of cells for each label, a column for each answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]
    note: str  # what is left out; empty if nothing is


def matrix_of(found: ClassEvaluation, most: int = MOST_IN_MATRIX) -> Matrix:
    """Return the confusion matrix of all classes, or of those with the most mistakes.

    Answers of other classes are then counted in one more column.
    """
    counts = found.metrics.confusion
    names = [each.label for each in found.metrics.classes]
    shown = np.arange(len(names))
    if len(names) > most:
        wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
        shown = np.sort(np.argsort(-wrong, kind="stable")[:most])
    rows = []
    for row in shown:
        support = max(int(counts[row].sum()), 1)
        numbers = [int(counts[row, column]) for column in shown]
        if len(shown) < len(names):
            numbers.append(int(counts[row].sum()) - sum(numbers))
        places = [*shown, -1]
        cells = tuple(
            MatrixCell(count=each, share=each / support, is_right=place == row)
            for each, place in zip(numbers, places, strict=False)
        )
        rows.append((names[row], cells))
    columns = [names[column] for column in shown]
    note = ""
    if len(shown) < len(names):
        columns.append(OTHERS)
        note = (
            f"The {most} of {len(names):,} classes with the most mistakes; the last column has all "
            "other answers. --report FILE.json has the whole matrix."
        )
    return Matrix(columns=tuple(columns), rows=tuple(rows), note=note)
