"""Delimited files (CSV, TSV): records of quoted or plain fields, found without parsing values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.byte_lines import Lines, Positions, spans, values_buffer
from toolkit.records.columns import Column, Keys
from toolkit.records.csv_quoting import OPEN_QUOTE, QUOTE, Cuts, find_cuts
from toolkit.records.json_values import as_text
from toolkit.records.line_records import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Content,
    RecordFile,
)
from toolkit.records.review_file import Block, Output, Parsed, Table
from toolkit.text.strings import arrow_of

_HEADER_BYTES = 1 << 16  # read at first to find the header; doubled while it is longer

_FIX = "Fix the file, or write it again as RFC 4180 says: quote such fields, end lines with LF"


class _Header(NamedTuple):
    """The first line that is not blank."""

    stop: int
    end: int  # after its line end
    names: list[str]
    line_end: str


class DelimitedFile(RecordFile):
    """A CSV file: RFC 4180, with quoted newlines, LF or CRLF; blank lines stay where they are.

    Columns of a file without a header are called by their number, from 1.
    """

    too_long = "a record (a quote that is never closed?)"
    endless = OPEN_QUOTE

    def _read_header(self) -> bytes:
        self.delimiter = self.options.delimiter or ","
        data, header = self._find_header()
        self.names = header.names
        if not self.options.header:
            self.names = [str(number) for number in range(1, len(header.names) + 1)]
        self.check_free(self.names)
        self.choose_columns(self._find_column)
        if not self.options.header:
            self._offset = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
            self._stream.advance(self._offset)
            return data[: self._offset]
        # The last line of a file may lack its line end.
        self._offset = min(header.end, len(data))
        self._stream.advance(self._offset)
        self._line = 1 + data.count(b"\n", 0, header.end)
        added = "".join(self.delimiter + _quote(name, self.delimiter) for name in self.added.names)
        return data[: header.stop] + added.encode() + header.line_end.encode()

    def _find_column(self, column: Column) -> Keys | None:
        is_named = self.options.header or getattr(self.options.columns, column.role, None)
        # Without names: the only text, and the last column for a probability.
        is_only_text = column.role == "text" and len(self.names) == 1
        if not is_named and (is_only_text or column.role == "probability"):
            return (self.names[-1],)
        return column.among(self.names)

    def _find_header(self) -> tuple[bytes, _Header]:
        """Read until a line is not blank; give all that was read, and the line."""
        size, seen = _HEADER_BYTES, 0
        while True:
            data, at_end = self._look(size, beyond=seen)
            seen = len(data)
            text = data + b"\n" if at_end else data
            mark = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
            cuts = self._cut(text[mark:], at_end=at_end)
            lines = Lines.find(text, cuts.newlines + mark, start=mark)
            if len(lines):
                return data, self._header(text, lines, cuts, mark)
            if at_end:
                raise InputError(f"{self.name}: only blank lines, expected a header and reviews")
            if seen >= RECORD_BYTES_LIMIT:
                self.fail(1, f"a header of more than {size >> 20} MiB; is a quote never closed?")
            if seen >= size:
                size *= 2

    def _header(self, data: bytes, lines: Lines, cuts: Cuts, mark: int) -> _Header:
        start, newline = int(lines.starts[0]), int(lines.newlines[0])
        line = 1 + data.count(b"\n", 0, start)
        if (reason := cuts.broken.get(newline - mark)) is not None:
            self.fail(line, f"{reason}. {_FIX}")
        stops, line_ends = lines.stops(data)
        stop = int(stops[0])
        delimiters = cuts.delimiters + mark
        bounds = [start - 1, *delimiters[delimiters < stop].tolist(), stop]
        try:
            names = [_unquote(data[a + 1 : b].decode()) for a, b in pairwise(bounds)]
        except UnicodeDecodeError:
            self.fail(line, "the header is not valid UTF-8. Say what it is with --encoding")
        return _Header(stop, newline + 1, names, str(line_ends[0]))

    def _cut(self, data: bytes, *, at_end: bool) -> Cuts:
        return find_cuts(data, ord(self.delimiter), at_end=at_end)

    def _split(self, data: bytes, *, at_end: bool) -> Content:
        cuts = self._cut(data, at_end=at_end)
        lines = Lines.find(data, cuts.newlines)
        wanted = len(self.names)
        fields = np.diff(np.searchsorted(cuts.delimiters, lines.newlines), prepend=0) + 1
        good = fields == wanted
        for newline in cuts.broken:
            good[np.searchsorted(lines.newlines, newline)] = False
        delimiters = cuts.delimiters[: int((fields - 1).sum())]
        broken = []
        if not good.all():
            delimiters = delimiters[np.repeat(good, fields - 1)]
            for row in np.flatnonzero(~good).tolist():
                start, newline = int(lines.starts[row]), int(lines.newlines[row])
                ragged = f"{fields[row]:,} fields, expected {wanted:,}"
                broken.append((start, newline, cuts.broken.get(newline, ragged)))
        kept = lines.only(good)
        return Content(data, lines.end, kept, delimiters.reshape(len(kept), wanted - 1), broken)

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
        records = spans(content.data, lines.blank_starts, stops)
        return self.parsed(block, fields, records, line_ends, rejects)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Put the added fields after each record; a field is empty where there is no score."""
        # Arrow writes the shortest decimal that reads back as the same float32.
        fields = [values.cast(pa.string()) for values in scores]
        if self.delimiter == " ":  # which may be in a label
            is_text = [values.type == pa.string() for values in scores]
            fields = [
                pc.binary_join_element_wise('"', values, '"', "") if quote else values
                for values, quote in zip(fields, is_text, strict=True)
            ]
        filled = [pc.fill_null(values, "") for values in fields]
        added = pc.binary_join_element_wise("", *filled, self.delimiter)
        lines = pc.binary_join_element_wise(
            records.column(RECORD).view(pa.string()), added, records.column(LINE_END), ""
        )
        return values_buffer(lines)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Write rows; null is an empty field, and what CSV has no way to write is JSON."""
        mark = delimiter or ","
        header = mark.join(_quote(name, mark) for name in schema.names) + "\n"
        return Output(lambda *scored: _rows(table(*scored), mark), header.encode())

    def schema(self) -> pa.Schema:
        """All columns are strings."""
        self.check_unique()
        return pa.schema([(name, pa.string()) for name in self.names])

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the fields without their quotes."""
        text = values_buffer(
            pc.binary_join_element_wise(records.column(RECORD).view(pa.string()), "\n", "")
        ).to_pybytes()
        cuts = self._cut(text, at_end=True)
        lines = Lines.find(text, cuts.newlines)
        delimiters = cuts.delimiters.reshape(len(lines), len(self.names) - 1)
        stops, _ = lines.stops(text)
        columns = [
            self._field(text, lines, delimiters, stops, position, is_exact=True)
            for position in range(len(self.names))
        ]
        return pa.RecordBatch.from_arrays(columns, self.names)

    @staticmethod
    def _field(
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
        is_quoted = np.frombuffer(data, np.uint8)[starts] == QUOTE
        field = spans(data, starts + is_quoted, ends - is_quoted).view(pa.string())
        if not is_exact:
            return field
        return pc.if_else(arrow_of(is_quoted), pc.replace_substring(field, '""', '"'), field)


def _quote(field: str, delimiter: str) -> str:
    special = any(character in field for character in f'"\r\n{delimiter}')
    return '"' + field.replace('"', '""') + '"' if special else field


def _unquote(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def _rows(batch: pa.RecordBatch, delimiter: str) -> pa.Buffer:
    fields = [_quoted(as_text(column), delimiter) for column in batch.columns]
    if len(fields) == 1:  # an empty line would not be a record
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    return values_buffer(
        pc.binary_join_element_wise(pc.binary_join_element_wise(*fields, delimiter), "\n", "")
    )


def _quoted(fields: pa.StringArray, delimiter: str) -> pa.StringArray:
    special = pc.match_substring_regex(fields, f'["\r\n{re.escape(delimiter)}]')
    if not pc.any(special).as_py():
        return fields
    doubled = pc.replace_substring(fields, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), fields)
