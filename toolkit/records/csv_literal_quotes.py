"""Quotes that are characters of the text, in a file whose fields are not quoted.

There, a quote at the start of a field and another one at the end of a later field look like a
quoted field of several lines. If each of these lines has the right number of fields by itself, they
are probably records. That alone says enough where texts rarely have a delimiter, such as a tab.
Texts do have commas, and two lines with one comma each are no rarity: there, the columns beside the
quoted field must look alike on all lines, too, such as labels or numbers do.
"""

from __future__ import annotations

import re

import numpy as np

from toolkit.records.byte_lines import NEWLINE, Lines, Positions
from toolkit.records.csv_dialect import Dialect

LITERAL = (
    "a quote opens here, but each of these lines has the right number of fields by itself, so it "
    "may be a character of the text: --quote none reads each line as a record"
)

_IN_TEXTS = ",;: "  # delimiters that texts have, too
_LINES_LOOKED_AT = 1000  # of a field that is too long to be looked at as a whole

_NUMBER = re.compile(rb"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?")
_LABELS = frozenset(b"positive negative neutral pos neg neu true false yes no".split())


def literal_rows(
    text: bytes, lines: Lines, delimiters: Positions, dialect: Dialect, wanted: int
) -> list[int]:
    """Find the records of several lines that look like a record on each line.

    The delimiters are those outside quotes.
    """
    if dialect.quote is None or wanted < 2 or not len(lines):
        return []
    text = dialect.masked(text)
    raw = np.frombuffer(text, np.uint8, lines.end)
    newlines = np.flatnonzero(raw == NEWLINE)
    if len(newlines) == len(lines):
        return []
    inside = np.searchsorted(newlines, lines.newlines) - np.searchsorted(newlines, lines.starts)
    rows = np.flatnonzero(inside)
    if not len(rows):
        return []
    starts, stops = lines.starts[rows], lines.newlines[rows]
    marks = np.flatnonzero(raw == ord(dialect.delimiter))
    found = np.searchsorted(marks, stops) - np.searchsorted(marks, starts)
    possible = found == (inside[rows] + 1) * (wanted - 1)
    literal = []
    for row, start, stop in zip(
        rows[possible].tolist(), starts[possible].tolist(), stops[possible].tolist(), strict=True
    ):
        behind = delimiters[slice(*np.searchsorted(delimiters, [start, stop]))] - start
        if _is_literal(text[start:stop], behind, dialect, wanted):
            literal.append(row)
    return literal


def begins_literal(text: bytes, dialect: Dialect, wanted: int) -> bool:
    """Whether the first of many lines have a record each, within a quote that does not close."""
    mark = dialect.delimiter.encode()
    lines = text.split(b"\n", _LINES_LOOKED_AT)[:-1]
    return wanted > 1 and all(line.count(mark) == wanted - 1 for line in lines)


def _is_literal(record: bytes, delimiters: Positions, dialect: Dialect, wanted: int) -> bool:
    mark = dialect.delimiter.encode()
    lines = record.split(b"\n")
    if any(line.count(mark) != wanted - 1 for line in lines):
        return False
    if dialect.delimiter not in _IN_TEXTS:
        return True
    assert dialect.quote is not None
    if 2 * dialect.quote.encode() in record:  # which who does not quote has no reason to write
        return False
    # What is before the first field of several lines, and behind the last, is the same either way.
    before = int((delimiters < len(lines[0])).sum())
    behind = int((delimiters >= len(record) - len(lines[-1])).sum())
    rows = [line.removesuffix(b"\r").split(mark) for line in lines]
    known = [*range(before), *range(wanted - behind, wanted)]
    kinds = [_kind([row[column] for row in rows]) for column in known]
    return "other" not in kinds and any(kind != "" for kind in kinds)


def _kind(values: list[bytes]) -> str:
    """What the values of a column are; "" says nothing, "other" that some are something else."""
    numbers = [_NUMBER.fullmatch(value) is not None for value in values]
    labels = [value.strip().lower() in _LABELS for value in values]
    if all(numbers):
        return "number"
    if all(labels):
        return "label"
    if any(numbers) or any(labels):
        return "other"
    return "same" if values[0].strip() and len(set(values)) == 1 else ""
