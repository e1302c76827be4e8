"""The output of `toolkit evaluate` on the terminal, for a model of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from toolkit.cli.console import new_console, one_line
from toolkit.cli.evaluate_view import print_table
from toolkit.evaluation.cells import UNDEFINED, ends, number, percent, table_of
from toolkit.evaluation.class_evaluate import ClassEvaluation
from toolkit.evaluation.class_metrics import TOP

_CLASSES_SHOWN = 100
_LETTERS_SHOWN = 120  # of a text
_LABELS_SHOWN = 5  # of labels that are not a class of the model


def show_classes(found: ClassEvaluation, written: Sequence[Path]) -> None:
    """Print the figures, the classes, the most frequent mistakes, and the paths of the reports."""
    console = new_console()
    data = found.data
    title = str(data.path) if data.sha256 else "standard input"
    console.print(Text(one_line(title), style="bold"), soft_wrap=True)
    console.print(Text(one_line(_summary(found))), soft_wrap=True)
    console.print()
    if warning := _warning(found):
        console.print(Text(f"Warning: {one_line(warning)}\n", style="yellow"))
    _print_figures(console, found)
    _print_classes(console, found)
    _print_confused(console, found)
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _summary(found: ClassEvaluation) -> str:
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


def _warning(found: ClassEvaluation) -> str | None:
    """Return a warning if a model is not clearly better than a constant answer, or None."""
    metrics = found.metrics
    if metrics.accuracy.interval[0] > metrics.constant_accuracy:
        return None
    return (
        f"the model is not clearly better than always answering {metrics.constant!r:.60}: its "
        f"accuracy is {percent(metrics.accuracy.value)}, and the constant answer reaches "
        f"{percent(metrics.constant_accuracy)}."
    )


def _print_figures(console: Console, found: ClassEvaluation) -> None:
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
    name = str(found.model["name"])
    print_table(console, table_of(("", name, "95%", constant), rows))


def _print_classes(console: Console, found: ClassEvaluation) -> None:
    """Print the classes, in the order of their numbers of texts, the largest first."""
    ordered = sorted(found.metrics.classes, key=lambda each: -each.support)
    rows = [
        (
            each.label,
            f"{each.support:,}",
            f"{each.called:,}",
            number(each.precision, 1),
            number(each.recall, 1),
            number(each.f1, 1),
        )
        for each in ordered[:_CLASSES_SHOWN]
    ]
    heads = ("class", "texts", "called so", "precision", "recall", "F1")
    more = len(ordered) - len(rows)
    note = f"{more:,} more classes: --json has all." if more > 0 else ""
    print_table(console, table_of(heads, rows), note)


def _print_confused(console: Console, found: ClassEvaluation) -> None:
    if not found.confused:
        return
    rows = [(each.label, each.called, f"{each.count:,}") for each in found.confused]
    print_table(console, table_of(("confused most often", "taken for", "texts"), rows, 2))
    for each in found.mistakes:
        place = f"row {each.row:,}: {each.label} → {each.called} {each.probability:.3f}"
        console.print(Text(one_line(place), style="bold"), soft_wrap=True)
        text = one_line(each.text)
        cut = "…" if len(text) > _LETTERS_SHOWN else ""
        console.print(Text(f"  {text[:_LETTERS_SHOWN]}{cut}"), soft_wrap=True)
    if found.mistakes:
        console.print()
