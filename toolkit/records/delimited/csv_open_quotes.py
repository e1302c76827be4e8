"""What lines belong to a quote that closes in the middle of its field."""

from __future__ import annotations

from toolkit.records.delimited.csv_dialect import Dialect

UNDECIDED = -2

_WINDOW = 1 << 20  # bytes after the line of a quote in which the line is looked for that closes it


def last_line_of(
    text: bytes,
    dialect: Dialect,
    record: int,
    opening: int,
    newline: int,
    wanted: int,
    *,
    at_end: bool,
) -> int:
    r"""Find the last line of a record in which a quote closes too early, as in ``"He said "no"``.

    Gives the position of its newline; `UNDECIDED` if more of the text has to be known. The record
    and the field start at some positions; from the field on, so many fields are wanted. Its first
    line ends at ``newline``.

    The next line with any quote decides: if it is no record by itself, as a quote closes at the
    edge of a field that none has opened, and if the number of fields is then as wanted, the record
    ends there. Else it has its own line only.
    """
    assert dialect.quote is not None
    quote, mark = dialect.quote.encode(), dialect.delimiter.encode()
    line = text[opening : newline + 1]
    is_even = text.count(quote, record, newline) % 2 == 0
    closed = _fields_behind_closing(line, quote, mark)
    if closed == wanted - 1 or (is_even and line.count(mark) == wanted - 1):
        return newline
    limit = newline + 1 + _WINDOW
    found = text.find(quote, newline + 1, limit)
    stop = text.find(b"\n", found, limit) if found >= 0 else -1
    if stop < 0:
        return newline if at_end or len(text) >= limit else UNDECIDED
    start = text.rfind(b"\n", newline, found) + 1
    behind = _fields_behind_stray(text[start : stop + 1], dialect, quote, mark)
    return stop if behind == wanted - 1 else newline


def _fields_behind_closing(line: bytes, quote: bytes, mark: bytes) -> int | None:
    """Count the fields after the last quote of a line; None if that closes no field."""
    behind = line.rpartition(quote)[2]
    return behind.count(mark) if behind[:1] in (mark, b"\n", b"\r") else None


def _fields_behind_stray(line: bytes, dialect: Dialect, quote: bytes, mark: bytes) -> int | None:
    """Count the fields after the last quote that ends a field which none has opened.

    None without such a quote, or if something else shows that the line is not a record.
    """
    behind, position = None, 0
    while (match := dialect.field.match(line, position)) is not None:
        is_stray = match[0].endswith(quote) and not match[0].startswith(quote)
        following = line[match.end() : match.end() + 1]
        if following == mark:
            behind = 0 if is_stray else None if behind is None else behind
            behind = None if behind is None else behind + 1
        elif line[match.end() :] in (b"\n", b"\r\n"):
            return 0 if is_stray else behind
        else:
            return None
        position = match.end() + 1
    return None
