"""What `toolkit summarize` shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from toolkit.cli.console import fact_table, new_console, one_line, shortened
from toolkit.cli.evaluate_view import print_table
from toolkit.errors import counted
from toolkit.evaluation.summary import Quote, Summary, TermFound, sections

_QUOTE = 110  # letters


def show(found: Summary, most: int, written: Sequence[Path]) -> None:
    """Print the shares, the words, the changes, and rows."""
    console = new_console()
    names = found.files[0] if len(found.files) == 1 else counted(len(found.files), "file")
    console.print(Text(one_line(f"{names}: {counted(found.rows, 'row')}"), style="bold"))
    for warning in found.warnings:
        console.print(Text(f"Warning: {one_line(warning)}", style="yellow"))
    console.print(fact_table(found.facts()))
    console.print()
    for section in sections(found, most):
        console.print(Text(one_line(section.title), style="bold"))
        if section.table.rows:
            print_table(console, section.table)
        console.print(Text(f"{section.note}\n" if section.note else "", style="dim"))
    for title, terms, labels in (
        ("Complaints", found.complaints, (found.negative, found.positive)),
        ("Praise", found.praise, (found.positive, found.negative)),
    ):
        _print_terms(console, title, terms, labels)
    _print_rows(console, "Most negative", found.most_negative[:3])
    _print_rows(console, f"Surprising: {found.surprise}", found.surprising[:3])
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _print_terms(
    console: Console, title: str, terms: Sequence[TermFound], labels: tuple[str, str]
) -> None:
    """Print words and phrases with how often they are in both kinds of reviews."""
    for is_opinion, what in ((False, "subjects"), (True, "opinions")):
        chosen = [each for each in terms if each.is_opinion is is_opinion]
        if not chosen:
            continue
        console.print(Text(f"{title}: {what}", style="bold"))
        width = max(len(each.name) for each in chosen)
        for each in chosen:
            counts = f"{each.reviews:>8,} {labels[0]} {each.other_reviews:>8,} {labels[1]}"
            line = Text(f"  {each.name:<{width}} {counts}")
            if each.phrases:
                line.append(f"   {', '.join(each.phrases)}", style="dim")
            console.print(line, soft_wrap=True)
        console.print()


def _print_rows(console: Console, title: str, rows: Sequence[Quote]) -> None:
    if not rows:
        return
    console.print(Text(title, style="bold"))
    for each in rows:
        why = f" ({each.why})" if each.why else ""
        text = shortened(one_line(each.text), _QUOTE)
        console.print(
            Text(f"  row {each.row:,}, {each.probability:.3f}{one_line(why)}: {text}"),
            soft_wrap=True,
        )
    console.print()
