"""Delimited files (CSV, TSV): records of quoted or plain fields, found without parsing values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.records.columns import Column, Keys
from toolkit.records.delimited.csv_dialect import Dialect
from toolkit.records.delimited.csv_header import Header, HeaderReader
from toolkit.records.delimited.csv_quoting import (
    AFTER_QUOTE,
    OPEN_QUOTE,
    Cuts,
    find_cuts,
    lines_like_records,
    wrong_number,
)
from toolkit.records.delimited.csv_writing import rows_of
from toolkit.records.read_options import ReadOptions
from toolkit.records.record_blocks import (
    Block,
    Cut,
    Output,
    Parsed,
    Place,
    Table,
    first_cuts,
)
from toolkit.records.text_files.byte_lines import (
    Lines,
    Positions,
    count_lines,
    joined,
    parts,
)
from toolkit.records.text_files.line_records import (
    LINE_END,
    RECORD,
    Content,
    RecordFile,
)

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

    def blocks(self, start: Place = (), stop: Place = ()) -> Iterator[Block]:
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

    def cuts(self, offsets: Sequence[int]) -> list[Cut]:
        """Find cuts between blocks: where records end is known only by reading all before."""
        if not self._stream.is_file:
            return []
        following = (block.following for block in super().blocks())
        return first_cuts(
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
