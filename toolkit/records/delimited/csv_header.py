"""The lines before the records of a delimited file: a preamble, and the names of the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np

from toolkit.errors import EmptyInputError, InputError, counted
from toolkit.records.delimited.csv_dialect import Dialect
from toolkit.records.delimited.csv_quoting import Cuts, find_cuts
from toolkit.records.read_options import ReadOptions, check_delimiter
from toolkit.records.text_files.byte_lines import Lines
from toolkit.records.text_files.line_records import BYTE_ORDER_MARK

BYTES_LOOKED_AT = 1 << 16  # at first to find the header; doubled while it is longer
_LOOKED_AT_AS_A_WHOLE = 1 << 20
_LIMIT = 4 << 20  # of the header, and of lines that are skipped, to bound the memory

_FIX = "Fix the file, or write it again as RFC 4180 says: quote such fields, end lines with LF"

_SEP = re.compile(rb'"?sep=([^\r\n])"?\r?\n', re.IGNORECASE)  # as Excel reads and writes it

_OTHERS = (";", "\t", "|", ",")  # delimiters that a hint names


@dataclass(frozen=True)
class Header:
    """The first record, and how many fields the next ones have."""

    start: int
    stop: int
    end: int  # after its line end
    line: int  # its number, from 1
    names: list[str]
    line_end: str
    counts: list[tuple[int, int]]  # of the next records: the line, and the number of fields


class HeaderReader:
    """Finds the header in the first bytes of a file, which ``look`` gives; ``fail`` names a line.

    A pipe gives what is there, and more than a number of bytes if it is asked again.

    Raises `InputError` and `UsageError`, as ``fail`` does.
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
        self.data, self._is_all = self._look(self._size, 0)  # what is read so far
        self.start = len(BYTE_ORDER_MARK) if self.data.startswith(BYTE_ORDER_MARK) else 0
        self.delimiter = options.delimiter
        self._skip_preamble()

    def _read_on(self) -> None:
        if len(self.data) >= self._size:
            self._size *= 2
        self.data, self._is_all = self._look(self._size, len(self.data))

    def _skip_preamble(self) -> None:
        """Pass over the lines that are skipped, and one that names the delimiter."""
        wanted = self._options.skip_lines
        while not self._is_all and len(self.data) < _LIMIT and self.data.count(b"\n") <= wanted:
            self._read_on()
        for number in range(wanted + 1):
            named = _SEP.match(self.data, self.start)
            if named is not None and self.delimiter is None:
                self.delimiter = named[1].decode("latin-1")
                check_delimiter(self.delimiter, f"{self._name}: line {number + 1:,}, sep=")
            if number == wanted and named is None:
                return
            end = self.data.find(b"\n", self.start) + 1
            if not end:
                whole = " of 4 MiB in all" if len(self.data) >= _LIMIT else ""
                raise InputError(
                    f"{self._name}: --skip-lines {wanted}: there are only {number:,} lines{whole}"
                )
            self.start = end

    def find(self, dialect: Dialect) -> Header:
        """Find the first record: the names, or without a header one that can be read."""
        while True:
            at_end, size = self._is_all, len(self.data)
            text = self.data[self.start :] + b"\n" * at_end
            # What is long has few records to look at.
            cuts = find_cuts(text, dialect, at_end=at_end, only_first=size > _LOOKED_AT_AS_A_WHOLE)
            lines = Lines.find(text, cuts.newlines)
            if len(lines) and (found := self._header(text, lines, cuts, dialect)) is not None:
                return found
            if at_end and not len(lines):
                raise EmptyInputError(
                    f"{self._name}: only blank lines, expected a header and reviews"
                )
            if at_end or size >= _LIMIT:
                line = 1 + self.data.count(b"\n", 0, self.start)
                if len(lines):
                    self._fail(line, f"no record can be read: {next(iter(cuts.broken.values()))}")
                self._fail(
                    line, f"a header of more than {size >> 20} MiB; is a quote never closed?"
                )
            self._read_on()

    def _header(self, text: bytes, lines: Lines, cuts: Cuts, dialect: Dialect) -> Header | None:
        before = self.data.count(b"\n", 0, self.start) + 1
        newlines = lines.newlines.tolist()
        good = [row for row, newline in enumerate(newlines) if newline not in cuts.broken]
        ends = np.searchsorted(cuts.delimiters, lines.newlines)
        counts = (np.diff(ends, prepend=0) + 1).tolist()
        numbers = [before + text.count(b"\n", 0, start) for start in lines.starts[:1].tolist()]
        for row in range(1, len(lines)):
            start, last = int(lines.starts[row]), int(lines.starts[row - 1])
            numbers.append(numbers[-1] + text.count(b"\n", last, start))
        known = [(numbers[row], counts[row]) for row in good]
        row = 0
        if not self._options.header:
            if not good:
                return None
            usual = _usual(known)[0]
            row = next(row for row in good if counts[row] == usual)
        start, newline = int(lines.starts[row]), newlines[row]
        if (reason := cuts.broken.get(newline)) is not None:
            self._fail(numbers[row], f"{reason}. {_FIX}")
        stops, line_ends = lines.stops(text)
        stop = int(stops[row])
        inside = cuts.delimiters[(cuts.delimiters >= start) & (cuts.delimiters < stop)]
        bounds = [start - 1, *inside.tolist(), stop]
        if not self._options.header:
            names = [""] * (len(bounds) - 1)
        else:
            names = self._names(text, bounds, numbers[row], dialect)
        start, stop, end = (self.start + place for place in (start, stop, newline + 1))
        others = [each for each in known if each[0] > numbers[row]]
        return Header(start, stop, end, numbers[row], names, str(line_ends[row]), others)

    def _names(self, text: bytes, bounds: list[int], line: int, dialect: Dialect) -> list[str]:
        try:
            return [dialect.unquoted(text[a + 1 : b]) for a, b in pairwise(bounds)]
        except UnicodeDecodeError:
            self._fail(line, "the header is not valid UTF-8. Say what it is with --encoding")

    def hint(self, header: Header, delimiter: str) -> str:
        """Say what may be why the columns of a header are not those that are wanted."""
        found = len(header.names)
        usual, times = _usual(header.counts)
        if usual > found and times > 1:
            line = next(line for line, count in header.counts if count == usual)
            return (
                f" Line {header.line:,} has {counted(found, 'field')}, and "
                f"line {line:,} has {usual:,}, as most of the next ones: if the names are "
                f"there, add --skip-lines {line - 1}."
            )
        text = self.data[header.start : header.stop].decode(errors="replace")
        others = {mark: text.count(mark) for mark in _OTHERS if mark != delimiter}
        mark = max(others, key=lambda mark: others[mark])
        if others[mark] < found:
            return ""
        shown = r"\t" if mark == "\t" else mark
        return f" --delimiter '{shown}' would split it into {others[mark] + 1:,} columns."


def _usual(counts: list[tuple[int, int]]) -> tuple[int, int]:
    """Give the number of fields that most records have, and how many; the larger of two."""
    found = Counter(count for _, count in counts)
    return max(found.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
