"""The table of few labels in the page of the benchmarks, from the rows that adapt.json keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from examples.benchmarks.page import percent, table, write_between

PAGE = Path(__file__).with_name("README.md")
BEGIN = "<!-- Few labels: written by make bench PARTS=adapt. -->"
END = "<!-- End of few labels. -->"
START, ADAPTED, UNLABELLED = "as it is", "adapted", "adapted, --unlabelled"
_KEPT = (START, "scale and bias", "unlabelled", "words")

Row = dict[str, Any]

_TITLES = {
    START: "the start as it is",
    ADAPTED: "**`train --from`**",
    "adapted, --optimize balanced": "the same, exported with `--optimize balanced`",
    "adapted, cut at 0.5": "the same, exported with `--threshold 0.5`",
    UNLABELLED: "**`train --from … --unlabelled`**, the reviews to score",
    "from scratch": "from scratch, `ngram-linear`",
    "from scratch, cut at the share": "the same, cut at the share of positives",
    "tf-idf": "tf-idf, logistic regression",
    "tf-idf, cut at the share of positives": "the same, cut at the share of positives",
    "encoder": "a frozen sentence encoder (MiniLM), logistic regression",
    "encoder, cut at the share of positives": "the same, cut at the share of positives",
}


def write_page(results: dict[str, Any]) -> None:
    """Replace the tables in the page, and print them."""
    parts = (tables(name, part["rows"]) for name, part in sorted(results.items(), reverse=True))
    write_between(PAGE, BEGIN, END, "\n".join(parts))


def tables(name: str, rows: list[Row]) -> str:
    """Write balanced accuracy and log loss by number of labels, and what was kept."""
    sizes = sorted({row["labels"] for row in rows})
    head = ["labels", *(f"{size:,}" for size in sizes)]
    domains = _counted(rows, sizes)
    parts = [
        f"**{name.capitalize()}.** Balanced accuracy in %, the mean over {domains}:\n",
        table(head, _lines(rows, sizes, "balanced_accuracy", percent)),
        "Log loss:\n",
        table(head, _lines(rows, sizes, "log_loss", "{:.3f}".format)),
    ]
    for way in (ADAPTED, UNLABELLED):
        if any(row["way"] == way for row in rows):
            parts += [
                f"Beside the start, {_TITLES[way]}:\n",
                table(head, _beside(rows, sizes, way)),
            ]
    return "\n".join(parts)


def _lines(
    rows: list[Row], sizes: list[int], key: str, shown: Callable[[float], str]
) -> list[list[str]]:
    measured = {row["way"] for row in rows}
    ways = [way for way in _TITLES if way in measured]
    if key == "log_loss":  # another threshold has the same
        ways = [way for way in ways if ", cut" not in way and "--optimize" not in way]
    return [
        [_TITLES[way], *(shown(mean(_by_domain(rows, way, size, key).values())) for size in sizes)]
        for way in ways
    ]


def _beside(rows: list[Row], sizes: list[int], way: str) -> list[list[str]]:
    """The worst domain and draw, how often the log loss is lower, what was kept, and the time."""
    names = ["worst domain", "worst draw", "changed, of these lower log loss"]
    lines = [[name] for name in (*names, *(f"kept: {name}" for name in _KEPT), "seconds")]
    for size in sizes:
        both = [_by_domain(rows, one, size, "balanced_accuracy") for one in (START, way)]
        worst = min(both[1][domain] - both[0][domain] for domain in both[0])
        runs = [_by_run(rows, one, size) for one in (START, way)]
        fall = min(
            runs[1][run]["balanced_accuracy"] - runs[0][run]["balanced_accuracy"] for run in runs[0]
        )
        changed = [run for run, row in runs[1].items() if row["kept"] != START]
        lower = sum(runs[1][run]["log_loss"] < runs[0][run]["log_loss"] for run in changed)
        made = list(runs[1].values())
        kept = Counter(row["kept"] for row in made)
        lines[0].append(f"{100 * worst:+.1f} points")
        lines[1].append(f"{100 * fall:+.1f} points")
        lines[2].append(f"{len(changed)}, {lower}")
        lines[-1].append(f"{mean(row['seconds'] for row in made):.1f}")
        for line, name in zip(lines[len(names) : -1], _KEPT, strict=True):
            line.append(str(kept[name]))
    return [line for line in lines if any(cell != "0" for cell in line[1:])]


def _by_domain(rows: list[Row], way: str, size: int, key: str) -> dict[str, float]:
    """Give the mean over the draws for each domain."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["way"] == way and row["labels"] == size:
            found.setdefault(row["domain"], []).append(row[key])
    return {domain: mean(values) for domain, values in found.items()}


def _by_run(rows: list[Row], way: str, size: int) -> dict[tuple[str, int], Row]:
    chosen = [row for row in rows if row["way"] == way and row["labels"] == size]
    return {(row["domain"], row["draw"]): row for row in chosen}


def _counted(rows: list[Row], sizes: list[int]) -> str:
    """Such as `22 domains (2,000 labels: 12)`, as small ones have too few reviews."""
    counts = [len(_by_domain(rows, START, size, "log_loss")) for size in sizes]
    fewer = [f"{size:,} labels: {count}" for size, count in zip(sizes, counts, strict=True)]
    shown = [entry for entry, count in zip(fewer, counts, strict=True) if count < counts[0]]
    few = f" ({', '.join(shown)})" if shown else ""
    return f"{counts[0]} domains{few} and three draws"
