"""Quotes that are characters of the text, in a file whose fields are not quoted.

There, a quote at the start of a field and another one at the end of a later field look like a
quoted field of several lines. If each of these lines has the right number of fields by itself, they
are probably records, unless the columns beside the quoted field do not look alike on all lines, as
labels or numbers do. Texts have commas, and two lines with one each are no rarity: there, these
columns have to look alike. Where texts rarely have a delimiter, such as a tab, they may also say
nothing. Others are read as RFC 4180 says, with a warning.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from toolkit.records.delimited.csv_dialect import Dialect
from toolkit.records.text_files.byte_lines import NEWLINE, Lines, Positions

LITERAL = (
    "a quote opens here, but each of these lines has the right number of fields by itself, so it "
    "may be a character of the text: --quote none reads each line as a record"
)

_IN_TEXTS = ",;: "  # delimiters that texts have, too
# At least, with such a delimiter. Of real reviews wrapped at 40 letters, one in 20,000 has two
# lines with a comma each, the first before a number or a label.
_LINES_IN_TEXTS = 3
_LINES_LOOKED_AT = 1000  # of a field that is too long to be looked at as a whole

_NUMBER = re.compile(rb"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?")
_UNSURE, _OTHER = "unsure", "other"
_LABELS = frozenset(b"positive negative neutral pos neg neu".split())


def literal_rows(
    text: bytes, lines: Lines, delimiters: Positions, dialect: Dialect, wanted: int
) -> tuple[list[int], list[int]]:
    """Find the records of several lines that look like a record on each line, and that may be so.

    The delimiters are those outside quotes.
    """
    if dialect.quote is None or wanted < 2 or not len(lines):
        return [], []
    text = dialect.masked(text)
    raw = np.frombuffer(text, np.uint8, lines.end)
    newlines = np.flatnonzero(raw == NEWLINE)
    if len(newlines) == len(lines):
        return [], []
    # Between the records there are only blank lines, which have no delimiters.
    ends = np.searchsorted(newlines, lines.newlines)
    begins = np.concatenate([[0], ends[:-1] + 1])
    if (lines.blank_starts < lines.starts).any():
        begins = np.searchsorted(newlines, lines.starts)
    marks = np.flatnonzero(raw == ord(dialect.delimiter))
    found = np.diff(np.searchsorted(marks, lines.newlines), prepend=0)
    possible = (ends > begins) & (found == (ends - begins + 1) * (wanted - 1))
    rows = np.flatnonzero(possible)
    # Most of these have too many delimiters on one line, and too few on another.
    first = np.searchsorted(marks, [lines.starts[rows], newlines[begins[rows]]])
    rows = rows[first[1] - first[0] == wanted - 1]
    last = np.searchsorted(marks, [newlines[ends[rows] - 1], lines.newlines[rows]])
    rows = rows[last[1] - last[0] == wanted - 1]
    literal: list[int] = []
    unsure: list[int] = []
    for row in rows.tolist():
        start, stop = int(lines.starts[row]), int(lines.newlines[row])
        behind = delimiters[slice(*np.searchsorted(delimiters, [start, stop]))] - start
        is_literal = _is_literal(text[start:stop], behind, dialect, wanted)
        if is_literal is not False:
            (unsure if is_literal is None else literal).append(row)
    return literal, unsure


def begins_literal(text: bytes, dialect: Dialect, wanted: int) -> bool:
    """Whether the first of many lines have a record each, within a quote that does not close."""
    mark = dialect.delimiter.encode()
    lines = text.split(b"\n", _LINES_LOOKED_AT)[:-1]
    return wanted > 1 and bool(lines) and all(line.count(mark) == wanted - 1 for line in lines)


def _is_literal(record: bytes, delimiters: Positions, dialect: Dialect, wanted: int) -> bool | None:
    """Whether quotes are characters of the text; None if that cannot be told."""
    mark = dialect.delimiter.encode()
    lines = record.split(b"\n")
    if any(line.count(mark) != wanted - 1 for line in lines):
        return False
    assert dialect.quote is not None
    quote, is_in_texts = dialect.quote.encode(), dialect.delimiter in _IN_TEXTS
    if is_in_texts and 2 * quote in record:  # which who does not quote has no reason to write
        return False
    # What is before the first field of several lines, and after the last, is the same either way.
    before = int((delimiters < len(lines[0])).sum())
    behind = int((delimiters >= len(record) - len(lines[-1])).sum())
    rows = [line.removesuffix(b"\r").split(mark) for line in lines]
    bounds = [-1, *delimiters.tolist(), len(record)]
    fields = [record[start + 1 : stop] for start, stop in pairwise(bounds)]
    if any(each[:1] == quote and len(each) > 1 and b"\n" not in each for each in fields):
        return False  # fields are quoted here
    if is_in_texts and len(lines) < _LINES_IN_TEXTS:
        return None
    columns = [*range(before), *range(wanted - behind, wanted)]
    kinds = {_kind([row[column] for row in rows]) for column in columns}
    is_alike = _OTHER not in kinds and (not is_in_texts or bool(kinds - {_UNSURE}))
    return True if is_alike else None


def _kind(values: list[bytes]) -> str:
    """What the values of a column are; `_OTHER` if some are not what others are."""
    numbers = [_NUMBER.fullmatch(value) is not None for value in values]
    labels = [value.strip().lower() in _LABELS for value in values]
    if all(numbers) or all(labels):
        return "numbers or labels"
    if any(numbers) or any(labels):
        return _OTHER
    return "the same" if values[0].strip() and len(set(values)) == 1 else _UNSURE
