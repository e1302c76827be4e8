"""Delimited files (CSV, TSV): records of quoted or plain fields, found without parsing values.

Rows of values written as delimited fields.

The lines before the records of a delimited file: a preamble, and the names of the columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import EmptyInputError, InputError, UsageError, counted
from toolkit.records.columns import Column, Keys
from toolkit.records.csv_fields import (
    AFTER_QUOTE,
    OPEN_QUOTE,
    Cuts,
    Dialect,
    find_cuts,
    lines_like_records,
    wrong_number,
)
from toolkit.records.json_writing import as_text
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    Content,
    Lines,
    Positions,
    RecordFile,
    count_lines,
    joined,
    parts,
    values_buffer,
)
from toolkit.records.options import ReadOptions, check_delimiter
from toolkit.records.review_file import (
    Block,
    Offset,
    Output,
    Parsed,
    SplitPoint,
    Table,
    first_split_points,
)


def rows_of(batch: pa.RecordBatch, dialect: Dialect) -> pa.Buffer:
    """Write the rows of a batch as RFC 4180 says; null is an empty field."""
    mark = dialect.delimiter
    fields = [_quoted(as_text(column), mark) for column in batch.columns]
    if len(fields) == 1:  # an empty line would not be a record
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    return values_buffer(
        pc.binary_join_element_wise(pc.binary_join_element_wise(*fields, mark), "\n", "")
    )


def _quoted(fields: pa.StringArray, delimiter: str) -> pa.StringArray:
    special = pc.match_substring_regex(fields, f'["\r\n{re.escape(delimiter)}]')
    if not pc.any(special).as_py():
        return fields
    doubled = pc.replace_substring(fields, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), fields)


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


# More bytes are looked at for one record that is long, which is then cut out in little memory.
LOOKED_AT_AS_A_WHOLE = 4 << 20

LITERAL = (
    "a quote opens here, but each of these lines has the right number of fields by itself, so it "
    "may be a character of the text: --quote none reads each line as a record"
)
# Delimiters that texts have, too: there, lines of a quoted text look like records by chance.
_IN_TEXTS = ",;: "


class DelimitedFile(RecordFile):
    """A CSV file: RFC 4180, with quoted newlines, LF or CRLF; blank lines stay where they are.

    Other quotes than RFC 4180 has, or none, and escapes are read if the options say so. Columns of
    a file without a header are called by their number, from 1.
    """

    too_long = "a record (a quote that is never closed?)"

    def __init__(
        self, path: Path, options: ReadOptions, columns: Sequence[Column] | None = None
    ) -> None:
        self._unsure: set[int] = set()  # lines where a record begins that may be several
        super().__init__(path, options, columns)

    def _read_header(self) -> bytes:
        options = self.options
        reader = HeaderReader(self.name, options, self._look, self.fail)
        mark = reader.delimiter or options.usual_delimiter
        if mark in (options.quote, options.escape):
            raise UsageError(f"{self.name}: {mark!r} cannot separate fields, and quote or escape")
        if mark == " " and options.quote is None and self.added.names:
            raise UsageError(f"{self.name}: labels with a space in them need a --quote")
        self.delimiter, self._dialect = mark, Dialect(mark, options.quote, options.escape)
        header = reader.find(self._dialect)
        self.names = header.names
        if not options.header:
            self.names = [str(number) for number in range(1, len(header.names) + 1)]
        self.check_free(self.names)
        self._choose_columns(reader, header)
        data = reader.data
        # The last line of a file may lack its line end.
        self._offset = min(header.end, len(data)) if options.header else reader.start
        self._stream.advance(self._offset)
        self._line = 1 + data.count(b"\n", 0, self._offset)
        if not options.header:
            return data[: self._offset]
        try:
            added = "".join(mark + self._dialect.quoted(name) for name in self.added.names)
        except ValueError as error:
            raise UsageError(
                f"{self.name}: the name of an added column, {error}. Choose other names with "
                f"{options.columns.option_of_added}."
            ) from None
        return data[: header.stop] + added.encode() + header.line_end.encode()

    def _choose_columns(self, reader: HeaderReader, header: Header) -> None:
        try:
            self.choose_columns(self._find_column)
        except UsageError as error:
            hint = reader.hint(header, self._dialect.delimiter) if self.options.header else ""
            if not hint:
                raise
            raise UsageError(f"{error}{hint}") from None

    def _find_column(self, column: Column) -> Keys | None:
        is_named = self.options.header or getattr(self.options.columns, column.role, None)
        # Without names: the only text, and the last column for a probability.
        is_only_text = column.role == "text" and len(self.names) == 1
        if not is_named and (is_only_text or column.role == "probability"):
            return (self.names[-1],)
        return column.among(self.names)

    def _split(self, data: bytes, *, at_end: bool) -> Content:
        is_long = len(data) > LOOKED_AT_AS_A_WHOLE and not at_end
        return self._content(data, at_end=at_end, only_first=is_long)

    def _content(self, data: bytes, *, at_end: bool, only_first: bool) -> Content:
        wanted, dialect = len(self.names), self._dialect
        cuts = find_cuts(data, dialect, at_end=at_end, wanted=wanted, only_first=only_first)
        lines = Lines.find(data, cuts.newlines)
        fields = np.diff(np.searchsorted(cuts.delimiters, lines.newlines), prepend=0) + 1
        reasons = self._reasons(data, lines, cuts, fields)
        good = np.ones(len(lines), np.bool_)
        good[list(reasons)] = False
        delimiters = cuts.delimiters[: int((fields - 1).sum())]
        if reasons:
            delimiters = delimiters[np.repeat(good, fields - 1)]
        broken = [
            (int(lines.starts[row]), int(lines.newlines[row]), reason)
            for row, reason in sorted(reasons.items())
        ]
        kept = lines.only(good)
        layout = delimiters.reshape(len(kept), wanted - 1)
        is_all = len(lines) and lines.end == cuts.newlines[-1] + 1  # else blank lines follow
        count = cuts.lines if is_all else None
        return Content(
            data, lines.end, kept, layout, broken, line_count=count, is_utf8=cuts.is_utf8
        )

    def _reasons(self, data: bytes, lines: Lines, cuts: Cuts, fields: Positions) -> dict[int, str]:
        """Say which rows cannot be read, and why."""
        wanted, dialect = len(self.names), self._dialect
        reasons = {
            row: wrong_number(int(fields[row]), wanted)
            for row in np.flatnonzero(fields != wanted).tolist()
        }
        for newline, reason in cuts.broken.items():
            row = int(np.searchsorted(lines.newlines, newline))
            line = data[lines.starts[row] : newline].rstrip(b"\r\n")
            reasons[row] = reason + _way_out(reason, line, dialect, wanted)
        if cuts.lines == len(lines):  # each record is on one line
            return reasons
        for row in lines_like_records(data, lines, dialect, wanted).tolist():
            if row in reasons:
                continue
            if dialect.delimiter not in _IN_TEXTS:
                reasons[row] = LITERAL
            else:
                self._unsure.add(self._line + count_lines(data, int(lines.starts[row])))
        return reasons

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the records in blocks of about `block_bytes`."""
        try:
            yield from super().blocks(start, stop)
        finally:
            if self._unsure:
                self.warnings.append(
                    "records that span several lines, each of which has the right number of fields "
                    f"by itself: {len(self._unsure):,}, the first in line {min(self._unsure):,}. "
                    "They are read as quoted fields. If their quotes are "
                    "characters of the text, --quote none reads each line as a record."
                )

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find cuts between blocks: where records end is known only by reading all before."""
        if not self._stream.is_file:
            return []
        following = (block.following for block in super().blocks())
        return first_split_points(
            ((place, place[0]) for place in following if place[0] < (self.size or 0)), offsets
        )

    def _open_to_the_end(self, data: bytes) -> Content:
        return self._content(data, at_end=True, only_first=True)

    def parse(self, block: Block) -> Parsed:
        """Give the records of a block; a field is what is between its outer quotes."""
        content: Content = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines, delimiters = content.lines.only(good), content.layout
        if not isinstance(delimiters, np.ndarray):  # of a block without records
            delimiters = np.zeros((0, len(self.names) - 1), np.int64)
        delimiters = delimiters if good.all() else delimiters[good]
        stops, line_ends = lines.stops(content.data)
        fields = {
            role: self._field(
                content.data, lines, delimiters, stops, self.names.index(name), self.is_exact
            )
            for role, (name,) in self.keys.items()
        }
        records = parts(content.data, lines.blank_starts, stops)
        return self.parsed(block, fields, records, line_ends, rejects, lines)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Put the added fields after each record; a field is empty where there is no score."""
        # Arrow writes the shortest decimal that reads back as the same float32.
        fields = [values.cast(pa.string()) for values in scores]
        mark, quote = self._dialect.delimiter, self._dialect.quote
        if mark == " ":  # which may be in a label
            is_text = [values.type == pa.string() for values in scores]
            fields = [
                pc.binary_join_element_wise(quote, values, quote, "") if is_label else values
                for values, is_label in zip(fields, is_text, strict=True)
            ]
        filled = [pc.fill_null(values, "") for values in fields]
        added = pc.binary_join_element_wise("", *filled, mark)
        return joined(records.column(RECORD), added, records.column(LINE_END))

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Write rows; null is an empty field, and what CSV has no way to write is JSON."""
        dialect = Dialect(delimiter or ",")
        header = dialect.delimiter.join(map(dialect.quoted, schema.names)) + "\n"
        return Output(lambda *scored: rows_of(table(*scored), dialect), header.encode())

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the fields without their quotes."""
        text = joined(records.column(RECORD), pa.repeat("\n", len(records))).to_pybytes()
        cuts = find_cuts(text, self._dialect, at_end=True)
        lines = Lines.find(text, cuts.newlines)
        delimiters = cuts.delimiters.reshape(len(lines), len(self.names) - 1)
        stops, _ = lines.stops(text)
        columns = [
            self._field(text, lines, delimiters, stops, position, is_exact=True)
            for position in range(len(self.names))
        ]
        return pa.RecordBatch.from_arrays(columns, self.names)

    def _field(
        self,
        data: bytes,
        lines: Lines,
        delimiters: Positions,
        stops: Positions,
        position: int,
        is_exact: bool,
    ) -> pa.StringArray:
        """Cut a field of each record, without its quotes; if exact, doubled ones are single."""
        is_last = position == delimiters.shape[1]
        starts = delimiters[:, position - 1] + 1 if position > 0 else lines.starts
        ends = stops if is_last else delimiters[:, position]
        return self._dialect.values(data, starts, ends, is_exact=is_exact)


def _way_out(reason: str, line: bytes, dialect: Dialect, wanted: int) -> str:
    """Name the option with which a line that has broken quotes could be read."""
    if dialect.quote is None or reason not in (AFTER_QUOTE, OPEN_QUOTE):
        return ""
    if dialect.escape is None and b"\\" + dialect.quote.encode() in line:
        return f"; --escape '\\' reads \\{dialect.quote} as a quote in the text"
    if b"\n" not in line and dialect.masked(line).count(dialect.delimiter.encode()) == wanted - 1:
        return "; --quote none reads quotes as characters"
    return ""
