"""Files that end in .json: an array of objects, objects over several lines, or JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.columns import Column, Wanted, is_text
from toolkit.records.inputs import Input
from toolkit.records.json_decode import WHITE_SPACE, object_on, opening_members
from toolkit.records.json_encode import added_members, with_commas
from toolkit.records.json_lines import FIRST_BYTES, JsonLinesFile, Objects, space_before
from toolkit.records.json_scan import Peek, ValueSpans, peek_values, values_in
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    BrokenRecord,
    Lines,
    Positions,
    SplitBytes,
    spans,
    values_buffer,
)
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import BLOCK_RECORDS, Block, Offset, Output, Reject, ReviewFile

_OBJECT_BYTES = 4 << 20  # looked at to find the end of the first object
_KEPT_BYTES = 1 << 20  # at most kept of an unreadable end of a file, for its reject

# What follows a block: more elements, the end of the array, or nothing. Part of an `Offset`.
_MORE = 0
_END = 1
_NOTHING = 2

_UNREAD = "from here on, the file is not read"
_CUT_OFF = "the file ends within this record, or no ] closes the array; is it cut off?"

_KINDS = {'"': "strings", "[": "arrays", "t": "booleans", "f": "booleans", "n": "nulls"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class JsonFile(JsonLinesFile):
    """A file that ends in .json: JSON Lines, unless `opened` finds an array or long objects.

    Outputs from other formats are arrays.
    """

    _can_be_split = False  # so that all files that end in .json behave alike
    _has_elements = False

    @classmethod
    def opened(cls, source: Input, options: ReadOptions, columns: Wanted = None) -> ReviewFile:
        """Open a file as the class that its first bytes call for."""
        file = cls(source, options, columns)
        if not file._has_elements:
            return file
        return JsonElementsFile(source, options, columns, stream=file._stream)

    def _read_header(self) -> bytes:
        self._has_elements = _has_elements(self.name, self._peek, self.wanted)
        return b"" if self._has_elements else super()._read_header()

    @classmethod
    def output_of_objects(cls, scored: Objects) -> Output:
        """Write an array with one object per line."""

        def render(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
            objects = scored(records, scores)
            return with_commas(pa.repeat("\n", len(objects)), objects)

        return Output(render, b"[", lambda: b"\n]\n", separator=b",")


class JsonElementsFile(JsonLinesFile):
    """A file with one array of objects, or with objects that span lines.

    The text between the objects is copied, too. A rejected record is dropped with its comma, so
    that the output is always a valid array.
    """

    counts = "record"
    _can_be_split = False  # the end of an element is known only after reading all before it
    _in_array = True  # False: objects without commas between them

    def _read_header(self) -> bytes:
        data, start = _first_bytes(self._peek)
        self._in_array = data[start : start + 1] == b"["
        if self._in_array:
            header = data[: start + 1]
        else:
            header = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        data = _first_values(self._peek, len(header), in_array=self._in_array).data
        if self._in_array:
            _check_elements(self.name, self._records_in(data))
        self._begin(header, data)
        return header

    def _records_in(self, data: bytes) -> Iterator[bytes]:
        return values_in(data, in_array=self._in_array)

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:  # noqa: ARG002
        """Read the records in blocks of about `block_bytes`."""
        first = (self._offset, 1, min(self.options.block_bytes, BLOCK_RECORDS), _MORE)
        offset, number, wanted, left = start or first  # `number`: of the next record
        if start:
            self._stream.seek(offset)
        self.trailer = b"]\n" if self._in_array else b""
        while left != _NOTHING:
            at = number
            if left == _END:
                content = self._rest(at)
                left = _NOTHING
            else:
                content, left = self._next_values(wanted, at)
            self._stream.advance(content.end)
            offset += content.end + content.skipped
            number += len(_ends(content))
            if number > at:
                wanted = self._next_size(content, wanted)
                yield Block(
                    content=content,
                    number=at,
                    size=len(content.data),
                    following=(offset, number, wanted, left),
                )
            del content  # large blocks are freed before the next one is read

    def _next_values(self, wanted: int, number: int) -> tuple[SplitBytes, int]:
        """Read the next block of about `wanted` bytes; also return what follows it."""
        found = peek_values(self._peek, wanted, RECORD_BYTES_LIMIT, in_array=self._in_array)
        closing = found.closing
        if closing is None and not len(found.ends):
            too_long = f"longer than {RECORD_BYTES_LIMIT >> 20} MiB, or never closed: {_UNREAD}"
            return self._rest(number, _CUT_OFF if found.is_all else too_long), _NOTHING
        in_array = self._in_array and closing is not None
        data = found.data[: closing if in_array else found.after_last]
        left = _MORE if closing is None else _END
        if number == 1 and in_array and not data.strip(WHITE_SPACE):
            return _nothing_in(data), left
        blank_starts = np.concatenate([[0], found.ends[:-1] + 1])[: len(found.starts)]
        lines = Lines(found.starts, found.stops, blank_starts)
        content = SplitBytes(data=data, end=len(data), lines=lines, layout=found.ends, broken=[])
        return content, left

    def _rest(self, number: int, reason: str = "") -> SplitBytes:
        """Read the end of the file, after the last value; reject what should not be there."""
        data = self._peek(_KEPT_BYTES)
        is_all = len(data) < _KEPT_BYTES
        closes = self._in_array and data.startswith(b"]")
        start = space_before(data, int(closes))
        if is_all and start == len(data) and (closes or not self._in_array):
            self.trailer = data
            return _nothing_in(data)
        if not reason:
            found = repr(data[start : start + 1].decode("latin-1"))
            after = f"after the ] that follows record {number - 1:,}"
            reason = f"{found} {after if closes else 'that closes nothing'}: {_UNREAD}"
        if is_all:
            return _nothing_in(data, [BrokenRecord(start, len(data), reason)], end=len(data))
        self._stream.advance(start)
        skipped = 0
        while more := len(self._peek(_KEPT_BYTES)):
            self._stream.advance(more)
            skipped += more
        return _nothing_in(b"", [BrokenRecord(0, 0, reason)], end=0, skipped=skipped)

    def _stops(self, content: SplitBytes, lines: Lines) -> Positions:  # noqa: ARG002
        return lines.newlines

    def _around_added(
        self, content: SplitBytes, lines: Lines, closings: Positions
    ) -> tuple[pa.BinaryArray, pa.StringArray]:
        """Cut each object where its members end: white space before its brace is in the tail."""
        data = content.data
        ends = closings + 1
        if self._in_array:
            found = _ends(content)
            ends = found[np.searchsorted(found, ends)]
        inner = closings.copy()
        for row in np.flatnonzero(np.frombuffer(data, np.uint8)[closings - 1] <= ord(" ")).tolist():
            start = int(lines.starts[row])
            inner[row] = start + len(data[start : int(closings[row])].rstrip(WHITE_SPACE))
        tails = spans(data, inner, ends).view(pa.string())
        return spans(data, lines.blank_starts, inner), tails

    def reject(
        self, block: Block, *, start: int, stop: int, reason: str, skipped: int = 0
    ) -> Reject:
        """Return the reject for a range of bytes in a block."""
        position = int(np.searchsorted(_ends(block.content), start))
        number = block.number + position
        length = stop - start + skipped
        if skipped:
            return Reject(number=number, reason=reason, raw=None, length=length, position=position)
        raw = self._stream.as_in_file(block.content.data[start:stop])
        return Reject(number=number, reason=reason, raw=raw, length=len(raw), position=position)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Add the members to each object; separate the elements of an array by commas."""
        objects = records.column(RECORD).view(pa.string())
        added = added_members(objects, self._added_keys, scores, records.column(LINE_END))
        if self._in_array:
            return with_commas(objects, added)
        return values_buffer(pc.binary_join_element_wise(objects, added, ""))

    def output(self) -> Output:
        """Return how an output of the same format is written."""
        separator = b"," if self._in_array else b""
        return replace(super().output(), separator=separator)


def _ends(content: SplitBytes) -> Positions:
    """Return where the elements of a block end, including elements that cannot be read."""
    assert isinstance(content.layout, np.ndarray)
    return content.layout


def _nothing_in(
    data: bytes,
    broken: Sequence[BrokenRecord] = (),
    *,
    end: int | None = None,
    skipped: int = 0,
) -> SplitBytes:
    """Return bytes without records; `end` is where a broken element ends."""
    return SplitBytes(
        data=data,
        end=len(data),
        lines=Lines.empty(),
        layout=np.array([] if end is None else [end], np.int64),
        broken=[*broken],
        skipped=skipped,
    )


def _first_bytes(peek: Peek) -> tuple[bytes, int]:
    """Return the first bytes of a file, and the position of the first that is not white space."""
    size = FIRST_BYTES
    while True:
        data = peek(size)
        mark = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        start = space_before(data, mark)
        if start < len(data) or len(data) < size or size >= RECORD_BYTES_LIMIT:
            return data, start
        size *= 2


def _first_values(peek: Peek, start: int, *, in_array: bool) -> ValueSpans:
    """Find the first values from a start on, or one long value of up to `_OBJECT_BYTES`."""
    return peek_values(
        lambda size: peek(start + size)[start:],
        size=FIRST_BYTES,
        most=_OBJECT_BYTES,
        in_array=in_array,
    )


def _has_elements(file: str, peek: Peek, columns: Sequence[Column]) -> bool:
    """Whether a file is an array or starts with an object over several lines; else JSON Lines.

    Raises `InputError` for one object around the records.
    """
    data, start = _first_bytes(peek)
    if data[start : start + 1] != b"{":
        return data[start : start + 1] == b"["
    found = _first_values(peek, start, in_array=False)
    first = found.data[: found.ends[0] + 1] if len(found.ends) else b""
    _check_object(file, found, first=first or found.data, columns=columns)
    if _is_object(first):
        return b"\n" in first
    # If other lines are objects, this is JSON Lines with a bad line.
    return b"\n" in found.data and not any(map(_is_object, found.data.split(b"\n")))


def _check_object(file: str, found: ValueSpans, first: bytes, columns: Sequence[Column]) -> None:
    """Raise `InputError` for one object around the records, such as ``{"reviews": [{...}]}``."""
    is_cut_off = not len(found.ends)
    if found.data[len(first) :].strip(WHITE_SPACE) or not (is_cut_off or found.is_all):
        return
    names, is_around = opening_members(first.decode("utf-8", "replace"))
    wanted = [column for column in columns if is_text(column.role)]
    names_of_texts = {name for each in wanted for name in each.names}
    parts = {part for name in names_of_texts for part in (name, name.split(".")[0])}
    parts |= {name for each in wanted for name in each.other_names}
    known = {*names}
    with suppress(ValueError):  # it may be cut off
        known |= object_on(first).keys()
    if is_around and not known & parts:
        name = names[-1]
        path = f".{name}" if _NAME.fullmatch(name) else f".[{json.dumps(name)}]"
        raise InputError(
            f"{file}: the file is one object, and its member {name!r} is the array of objects; "
            f"expected an array or JSON Lines. Take the array out, such as with: jq '{path}' FILE "
            "> reviews.json"
        )


def _check_elements(file: str, elements: Iterable[bytes]) -> None:
    """Raise `InputError` if none of the first elements of an array is an object."""
    first = b""
    for element in elements:
        if element.startswith(b"{"):
            return
        first = first or element
    if not first:
        return
    mark = first[:1].decode("latin-1")
    kind = "numbers" if mark in "-0123456789" else _KINDS.get(mark)
    found = f"an array of {kind}" if kind else f"an array whose first element begins with {mark!r}"
    advice = " Make objects of them, such as with: jq 'map({text: .})' FILE > reviews.json"
    raise InputError(
        f"{file}: {found}, expected an array of objects.{advice if kind == 'strings' else ''}"
    )


def _is_object(data: bytes) -> bool:
    try:
        object_on(data)
    except ValueError:
        return False
    return True
