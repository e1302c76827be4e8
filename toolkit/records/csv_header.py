"""The start of a delimited file: lines to skip, and the header with the names of the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, NoReturn

import numpy as np

from toolkit.errors import EmptyInputError, InputError, UsageError, counted
from toolkit.records.csv_fields import Dialect, FieldEnds, find_field_ends
from toolkit.records.lines import BYTE_ORDER_MARK, NEWLINE, Lines
from toolkit.records.options import ReadOptions, check_delimiter

BYTES_LOOKED_AT = 1 << 16  # read first to find the header; doubled while the header is longer
_LOOKED_AT_AS_A_WHOLE = 1 << 20
_LIMIT = 4 << 20  # for the header and the skipped lines, to bound the memory

_FIX = "Fix the file, or write it again as in RFC 4180: quote such fields, and end lines with LF"

_SEP = re.compile(rb'"?sep=([^\r\n])"?\r?\n', re.IGNORECASE)  # as Excel reads and writes it

_OTHERS = (";", "\t", "|", ",")  # delimiters that a hint names


@dataclass(frozen=True)
class Header:
    """The bytes before the first record, the names of the columns, and the dialect."""

    dialect: Dialect
    names: list[str]  # of the columns; in a file without a header, their numbers from 1
    before: bytes  # all bytes before the first record
    row: bytes = b""  # the part of `before` that ends with the last name
    line_end: str = ""  # of `row`
    hint: str = ""  # a sentence for error messages: what to do if a column is not found
    other_delimiter: str = ""  # that would split the names further


class HeaderReader:
    """Finds the header in the first bytes of a file.

    `peek` is `ByteStream.peek_available`; `fail` raises an `InputError` for a line of the file.
    Raises `InputError` and `UsageError`.
    """

    def __init__(
        self,
        *,
        name: str,
        options: ReadOptions,
        peek: Callable[[int, int], tuple[bytes, bool]],
        fail: Callable[[int, str], NoReturn],
    ) -> None:
        self._name = name
        self._options = options
        self._peek = peek
        self._fail = fail
        self._size = BYTES_LOOKED_AT
        self._data, self._is_all = peek(self._size, 0)  # read so far
        self._start = len(BYTE_ORDER_MARK) if self._data.startswith(BYTE_ORDER_MARK) else 0

    def read(self) -> Header:
        """Read the header; in a file without one, find the first record that is not broken."""
        dialect = self._skip_preamble()
        while True:
            at_end = self._is_all
            size = len(self._data)
            text = self._data[self._start :]
            if at_end:
                text += b"\n"
            # Where records are this long, the first one is enough.
            is_long = size > _LOOKED_AT_AS_A_WHOLE
            ends = find_field_ends(text, dialect, at_end=at_end, only_first=is_long)
            lines = Lines.find(text, ends.newlines)
            if len(lines):
                found = self._header(text, lines=lines, ends=ends, dialect=dialect)
                if found is not None:
                    return found
            if at_end and not len(lines):
                raise EmptyInputError(
                    f"{self._name}: only blank lines, expected a header and reviews"
                )
            if at_end or size >= _LIMIT:
                reason = f"a header of more than {size >> 20} MiB; is a quote never closed?"
                if len(lines):
                    reason = f"no record can be read: {next(iter(ends.broken.values()))}"
                self._fail(self._first_line, reason)
            self._read_on()

    @property
    def _first_line(self) -> int:
        return 1 + self._data.count(b"\n", 0, self._start)

    def _read_on(self) -> None:
        if len(self._data) >= self._size:
            self._size *= 2
        self._data, self._is_all = self._peek(self._size, len(self._data))

    def _skip_preamble(self) -> Dialect:
        """Move past the lines to skip, and past a line ``sep=;`` that names the delimiter."""
        wanted = self._options.skip_lines
        delimiter = self._options.delimiter
        while not self._is_all and len(self._data) < _LIMIT and self._data.count(b"\n") <= wanted:
            self._read_on()
        for number in range(wanted + 1):
            named = _SEP.match(self._data, self._start)
            if named is not None and delimiter is None:
                delimiter = named[1].decode("latin-1")
                check_delimiter(delimiter, f"{self._name}: line {number + 1:,}, sep=")
            if number == wanted and named is None:
                break
            end = self._data.find(b"\n", self._start) + 1
            if not end:
                whole = " of 4 MiB in all" if len(self._data) >= _LIMIT else ""
                raise InputError(
                    f"{self._name}: --skip-lines {wanted}: there are only {number:,} lines{whole}"
                )
            self._start = end
        return self._dialect(delimiter or self._options.usual_delimiter)

    def _dialect(self, delimiter: str) -> Dialect:
        quote = self._options.quote
        escape = self._options.escape
        if delimiter in (quote, escape):
            raise UsageError(
                f"{self._name}: {delimiter!r} is the delimiter, and also the quote or escape "
                "character"
            )
        return Dialect(delimiter, quote, escape)

    def _header(
        self, text: bytes, *, lines: Lines, ends: FieldEnds, dialect: Dialect
    ) -> Header | None:
        """Read the header at the start of `text`; None if more of the file is needed."""
        newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE)
        numbers = self._first_line + np.searchsorted(newlines, lines.starts)
        counts = np.diff(np.searchsorted(ends.delimiters, lines.newlines), prepend=0) + 1
        is_good = ~np.isin(lines.newlines, list(ends.broken))
        good = [
            _FieldCount(line=line, fields=fields)
            for line, fields in zip(
                numbers[is_good].tolist(), counts[is_good].tolist(), strict=True
            )
        ]
        if not self._options.header:
            usual, _ = _usual_count(good)
            names = [str(number) for number in range(1, usual + 1)]
            return Header(dialect, names, self._data[: self._start]) if good else None
        first = int(numbers[0])
        newline = int(lines.newlines[0])
        if newline in ends.broken:
            self._fail(first, f"{ends.broken[newline]}. {_FIX}")
        stops, line_ends = lines.stops(text)
        start = int(lines.starts[0])
        stop = int(stops[0])
        bounds = [start - 1, *ends.delimiters[: counts[0] - 1].tolist(), stop]
        try:
            names = [
                dialect.unquoted(text[before + 1 : after]) for before, after in pairwise(bounds)
            ]
        except UnicodeDecodeError:
            self._fail(first, "the header is not valid UTF-8. Name its encoding with --encoding")
        before = self._data[: self._start + newline + 1]  # the last line may lack its line end
        line_end = str(line_ends[0])
        if len(before) < self._start + newline + 1:  # the file ends with CR alone
            line_end = line_end.replace("\r\n", "\r")
        return Header(
            dialect=dialect,
            names=names,
            before=before,
            row=self._data[: self._start + stop],
            line_end=line_end,
            hint=_hint(text[start:stop], good, dialect.delimiter),
            other_delimiter=_other_delimiter(text[start:stop], dialect.delimiter),
        )


class _FieldCount(NamedTuple):
    """How many fields the record at a line of the file has."""

    line: int
    fields: int


def _hint(row: bytes, counts: list[_FieldCount], delimiter: str) -> str:
    """Return a hint why the header may lack the wanted columns; empty if nothing is unusual.

    The counts are of the header first, then of the records after it.
    """
    header, *others = counts
    usual, times = _usual_count(others)
    mark = _other_delimiter(row, delimiter)
    times_there = row.count(mark.encode()) if mark else 0
    is_by_words = delimiter == " " and times_there >= header.fields  # names rarely have spaces
    if usual > header.fields and times > 1 and not is_by_words:
        line = next(each.line for each in others if each.fields == usual)
        return (
            f" Line {header.line:,} has {counted(header.fields, 'field')}, and line {line:,} has "
            f"{usual:,}, like most lines after it. If the names are in line {line:,}, add "
            f"--skip-lines {line - 1}."
        )
    if times_there < header.fields:
        return ""
    shown = r"\t" if mark == "\t" else mark
    return f" --delimiter '{shown}' would split it into {times_there + 1:,} columns."


def _other_delimiter(row: bytes, delimiter: str) -> str:
    """Return the most frequent delimiter of a header besides the one in use; empty without one."""
    counts = {mark: row.count(mark.encode()) for mark in _OTHERS if mark != delimiter}
    mark = max(counts, key=lambda mark: counts[mark])
    return mark if counts[mark] else ""


def _usual_count(counts: list[_FieldCount]) -> tuple[int, int]:
    """Return the most frequent number of fields, and its frequency; the larger number of a tie."""
    found = Counter(each.fields for each in counts)
    return max(found.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
