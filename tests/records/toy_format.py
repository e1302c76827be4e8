"""A format made for the tests: a review on each line as a query, such as ``text=fine&label=1``.

It is all that a new format takes: this file, and the entry `TOY` in the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, quote_plus, urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.formats import Format
from toolkit.records.json_encode import as_text
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Lines,
    RecordFile,
    SplitBytes,
    spans,
    values_buffer,
)
from toolkit.records.review_file import Block, Output, Parsed, Table
from toolkit.text.strings import arrow_of


class QueryFile(RecordFile):
    """A file with one query per line, which may have any keys."""

    def _read_header(self) -> bytes:
        size = 1 << 16
        while len(data := self._peek(size)) == size < RECORD_BYTES_LIMIT and b"\n" not in data:
            size *= 2
        mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        self._offset = len(mark)
        self._stream.advance(len(mark))
        names: dict[str, None] = {}
        for line in data.removeprefix(mark).splitlines():
            with suppress(ValueError):
                names |= dict.fromkeys(_fields(line))
        self.names = list(names)
        self.check_free(self.names)
        self.choose_columns(lambda column: column.among(self.names))
        return mark

    def _split(self, data: bytes, *, at_end: bool) -> SplitBytes:
        newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        lines = Lines.find(data, newlines)
        return SplitBytes(data=data, end=lines.end, lines=lines, layout=None, broken=[])

    def parse(self, block: Block) -> Parsed:
        content: SplitBytes = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines = content.lines.only(good)
        rows, readable = [], np.ones(len(lines), np.bool_)
        stops, line_ends = lines.stops(content.data)
        for row, (start, stop) in enumerate(zip(lines.starts, stops, strict=True)):
            try:
                rows.append(_fields(content.data[start:stop]))
            except ValueError as error:
                readable[row] = False
                reject = self.reject(block, start=int(start), stop=int(stop), reason=str(error))
                rejects.append(reject)
        lines, stops = lines.only(readable), stops[readable]
        columns = {
            role: pa.array([row.get(name) for row in rows], pa.string())
            for role, (name,) in self.keys.items()
        }
        records = spans(content.data, lines.blank_starts, stops)
        line_ends = line_ends.filter(arrow_of(readable))
        return self.parsed(
            block, fields=columns, records=records, line_ends=line_ends, rejects=rejects
        )

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        parts = []
        for name, values in zip(self.added.names, scores, strict=True):
            written = [quote_plus(value or "") for value in values.cast(pa.string()).to_pylist()]
            parts += [f"&{urlencode({name: ''})}", pa.array(written, pa.string())]
        record = records.column(RECORD).view(pa.string())
        lines = pc.binary_join_element_wise(record, *parts, records.column(LINE_END), "")
        return values_buffer(lines)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        def write(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
            batch = table(records, scores)
            columns = [as_text(column).to_pylist() for column in batch.columns]
            rows = (zip(schema.names, row, strict=True) for row in zip(*columns, strict=True))
            return pa.py_buffer("".join(f"{urlencode([*row])}\n" for row in rows).encode())

        return Output(write)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        rows = [_fields(record) for record in records.column(RECORD).to_pylist()]
        columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in self.names]
        return pa.RecordBatch.from_arrays(columns, self.names)


def _fields(line: bytes) -> dict[str, str]:
    return dict(parse_qsl(line.strip().decode(), keep_blank_values=True, strict_parsing=True))


TOY = Format("query", (".query",), lambda: QueryFile)


def write_queries(rows: list[dict[str, str]], line_end: str) -> bytes:
    """Write rows as others would."""
    return "".join(urlencode(row) + line_end for row in rows).encode()


def read_queries(data: bytes) -> list[dict[str, str]]:
    """Read rows as others would."""
    lines = data.removeprefix(BYTE_ORDER_MARK).splitlines()
    return [dict(parse_qsl(line.decode(), keep_blank_values=True)) for line in lines if line]
