"""What the benchmarks write into pages of others: the part between two marks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def write_between(page: Path, begin: str, end: str, written: str) -> None:
    """Replace what is between two lines of a page, and print it; without them, print it only."""
    print(f"\n{written}")
    before, found_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        print(f"not written: {page.name} has no lines {begin!r} and {end!r}", file=sys.stderr)
        return
    page.write_text(f"{before}{begin}\n\n{written}\n{end}{after}", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; all columns but the first are aligned to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percent(share: float | None) -> str:
    """Write a share in %, with one digit; nothing for None."""
    return "" if share is None else f"{100 * share:.1f}"
