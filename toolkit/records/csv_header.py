"""The lines before the records of a delimited file: a preamble, and the names of the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np

from toolkit.errors import EmptyInputError, InputError, UsageError, counted
from toolkit.records.csv_fields import Dialect, FieldEnds, find_field_ends
from toolkit.records.lines import BYTE_ORDER_MARK, NEWLINE, Lines
from toolkit.records.options import ReadOptions, check_delimiter

BYTES_LOOKED_AT = 1 << 16  # at first to find the header; doubled while it is longer
_LOOKED_AT_AS_A_WHOLE = 1 << 20
_LIMIT = 4 << 20  # of the header, and of lines that are skipped, to bound the memory

_FIX = "Fix the file, or write it again as RFC 4180 says: quote such fields, end lines with LF"

_SEP = re.compile(rb'"?sep=([^\r\n])"?\r?\n', re.IGNORECASE)  # as Excel reads and writes it

_OTHERS = (";", "\t", "|", ",")  # delimiters that a hint names


@dataclass(frozen=True)
class Header:
    """What is before the records of a file, and how these are read."""

    dialect: Dialect
    names: list[str]  # of the columns; without a header, their numbers from 1
    before: bytes  # all that is before the first record
    row: bytes = b""  # of this, all up to the last of the names
    line_end: str = ""  # after it
    hint: str = ""  # what to do if these are not the wanted columns, after a sentence


class HeaderReader:
    """Finds the header in the first bytes of a file, which ``look`` gives; ``fail`` names a line.

    A pipe gives what is there, and more than a number of bytes if it is asked again. Raises
    `InputError` and `UsageError`, as ``fail`` does.
    """

    def __init__(
        self,
        name: str,
        options: ReadOptions,
        look: Callable[[int, int], tuple[bytes, bool]],
        fail: Callable[[int, str], NoReturn],
    ) -> None:
        self._name, self._options, self._look, self._fail = name, options, look, fail
        self._size = BYTES_LOOKED_AT
        self._data, self._is_all = look(self._size, 0)  # what is read so far
        self._start = len(BYTE_ORDER_MARK) if self._data.startswith(BYTE_ORDER_MARK) else 0

    def read(self) -> Header:
        """Find the first record: the names, or without a header one that can be read."""
        dialect = self._skip_preamble()
        while True:
            at_end, size = self._is_all, len(self._data)
            text = self._data[self._start :] + b"\n" * at_end
            # What is long has few records to look at.
            is_long = size > _LOOKED_AT_AS_A_WHOLE
            ends = find_field_ends(text, dialect, at_end=at_end, only_first=is_long)
            lines = Lines.find(text, ends.newlines)
            if len(lines) and (found := self._header(text, lines, ends, dialect)) is not None:
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
        self._data, self._is_all = self._look(self._size, len(self._data))

    def _skip_preamble(self) -> Dialect:
        """Pass over the lines that are skipped, and one that names the delimiter."""
        wanted, delimiter = self._options.skip_lines, self._options.delimiter
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
        quote, escape = self._options.quote, self._options.escape
        if delimiter in (quote, escape):
            raise UsageError(
                f"{self._name}: {delimiter!r} cannot separate fields, and quote or escape"
            )
        return Dialect(delimiter, quote, escape)

    def _header(
        self, text: bytes, lines: Lines, ends: FieldEnds, dialect: Dialect
    ) -> Header | None:
        newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE)
        numbers = self._first_line + np.searchsorted(newlines, lines.starts)
        counts = np.diff(np.searchsorted(ends.delimiters, lines.newlines), prepend=0) + 1
        is_good = ~np.isin(lines.newlines, list(ends.broken))
        good = list(zip(numbers[is_good].tolist(), counts[is_good].tolist(), strict=True))
        if not self._options.header:
            names = [str(number) for number in range(1, _usual(good)[0] + 1)]
            return Header(dialect, names, self._data[: self._start]) if good else None
        first, newline = int(numbers[0]), int(lines.newlines[0])
        if newline in ends.broken:
            self._fail(first, f"{ends.broken[newline]}. {_FIX}")
        stops, line_ends = lines.stops(text)
        start, stop = int(lines.starts[0]), int(stops[0])
        bounds = [start - 1, *ends.delimiters[: counts[0] - 1].tolist(), stop]
        try:
            names = [dialect.unquoted(text[a + 1 : b]) for a, b in pairwise(bounds)]
        except UnicodeDecodeError:
            self._fail(first, "the header is not valid UTF-8. Say what it is with --encoding")
        before = self._data[: self._start + newline + 1]  # the last line may lack its line end
        row = self._data[: self._start + stop]
        hint = _hint(text[start:stop], good, dialect.delimiter)
        line_end = str(line_ends[0])
        if len(before) < self._start + newline + 1:  # CR alone, at the end of the file
            line_end = line_end.replace("\r\n", "\r")
        return Header(dialect, names, before, row, line_end, hint)


def _hint(row: bytes, counts: list[tuple[int, int]], delimiter: str) -> str:
    """Say what may be why the columns of a header are not those that are wanted.

    The counts are the lines of the header and the next records, and how many fields these have.
    """
    (first, found), *others = counts
    usual, times = _usual(others)
    text = row.decode(errors="replace")
    marks = {mark: text.count(mark) for mark in _OTHERS if mark != delimiter}
    mark = max(marks, key=lambda mark: marks[mark])
    is_by_words = delimiter == " " and marks[mark] >= found  # texts have spaces, names have not
    if usual > found and times > 1 and not is_by_words:
        line = next(line for line, count in others if count == usual)
        return (
            f" Line {first:,} has {counted(found, 'field')}, and line {line:,} has {usual:,}, as "
            f"most of the next ones: if the names are there, add --skip-lines {line - 1}."
        )
    if marks[mark] < found:
        return ""
    shown = r"\t" if mark == "\t" else mark
    return f" --delimiter '{shown}' would split it into {marks[mark] + 1:,} columns."


def _usual(counts: list[tuple[int, int]]) -> tuple[int, int]:
    """Give the number of fields that most records have, and how many; the larger of two."""
    found = Counter(count for _, count in counts)
    return max(found.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
