"""The output of `toolkit summarize` on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from toolkit.cli.console import fact_table, new_console, one_line, shortened
from toolkit.cli.evaluate_view import print_table
from toolkit.errors import counted
from toolkit.evaluation.cells import percent
from toolkit.evaluation.class_summary import ClassSummary, class_headline, class_sections
from toolkit.evaluation.summary import Quote, Section, Summary, Theme, sections
from toolkit.evaluation.summary_headline import headline

_QUOTE = 110  # most characters of a quoted review


def show(found: Summary, most: int, written: Sequence[Path]) -> None:
    """Print the shares, the sections with their tables, the themes, and example rows."""
    console = new_console()
    names = found.files[0] if len(found.files) == 1 else counted(len(found.files), "file")
    _print_head(console, _title(names, found), found, headline(found))
    _print_sections(console, sections(found, most))
    _print_themes(
        console=console,
        title="Complaints",
        themes=found.complaints,
        label=found.negative,
    )
    _print_themes(console=console, title="Praise", themes=found.praise, label=found.positive)
    _print_rows(console, "Most negative", found.most_negative[:3])
    _print_rows(console, f"Surprising: {found.surprise}", found.surprising[:3])
    _print_written(console, written)


def show_classes(found: ClassSummary, written: Sequence[Path]) -> None:
    """Print the shares of classes, and the sections with their tables."""
    console = new_console()
    _print_head(console, _title(found.name, found), found, class_headline(found))
    _print_sections(console, class_sections(found))
    _print_written(console, written)


def _title(name: str, found: Summary | ClassSummary) -> str:
    """Return the files and their rows; from a date on, if they are compared with those before."""
    part = f" from {found.since_date} on" if found.since_date is not None else ""
    return f"{name}: {counted(found.rows, 'row')}{part}"


def _print_head(
    console: Console, title: str, found: Summary | ClassSummary, sentences: Sequence[str]
) -> None:
    """Print title, warnings, sentences and the numbers of rows."""
    console.print(Text(one_line(title), style="bold"))
    for warning in found.warnings:
        console.print(Text(f"Warning: {one_line(warning)}", style="yellow"))
    for sentence in sentences:
        console.print(Text(one_line(sentence)), soft_wrap=True)
    console.print()
    console.print(fact_table(found.facts()))
    console.print()


def _print_sections(console: Console, found: Sequence[Section]) -> None:
    """Print titles, tables and notes."""
    for section in found:
        console.print(Text(one_line(section.title), style="bold"))
        if section.table.rows:
            print_table(console, section.table)
        console.print(Text(f"{section.note}\n" if section.note else "", style="dim"))


def _print_written(console: Console, written: Sequence[Path]) -> None:
    """Name the files that were written."""
    for path in written:
        console.print(f"Written to {one_line(str(path))}", soft_wrap=True)


def _print_themes(console: Console, title: str, themes: Sequence[Theme], label: str) -> None:
    """Print themes with their numbers of reviews, and typical phrases."""
    if not themes:
        return
    console.print(Text(f"{title}: what {label} reviews are about", style="bold"))
    width = max(len(each.name) for each in themes)
    for each in themes:
        stars = "" if each.stars is None else f" {each.stars:+5.1f} stars"
        counts = f"{each.reviews:>8,} {percent(each.share, 1):>6}{stars}"
        line = Text(f"  {one_line(each.name):<{width}} {counts}")
        if each.phrases:
            line.append(f"   {one_line(', '.join(each.phrases))}", style="dim")
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
