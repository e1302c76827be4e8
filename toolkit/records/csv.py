"""Delimited files (CSV, TSV): records of quoted or plain fields, found without parsing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.records.columns import REASONS_JOINED_WITH, Column, Keys, Wanted, is_text
from toolkit.records.csv_fields import (
    AFTER_QUOTE,
    OPEN_QUOTE,
    Dialect,
    FieldEnds,
    find_field_ends,
    lines_like_records,
    wrong_number,
)
from toolkit.records.csv_header import HeaderReader
from toolkit.records.inputs import Input
from toolkit.records.json_writing import as_texts, joined_rows, slices
from toolkit.records.lines import (
    LINE_END,
    RECORD,
    Content,
    Lines,
    Positions,
    RecordFile,
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

# More bytes are looked at for one record that is long, which is then cut out in little memory.
LOOKED_AT_AS_A_WHOLE = 4 << 20

LITERAL = (
    "a quote opens here, but each of these lines has the right number of fields by itself, so it "
    "may be a character of the text: --quote none reads each line as a record, and --quote '\"' "
    "all of them as one"
)
# Delimiters that texts have, too: there, lines of a quoted text look like records by chance.
_IN_TEXTS = ",;: "


class DelimitedFile(RecordFile):
    """A CSV file: RFC 4180, with quoted newlines, LF or CRLF; blank lines stay where they are.

    Other quotes than RFC 4180 has, or none, and escapes are read if the options say so. Columns of
    a file without a header are called by their number, from 1.
    """

    too_long = "a record (a quote that is never closed?)"

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        self._unsure: set[int] = set()  # lines where a record begins that may be several
        super().__init__(source, options, columns)

    def _read_header(self) -> bytes:
        options = self.options
        header = HeaderReader(self.name, options, self._look, self.fail).read()
        self._dialect, self.names = header.dialect, header.names
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

    def _check_added(self, delimiter: str) -> None:
        """Raise `UsageError` where values of an added column are known to need a quote."""
        if self.options.quote is not None or self.options.escape is not None:
            return
        if delimiter == " " and self.added.names:
            raise UsageError(f"{self.name}: labels with a space in them need a --quote")
        if delimiter in REASONS_JOINED_WITH and "reasons" in self.options.columns.adds:
            raise UsageError(
                f"{self.name}: reasons are separated by {delimiter!r}, as the fields are, so "
                "they need a --quote or an --escape"
            )

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
        ends = find_field_ends(data, dialect, at_end=at_end, wanted=wanted, only_first=only_first)
        lines = Lines.find(data, ends.newlines)
        fields = np.diff(np.searchsorted(ends.delimiters, lines.newlines), prepend=0) + 1
        reasons = self._reasons(data, lines, ends, fields)
        good = np.ones(len(lines), np.bool_)
        good[list(reasons)] = False
        delimiters = ends.delimiters[: int((fields - 1).sum())]
        if reasons:
            delimiters = delimiters[np.repeat(good, fields - 1)]
        broken = [
            (int(lines.starts[row]), int(lines.newlines[row]), reason)
            for row, reason in sorted(reasons.items())
        ]
        kept = lines.only(good)
        layout = delimiters.reshape(len(kept), wanted - 1)
        is_all = len(lines) and lines.end == ends.newlines[-1] + 1  # else blank lines follow
        count = ends.lines if is_all else None
        return Content(
            data, lines.end, kept, layout, broken, line_count=count, is_utf8=ends.is_utf8
        )

    def _reasons(
        self, data: bytes, lines: Lines, ends: FieldEnds, fields: Positions
    ) -> dict[int, str]:
        """Say which rows cannot be read, and why."""
        wanted, dialect = len(self.names), self._dialect
        reasons = {
            row: wrong_number(int(fields[row]), wanted)
            for row in np.flatnonzero(fields != wanted).tolist()
        }
        for newline, reason in ends.broken.items():
            row = int(np.searchsorted(lines.newlines, newline))
            line = data[lines.starts[row] : newline].rstrip(b"\r\n")
            reasons[row] = reason + _way_out(reason, line, dialect, wanted)
        if self.options.quote_is_sure or ends.lines == len(lines):  # each is on one line
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
                    "characters of the text, --quote none reads each line as a record. If not, "
                    "--quote '\"' says so."
                )

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find points between blocks: where records end is known only by reading all before."""
        if not self._stream.is_file:
            return []
        ends = (block.following for block in super().blocks())
        points = ((end, end[0]) for end in ends if end[0] < (self.size or 0))
        return first_split_points(points, offsets)

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
        is_exact = self.is_exact or any('"' in word for word in self.options.null_words)
        fields = {
            role: self._field(
                content.data,
                lines,
                delimiters,
                stops,
                self.names.index(name),
                is_exact or not is_text(role),
            )
            for role, (name,) in self.keys.items()
        }
        records = spans(content.data, lines.blank_starts, stops)
        line_ends = content.as_in_file(lines, line_ends)
        return self.parsed(block, fields, records, line_ends, rejects)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Put the added fields after each record; a field is empty where there is no score."""
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
        """Write rows; null is an empty field, and what CSV has no way to write is JSON."""
        dialect = Dialect(delimiter or ",")
        names = dialect.written(pa.array(schema.names, pa.string())).to_pylist()
        header = dialect.delimiter.join(names) + "\n"
        return Output(lambda *scored: _rows(table(*scored), dialect), header.encode())

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the fields without their quotes."""
        text = joined(records.column(RECORD), pa.repeat("\n", len(records))).to_pybytes()
        ends = find_field_ends(text, self._dialect, at_end=True)
        lines = Lines.find(text, ends.newlines)
        rows, count = len(lines), len(self.names)
        delimiters = ends.delimiters.reshape(rows, count - 1)
        stops, _ = lines.stops(text)
        starts = np.column_stack([lines.starts, delimiters + 1]).ravel()
        stops = np.column_stack([delimiters, stops]).ravel()
        fields = self._dialect.values(text, starts, stops, is_exact=True)
        # Row by row so far; one column is cut out after the other.
        by_column = arrow_of(np.arange(rows * count).reshape(rows, count).T.ravel())
        columns = slices(fields.take(by_column), repeat(rows, count))
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


def _rows(batch: pa.RecordBatch, dialect: Dialect) -> pa.Buffer:
    """Write the rows of a batch as RFC 4180 says; null is an empty field."""
    count = batch.num_columns
    fields = slices(dialect.written(as_texts(batch.columns)), repeat(len(batch), count))
    if count == 1:  # an empty line would not be a record
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    openings = ["", *repeat(dialect.delimiter, count - 1)]
    return values_buffer(joined_rows(fields, openings, "\n"))
