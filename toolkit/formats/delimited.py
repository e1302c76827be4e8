"""CSV: records of quoted or plain fields, found without parsing their values."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.formats.base import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    TEXT,
    Block,
    RecordFile,
)
from toolkit.formats.lines import Lines, Positions, spans, values_buffer
from toolkit.formats.quoting import QUOTE, Cuts, QuotingError, find_cuts


@dataclass(frozen=True)
class _Layout:
    lines: Lines
    delimiters: Positions  # (records, fields - 1)

    def __len__(self) -> int:
        return len(self.lines)


class DelimitedFile(RecordFile):
    """A CSV file with a header: RFC 4180, with quoted newlines, LF or CRLF.

    Blank lines are no records, as in Python's ``csv.DictReader``; they stay where they are.
    """

    delimiter = ","

    def _read_header(self) -> bytes:
        data, line, delimiters = self._first_line()
        start, end = int(line.starts[0]), line.end
        self._file.seek(min(end, self.size))
        stops, endings = line.record_stops(data)
        stop, ending = int(stops[0]), str(endings[0])
        try:
            header = data[start:stop].decode()
        except UnicodeDecodeError as error:
            self.reject(start + error.start, "the header is no UTF-8. Convert the file first")
        bounds = [start - 1, *delimiters[delimiters < stop].tolist(), stop]
        names = [_unquoted(data[a + 1 : b].decode()) for a, b in pairwise(bounds)]
        self.columns.check_free(self.path, names)
        self._fields = len(names)
        text = self.columns.choose_text(self.path, names)
        if names.count(text) > 1:
            raise UsageError(
                f"{self.path}: {names.count(text)} columns are called {text!r}. Rename all but "
                "one, or choose another with --text-column."
            )
        self._text_field = names.index(text)
        fields = self.delimiter.join([header, *map(self._quoted, self.columns.added)])
        return data[:start] + (fields + ending).encode()

    def _first_line(self) -> tuple[bytes, Lines, Positions]:
        """Read until a line is not blank; give all that was read, the line, and delimiters."""
        data = b""
        while True:
            chunk = self._read_on(data, 0)
            data += chunk or b"\n"
            mark = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
            cuts = self._find_cuts(data[mark:], at_end=not chunk, offset=mark)
            lines = Lines.find(data, cuts.newlines + mark, start=mark)
            if len(lines):
                return data, Lines(lines.starts[:1], lines.newlines[:1]), cuts.delimiters + mark
            if not chunk:
                raise InputError(f"{self.path}: only blank lines, expected a header and reviews")

    def _find_cuts(self, data: bytes, *, at_end: bool, offset: int) -> Cuts:
        try:
            cuts = find_cuts(data, ord(self.delimiter))
        except QuotingError as error:
            self.reject(
                offset + error.position,
                f"{error.reason}. Write the file again with fields quoted and lines ended by LF "
                "or CRLF, as RFC 4180 says",
            )
        if at_end and cuts.open_quote is not None:
            self.reject(
                offset + cuts.open_quote,
                "a quote that is opened here is never closed. "
                "Mend the line, for example by doubling quotes within a quoted field",
            )
        return cuts

    def _split(self, data: bytes, *, at_end: bool, offset: int) -> tuple[int, _Layout]:
        cuts = self._find_cuts(data, at_end=at_end, offset=offset)
        lines = Lines.find(data, cuts.newlines)
        bounds = np.searchsorted(cuts.delimiters, lines.newlines)
        fields = np.diff(bounds, prepend=0) + 1
        ragged = np.flatnonzero(fields != self._fields)
        if len(ragged):
            self.reject(
                offset + int(lines.starts[ragged[0]]),
                f"{fields[ragged[0]]} fields, expected {self._fields} as in the "
                "header. Mend the line, or quote fields that hold the delimiter",
            )
        delimiters = cuts.delimiters[: len(lines) * (self._fields - 1)]
        return lines.end, _Layout(lines, delimiters.reshape(len(lines), self._fields - 1))

    def parse(self, block: Block) -> pa.RecordBatch:
        """Give the records of a block.

        The text is what stands between the outer quotes. A doubled quote in it stays doubled: it
        is a separator of tokens either way.
        """
        self.check_utf8(block)
        lines, delimiters = block.layout.lines, block.layout.delimiters
        stops, line_ends = lines.record_stops(block.data)
        field = self._text_field
        text_starts = delimiters[:, field - 1] + 1 if field > 0 else lines.starts
        text_stops = delimiters[:, field] if field < self._fields - 1 else stops
        quoted = np.frombuffer(block.data, np.uint8)[text_starts] == QUOTE
        texts = spans(block.data, text_starts + quoted, text_stops - quoted)
        return pa.RecordBatch.from_pydict(
            {
                RECORD: spans(block.data, lines.record_starts(), stops),
                LINE_END: line_ends,
                TEXT: texts.view(pa.string()),
            }
        )

    def render(
        self, batch: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.Buffer:
        """Put two more fields behind each record; both are empty where there is no text."""
        added = pc.binary_join_element_wise(
            "",
            pc.fill_null(sentiment, ""),
            # Arrow writes the shortest decimal that reads back as the same float32.
            pc.fill_null(probability.cast(pa.string()), ""),
            self.delimiter,
        )
        lines = pc.binary_join_element_wise(
            batch.column(RECORD).view(pa.string()), added, batch.column(LINE_END), ""
        )
        return values_buffer(lines)

    def _quoted(self, name: str) -> str:
        special = any(character in name for character in f'"\r\n{self.delimiter}')
        return '"' + name.replace('"', '""') + '"' if special else name


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field
