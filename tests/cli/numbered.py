"""CSV files whose records are numbered."""

from __future__ import annotations

WORDS = ["a superb film", "awful", "dull and slow", "I love it"]


def rows(count: int, bad: tuple[int, ...] = ()) -> str:
    """Write a CSV file whose records are numbered, some with a field too many."""
    lines = [f"{n},{WORDS[n % 4]}{',x' if n in bad else ''}\n" for n in range(count)]
    return "id,text\n" + "".join(lines)
