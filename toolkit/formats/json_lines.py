"""JSON Lines: a JSON object on each line, kept as it is written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from toolkit.formats.base import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    TEXT,
    Block,
    RecordFile,
)
from toolkit.formats.lines import Lines, Positions, spans, values_buffer
from toolkit.strings import without_half_pairs

_WHITE_SPACE = b" \t\r\n"  # as JSON has it

# Python refuses whole numbers of more than 4,300 digits, and what they say does not matter here.
_DECODER = json.JSONDecoder(parse_int=float)

# Arrow takes "Inf" and "-NaN" for numbers, Python does not.
_INF = re.compile(rb"Inf[\s,\]}]")


@dataclass(frozen=True)
class _Objects:
    """The texts of some lines, and where the objects on them end, before the closing brace."""

    texts: pa.StringArray
    closings: Positions


class JsonLinesFile(RecordFile):
    """A file with a JSON object a line; nested values, key order and numbers stay as written.

    Blank lines are no records; they stay where they are.
    """

    def _read_header(self) -> bytes:
        data, line = b"", b""
        while b"\n" not in line and (chunk := self._read_on(data, 0)):
            data += chunk
            mark = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
            line = data[len(mark) :].lstrip(_WHITE_SPACE)
        self._file.seek(len(mark))
        self._text_key = self._find_text_key(line)
        self._added_keys = [json.dumps(name, ensure_ascii=False) for name in self.columns.added]
        self._escaped_keys = [_escaped_key(name) for name in self.columns.added]
        return mark

    def _find_text_key(self, data: bytes) -> str:
        """Choose the key of the text by the first object that has one of the wanted names."""
        found: dict[str, None] = {}
        for line in data.split(b"\n"):
            try:
                content = _DECODER.decode(line.decode())
            except (ValueError, RecursionError):
                continue  # cut off, or bad: `parse` says so
            if isinstance(content, dict):
                found |= dict.fromkeys(content)
                if self.columns.has_text(found):
                    break
        return self.columns.choose_text(self.path, found) if found else self.columns.wanted[0]

    def _split(self, data: bytes, *, at_end: bool, offset: int) -> tuple[int, Lines]:  # noqa: ARG002
        raw = np.frombuffer(data, np.uint8)
        lines = Lines.find(data, np.flatnonzero(raw == ord("\n")))
        filled = raw[lines.starts] == ord("{")
        for row in np.flatnonzero(~filled):  # these are few: indented lines, or bad ones
            filled[row] = bool(data[lines.starts[row] : lines.newlines[row]].strip(_WHITE_SPACE))
        lines = lines.only(filled)
        return lines.end, lines

    def parse(self, block: Block) -> pa.RecordBatch:
        """Give the records of a block; their bytes end before the closing brace of the object."""
        lines: Lines = block.layout
        self.check_utf8(block)
        stops, line_ends = lines.record_stops(block.data)
        objects = self._parse_at_once(block, lines.starts, stops)
        if objects is None:
            objects = self._parse_one_by_one(block, lines.starts, stops)
        return pa.RecordBatch.from_pydict(
            {
                RECORD: spans(block.data, lines.record_starts(), objects.closings),
                LINE_END: line_ends,
                TEXT: objects.texts,
            }
        )

    def render(
        self, batch: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.Buffer:
        """Put two more members into each object; both are null where there is no text."""
        records = batch.column(RECORD).view(pa.string())
        empty_object = pc.match_substring_regex(records, r"^\s*\{\s*$")
        sentiment_key, probability_key = self._added_keys
        members = pc.binary_join_element_wise(
            pc.if_else(empty_object, "", ", "),
            f"{sentiment_key}: ",
            pc.fill_null(pc.binary_join_element_wise('"', sentiment, '"', ""), "null"),
            f", {probability_key}: ",
            pc.fill_null(probability.cast(pa.string()), "null"),
            "}",
            batch.column(LINE_END),
            "",
        )
        return values_buffer(pc.binary_join_element_wise(records, members, ""))

    def _parse_at_once(self, block: Block, starts: Positions, stops: Positions) -> _Objects | None:
        """Parse with Arrow; None if a line is anything but one object with a string or null."""
        raw = np.frombuffer(block.data, np.uint8)
        one_each = (raw[starts] == ord("{")).all() and (raw[stops - 1] == ord("}")).all()
        if not one_each or self._needs_python(block.data):
            return None
        try:
            table = pa.json.read_json(
                pa.BufferReader(block.data),
                pa.json.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
                pa.json.ParseOptions(
                    explicit_schema=pa.schema([(self._text_key, pa.string())]),
                    unexpected_field_behavior="ignore",
                ),
            )
        except pa.ArrowInvalid:
            return None
        # Lines that begin and end an object are one each if there are as many rows as lines.
        if len(table) != len(starts):
            return None
        return _Objects(table[self._text_key].combine_chunks(), stops - 1)

    def _needs_python(self, data: bytes) -> bool:
        """Whether there may be a taken name in the data, or a number that only Arrow reads."""
        escapes = b"\\u" in data or b"\\/" in data
        return (
            any(key.encode() in data for key in self._added_keys)
            or (escapes and any(key.search(data) for key in self._escaped_keys))
            or b"-NaN" in data
            or bool(_INF.search(data))
        )

    def _parse_one_by_one(self, block: Block, starts: Positions, stops: Positions) -> _Objects:
        """Parse with Python, which reads all that Arrow does not, and says what is wrong where."""
        texts: list[str | None] = []
        closings: list[int] = []
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            line = block.data[start:stop].rstrip(_WHITE_SPACE)
            try:
                texts.append(self._text_of(line))
            except ValueError as error:
                self.reject(block.offset + start, str(error))
            closings.append(start + len(line) - 1)
        return _Objects(pa.array(texts, pa.string()), np.array(closings, np.int64))

    def _text_of(self, line: bytes) -> str | None:
        try:
            content = _DECODER.decode(line.decode())
        except RecursionError:
            raise ValueError("nested too deeply to be read") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1:,}") from None
        if not isinstance(content, dict):
            raise ValueError(f"expected a JSON object, found {_kind(content)}")
        self.columns.check_free(self.path, content)
        text = content.get(self._text_key)
        if text is not None and not isinstance(text, str):
            raise ValueError(f"expected a string as {self._text_key!r}, found {_kind(text)}")
        return text and without_half_pairs(text)


def _escaped_key(name: str) -> re.Pattern[bytes]:
    r"""Match a name in quotes with any of its characters escaped, such as ``"te\u0078t"``."""
    characters = []
    for character in name:
        units = character.encode("utf-16-be").hex()
        escape = "".join(rf"\\u(?i:{units[i : i + 4]})" for i in range(0, len(units), 4))
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        short = r"\\?/" if character == "/" else re.escape(plain)
        characters.append(f"(?:{short}|{escape})")
    return re.compile(f'"{"".join(characters)}"'.encode())


def _kind(value: object) -> str:
    names = {list: "an array", bool: "a boolean", str: "a string", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")
