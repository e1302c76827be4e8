"""The table of unseen domains in exported/ACCURACY.md, from the rows that unseen.json keeps."""

from __future__ import annotations

from statistics import mean
from typing import Any, NamedTuple

from examples.benchmarks.page import percent, table, write_between
from examples.benchmarks.sources import PROJECT

PAGE = PROJECT / "exported" / "ACCURACY.md"
BEGIN = "<!-- Unseen domains: written by make bench PARTS=unseen. -->"
END = "<!-- End of the unseen domains. -->"
WITH_TEACHER = ", with teacher"  # ends the name of a set

_HEAD = ["left out", "reviews", "positive", "set", "films alone, before", "all other domains"]
_HEAD_WITH_TEACHER = "with the teacher, which has seen the domain"


class Line(NamedTuple):
    """A domain that was left out; the models are the old one, the new one, and the taught one."""

    number: str
    domain: str
    parts: list[dict[str, Any] | None]


def write_page(results: dict[str, Any]) -> None:
    """Replace the table in the page, and print it."""
    written = unseen_table({name: part["rows"] for name, part in results.items()})
    write_between(PAGE, BEGIN, END, written)


def unseen_table(sets: dict[str, list[dict[str, Any]]]) -> str:
    """Write a line for each domain, the largest first, and means over domains."""
    lines = [
        line for name in sets if not name.endswith(WITH_TEACHER) for line in _lines(name, sets)
    ]
    lines.sort(key=lambda line: (-_facts(line)["reviews"], line.domain))
    has_taught = any(line.parts[2] for line in lines)
    head = [*_HEAD, _HEAD_WITH_TEACHER] if has_taught else _HEAD
    models = range(3 if has_taught else 2)
    rows = []
    for line in lines:
        facts = _facts(line)
        figures = [_figure(line.parts[model]) for model in models]
        share = f"{facts['positive'] / facts['reviews']:.0%}"
        rows.append([line.domain, f"{facts['reviews']:,}", share, line.number, *figures])
    for number in sorted({line.number for line in lines}):
        chosen = [line for line in lines if line.number == number]
        rows.append([f"mean of set {number}", "", "", number, *_means(chosen, models)])
    rows.append([f"**mean of {_counted(lines)}**", "", "", "", *_means(lines, models)])
    return table(head, rows)


def _lines(name: str, sets: dict[str, list[dict[str, Any]]]) -> list[Line]:
    before, after = sets[name]
    taught = sets.get(f"{name}{WITH_TEACHER}", [{}, {"groups": []}])[1]
    models = [{part["name"]: part for part in row["groups"]} for row in (before, after, taught)]
    number = name.removeprefix("set ")
    return [Line(number, domain, [m.get(domain) for m in models]) for domain in models[0]]


def _facts(line: Line) -> dict[str, Any]:
    assert line.parts[0] is not None
    return line.parts[0]


def _figure(part: dict[str, Any] | None) -> str:
    """The balanced accuracy; the accuracy, in brackets, if there are too few of one label."""
    if part is None:
        return ""
    balanced = part["balanced_accuracy"]
    return f"({percent(part['accuracy'])})" if balanced is None else percent(balanced)


def _has_both(line: Line) -> bool:
    return _facts(line)["balanced_accuracy"] is not None


def _counted(lines: list[Line]) -> int:
    return sum(map(_has_both, lines))


def _means(lines: list[Line], models: range) -> list[str]:
    """Of each model over the domains with both labels; nothing if it lacks one of them."""
    found = []
    for model in models:
        parts = [line.parts[model] for line in lines if _has_both(line)]
        known = [part["balanced_accuracy"] for part in parts if part is not None]
        found.append(percent(mean(known)) if known and len(known) == len(parts) else "")
    return found
