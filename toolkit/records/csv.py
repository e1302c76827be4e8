"""CSV and its kin: records of quoted or plain fields, found without parsing their values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.records.byte_lines import Lines, Positions, spans, values_buffer
from toolkit.records.columns import check_one_each
from toolkit.records.csv_quoting import OPEN_QUOTE, QUOTE, Cuts, find_cuts
from toolkit.records.line_records import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Broken,
    Content,
    RecordFile,
)
from toolkit.records.review_file import Block, Parsed, ReadOptions
from toolkit.text.arrays import arrow_of

_HEADER_BYTES = 1 << 16  # read at first to find the header; doubled while it is longer

_MEND = "Mend the file, or write it again as RFC 4180 says: quote such fields, end lines by LF"


@dataclass(frozen=True)
class _Header:
    """The first line that is not blank."""

    start: int
    stop: int
    end: int  # behind its line end
    names: list[str]
    line_end: str


class DelimitedFile(RecordFile):
    """A CSV file: RFC 4180, with quoted newlines, LF or CRLF.

    Blank lines are no records, as in Python's ``csv.DictReader``; they stay where they are.
    Columns of a file without a header are called by their number, from 1.
    """

    default_delimiter = ","
    too_long = "a record (a quote that is never closed?)"
    endless = OPEN_QUOTE
    _label_field: int | None = None

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.delimiter = options.delimiter or self.default_delimiter
        super().__init__(path, options)

    def _read_header(self) -> bytes:
        data, header = self._find_header()
        names = header.names
        if not self.options.header:
            names = [str(number) for number in range(1, len(names) + 1)]
        self.columns.check_free(self.name, names)
        self.names = names
        text = self._choose_text()
        self._text_field = self._place_of(text, "--text-column")
        if self.columns.label is not None:
            label = self.columns.choose_label(self.name, names, text)
            self._label_field = self._place_of(label, "--label-column")
        if not self.options.header:
            self._offset = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
            self._stream.advance(self._offset)
            return data[: self._offset]
        # The last line of a file may lack its line end.
        self._offset = min(header.end, len(data))
        self._stream.advance(self._offset)
        self._line = 1 + data.count(b"\n", 0, header.end)
        fields = self.delimiter.join(quoted(name, self.delimiter) for name in self.columns.added)
        added = f"{self.delimiter}{fields}{header.line_end}"
        return data[: header.stop] + added.encode()

    def _place_of(self, name: str, option: str) -> int:
        if self.names.count(name) > 1:
            raise UsageError(
                f"{self.name}: {self.names.count(name)} columns are called {name!r}. Rename all "
                f"but one, or choose another with {option}."
            )
        return self.names.index(name)

    def _choose_text(self) -> str:
        if not self.options.header and self.columns.text is None and len(self.names) == 1:
            return self.names[0]
        return self.columns.choose_text(self.name, self.names)

    def _find_header(self) -> tuple[bytes, _Header]:
        """Read until a line is not blank; give all that was read, and the line."""
        size = _HEADER_BYTES
        while True:
            data = self._peek(size)
            at_end = len(data) < size
            text = data + b"\n" if at_end else data
            mark = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
            cuts = self._cut(text[mark:], at_end=at_end)
            lines = Lines.find(text, cuts.newlines + mark, start=mark)
            if len(lines):
                return data, self._header(text, lines, cuts, mark)
            if at_end:
                raise InputError(f"{self.name}: only blank lines, expected a header and reviews")
            if size >= RECORD_BYTES_LIMIT:
                self.fail(1, f"a header of more than {size >> 20} MiB; is a quote never closed?")
            size *= 2

    def _header(self, data: bytes, lines: Lines, cuts: Cuts, mark: int) -> _Header:
        start, newline = int(lines.starts[0]), int(lines.newlines[0])
        line = 1 + data.count(b"\n", 0, start)
        if (reason := cuts.broken.get(newline - mark)) is not None:
            self.fail(line, f"{reason}. {_MEND}")
        stops, line_ends = lines.stops(data)
        stop = int(stops[0])
        delimiters = cuts.delimiters + mark
        bounds = [start - 1, *delimiters[delimiters < stop].tolist(), stop]
        try:
            names = [_unquoted(data[a + 1 : b].decode()) for a, b in pairwise(bounds)]
        except UnicodeDecodeError:
            self.fail(line, "the header is no UTF-8. Say what it is with --encoding")
        return _Header(start, stop, newline + 1, names, str(line_ends[0]))

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
                broken.append(Broken(start, newline, cuts.broken.get(newline, ragged)))
        kept = lines.only(good)
        return Content(data, lines.end, kept, delimiters.reshape(len(kept), wanted - 1), broken)

    def parse(self, block: Block) -> Parsed:
        """Give the records of a block.

        The text is what stands between the outer quotes. A doubled quote in it stays doubled: it
        is a separator of tokens either way.
        """
        content: Content = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines, delimiters = content.lines.only(good), content.layout
        if not isinstance(delimiters, np.ndarray):  # of a block without records
            delimiters = np.zeros((0, len(self.names) - 1), np.int64)
        delimiters = delimiters if good.all() else delimiters[good]
        stops, line_ends = lines.stops(content.data)

        def field(position: int) -> pa.StringArray:
            starts, ends = self._bounds(lines, delimiters, stops, position)
            is_quoted = np.frombuffer(content.data, np.uint8)[starts] == QUOTE
            return spans(content.data, starts + is_quoted, ends - is_quoted).view(pa.string())

        return Parsed(
            field(self._text_field),
            pa.RecordBatch.from_pydict(
                {RECORD: spans(content.data, lines.blank_starts, stops), LINE_END: line_ends}
            ),
            sorted([*self.rejects(block), *rejects], key=lambda reject: reject.number),
            None if self._label_field is None else field(self._label_field),
        )

    def render(
        self, records: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.Buffer:
        """Put two more fields behind each record; both are empty where there is no text."""
        if self.delimiter == " ":  # which may be in a label
            sentiment = pc.binary_join_element_wise('"', sentiment, '"', "")
        added = pc.binary_join_element_wise(
            "",
            pc.fill_null(sentiment, ""),
            # Arrow writes the shortest decimal that reads back as the same float32.
            pc.fill_null(probability.cast(pa.string()), ""),
            self.delimiter,
        )
        lines = pc.binary_join_element_wise(
            records.column(RECORD).view(pa.string()), added, records.column(LINE_END), ""
        )
        return values_buffer(lines)

    def schema(self) -> pa.Schema:
        """Every column is one of strings."""
        check_one_each(self.name, self.names)
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
        columns = []
        for position in range(len(self.names)):
            starts, ends = self._bounds(lines, delimiters, stops, position)
            is_quoted = np.frombuffer(text, np.uint8)[starts] == QUOTE
            field = spans(text, starts + is_quoted, ends - is_quoted).view(pa.string())
            single = pc.replace_substring(field, '""', '"')
            columns.append(pc.if_else(arrow_of(is_quoted), single, field))
        return pa.RecordBatch.from_arrays(columns, self.names)

    @staticmethod
    def _bounds(
        lines: Lines, delimiters: Positions, stops: Positions, position: int
    ) -> tuple[Positions, Positions]:
        """Where a field of each record starts and stops, its quotes included."""
        last = delimiters.shape[1]
        starts = delimiters[:, position - 1] + 1 if position > 0 else lines.starts
        return starts, delimiters[:, position] if position < last else stops


class TabSeparatedFile(DelimitedFile):
    """Fields parted by tabs, quoted as in CSV."""

    default_delimiter = "\t"


def quoted(field: str, delimiter: str) -> str:
    """Quote a field where CSV needs it."""
    special = any(character in field for character in f'"\r\n{delimiter}')
    return '"' + field.replace('"', '""') + '"' if special else field


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field
