"""The output of `toolkit diff` on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from toolkit.cli.console import fact_table, new_console, not_read, one_line, shortened
from toolkit.cli.evaluate_view import print_table
from toolkit.errors import counted
from toolkit.evaluation.cells import UNDEFINED, Table, table_of
from toolkit.evaluation.class_diff import ClassChanges
from toolkit.evaluation.diff_result import (
    ChangedRow,
    Changes,
    Counts,
    DataChanges,
    Difference,
    changed_labels,
    points,
    verdict,
    who_is_right,
)
from toolkit.model.description import megabytes
from toolkit.model.release import USES_IN_SHORT, count_uses
from toolkit.records.class_labels import listed_labels

_LETTERS_SHOWN = 160  # of a text
_GROUPS_SHOWN = 40
_PAIRS_SHOWN = 20
_CLASSES_SHOWN = 6


def show(found: Difference) -> None:
    """Print how the model files differ, which labels change, and which model is right."""
    console = new_console()
    for name, model in (("OLD", found.old), ("NEW", found.new)):
        line = f"{name}  {model['name']} {model['version']}, {model['path']}"
        console.print(Text(one_line(line), style="bold"), soft_wrap=True)
    console.print()
    if found.old["sha256"] == found.new["sha256"]:
        console.print("Both models are the same file.\n")
    else:
        _print_said(console, found)
    if found.data is None:
        _print_changes(console, "Fixed texts", found.texts)
        _print_rows(console, found.texts)
    else:
        _print_data(console, found.data)


def _print_said(console: Console, found: Difference) -> None:
    """Print the metadata that differ, side by side."""
    rows = []
    noun = "text" if isinstance(found.texts, ClassChanges) else "review"
    for name, (key, shown) in _said(noun).items():
        both = found.facts.get(key, (None, None))
        old, new = (UNDEFINED if value is None else shown(value) for value in both)
        if old != new:
            rows.append((name, old, new))
    words = found.words
    have_words = bool(words.old and words.new)  # a classifier folder has none
    if have_words:
        rows.append(("words", f"{words.old:,}", f"{words.new:,}"))
    if have_words and (words.added or words.removed):
        rows.append(("words of this model only", f"{words.removed:,}", f"{words.added:,}"))
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("Metadata of the models", "OLD", "NEW"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(each)) for each in row))
    console.print(table)


def _accuracy(noun: str, found: dict[str, Any]) -> str:
    """Write an accuracy and what it was measured on; `noun`: review or text."""
    reviews = found.get("reviews")
    of = "" if reviews is None else f" of {counted(reviews, noun)}"
    return f"{found['accuracy']:.2%}{of}"


def _calibration(found: dict[str, Any]) -> str:
    line = f"logit · {found['scale']:.3f} {found['bias']:+.3f}"
    return line if found.get("error") is None else f"{line}, error {found['error']:.3f}"


def _data_sets(found: list[dict[str, Any]]) -> str:
    """Return the number of data sets by the use that their terms allow."""
    uses = count_uses(each.get("use") for each in found)
    named = (f"{count} {USES_IN_SHORT[use]}" for use, count in uses.items())
    return f"{len(found)}: {', '.join(named)}"


def _labels(names: Sequence[str]) -> str:
    """Write the labels; of many classes, their number."""
    are_few = len(names) <= _CLASSES_SHOWN
    return listed_labels(names, _CLASSES_SHOWN) if are_few else f"{len(names):,} classes"


def _said(noun: str) -> dict[str, tuple[str, Callable[[Any], str]]]:
    """Return the facts to show, by their names: the key, and a function that formats the value.

    `noun`: what the models read, review or text.
    """

    def accuracy(found: dict[str, Any]) -> str:
        return _accuracy(noun, found)

    return {
        **{key: (key, str) for key in ("version", "date", "domain", "language", "licence")},
        "intended use": ("intended_use", str),
        "data sets": ("data_sets", _data_sets),
        "taught by": ("teachers", lambda value: ", ".join(each["name"] for each in value)),
        "sha256": ("sha256", lambda value: f"{value[:12]}…"),
        "size": ("bytes", megabytes),
        "toolkit version": ("toolkit_version", str),
        "format version": ("format_version", str),
        "token rule": ("token_rule", str),
        "preset": ("preset", str),
        "labels": ("labels", _labels),
        "threshold": ("threshold", str),
        "max tokens": ("max_tokens", "{:,}".format),
        "vocabulary size": ("vocabulary_size", "{:,}".format),
        "stars": ("stars", lambda _: "yes"),
        "neutral range": ("neutral", lambda value: f"{value['low']:g} to {value['high']:g}"),
        "calibration": ("calibration", _calibration),
        f"labelled training {noun}s": ("trained_on", "{:,}".format),
        "unlabelled training texts": ("unlabelled", "{:,}".format),
        "accuracy, held out": ("validation", accuracy),
        "accuracy, test": ("test", accuracy),
    }


def _print_data(console: Console, data: DataChanges) -> None:
    counts = data.changes.counts
    files = data.files[0] if len(data.files) == 1 else counted(len(data.files), "file")
    for warning in data.warnings:
        console.print(Text(f"Warning: {one_line(warning)}\n", style="yellow"))
    title = f"{files}: {counted(counts.rows, 'row')}"
    _print_changes(console=console, title=title, changes=data.changes, more=[*_left_out(data)])
    _print_groups(console, data)
    _print_rows(console, data.changes)
    if data.output is not None:
        console.print(
            f"{counted(counts.changed, 'changed row')} written to {one_line(data.output)}",
            soft_wrap=True,
        )


def _left_out(data: DataChanges) -> Iterator[tuple[str, str]]:
    counts = data.changes.counts
    if data.subset:
        yield "a part", str(data.subset)
    if data.failed:
        yield "left out", f"{counted(len(data.failed), 'file')} that cannot be read to the end"
    yield from not_read(data.ignored, data.links)
    if data.rejected:
        yield "cannot be read", f"{counted(data.rejected, 'record')}; first: {data.first_reject}"
    if nothing := counts.rows - counts.answered:
        yield (
            "no label from either model",
            f"{counted(nothing, 'row')}, without text or known words",
        )
    if outside := counts.labelled_without_score:
        yield "not in the accuracy", f"{counted(outside, 'labelled row')} without both scores"
    if data.label_meaning:
        yield "labels", data.label_meaning


def _print_changes(
    console: Console, title: str, changes: Changes, more: list[tuple[str, str]] | None = None
) -> None:
    counts = changes.counts
    console.print(Text(one_line(title), style="bold"), soft_wrap=True)
    console.print(Text(changed_labels(counts)))
    console.print(fact_table([*_distances(changes), *(more or [])]))
    if (answer := verdict(counts)) is not None:
        console.print()
        console.print(fact_table(_accuracies(counts)))
        console.print(Text(str(who_is_right(counts))))
        is_sure = "bold red" if counts.is_worse else "bold"
        console.print(Text(answer, style=is_sure))
    console.print()
    if isinstance(changes, ClassChanges) and changes.pairs:
        print_table(console, _pairs(changes), _note_on_pairs(changes))


def _pairs(changes: ClassChanges) -> Table:
    """Return the classes that change most often, and which model is right."""
    has_labels = bool(changes.counts.labelled)
    head = ("OLD", "NEW", "rows", *(("OLD right", "NEW right") if has_labels else ()))
    rows = []
    for each in changes.pairs[:_PAIRS_SHOWN]:
        right = (f"{each.old_right:,}", f"{each.new_right:,}") if has_labels else ()
        rows.append((each.old, each.new, f"{each.rows:,}", *right))
    return table_of(head, rows, 2)


def _note_on_pairs(changes: ClassChanges) -> str:
    more = len(changes.pairs) - _PAIRS_SHOWN
    return f"{more:,} more pairs of classes: --json has all." if more > 0 else ""


def _distances(changes: Changes) -> Iterator[tuple[str, str]]:
    """Return how much probabilities and stars change."""
    if (found := changes.probability) is not None:
        line = f"median {found.median:.3f}, 95% of the rows up to {found.most:.3f}, largest "
        yield "change of the probability", f"{line}{found.largest:.3f}"
    if (found := changes.stars) is not None:
        line = f"median {found.median:.2f}, 95% of the rows up to {found.most:.2f}, largest "
        more = f"; rounded, {changes.other_whole_stars:,} of {found.rows:,} rows have other stars"
        yield "change of the stars", f"{line}{found.largest:.2f}{more}"


def _print_rows(console: Console, changes: Changes) -> None:
    if changes.most_changed:
        console.print(Text("Most changed", style="bold"))
        for row in changes.most_changed:
            console.print(_line(row), soft_wrap=True)
        console.print()


def _accuracies(counts: Counts) -> Iterator[tuple[str, str]]:
    what = f"of {counted(counts.labelled, 'labelled row')}"
    for name, found in (("OLD", counts.old_accuracy), ("NEW", counts.new_accuracy)):
        assert found is not None
        low, high = (f"{100 * end:.1f}" for end in found.interval)
        yield f"accuracy of {name}", f"{found.value:.2%} {what} (95% interval {low} to {high})"


def _print_groups(console: Console, data: DataChanges) -> None:
    groups = data.changes.groups
    if not groups:
        return
    title = f"Group ({data.columns['group']})" if "group" in data.columns else "File"
    has_labels = any(each.labelled for each in groups.values())
    head = (title, "rows", "changed", *(("OLD", "NEW", "points (95%)") if has_labels else ()))
    rows = []
    for name, counts in islice(groups.items(), _GROUPS_SHOWN):
        share = f"{counts.changed / counts.answered:.1%}" if counts.answered else UNDEFINED
        rows.append((name, f"{counts.rows:,}", share, *(_right(counts) if has_labels else ())))
    print_table(console, table_of(head, rows))
    if len(groups) > _GROUPS_SHOWN:
        console.print(f"The {_GROUPS_SHOWN} largest of {len(groups):,} groups; --json has all.\n")


def _right(counts: Counts) -> tuple[str, ...]:
    found = counts.comparison
    if found is None:
        return (UNDEFINED,) * 3
    low, high = (f"{100 * end:.1f}" for end in found.interval)
    both = [f"{each.value:.1%}" for each in (counts.old_accuracy, counts.new_accuracy) if each]
    return (*both, f"{points(found.difference)} ({low} to {high})")


def _line(row: ChangedRow) -> Text:
    place = row.file if row.row is None else f"{row.file}, row {row.row:,}"
    line = Text(f"{one_line(place)}: ", style="dim")
    old = _answer(row.old_sentiment, row.old_probability)
    new = _answer(row.new_sentiment, row.new_probability)
    line.append(f"{old} → {new}", style="not dim")
    if row.label is not None:
        line.append(f", labelled {row.label}")
    text = one_line(shortened(row.text, _LETTERS_SHOWN))
    return line.append(f"\n  {text}", style="not dim")


def _answer(sentiment: str | None, probability: float | None) -> str:
    return "no label" if probability is None else f"{sentiment} {probability:.3f}"
