"""Tables of a result as rows of cells, and how figures are written in them.

The terminal and the page both show these tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

UNDEFINED = "–"  # noqa: RUF001 (a dash, as tables have it)


class Cell(NamedTuple):
    """The content of a row in a column."""

    text: str
    note: str = ""  # how sure it is, or what it means
    share: float | None = None  # for a bar of this length, on the page
    detail: str = ""  # on the page only: a terminal has no room for it
    is_best: bool = False
    is_minor: bool = False  # left out on a phone


Row = Sequence[str | Cell]


class Table(NamedTuple):
    """Rows of cells below the names of the columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    fixed: int = 1  # the first columns, which each part of a table has that is split


def table_of(columns: Sequence[str], rows: Iterable[Row], fixed: int = 1) -> Table:
    """Put rows below the names of their columns."""
    cells = (tuple(Cell(each) if isinstance(each, str) else each for each in row) for row in rows)
    return Table(tuple(columns), tuple(cells), fixed)


def percent(share: float, digits: int = 2) -> str:
    """Write a share in percent."""
    return f"{share:.{digits}%}"


def ends(interval: tuple[float, float] | None) -> str:
    """Write both ends of an interval in percent; empty without an interval."""
    if interval is None:
        return ""
    low, high = interval
    return f"{100 * low:.1f}–{100 * high:.1f}"  # noqa: RUF001


def p_value(value: float) -> str:
    """Write a p-value with its meaningful digits."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def number(value: float | None, digits: int = 2, *, is_percent: bool = True) -> str:
    """Write a figure that may be undefined."""
    if value is None:
        return UNDEFINED
    return percent(value, digits) if is_percent else f"{value:.4f}"
