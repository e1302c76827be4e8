"""What `toolkit evaluate` shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from toolkit.cli.terminal import new_console, one_line, shortened
from toolkit.evaluation import Evaluation, groups
from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.result import LABELS, ModelResult
from toolkit.evaluation.tables import coverage_tables, group_tables, rating_tables
from toolkit.evaluation.tables import result_tables as tables

_SPACE = 3  # between two columns of a table, at most
_NAME_WIDTH = 12  # of a model, at least
_LONGEST_NAME = 40  # of a row; longer ones are wrapped
_LETTERS_SHOWN = 120  # of it
_MISTAKES_SHOWN = 3  # of each model; the page has all
_WORDS_SHOWN = 6


def show(evaluation: Evaluation, written: Sequence[Path]) -> None:
    """Print tables, the most confident mistakes, and where the reports are."""
    console = new_console()
    data = evaluation.data
    title = one_line(str(data.path) if data.sha256 else data.name)
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(tables.summary_of(data))
    if data.label_meaning:
        console.print(Text(f"labels: {one_line(data.label_meaning)}"), soft_wrap=True)
    console.print()
    for warning in tables.warnings_of(evaluation):
        console.print(Text(f"Warning: {one_line(warning)}\n", style="yellow"))
    _print(console, evaluation, tables.metrics_table(evaluation))
    if evaluation.comparisons:
        console.print(Text(one_line(tables.comparison_note(evaluation))))
        print_plain(console, tables.comparison_table(evaluation))
    _print(console, evaluation, tables.confusion_table(evaluation))
    if len(evaluation.models) == 1:
        print_plain(console, tables.threshold_table(evaluation.models[0]))
    for breakdown in evaluation.breakdowns:
        _print_parts(console, evaluation, breakdown)
    _print_ratings(console, evaluation)
    _print(console, evaluation, coverage_tables.coverage_table(evaluation), notes=False)
    _print(console, evaluation, coverage_tables.target_table(evaluation))
    console.print(Text(f"{coverage_tables.TARGET_NOTE}\n", style="dim"))
    for model in evaluation.models:
        _print_mistakes(console, model)
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _print(
    console: Console, evaluation: Evaluation, table: tables.Table, *, notes: bool = True
) -> None:
    """Print a table, in several parts if the terminal is too narrow for all models."""
    models = evaluation.models
    at_once = _models_at_once(console.width, table, notes=notes)
    for first in range(0, len(models), at_once):
        shown = range(first, min(first + at_once, len(models)))
        columns = [table.title, *table.columns]
        output = _new_table(columns, [one_line(models[place].name) for place in shown])
        for row in table.rows:
            cells = [_cell(row.cells[p], best=p in row.best, notes=notes) for p in shown]
            output.add_row(Text(one_line(row.name)), *row.common, *cells)
        console.print(output)


def _print_ratings(console: Console, evaluation: Evaluation) -> None:
    """Print how well stars and three classes are told, where there are any."""
    stars, classes = rating_tables.star_table(evaluation), rating_tables.class_table(evaluation)
    if stars is not None:
        _print(console, evaluation, stars)
        console.print(Text(f"{rating_tables.STARS_NOTE}\n", style="dim"))
    if classes is not None:
        _print(console, evaluation, classes)


def _print_parts(console: Console, evaluation: Evaluation, found: Breakdown) -> None:
    """Print accuracies; of groups all figures or, of several models, the balanced accuracies."""
    if found is not evaluation.groups:
        _print(console, evaluation, tables.breakdown_table(found))
        return
    note = groups.groups_note(found)
    if len(evaluation.models) == 1:
        print_plain(console, group_tables.figures_table(evaluation, found, 0))
        note = f"{group_tables.FIGURES_NOTE} {note}"
    else:
        console.print("Balanced accuracy by group")
        _print(console, evaluation, group_tables.balanced_table(evaluation, found))
        note = f"{note} The page and the JSON have more figures of each group."
    console.print(Text(f"{note}\n", style="dim"))


def _models_at_once(width: int, table: tables.Table, *, notes: bool) -> int:
    """How many models fit side by side, with names no longer than their figures."""
    names = [table.title, *(row.name for row in table.rows)]
    rows = [row.common for row in table.rows]
    common = [max(map(len, column)) for column in zip(*rows, strict=True)]
    taken = min(max(map(len, names)), _LONGEST_NAME) + sum(
        max(length, len(name)) + _SPACE for length, name in zip(common, table.columns, strict=True)
    )
    cells = [_cell(cell, best=False, notes=notes) for row in table.rows for cell in row.cells]
    for_one = max(_NAME_WIDTH, *(len(cell) for cell in cells)) + _SPACE
    return max((width - taken - 2) // for_one, 1)


def _new_table(columns: Sequence[str], models: Sequence[str]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    first, *others = columns
    table.add_column(Text(first), overflow="fold")
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    for name in models:
        table.add_column(Text(name), justify="right", overflow="fold")
    return table


def _cell(cell: tables.Cell, *, best: bool, notes: bool) -> Text:
    text = Text(cell.text, style="bold green" if best else "")
    if notes and cell.note:
        text.append(f"  {cell.note}", style="dim not bold default")
    return text


def print_plain(console: Console, table: tables.PlainTable) -> None:
    """Print a table, in several parts if the terminal is too narrow for all columns."""
    names, *columns = zip(table.columns, *table.rows, strict=True)
    taken = min(max(map(len, names)), _LONGEST_NAME)
    parts: list[list[tuple[str, ...]]] = [[]]
    width = taken
    for column in columns:
        needed = max(map(len, column)) + _SPACE
        if parts[-1] and width + needed > console.width - 2:
            parts.append([])
            width = taken
        width += needed
        parts[-1].append(column)
    for part in parts:
        (title, *heads), *rows = zip(names, *part, strict=True)
        output = _new_table([one_line(title), *heads], ())
        for name, *figures in rows:
            output.add_row(Text(one_line(shortened(name, _LETTERS_SHOWN))), *figures)
        console.print(output)


def _print_mistakes(console: Console, model: ModelResult) -> None:
    if not model.mistakes:
        return
    console.print(Text(f"Most confident mistakes of {one_line(model.name)}", style="bold"))
    for mistake in model.mistakes[:_MISTAKES_SHOWN]:
        line = Text(f"row {mistake.row:,}, {LABELS[mistake.label]}, scored ")
        line.append(f"{mistake.probability:.3f}", style="red")
        if words := mistake.cause_names(_WORDS_SHOWN):
            line.append(": caused by ")
            line.append(one_line(", ".join(words)), style="bold")
        console.print(line)
    console.print()
