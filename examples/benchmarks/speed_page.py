"""The tables of speed in the page of the benchmarks, from the rows that results.json keeps."""

from __future__ import annotations

import shutil
from typing import Any

from examples.benchmarks import startup
from examples.benchmarks.page import percent, table, write_between
from examples.benchmarks.programs import (
    COPY,
    FASTTEXT,
    FASTTEXT_CSV,
    KERAS,
    SCIKIT_LEARN,
    TOOLKIT,
)
from examples.benchmarks.results import Rows, load
from examples.benchmarks.trial import PAGE, WHOLE, Trial

BEGIN = "<!-- Speed: written by make bench. -->"
END = "<!-- End of speed. -->"

Row = dict[str, Any]

_TITLES = {
    COPY: "plain copy by Arrow",
    FASTTEXT: "fastText, bigrams, prepared text",
    FASTTEXT_CSV: "fastText, bigrams, CSV to CSV",
    SCIKIT_LEARN: "scikit-learn, tf-idf of bigrams",
    KERAS: "Keras `model.predict`, as `conv1d`",
}
_STEPS = {
    "tokens_100": "last 100 tokens",
    "tokens_512": "last 512 tokens",
    "network": "network",
    "scorer": "`Scorer.score`, one text",
    "session": "text-in session, one text",
}


def main(trial: Trial = WHOLE) -> None:
    """Replace the tables in the page, and print them."""
    results = load(trial.results)
    if trial.page != PAGE:
        shutil.copy(PAGE, trial.page)
    written = [write(results[part]) for part, write in PARTS.items() if part in results]
    write_between(trial.page, BEGIN, END, "\n".join(written))


def of_files(part: Row) -> str:
    """Write the table of files."""
    measured = [row for row in part["rows"] if "skipped" not in row]
    head = ["", "format", "workers", "core", "seconds", "reviews/s"]
    head += ["time, copy = 1", "speed, fastText = 1", "peak MiB"]
    rows = [
        [
            _title(row),
            row.get("format", "text" if row["name"] == FASTTEXT else "CSV"),
            str(row["cores"]),
            row.get("core", ""),
            f"{row['seconds']:.2f}",
            f"{row['reviews_per_second']:,}",
            _number(times_copy(row, measured), 2),
            _number(times_fasttext(row, measured), 2),
            memory(row),
        ]
        for row in sorted(measured, key=lambda row: row["name"] != TOOLKIT)
    ]
    number = measured[0]["reviews"]
    right = {
        f"`{row['model']}`" if "model" in row else row["name"].partition(",")[0]: row["accuracy"]
        for row in measured
        if "accuracy" in row
    }
    shares = ", ".join(f"{name} {percent(share)}" for name, share in right.items())
    lines = [
        f"**{number:,} reviews**, {_machine(part)}\n",
        table(head, rows),
        f"JSON Lines are compared with the copy of the CSV file. Right labels in %: {shares}.",
    ]
    skipped = [row for row in part["rows"] if "skipped" in row]
    lines += dict.fromkeys(f"Left out: {row['name']}: {row['skipped']}." for row in skipped)
    return "\n".join(lines) + "\n"


def of_growth(part: Row) -> str:
    """Write the table of longer files."""
    measured = [row for row in part["rows"] if "skipped" not in row]
    sizes = sorted({row["reviews"] for row in measured})
    largest = [row for row in measured if row["reviews"] == sizes[-1]]
    titles = dict.fromkeys(_title(row) for row in measured)
    head = ["µs per review, CSV", *(f"{size:,}" for size in sizes)]
    head += ["time, copy = 1", "speed, fastText = 1", *(f"MiB, {sizes[i]:,}" for i in (1, -1))]
    rows = []
    for title in titles:
        of_size = {row["reviews"]: row for row in measured if _title(row) == title}
        last = of_size[sizes[-1]]
        rows.append(
            [
                title,
                *(_microseconds(of_size.get(size)) for size in sizes),
                _number(times_copy(last, largest), 2),
                _number(times_fasttext(last, largest), 2),
                *(_memory(of_size.get(sizes[i])) for i in (1, -1)),
            ]
        )
    workers = largest[0]["cores"]
    return f"**Longer files**, {workers} workers, ratios of the longest\n\n{table(head, rows)}"


def of_steps(part: Row) -> str:
    """Write the table of what one thread takes without files."""
    head = ["µs per review, one thread", "core", *_STEPS.values()]
    rows = [
        [f"`{row['name']}`", row["core"], *(f"{row['microseconds'][step]:.1f}" for step in _STEPS)]
        for row in part["rows"]
    ]
    return f"**Steps**, without the start of a process\n\n{table(head, rows)}"


def of_startup(part: Row) -> str:
    """Write the table of starts."""
    bounds = {row.get("model"): row for row in part["rows"] if row["name"] == startup.BOUND}
    head = ["", "seconds", "the bound", "bound = 1", "peak MiB"]
    rows = []
    for row in part["rows"]:
        if row["name"] == startup.BOUND:
            continue
        bound = bounds.get(row.get("model"))
        cells = [f"`{row.get('model', row['name'])}`", f"{row['seconds']:.3f}", "", ""]
        if bound:
            cells[2:] = [f"{bound['seconds']:.3f}", f"{row['seconds'] / bound['seconds']:.2f}"]
        rows.append([*cells, memory(row)])
    return f"**Start**, {startup.REVIEWS} reviews\n\n{table(head, rows)}"


PARTS = {"files": of_files, "growth": of_growth, "steps": of_steps, "startup": of_startup}


def times_copy(row: Row, rows: Rows) -> float | None:
    """Give the time as a multiple of a copy of the file, for JSON Lines of the CSV."""
    kind = "Parquet" if row.get("format") == "Parquet" else "CSV"
    copy = next((r for r in rows if r["name"] == COPY and r["format"] == kind), None)
    return row["seconds"] / copy["seconds"] if copy else None


def times_fasttext(row: Row, rows: Rows) -> float | None:
    """Give the speed as a multiple of fastText on prepared text, with as many processes."""
    unit = next((r for r in rows if r["name"] == FASTTEXT and r["cores"] == row["cores"]), None)
    return unit["seconds"] / row["seconds"] if unit else None


def memory(row: Row) -> str:
    """Write the MiB of the largest process, and how many there are of that kind."""
    several = f"{row['cores']} x " if row["name"] == FASTTEXT and row["cores"] > 1 else ""
    return f"{several}{row['peak_mebibytes']:,}"


def _title(row: Row) -> str:
    return f"`{row['model']}`" if "model" in row else _TITLES[row["name"]]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _microseconds(row: Row | None) -> str:
    return f"{1e6 * row['seconds'] / row['reviews']:.1f}" if row else ""


def _memory(row: Row | None) -> str:
    return memory(row) if row else ""


def _machine(part: Row) -> str:
    found = part["machine"]
    cores = f"{found['cores']} cores of {found['processor']}"
    return f"{found['date']}, {cores}, Python {found['python']}, core {found['core']}"
