"""JSON Lines: one JSON object per line, copied as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.native.records import read_members
from toolkit.records.columns import Column, Keys, is_text
from toolkit.records.json_decode import (
    VALUES_LIMIT,
    WHITE_SPACE,
    check_names,
    field_at,
    keys_in,
    members,
    object_on,
    objects_among,
    text_at,
)
from toolkit.records.json_encode import added_members, objects_of, on_lines
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Lines,
    Positions,
    RecordFile,
    SplitBytes,
    find_lines,
    spans,
    values_buffer,
)
from toolkit.records.review_file import Block, Output, Parsed, Reject, ReviewFile, SplitPoint, Table
from toolkit.text.strings import without_half_pairs

FIRST_BYTES = 1 << 16  # looked at to find the keys of columns; doubled while a line is longer
# Looked at if `FIRST_BYTES` lack a needed key, and for the columns of an output of another format.
_SCHEMA_BYTES = 4 << 20

_LINE = re.compile(rb"[^\n]+")
_FILLED = re.compile(rb"[^ \t\r\n][^\n]*\n")  # the rest of a line that is not blank

# (records, scores) → one JSON object per record, with the scores.
Objects = Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.StringArray]


class JsonLinesFile(RecordFile):
    """A file with one JSON object per line; the output keeps the source text and blank lines.

    The column ``review.body`` is the key ``body`` of the object ``review``, unless there is a key
    ``review.body``.
    """

    kinds = ("json", "jsonl")
    restarts_numbers = True
    # Names of the columns if the output has another format; None: it is JSON.
    _columns: dict[str, None] | None = None
    _can_be_split = True

    def _read_header(self) -> bytes:
        size = FIRST_BYTES
        data, at_end = self._peek_available(size)
        while not at_end and size < RECORD_BYTES_LIMIT and b"\n" not in data.lstrip(WHITE_SPACE):
            size *= 2 if len(data) == size else 1
            data, at_end = self._peek_available(size, beyond=len(data))
        mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        self._begin(mark, data.removeprefix(mark))
        return mark

    def _begin(self, header: bytes, data: bytes) -> None:
        """Choose the keys of the columns by the first bytes after the header."""
        self._offset = len(header)
        self._stream.advance(len(header))
        self.choose_columns(lambda column: self._find_keys(data, column))
        self._taken = tuple(self.added.names)
        self._added_keys = [json.dumps(name, ensure_ascii=False) for name in self._taken]

    def _find_keys(self, data: bytes, column: Column) -> Keys | None:
        """Return the path of keys of a column, by the first object that has one of its names."""
        found: dict[str, None] = {}
        for content in objects_among(self._records_in(data)):
            self.check_free(content)
            if keys := keys_in(content, column):
                return keys
            found |= dict.fromkeys(content)
        self.names = list(found)
        if not column.is_needed or column.alike(found):
            return None
        if len(data) < _SCHEMA_BYTES and len(more := self._peek(_SCHEMA_BYTES)) > len(data):
            return self._find_keys(more, column)
        return None if found else (column.names[0],)

    def _records_in(self, data: bytes) -> Iterator[bytes]:
        """Split the first bytes into records; the last one may be cut off."""
        return (line[0] for line in _LINE.finditer(data))

    def _split(self, data: bytes, *, at_end: bool) -> SplitBytes:  # noqa: ARG002
        raw = np.frombuffer(data, np.uint8)
        newlines, is_utf8 = find_lines(data)
        lines = Lines.find(data, newlines)
        filled = raw[lines.starts] == ord("{")
        for row in np.flatnonzero(~filled):  # usually few: indented or bad lines
            filled[row] = bool(data[lines.starts[row] : lines.newlines[row]].strip(WHITE_SPACE))
        lines = lines.merging(filled)
        count = int(np.searchsorted(newlines, lines.end))
        return SplitBytes(
            data=data,
            end=lines.end,
            lines=lines,
            layout=None,
            broken=[],
            line_count=count,
            is_utf8=is_utf8,
        )

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find the ends of records. Line numbers restart there: the lines before are not read."""
        if not (self._can_be_split and self._stream.is_file):
            return []
        ends = {self._end_of_record(offset) for offset in offsets}
        inside = [end for end in sorted(ends) if 0 < end < (self.size or 0)]
        return [(self._first_offset(end, 1), end) for end in inside]

    def _end_of_record(self, offset: int) -> int:
        """Find the end of the first line after an offset that is not blank; 0 if it is too far."""
        offset = max(offset, self._offset)
        size = FIRST_BYTES
        self._stream.seek(offset)
        while True:
            data = self._peek(size)
            if found := _FILLED.search(data):
                return offset + found.end()
            if len(data) < size or size >= RECORD_BYTES_LIMIT:
                return 0
            size *= 2

    def parse(self, block: Block) -> Parsed:
        """Return the records of a block; each ends before the closing brace of its object."""
        content: SplitBytes = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines = content.lines.only(good)
        stops = self._stops(content, lines)
        closings = stops - 1
        texts = self._read_texts(content.data, lines.starts, stops)
        fields = {"text": texts}
        if texts is None:
            fields, closings, readable, bad = self._decode(block, lines, stops)
            lines = lines.only(readable)
            rejects += bad
        records, line_ends = self._around_added(content, lines, closings)
        return self.parsed(
            block, fields=fields, records=records, line_ends=line_ends, rejects=rejects
        )

    def _stops(self, content: SplitBytes, lines: Lines) -> Positions:
        """Return where some records stop."""
        return lines.stops(content.data)[0]

    def _around_added(
        self, content: SplitBytes, lines: Lines, closings: Positions
    ) -> tuple[pa.BinaryArray, pa.StringArray]:
        """Return the bytes before the closing brace of each record, and the bytes after it."""
        line_ends = spans(content.data, closings + 1, lines.newlines + 1)  # with blanks before them
        return spans(content.data, lines.blank_starts, closings), content.as_in_file(
            lines, line_ends.view(pa.string())
        )

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Add the members to each object; a member without a score is null."""
        objects = records.column(RECORD).view(pa.string())
        added = added_members(objects, self._added_keys, scores, "}", records.column(LINE_END))
        return values_buffer(pc.binary_join_element_wise(objects, added, ""))

    def output_in(self, other: type[ReviewFile], delimiter: str | None) -> Output:
        """Return how another format writes the scored records; JSON keeps the source text."""
        if issubclass(other, JsonLinesFile):
            return other.output_of_objects(self._scored)
        return super().output_in(other, delimiter)

    def _scored(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.StringArray:
        """Return the objects with the added members, without white space around them."""
        objects = pc.ascii_ltrim(records.column(RECORD).view(pa.string()), " \t\r\n")
        added = added_members(objects, self._added_keys, scores, "}")
        return pc.binary_join_element_wise(objects, added, "")

    @classmethod
    def output_of_objects(cls, scored: Objects) -> Output:
        """Write one object per line."""
        return Output(lambda *records: on_lines(scored(*records)))

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:  # noqa: ARG003
        """Write one object per row; values that JSON lacks, such as dates, are strings."""
        return cls.output_of_objects(lambda *records: objects_of(table(*records)))

    def schema(self) -> pa.Schema:
        """All columns are strings; JSON values that are not strings keep their source text.

        The columns are the keys of the first records. Later records with others are rejected.
        """
        names: dict[str, None] = {}
        for record in self._records_in(self._peek(_SCHEMA_BYTES)):
            with suppress(ValueError, RecursionError):  # cut off, or bad: `parse` reports it
                names |= dict.fromkeys(name for name, _ in members(record.decode()))
        self.check_free(names)
        self._columns = names
        return pa.schema([(name, pa.string()) for name in names])

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Return the members of the objects as columns; null if an object lacks a member."""
        assert self._columns is not None
        objects = (record.decode() + "}" for record in records.column(RECORD).to_pylist())
        rows = [dict(members(text)) for text in objects]
        columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in self._columns]
        return pa.RecordBatch.from_arrays(columns, list(self._columns))

    def _read_texts(
        self, data: bytes, starts: Positions, stops: Positions
    ) -> pa.StringArray | None:
        """Read the texts with the native core; None if it cannot, or other columns are wanted."""
        keys = self.keys.get("text", ())
        if self._columns is not None or len(self.keys) > 1 or len(keys) != 1:
            return None
        if len(starts) and (stops - starts).max() > VALUES_LIMIT:
            return None
        return read_members(data, starts, stops=stops, name=keys[0], taken=self._taken)

    def _decode(
        self, block: Block, lines: Lines, stops: Positions
    ) -> tuple[dict[str, pa.Array], Positions, npt.NDArray[np.bool_], list[Reject]]:
        """Decode with Python: return fields, closing braces, which lines are good, and rejects."""
        rows: list[list[str | None]] = []
        closings: list[int] = []
        rejects: list[Reject] = []
        good = np.ones(len(lines), np.bool_)
        data: bytes = block.content.data
        readers = [
            (text_at if is_text(role) else field_at, keys) for role, keys in self.keys.items()
        ]
        ranges = zip(lines.starts.tolist(), stops.tolist(), strict=True)
        for row, (start, stop) in enumerate(ranges):
            line = data[start:stop].rstrip(WHITE_SPACE)
            try:
                content = self._content_of(line)
                values = [read(content, keys) for read, keys in readers]
            except ValueError as error:
                good[row] = False
                reject = self.reject(block, start=start, stop=stop, reason=str(error))
                rejects.append(reject)
                continue
            if b"\\u" in line:  # JSON allows an escaped half of a surrogate pair
                values = [value and without_half_pairs(value) for value in values]
            rows.append(values)
            closings.append(start + len(line) - 1)
        fields = {
            role: pa.array([values[at] for values in rows], pa.string())
            for at, role in enumerate(self.keys)
        }
        return fields, np.array(closings, np.int64), good, rejects

    def _content_of(self, line: bytes) -> dict[str, Any]:
        """Decode an object; `ValueError` if a key is the name of an added column, or unknown."""
        content = object_on(line)
        for name in self._taken:
            if name in content:
                raise ValueError(
                    f"already has a key {name!r}, which is also the name of an added column"
                )
        if self._columns is not None:
            check_names(line.decode(), self._columns)
        return content


def space_before(data: bytes, start: int = 0) -> int:
    """Return the position of the first byte from a start on that is not JSON white space."""
    return len(data) - len(data[start:].lstrip(WHITE_SPACE))
