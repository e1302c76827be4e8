"""The values of cells as texts, about as Excel shows them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

_EXACT = 1e15  # Excel has 15 digits


def as_text(value: Any) -> str | None:
    """Give a value as text: dates as ISO 8601, whole numbers without a point; None is empty."""
    if value is None or isinstance(value, str):
        return None if value is None else _valid(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def letters(number: int) -> str:
    """Give the name of a column by its number: 1 is A, 27 is AA."""
    name = ""
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def _valid(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
