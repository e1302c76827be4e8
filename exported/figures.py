"""How accurate a model is by kind of review and by domain, from the results of the benchmark."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

# `make bench PARTS=quality` writes it.
RESULTS = Path(__file__).parents[1] / "examples" / "benchmarks" / "quality.json"

# A part of the results, the figure of a group, and what it is called.
_PARTS = (
    ("held-out", "balanced_accuracy", "Held-out reviews by domain, balanced accuracy in %"),
    ("everyday", "accuracy", "Everyday reviews by kind, accuracy in %"),
    ("order", "accuracy", "Reviews that test the order of words, by kind, accuracy in %"),
)


def figures_by_group(
    name: str, results: dict[str, Any] | None = None, trained_on: Collection[str] = ()
) -> str:
    """Write a Markdown list of what was measured of a model; empty if nothing was.

    `trained_on` are domains whose held-out reviews the model knows.
    """
    if results is None:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = []
    for part, figure, title in _PARTS:
        for row in results.get(part, {}).get("rows", ()):
            if row["name"] == name and "skipped" not in row:
                groups = [
                    f"{group['name'].replace('_', ' ')} {100 * group[figure]:.1f}"
                    for group in sorted(row["groups"], key=lambda group: str(group["name"]))
                    if group[figure] is not None and group["name"] not in trained_on
                ]
                lines.append(f"- {title}: {', '.join(groups)}\n")
    return f"\n{''.join(lines)}" if lines else ""
