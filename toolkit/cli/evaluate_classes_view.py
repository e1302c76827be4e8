"""The output of `toolkit evaluate` on the terminal, for a model of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from toolkit.cli.console import new_console, one_line
from toolkit.cli.evaluate_view import print_table
from toolkit.evaluation.class_comparison import ClassReport, comparison_sections
from toolkit.evaluation.class_evaluate import ClassEvaluation
from toolkit.evaluation.class_tables import (
    class_table,
    confused_table,
    figures_table,
    group_table,
    groups_note,
    summary_of,
    warning_of,
)

_LETTERS_SHOWN = 120  # of a text


def show_classes(found: ClassEvaluation, written: Sequence[Path]) -> None:
    """Print the figures, the classes, the most frequent mistakes, and the paths of the reports."""
    console = new_console()
    data = found.data
    title = str(data.path) if data.sha256 else "standard input"
    console.print(Text(one_line(title), style="bold"), soft_wrap=True)
    console.print(Text(one_line(summary_of(found))), soft_wrap=True)
    console.print()
    if warning := warning_of(found):
        console.print(Text(f"Warning: {one_line(warning)}\n", style="yellow"))
    print_table(console, figures_table(found))
    classes = class_table(found)
    more = len(found.metrics.classes) - len(classes.rows)
    note = f"{more:,} more classes: --json has all." if more > 0 else ""
    print_table(console, classes, note)
    if (groups := group_table(found)) is not None:
        print_table(console, groups, groups_note(found))
    _print_confused(console, found)
    _print_written(console, written)


def show_comparison(found: ClassReport, written: Sequence[Path]) -> None:
    """Print the figures of several models, how they differ, and the paths of the reports."""
    console = new_console()
    data = found.models[0].data
    title = str(data.path) if data.sha256 else "standard input"
    console.print(Text(one_line(title), style="bold"), soft_wrap=True)
    for name, each in zip(found.names, found.models, strict=True):
        console.print(Text(one_line(f"{name}: {summary_of(each)}")), soft_wrap=True)
        if warning := warning_of(each):
            console.print(Text(f"Warning: {one_line(f'{name}: {warning}')}", style="yellow"))
    console.print()
    for section in comparison_sections(found):
        console.print(Text(one_line(section.title), style="bold"))
        print_table(console, section.table, section.note)
    _print_written(console, written)


def _print_written(console: Console, written: Sequence[Path]) -> None:
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _print_confused(console: Console, found: ClassEvaluation) -> None:
    if not found.confused:
        return
    print_table(console, confused_table(found))
    for each in found.mistakes:
        place = f"row {each.row:,}: {each.label} → {each.called} {each.probability:.3f}"
        console.print(Text(one_line(place), style="bold"), soft_wrap=True)
        text = one_line(each.text)
        cut = "…" if len(text) > _LETTERS_SHOWN else ""
        console.print(Text(f"  {text[:_LETTERS_SHOWN]}{cut}"), soft_wrap=True)
    if found.mistakes:
        console.print()
