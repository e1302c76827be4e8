"""Delimited files (CSV, TSV): finds records and fields without parsing every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Column, Keys, Wanted, addition_of, is_text
from toolkit.records.csv_fields import (
    AFTER_QUOTE,
    OPEN_QUOTE,
    Dialect,
    FieldEnds,
    find_field_ends,
    lines_like_records,
    wrong_number,
)
from toolkit.records.csv_header import Header, HeaderReader
from toolkit.records.inputs import Input
from toolkit.records.json_encode import as_texts, joined_rows, slices
from toolkit.records.lines import (
    LINE_END,
    RECORD,
    BrokenRecord,
    Lines,
    Positions,
    RecordFile,
    SplitBytes,
    count_lines,
    joined,
    spans,
    values_buffer,
)
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import (
    Block,
    Offset,
    Output,
    Parsed,
    SplitPoint,
    Table,
    first_split_points,
)
from toolkit.text.strings import arrow_of

# When one record needs more bytes than this, it is cut out alone, to bound the memory.
LOOKED_AT_AS_A_WHOLE = 4 << 20

LITERAL = (
    "this quote is ambiguous: it encloses several lines, but each line alone also has the right "
    "number of fields. Use --quote none if quotes are part of the text (one record per line), or "
    "--quote '\"' if they enclose fields (one record)"
)
# These delimiters are common in texts, so lines of a quoted text can look like records by chance.
_IN_TEXTS = ",;: "


class DelimitedFile(RecordFile):
    """A CSV file as in RFC 4180: newlines in quotes, LF or CRLF; blank lines keep their place.

    Options choose another quote, no quote, or an escape character. The columns of a file without
    a header are named by their number, starting at 1.
    """

    too_long = "a record (a quote that is never closed?)"

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        # First lines of records that span several lines and may really be several records.
        self._unsure: set[int] = set()
        super().__init__(source, options, columns)

    def _read_header(self) -> bytes:
        options = self.options
        header = self._split_header()
        self._dialect = header.dialect
        self.names = header.names
        self.delimiter = header.dialect.delimiter
        self._check_added(header.dialect.delimiter)
        self.check_free(self.names)
        try:
            self.choose_columns(self._find_column)
        except UsageError as error:
            raise UsageError(f"{error}{header.hint}") from None
        self._offset = len(header.before)
        self._stream.advance(self._offset)
        self._line = 1 + header.before.count(b"\n")
        if not options.header:
            return header.before
        try:
            added = [self._dialect.quoted(name) for name in self.added.names]
        except ValueError as error:
            raise UsageError(
                f"{self.name}: the name of an added column, {error}. Choose other names with "
                f"{options.columns.option_of_added}."
            ) from None
        names = "".join(self.delimiter + name for name in added)
        return header.row + names.encode() + header.line_end.encode()

    def _split_header(self) -> Header:
        """Read the header; one column that is not wanted is split by another delimiter.

        So a file with semicolons needs no option, if the header says it: with the usual delimiter
        it is a single name, and with another one it has the needed columns.
        """
        header = self._header_with(self.options)
        usual = self.options.usual_delimiter
        if self.options.delimiter is not None or header.dialect.delimiter != usual:
            return header
        if not header.other_delimiter or len(header.names) > 1 or self._has_all(header.names):
            return header
        with suppress(InputError, UsageError):
            other = self._header_with(replace(self.options, delimiter=header.other_delimiter))
            if self._has_all(other.names):
                return other
        return header

    def _header_with(self, options: ReadOptions) -> Header:
        peek = self._peek_available
        return HeaderReader(name=self.name, options=options, peek=peek, fail=self.fail).read()

    def _has_all(self, names: Sequence[str]) -> bool:
        """Whether there is a column for each needed one, perhaps in another spelling."""
        needed = (column for column in self.wanted if column.is_needed)
        return all(column.among(names) or column.alike(names) for column in needed)

    def _check_added(self, delimiter: str) -> None:
        """Raise `UsageError` if values of an added column need a quote, but no quote is set."""
        if self.options.quote is not None or self.options.escape is not None:
            return
        if delimiter == " " and self.added.names:
            raise UsageError(f"{self.name}: labels with a space in them need a --quote")
        adds = self.options.columns.adds
        if parted := [role for role in adds if delimiter in addition_of(role).separator]:
            raise UsageError(
                f"{self.name}: {parted[0]} are separated by {delimiter!r}, as the fields are, so "
                "they need a --quote or an --escape"
            )

    def _find_column(self, column: Column) -> Keys | None:
        is_named = self.options.header or getattr(self.options.columns, column.role, None)
        # In a file without a header: the only column is the text, the last one the probability.
        is_only_text = column.role == "text" and len(self.names) == 1
        if not is_named and (is_only_text or column.role == "probability"):
            return (self.names[-1],)
        return column.among(self.names)

    def _split(self, data: bytes, *, at_end: bool) -> SplitBytes:
        is_long = len(data) > LOOKED_AT_AS_A_WHOLE and not at_end
        return self._split_fields(data, at_end=at_end, only_first=is_long)

    def _split_fields(self, data: bytes, *, at_end: bool, only_first: bool) -> SplitBytes:
        wanted = len(self.names)
        ends = find_field_ends(
            data, self._dialect, at_end=at_end, wanted=wanted, only_first=only_first
        )
        lines = Lines.find(data, ends.newlines)
        fields = np.diff(np.searchsorted(ends.delimiters, lines.newlines), prepend=0) + 1
        reasons = self._reasons(data, lines, ends=ends, fields=fields)
        good = np.ones(len(lines), np.bool_)
        good[list(reasons)] = False
        delimiters = ends.delimiters[: int((fields - 1).sum())]
        if reasons:
            delimiters = delimiters[np.repeat(good, fields - 1)]
        broken = [
            BrokenRecord(int(lines.starts[row]), int(lines.newlines[row]), reason)
            for row, reason in sorted(reasons.items())
        ]
        kept = lines.only(good)
        has_last_line = len(lines) and lines.end == ends.newlines[-1] + 1  # no blank lines after it
        return SplitBytes(
            data=data,
            end=lines.end,
            lines=kept,
            layout=delimiters.reshape(len(kept), wanted - 1),
            broken=broken,
            line_count=ends.lines if has_last_line else None,
            is_utf8=ends.is_utf8,
        )

    def _reasons(
        self, data: bytes, lines: Lines, ends: FieldEnds, fields: Positions
    ) -> dict[int, str]:
        """Return why rows cannot be read, by row."""
        dialect = self._dialect
        wanted = len(self.names)
        reasons = {
            row: wrong_number(int(fields[row]), wanted)
            for row in np.flatnonzero(fields != wanted).tolist()
        }
        for newline, reason in ends.broken.items():
            row = int(np.searchsorted(lines.newlines, newline))
            line = data[lines.starts[row] : newline].rstrip(b"\r\n")
            reasons[row] = reason + _way_out(reason, line, dialect=dialect, wanted=wanted)
        if self.options.quote_is_sure or ends.lines == len(lines):  # one line per record
            return reasons
        for row in lines_like_records(data, lines, dialect=dialect, wanted=wanted).tolist():
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
                    "characters of the text, --quote none reads each line as a record. If not, "
                    "--quote '\"' says so."
                )

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find points between blocks, by reading the file: quotes decide where records end."""
        if not self._stream.is_file:
            return []
        ends = (block.following for block in super().blocks())
        size = self.size or 0
        points = ((end, end[0]) for end in ends if end[0] < size)
        return first_split_points(points, offsets)

    def _open_to_the_end(self, data: bytes) -> SplitBytes:
        return self._split_fields(data, at_end=True, only_first=True)

    def parse(self, block: Block) -> Parsed:
        """Return the records of a block; values come without their outer quotes."""
        content: SplitBytes = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines = content.lines.only(good)
        delimiters = content.layout
        if not isinstance(delimiters, np.ndarray):  # the block has no records
            delimiters = np.zeros((0, len(self.names) - 1), np.int64)
        delimiters = delimiters if good.all() else delimiters[good]
        stops, line_ends = lines.stops(content.data)
        is_exact = self.is_exact or any('"' in word for word in self.options.null_words)
        fields = {
            role: self._field(
                content.data,
                lines=lines,
                delimiters=delimiters,
                stops=stops,
                position=self.names.index(name),
                is_exact=is_exact or not is_text(role),
            )
            for role, (name,) in self.keys.items()
        }
        records = spans(content.data, lines.blank_starts, stops)
        line_ends = content.as_in_file(lines, line_ends)
        return self.parsed(
            block, fields=fields, records=records, line_ends=line_ends, rejects=rejects
        )

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Append the added fields to each record; a null score is an empty field."""
        fields = map(self._written, self.added.names, scores)
        filled = [pc.fill_null(values, "") for values in fields]
        added = pc.binary_join_element_wise("", *filled, self._dialect.delimiter)
        return joined(records.column(RECORD), added, records.column(LINE_END))

    def _written(self, name: str, values: pa.Array) -> pa.StringArray:
        """Write the values of an added column as fields."""
        if values.type != pa.string():
            # Arrow writes the shortest decimal that reads back as the same float32.
            return values.cast(pa.string())
        try:
            return self._dialect.written(values, quotes_all=self._dialect.delimiter == " ")
        except ValueError as error:
            raise UsageError(
                f"{self.name}: in the added column {name!r}, {error}. Leave out --quote none, "
                "give --escape, or choose another --output-format."
            ) from None

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Write rows; null is an empty field, and lists and structs are JSON."""
        dialect = Dialect(delimiter or ",")
        names = dialect.written(pa.array(schema.names, pa.string())).to_pylist()
        header = dialect.delimiter.join(names) + "\n"
        return Output(lambda *scored: _rows(table(*scored), dialect), header.encode())

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Return all columns of some records, without quotes."""
        text = joined(records.column(RECORD), pa.repeat("\n", len(records))).to_pybytes()
        ends = find_field_ends(text, self._dialect, at_end=True)
        lines = Lines.find(text, ends.newlines)
        rows = len(lines)
        count = len(self.names)
        delimiters = ends.delimiters.reshape(rows, count - 1)
        stops, _ = lines.stops(text)
        starts = np.column_stack([lines.starts, delimiters + 1]).ravel()
        stops = np.column_stack([delimiters, stops]).ravel()
        fields = self._dialect.values(text, starts, stops, is_exact=True)
        # The values are in row order; reorder them by column, then slice.
        by_column = arrow_of(np.arange(rows * count).reshape(rows, count).T.ravel())
        columns = slices(fields.take(by_column), repeat(rows, count))
        return pa.RecordBatch.from_arrays(columns, self.names)

    def _field(
        self,
        data: bytes,
        *,
        lines: Lines,
        delimiters: Positions,
        stops: Positions,
        position: int,
        is_exact: bool,
    ) -> pa.StringArray:
        """Return the field at a position of each record, unquoted as `Dialect.values` does."""
        is_last = position == delimiters.shape[1]
        starts = delimiters[:, position - 1] + 1 if position > 0 else lines.starts
        ends = stops if is_last else delimiters[:, position]
        return self._dialect.values(data, starts, ends, is_exact=is_exact)


def _way_out(reason: str, line: bytes, dialect: Dialect, wanted: int) -> str:
    """Return advice which option reads a line with broken quotes; empty if none would."""
    if dialect.quote is None or reason not in (AFTER_QUOTE, OPEN_QUOTE):
        return ""
    if dialect.escape is None and b"\\" + dialect.quote.encode() in line:
        return f"; --escape '\\' reads \\{dialect.quote} as a quote in the text"
    if b"\n" not in line and dialect.masked(line).count(dialect.delimiter.encode()) == wanted - 1:
        return "; --quote none reads quotes as characters"
    return ""


def _rows(batch: pa.RecordBatch, dialect: Dialect) -> pa.Buffer:
    """Write the rows of a batch as in RFC 4180; null is an empty field."""
    count = batch.num_columns
    fields = slices(dialect.written(as_texts(batch.columns)), repeat(len(batch), count))
    if count == 1:  # an empty line would not be a record
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    openings = ["", *repeat(dialect.delimiter, count - 1)]
    return values_buffer(joined_rows(fields, openings, "\n"))
