"""JSON Lines: a JSON object on each line, kept as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.byte_lines import Lines, Positions, spans, values_buffer
from toolkit.records.columns import Column, Keys
from toolkit.records.json_objects import (
    DECODER,
    JsonTables,
    escaped_key,
    field_at,
    follow,
    has_pair,
    kind_of,
    may_be_deep,
    members,
    object_on,
)
from toolkit.records.json_values import as_json
from toolkit.records.line_records import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Content,
    RecordFile,
)
from toolkit.records.review_file import Block, Output, Parsed, Reject, Table
from toolkit.text.strings import arrow_of, without_half_pairs

_WHITE_SPACE = b" \t\r\n"  # as JSON has it

_FIRST_BYTES = 1 << 16  # looked at to find the key of the text; doubled while a line is longer
_SCHEMA_BYTES = 4 << 20  # looked at to find the columns of an output of another format

# Arrow takes "Inf" and "-NaN" for numbers, Python does not.
_INF = re.compile(rb"Inf[\s,\]}]")

_Fields = dict[str, pa.StringArray]  # columns by role


class JsonLinesFile(RecordFile):
    """A file with one JSON object per line; all of it stays as written, blank lines too.

    The column ``review.body`` is the key ``body`` of the object ``review``, unless there is a key
    ``review.body``.
    """

    _held: dict[str, None] | None = None  # columns of an output of another format

    def _read_header(self) -> bytes:
        size = _FIRST_BYTES
        data = self._peek(size)
        while len(data) == size < RECORD_BYTES_LIMIT and b"\n" not in data.lstrip(_WHITE_SPACE):
            size *= 2
            data = self._peek(size)
        mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        data = data.removeprefix(mark)
        self._offset = len(mark)
        self._stream.advance(len(mark))
        self.choose_columns(lambda column: self._find_keys(data, column))
        self._others = [(role, keys) for role, keys in self.keys.items() if role != "text"]
        self._tables = JsonTables(self.keys) if "text" in self.keys else None
        self._added_keys = [json.dumps(name, ensure_ascii=False) for name in self.added.names]
        self._escaped_keys = [escaped_key(name) for name in self.added.names]
        return mark

    def _find_keys(self, data: bytes, column: Column) -> Keys | None:
        """Choose the keys by the first object that has one of the wanted names."""
        found: dict[str, None] = {}
        for line in data.split(b"\n"):
            try:
                content = DECODER.decode(line.decode())
            except (ValueError, RecursionError):
                continue  # cut off, or bad: `parse` says so
            if not isinstance(content, dict):
                continue
            self.check_free(content)
            for name in column.names:
                if name in content:
                    return (name,)
                if "." in name and name.split(".")[0] in content:
                    return tuple(name.split("."))
            found |= dict.fromkeys(content)
        self.names = list(found)
        return (column.names[0],) if column.is_needed and not found else None

    def _split(self, data: bytes, *, at_end: bool) -> Content:  # noqa: ARG002
        raw = np.frombuffer(data, np.uint8)
        lines = Lines.find(data, np.flatnonzero(raw == ord("\n")))
        filled = raw[lines.starts] == ord("{")
        for row in np.flatnonzero(~filled):  # these are few: indented lines, or bad ones
            filled[row] = bool(data[lines.starts[row] : lines.newlines[row]].strip(_WHITE_SPACE))
        lines = lines.merging(filled)
        return Content(data, lines.end, lines, None, [])

    def parse(self, block: Block) -> Parsed:
        """Give the records of a block; their bytes end before the closing brace of the object."""
        content: Content = block.content
        good, rejects = self.not_utf8(block, content.lines)
        lines = content.lines.only(good)
        stops, line_ends = lines.stops(content.data)
        closings = stops - 1
        fields = None if rejects else self._parse_at_once(content, stops)
        if fields is None:
            fields, closings, readable, bad = self._parse_one_by_one(block, lines, stops)
            lines, line_ends = lines.only(readable), line_ends.filter(arrow_of(readable))
            rejects += bad
        records = spans(content.data, lines.blank_starts, closings)
        return self.parsed(block, fields, records, line_ends, rejects, lines)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Put the added members into each object; a member is null where there is no score."""
        objects = records.column(RECORD).view(pa.string())
        empty_object = pc.match_substring_regex(objects, r"^\s*\{\s*$")
        members: list[pa.Array | str] = []
        for key, values in zip(self._added_keys, scores, strict=True):
            is_text = values.type == pa.string()
            written = values.cast(pa.string())
            quoted = pc.binary_join_element_wise('"', written, '"', "") if is_text else written
            members += [f"{', ' * bool(members)}{key}: ", pc.fill_null(quoted, "null")]
        added = pc.binary_join_element_wise(
            pc.if_else(empty_object, "", ", "), *members, "}", records.column(LINE_END), ""
        )
        return values_buffer(pc.binary_join_element_wise(objects, added, ""))

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:  # noqa: ARG003
        """Write rows; null is null, and what JSON has no way to write is a string."""
        return Output(lambda *scored: _rows(table(*scored)))

    def schema(self) -> pa.Schema:
        """All columns are strings; JSON values that are not strings keep their source text.

        The columns are the keys of the first records. Later records with others are rejected.
        """
        names: dict[str, None] = {}
        for line in self._peek(_SCHEMA_BYTES).split(b"\n"):
            with suppress(ValueError, RecursionError):  # cut off, or bad: `parse` says so
                names |= dict.fromkeys(name for name, _ in members(line.decode()))
        self.check_free(names)
        self._held = names
        return pa.schema([(name, pa.string()) for name in names])

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the members of the objects; null where an object has none of a name."""
        assert self._held is not None
        objects = (record.decode() + "}" for record in records.column(RECORD).to_pylist())
        rows = [dict(members(text)) for text in objects]
        columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in self._held]
        return pa.RecordBatch.from_arrays(columns, list(self._held))

    def _parse_at_once(self, content: Content, stops: Positions) -> _Fields | None:
        """Parse with Arrow; None if a line is anything but one object with a string or null."""
        raw = np.frombuffer(content.data, np.uint8)
        starts = content.lines.starts
        one_each = (raw[starts] == ord("{")).all() and (raw[stops - 1] == ord("}")).all()
        if not one_each or self._held is not None or self._tables is None:
            return None
        if self._needs_python(content.data) or may_be_deep(raw[: content.end], starts):
            return None
        first = content.data[int(starts[0]) : int(stops[0])] if len(starts) else b""
        fields = self._tables.read(content.whole(), first)
        # Lines that begin and end an object are one each if there are as many texts as lines.
        return None if fields is None or len(fields["text"]) != len(starts) else fields

    def _needs_python(self, data: bytes) -> bool:
        """Whether there may be a taken name in the data, or a number that only Arrow reads."""
        raw = np.frombuffer(data, np.uint8)
        return (
            any(key.encode() in data for key in self._added_keys)
            or (has_pair(raw, b"\\", b"u/") and any(k.search(data) for k in self._escaped_keys))
            or (has_pair(raw, b"-", b"N") and b"-NaN" in data)
            or (b"Inf" in data and bool(_INF.search(data)))
        )

    def _parse_one_by_one(
        self, block: Block, lines: Lines, stops: Positions
    ) -> tuple[_Fields, Positions, npt.NDArray[np.bool_], list[Reject]]:
        """Parse with Python: fields, closing braces, which lines are good, and the other ones."""
        rows: list[dict[str, str | None]] = []
        closings: list[int] = []
        rejects: list[Reject] = []
        good = np.ones(len(lines), np.bool_)
        data: bytes = block.content.data
        ranges = zip(lines.starts.tolist(), stops.tolist(), strict=True)
        for row, (start, stop) in enumerate(ranges):
            line = data[start:stop].rstrip(_WHITE_SPACE)
            try:
                rows.append(self._fields_of(line))
            except ValueError as error:
                good[row] = False
                rejects.append(self.reject(block, start, stop, str(error)))
            else:
                closings.append(start + len(line) - 1)
        fields = {role: pa.array([row[role] for row in rows], pa.string()) for role in self.keys}
        return fields, np.array(closings, np.int64), good, rejects

    def _fields_of(self, line: bytes) -> dict[str, str | None]:
        """Give text and other columns of an object, by role."""
        content = object_on(line)
        for name in self.added.names:
            if name in content:
                raise ValueError(f"has a key {name!r} already, as an added one is called")
        if self._held is not None:
            self._check_names(line.decode())
        text = follow(content, self.keys["text"]) if "text" in self.keys else None
        if text is not None and type(text) is not str:  # a number is a string, too
            raise ValueError(f"expected a string as {self.chosen['text']!r}, found {kind_of(text)}")
        fields = {role: field_at(content, keys) for role, keys in self._others}
        fields["text"] = text
        if b"\\u" in line:  # as an escape, half of a surrogate pair passes as JSON
            fields = {role: value and without_half_pairs(value) for role, value in fields.items()}
        return fields

    def _check_names(self, line: str) -> None:
        """Refuse an object that the columns of another format cannot hold."""
        assert self._held is not None
        seen = set()
        for name, _ in members(line):
            if name not in self._held:
                raise ValueError(
                    f"has a key {name!r}, which none of the first records has; only an output of "
                    "JSON Lines can hold it"
                )
            if name in seen:
                raise ValueError(f"has the key {name!r} twice; only JSON Lines can hold that")
            seen.add(name)


def _rows(batch: pa.RecordBatch) -> pa.Buffer:
    parts: list[object] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        opening = ("{" if not parts else ", ") + json.dumps(name, ensure_ascii=False) + ": "
        parts += [opening, as_json(column)]
    return values_buffer(pc.binary_join_element_wise(*parts, "}\n", ""))
