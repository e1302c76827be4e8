"""The output of `toolkit evaluate` on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from toolkit.classes import SENTIMENT
from toolkit.cli.console import new_console, one_line
from toolkit.evaluation import Evaluation, second_tables, tables
from toolkit.evaluation.behaviour import HEADS, NOTE, TITLE
from toolkit.evaluation.cells import Cell, Table, table_of
from toolkit.evaluation.evaluate_models import ModelResult
from toolkit.evaluation.groups import groups_note
from toolkit.evaluation.second_opinion import SecondEvaluation
from toolkit.model.training_facts import PARTS

_SPACE = 3  # most characters between two columns of a table
_HEAD_WIDTH = 12  # width to which longer names of columns are wrapped
_LONGEST_NAME = 40  # width to which longer names of rows are wrapped
_LETTERS_SHOWN = 120  # of the name of a row
_MISTAKES_SHOWN = 3  # of each model and label; the page has all
_WORDS_SHOWN = 6


def show(evaluation: Evaluation, written: Sequence[Path]) -> None:
    """Print tables, the most confident mistakes, and the paths of the reports."""
    console = new_console()
    data = evaluation.data
    title = one_line(TITLE if data.is_suite else str(data.path) if data.sha256 else data.name)
    console.print(Text(title, style="bold"), soft_wrap=True)
    console.print(tables.summary_of(data, "sentence" if data.is_suite else "review"))
    if data.label_meaning:
        console.print(Text(f"labels: {one_line(data.label_meaning)}"), soft_wrap=True)
    console.print()
    for warning in tables.warnings_of(evaluation):
        console.print(Text(f"Warning: {one_line(warning)}\n", style="yellow"))
    _print_metrics(console, evaluation)
    if data.is_suite:
        _print_behaviour(console, evaluation)
    else:
        _print_figures(console, evaluation)
    if not data.is_suite and (note := tables.doubtful_note(evaluation)):
        console.print(Text(f"{one_line(note)}\n"))
    for model in evaluation.models:
        _print_mistakes(console, model, has_texts=data.is_suite)
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _print_metrics(console: Console, evaluation: Evaluation) -> None:
    """Print the metrics, of our own sentences the accuracy alone, and compare the models."""
    table = tables.metrics_table(evaluation)
    if evaluation.data.is_suite:
        print_table(console, table._replace(rows=table.rows[:1]))
    else:
        print_table(console, table, tables.THRESHOLD_NOTE)
    if evaluation.comparisons:
        console.print(Text(one_line(tables.comparison_note(evaluation))))
        print_table(console, tables.comparison_table(evaluation))


def _print_behaviour(console: Console, evaluation: Evaluation) -> None:
    """Print accuracies of the test sentences, and the spread among people and forms."""
    assert evaluation.groups is not None
    table = tables.breakdown_table(evaluation, evaluation.groups)
    heads = ("Phenomenon", "sentences", *table.columns[2:])
    print_table(console, table._replace(columns=heads))
    for model in (each for each in evaluation.models if each.same):
        if len(evaluation.models) > 1:
            console.print(Text(one_line(model.name), style="bold"))
        for part, title in PARTS.items():
            found = [each for each in model.same if each.part == part]
            heads = (title, *HEADS)[: len(found[0].cells)]
            print_table(console, table_of(heads, [each.cells for each in found]))
            worst = max(found, key=lambda each: each.highest[0] - each.lowest[0])
            console.print(f"Largest spread: {worst.name}")
            for probability, text in (worst.lowest, worst.highest):
                console.print(Text(f"  {probability:.3f}  {text}"))
            console.print()
    console.print(Text(f"{NOTE}\n", style="dim"))


def _print_figures(console: Console, evaluation: Evaluation) -> None:
    for model in evaluation.models:
        if len(evaluation.models) > 1:
            console.print(Text(one_line(model.name), style="bold"))
        print_table(console, tables.confusion_table(model))
        print_table(console, tables.class_confusion_table(model))
    _print_breakdowns(console, evaluation)
    print_table(console, tables.star_table(evaluation), tables.STARS_NOTE)
    print_table(console, tables.class_table(evaluation))
    if (adjusted := tables.prior_table(evaluation)) is not None:
        print_table(console, adjusted, tables.prior_note(evaluation))
    print_table(console, tables.target_table(evaluation), tables.TARGET_NOTE)
    if evaluation.second is not None:
        _print_second(console, evaluation.second)


def _print_second(console: Console, found: SecondEvaluation) -> None:
    """Print what a second model adds: a sentence, the curve, and the best range by group."""
    console.print(Text(one_line(second_tables.title(found)), style="bold"), soft_wrap=True)
    console.print(Text(one_line(second_tables.verdict(found))))
    if options := second_tables.advice(found):
        console.print(Text(f"Use it with: toolkit score … {one_line(options)}"), soft_wrap=True)
    for note in (second_tables.halves_note(found), second_tables.threshold_note(found)):
        if note:
            console.print(Text(one_line(note)))
    console.print()
    print_table(console, second_tables.curve_table(found), second_tables.CURVE_NOTE)
    console.print(Text(f"{second_tables.BEST_NOTE}\n", style="dim"))
    print_table(console, second_tables.groups_table(found), second_tables.GROUPS_NOTE)
    if sentence := second_tables.groups_sentence(found):
        console.print(Text(f"{one_line(sentence)}\n"))


def print_table(console: Console, table: Table | None, note: str = "") -> None:
    """Print a table and a note; a table that is wider than the terminal is printed in parts."""
    if table is None:
        return
    cells = [[_cell(each) for each in row] for row in table.rows]
    for row in cells:
        row[0].truncate(_LETTERS_SHOWN, overflow="ellipsis")
    for columns in _parts(table, cells, console.width - 2):
        output = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for at in columns:
            head = Text(one_line(table.columns[at]))
            output.add_column(head, justify="right" if at else "left", overflow="fold")
        for row in cells:
            output.add_row(*(row[at] for at in columns))
        console.print(output)
    if note:
        console.print(Text(f"{note}\n", style="dim"))


def _parts(table: Table, cells: list[list[Text]], width: int) -> list[list[int]]:
    """Choose the columns of each part: the fixed columns, and as many others as fit."""
    widths = [
        max(min(len(head), _HEAD_WIDTH), *(len(row[at]) for row in cells)) + _SPACE
        for at, head in enumerate(table.columns)
    ]
    widths[0] = min(widths[0] - _SPACE, _LONGEST_NAME)
    room = width - sum(widths[: table.fixed])
    parts: list[list[int]] = []
    left = 0
    for at in range(table.fixed, len(widths)):
        if not parts or widths[at] > left:
            parts.append([*range(table.fixed)])
            left = room
        parts[-1].append(at)
        left -= widths[at]
    return parts


def _cell(cell: Cell) -> Text:
    text = Text(one_line(cell.text), style="bold green" if cell.is_best else "")
    if cell.note:
        text.append(f"  {cell.note}", style="dim not bold default")
    return text


def _print_breakdowns(console: Console, evaluation: Evaluation) -> None:
    """Print accuracies; for groups all figures of one model, or balanced accuracies of several."""
    groups = evaluation.groups
    for breakdown in evaluation.breakdowns:
        if breakdown is not groups:
            print_table(console, tables.breakdown_table(evaluation, breakdown))
    if groups is None:
        return
    note = groups_note(groups)
    if len(evaluation.models) == 1:
        note = f"{tables.GROUPS_NOTE} {note}"
        print_table(console, tables.group_table(evaluation, groups, 0), note)
    else:
        console.print("Balanced accuracy by group")
        note = f"{note} The page and the JSON have more figures of each group."
        print_table(console, tables.balanced_table(evaluation, groups), note)


def _print_mistakes(console: Console, model: ModelResult, *, has_texts: bool) -> None:
    if not model.mistakes:
        return
    console.print(Text(f"Most confident mistakes of {one_line(model.name)}", style="bold"))
    for label in (0, 1):
        if found := model.mistakes_of(label):
            console.print(tables.mistakes_title(model, label))
        for mistake in found[: None if has_texts else _MISTAKES_SHOWN]:
            place = "" if has_texts else f"row {mistake.row:,}, "
            line = Text(f"{place}{SENTIMENT[label]}, scored ")
            line.append(f"{mistake.probability:.3f}", style="red")
            if has_texts:
                line.append(f": {mistake.text}")
            elif words := mistake.cause_names(_WORDS_SHOWN):
                line.append(": caused by ")
                line.append(one_line(", ".join(words)), style="bold")
            console.print(line)
    console.print()
