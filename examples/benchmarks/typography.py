"""Part 9: reviews of other domains, typed with typographic characters: they should score the same.

The ASCII forms are replaced as a phone or a word processor does it: apostrophes and quotes, dashes,
the ellipsis, and a no-break space before some marks.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from examples.benchmarks.measure import run_module
from examples.benchmarks.results import Rows, save, show
from examples.benchmarks.sources import PROJECT, data_folder
from toolkit.model import SHIPPED

DATA = ("amazon_books", "amazon_sentences", "yelp_sentences")
WANTED = 0.002  # the most that the balanced accuracy may change

# In this order: what opens a quote, what closes it, and the rest.
_RULES = [
    (re.compile(r"(?<=\w)'(?=\w)"), "’"),  # don't  # noqa: RUF001
    (re.compile(r"(?<![^\s(\[])\"(?=\S)"), "“"),
    (re.compile(r'"'), "”"),
    (re.compile(r"(?<![^\s(\[“])'(?=\S)"), "‘"),  # noqa: RUF001
    (re.compile(r"'"), "’"),  # noqa: RUF001
    (re.compile(r"\.\.\.+"), "…"),
    (re.compile(r"(?<=\s)--?(?=\s)"), "–"),  # noqa: RUF001
    (re.compile(r"--+"), "—"),
    (re.compile(r" (?=[!?:;])"), "\u00a0"),
]


def typographic(text: str) -> str:
    """Type a text as a phone or a word processor does."""
    for ascii_form, character in _RULES:
        text = ascii_form.sub(character, text)
    return text


def main() -> None:
    """Measure, save, and print."""
    models = [PROJECT / "exported" / f"{name}.onnx" for name in SHIPPED]
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in DATA:
            plain = data_folder() / "domains" / f"{name}.jsonl"
            if not plain.is_file():
                sys.exit(f"typography: {plain}: no such file. Name its folder with TOOLKIT_DATA.")
            typed = Path(folder) / plain.name
            changed = type_anew(plain, typed)
            found = [_accuracies(path, models) for path in (plain, typed)]
            for model in SHIPPED:
                before, after = (each[model] for each in found)
                row = {"name": model, "data": name, "changed": changed}
                rows.append({**row, "plain": before, "typographic": after})
    save("typography", rows)
    print_table(rows)


def type_anew(source: Path, output: Path) -> int:
    """Type the texts of a JSON Lines file typographically; give how many of them change."""
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").split("\n") if line]
    typed = [{**row, "text": typographic(row["text"])} for row in rows]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in typed]
    output.write_text("".join(lines), encoding="utf-8")
    return sum(row["text"] != other["text"] for row, other in zip(rows, typed, strict=True))


def _accuracies(path: Path, models: list[Path]) -> dict[str, float]:
    facts = json.dumps({"data": str(path), "group": None})
    rows = json.loads(run_module("quality_evaluate", facts, *models))
    return {row["name"]: row["metrics"]["balanced_accuracy"] for row in rows}


def print_table(rows: Rows) -> None:
    """Print the balanced accuracies side by side."""
    show(
        "Balanced accuracy on the same reviews in plain and in typographic English",
        ["", "data", "texts that change", "plain", "typographic", "difference, points", "within"],
        [
            [
                f"`{row['name']}`",
                row["data"],
                f"{row['changed']:,}",
                f"{row['plain']:.2%}",
                f"{row['typographic']:.2%}",
                f"{100 * (row['typographic'] - row['plain']):+.2f}",
                "yes" if abs(row["typographic"] - row["plain"]) <= WANTED else "no",
            ]
            for row in rows
        ],
    )
