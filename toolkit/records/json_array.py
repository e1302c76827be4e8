"""Files that end in .json: the elements of an array, objects over several lines, or JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.columns import Column, is_text
from toolkit.records.json_elements import Peek, Window, is_within_value, values_in, window_of
from toolkit.records.json_lines import FIRST_BYTES, JsonLinesFile, Objects, space_before
from toolkit.records.json_values import WHITE_SPACE, object_on, opening_members
from toolkit.records.json_writing import added_members, with_commas
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Broken,
    Content,
    Lines,
    Positions,
    spans,
    values_buffer,
)
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import (
    BLOCK_RECORDS,
    Block,
    Offset,
    Output,
    Reject,
    ReviewFile,
)

_OBJECT_BYTES = 4 << 20  # looked at to find the end of the first object
_PIECE_BYTES = 1 << 20  # looked at once to find the end of what is passed over, or of the file
_KEPT_BYTES = 1 << 20  # of what follows the end of an array, for a reject

# What is left of a file after a block: more elements, the end of the array, or nothing.
_MORE, _END, _NOTHING = range(3)

_EMPTY = "nothing between two commas, or between a comma and a bracket"
_NOT_CLOSED = "the file ends here, and no ] closes the array; is it cut off?"
_CUT_OFF = "the file ends within this record; is it cut off?"

_KINDS = {'"': "strings", "[": "arrays", "t": "booleans", "f": "booleans", "n": "nulls"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class JsonFile(JsonLinesFile):
    """A file that ends in .json: JSON Lines, unless `opened` finds elements in it.

    Outputs from other formats are arrays.
    """

    _can_be_split = False  # as other files that end in .json
    _has_elements = False

    @classmethod
    def opened(
        cls, path: Path, options: ReadOptions, columns: Sequence[Column] | None = None
    ) -> ReviewFile:
        """Open a file, as what its first bytes show."""
        file = cls(path, options, columns)
        if not file._has_elements:
            return file
        return JsonElementsFile(path, options, columns, stream=file._stream)

    def _read_header(self) -> bytes:
        self._has_elements = _has_elements(self.name, self._peek, self.wanted)
        return b"" if self._has_elements else super()._read_header()

    @classmethod
    def output_of_objects(cls, scored: Objects) -> Output:
        """Write an array with each object on lines of its own."""

        def render(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
            objects = scored(records, scores)
            return with_commas(pa.repeat("\n", len(objects)), objects)

        return Output(render, b"[", lambda: b"\n]\n", separator=b",")


class JsonElementsFile(JsonLinesFile):
    """A file with the elements of one array, or with objects one after the other.

    The text between them stays as written, too. A record that is rejected goes with its comma, so
    that the output is an array always.
    """

    counts = "record"
    _can_be_split = False  # where elements end is known only by reading all before
    _has_blank_lines = False
    _in_array = True  # so that commas are between the objects
    _after_empty = False  # whether the last element was nothing between commas

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
        first = (self._offset, 1, min(self.options.block_bytes, BLOCK_RECORDS), _MORE, 0)
        offset, number, wanted, left, after_empty = start or first
        self._after_empty = bool(after_empty)
        if start:
            self._stream.seek(offset)
        self.trailer = b"]\n" if self._in_array else b""
        while left != _NOTHING:
            at = number
            content, left = self._end(at) if left == _END else self._next_values(wanted, at)
            self._stream.advance(content.end)
            offset += content.end + content.skipped
            number += len(_ends(content))
            if number > at:
                wanted = self._next_size(content, wanted)
                following = (offset, number, wanted, left, int(self._after_empty))
                yield Block(content, at, len(content.data), following)
            del content  # which may be large, before the next ones are read

    def _next_values(self, wanted: int, number: int) -> tuple[Content, int]:
        """Find the values in the next bytes, or one in more; and tell what is left then."""
        window = window_of(self._peek, wanted, RECORD_BYTES_LIMIT, in_array=self._in_array)
        if window.closing is not None and self._in_array:
            is_no_element = number == 1 and not window.data[: window.closing].strip(WHITE_SPACE)
            data = window.data[: window.closing]
            return (_nothing_in(data) if is_no_element else self._content(window, data)), _END
        if window.ends or window.closing is not None:
            data = window.data[: window.after_last]
            return self._content(window, data), _MORE if window.closing is None else _END
        if window.is_all:
            return self._cut_off(window), _NOTHING
        return self._pass_over(window)

    def _content(self, window: Window, data: bytes) -> Content:
        """Give the values of a window. Of nothing between several commas, the first is rejected."""
        starts, stops, ends = window.positions()
        if not len(starts):
            return _nothing_in(data)
        blank_starts = np.concatenate([[0], ends[:-1] + 1])
        is_empty = starts == stops
        is_first = is_empty & ~np.concatenate([[self._after_empty], is_empty[:-1]])
        self._after_empty = bool(is_empty[-1])
        filled = ~is_empty
        lines = Lines(starts[filled], stops[filled], blank_starts[filled])
        empty = [(at, at, _EMPTY) for at in starts[is_first].tolist()]
        return Content(data, len(data), lines, ends[filled | is_first], empty)

    def _cut_off(self, window: Window) -> Content:
        """Read what is before the end of a file that ends too early."""
        data = window.data
        end, start = len(data), space_before(data)
        if start == end and not self._in_array:
            self.trailer = data
            return _nothing_in(data)
        if start == end or window.rest.is_within:
            reason = _NOT_CLOSED if start == end else _CUT_OFF
            return _nothing_in(data, [(start, end, reason)], end)
        if not self._in_array:
            return self._content(_value_at_end(window, end - 1), data)
        content = self._content(_value_at_end(window, end), data)
        broken = [*content.broken, (end + 1, end + 1, _NOT_CLOSED)]
        return Content(data, end, content.lines, np.array([end, end + 1]), broken)

    def _pass_over(self, window: Window) -> tuple[Content, int]:
        """Reject a record that is longer than the limit, and find its end."""
        data, rest, found = window.data, window.rest, None
        size, skipped = len(data), 0
        self._after_empty = False
        while found is None and len(data) == size:
            self._stream.advance(rest.reached)
            skipped += rest.reached
            size, rest.reached = _PIECE_BYTES, 0
            data = self._peek(size)
            found = rest.find(data)
        reason = f"longer than {RECORD_BYTES_LIMIT >> 20} MiB"
        if found is None:
            end = len(data)
            reason = f"{reason}, to the end of the file; is it never closed?"
            return _nothing_in(data, [(0, end, reason)], end, skipped), _NOTHING
        end, closes = found
        if closes:
            return _nothing_in(data[:end], [(0, end, reason)], end, skipped), _END
        stop = end + (not self._in_array)
        return _nothing_in(data[: end + 1], [(0, stop, reason)], end, skipped), _MORE

    def _end(self, number: int) -> tuple[Content, int]:
        """Read what follows the last element: nothing is left of a file that is as it should be."""
        size = FIRST_BYTES
        while True:
            data = self._peek(size)
            closes = self._in_array and data.startswith(b"]")
            start = space_before(data, int(bool(closes)))
            if start < len(data) or len(data) < size or size >= RECORD_BYTES_LIMIT:
                break
            size *= 2
        if start == len(data) < size:
            self.trailer = data
            return _nothing_in(data), _NOTHING
        found = repr(data[start : start + 1].decode("latin-1"))
        last = f"record {number - 1:,}"
        where = f"after the ] that follows {last}" if closes else "that closes nothing"
        reason = f"{found} {where}: from here on, the file is not read"
        data = self._peek(start + _KEPT_BYTES)
        if (end := len(data)) < start + _KEPT_BYTES:
            return _nothing_in(data, [(start, end, reason)], end), _NOTHING
        self._stream.advance(start)
        skipped = 0
        while more := len(self._peek(_PIECE_BYTES)):
            self._stream.advance(more)
            skipped += more
        return _nothing_in(b"", [(0, 0, reason)], 0, skipped), _NOTHING

    def _stops(self, content: Content, lines: Lines) -> tuple[Positions, pa.StringArray]:  # noqa: ARG002
        return lines.newlines, pa.repeat("", len(lines))

    def _around_added(
        self,
        content: Content,
        lines: Lines,
        closings: Positions,
        line_ends: pa.StringArray,  # noqa: ARG002
    ) -> tuple[pa.BinaryArray, pa.StringArray]:
        """Cut objects before the white space in front of their braces, which comes at the end."""
        data, found, ends = content.data, _ends(content), closings + 1
        if self._in_array:
            ends = found[np.searchsorted(found, ends)]
        inner = closings.copy()
        for row in np.flatnonzero(np.frombuffer(data, np.uint8)[closings - 1] <= ord(" ")).tolist():
            start = int(lines.starts[row])
            inner[row] = start + len(data[start : int(closings[row])].rstrip(WHITE_SPACE))
        tails = spans(data, inner, ends).view(pa.string())
        return spans(data, lines.blank_starts, inner), tails

    def reject(self, block: Block, start: int, stop: int, reason: str, skipped: int = 0) -> Reject:
        """Describe a record of a block that cannot be read."""
        position = int(np.searchsorted(_ends(block.content), start))
        number = block.number + position
        length = stop - start + skipped
        if skipped:
            return Reject(number, reason, None, length, position)
        raw = self._stream.as_in_file(block.content.data[start:stop])
        return Reject(number, reason, raw, len(raw), position)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
        """Put the added members into each object; with commas between them in an array."""
        objects = records.column(RECORD).view(pa.string())
        added = added_members(objects, self._added_keys, scores, records.column(LINE_END))
        if self._in_array:
            return with_commas(objects, added)
        return values_buffer(pc.binary_join_element_wise(objects, added, ""))

    def output(self) -> Output:
        """Say how an output of the same format is written."""
        separator = b"," if self._in_array else b""
        return replace(super().output(), separator=separator)


def _ends(content: Content) -> Positions:
    """Where the elements of a block end, those that cannot be read, too."""
    assert isinstance(content.layout, np.ndarray)
    return content.layout


def _nothing_in(
    data: bytes, broken: Sequence[Broken] = (), end: int | None = None, skipped: int = 0
) -> Content:
    """Describe a part of a file in which nothing can be read."""
    ends = np.array([] if end is None else [end], np.int64)
    return Content(data, len(data), Lines.blank(0), ends, [*broken], skipped)


def _value_at_end(window: Window, end: int) -> Window:
    """Give the one value of a file that ends without what follows a value."""
    found = Window(window.data, is_all=True, rest=window.rest)
    found.add(space_before(window.data), len(window.data.rstrip(WHITE_SPACE)), end)
    return found


def _first_bytes(peek: Peek) -> tuple[bytes, int]:
    """Give the first bytes, and where the white space at their start ends."""
    size = FIRST_BYTES
    while True:
        data = peek(size)
        start = space_before(data, len(BYTE_ORDER_MARK) * data.startswith(BYTE_ORDER_MARK))
        if start < len(data) or len(data) < size or size >= RECORD_BYTES_LIMIT:
            return data, start
        size *= 2


def _first_values(peek: Peek, start: int, *, in_array: bool) -> Window:
    """Look at the first values after a start, at one at least if it is short."""
    return window_of(
        lambda size: peek(start + size)[start:], FIRST_BYTES, _OBJECT_BYTES, in_array=in_array
    )


def _has_elements(file: str, peek: Peek, columns: Sequence[Column]) -> bool:
    """Whether a file is an array, or begins with an object over several lines; else JSON Lines.

    Raises `InputError` for one object around the records.
    """
    data, start = _first_bytes(peek)
    if data[start : start + 1] != b"{":
        return data[start : start + 1] == b"["
    window = _first_values(peek, start, in_array=False)
    _check_object(file, window, columns)
    return _spans_lines(window)


def _spans_lines(window: Window) -> bool:
    """Whether the first object continues after its line, by the first bytes and what ends in them.

    A line that is bad is no such object where other lines are objects.
    """
    data = window.data
    first = data[: window.ends[0] + 1] if window.ends else b""
    line, newline, _ = data.partition(b"\n")
    if not newline or (first and b"\n" not in first) or not is_within_value(line):
        return False
    return _is_object(first) or not any(map(_is_object, data.split(b"\n")))


def _check_object(file: str, window: Window, columns: Sequence[Column]) -> None:
    """Raise `InputError` for one object around the records, such as ``{"reviews": [{...}]}``."""
    data = window.data
    end = window.ends[0] + 1 if window.ends else len(data)
    if data[end:].strip(WHITE_SPACE) or (window.ends and not window.is_all):
        return
    names, is_around = opening_members(data[:end].decode("utf-8", "replace"))
    wanted = [column for column in columns if is_text(column.role)]
    names_of_texts = {name for each in wanted for name in each.names}
    parts = {part for name in names_of_texts for part in (name, name.split(".")[0])}
    parts |= {name for each in wanted for name in each.other_names}
    known = {*names}
    with suppress(ValueError):  # it may be cut off
        known |= object_on(data[:end]).keys()
    if is_around and not known & parts:
        name = names[-1]
        path = f".{name}" if _NAME.fullmatch(name) else f".[{json.dumps(name)}]"
        raise InputError(
            f"{file}: one object, whose member {name!r} is an array of objects; expected an array "
            f"or JSON Lines. Take the array out, such as with: jq '{path}' FILE > reviews.json"
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
