"""Files that end in .json: an array of objects, objects over several lines, or JSON Lines.

The elements of JSON arrays, and objects one after the other: cut out, without white space.

What a file of JSON is, by its start, and what cannot be read as reviews.

The elements of a JSON array, and objects that span several lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.columns import Column, is_text
from toolkit.records.json_lines import FIRST_BYTES, JsonLinesFile, Objects, space_before
from toolkit.records.json_values import NEWLINE, WHITE_SPACE, Bounds, object_on, opening_members
from toolkit.records.json_writing import added_members, with_commas
from toolkit.records.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    RECORD,
    RECORD_BYTES_LIMIT,
    Broken,
    Bytes,
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
    SplitPoint,
)

NO_LINES = Lines.find(b"", np.zeros(0, np.int64))

_IS_SPACE = np.zeros(256, np.bool_)
_IS_SPACE[list(WHITE_SPACE)] = True
_EMPTY = "nothing between two commas, or between a comma and a bracket"
_STEPS = 64  # more white space is looked at element by element


def elements_in(data: bytes, *, in_array: bool) -> Iterator[bytes]:
    """Give the elements at the start of some data; the last may be cut off."""
    bounds = Bounds(in_array=in_array)
    bounds.look(data)
    start = 0
    for cut in bounds.cuts.tolist():
        yield data[start : cut + (not in_array)].strip(WHITE_SPACE)
        start = cut + 1
    if rest := data[start : bounds.end].strip(WHITE_SPACE):
        yield rest


class Elements(NamedTuple):
    """Elements of some data; the lines end where they do, and begin with white space before."""

    lines: Lines
    cuts: Positions  # after each, and each of the empty ones
    empty: list[Broken]  # of those right after each other, the first


def cut_elements(
    data: bytes, cuts: Positions, *, in_array: bool, after_empty: bool = False
) -> Elements:
    """Cut data at commas, or after closing brackets."""
    if not len(cuts):
        return Elements(NO_LINES, cuts, [])
    blank_starts = np.concatenate([[0], cuts[:-1] + 1])
    stops = cuts if in_array else cuts + 1
    raw = np.frombuffer(data, np.uint8)
    starts = past_space(raw, blank_starts, stops, 1)
    stops = past_space(raw, stops, starts, -1)
    is_empty = starts == stops
    lines = Lines(starts, stops, blank_starts).only(~is_empty)
    is_first = is_empty & ~np.concatenate([[after_empty], is_empty[:-1]])
    empty = [(at, at, _EMPTY) for at in starts[is_first].tolist()]
    return Elements(lines, cuts[~is_empty | is_first], empty)


def past_space(raw: Bytes, places: Positions, limits: Positions, step: int) -> Positions:
    """Move places past white space, up to their limits, in the direction of the step."""
    places = places.copy()
    back = int(step < 0)
    rows = np.flatnonzero(places != limits)
    for _ in range(_STEPS):
        rows = rows[_IS_SPACE[raw[places[rows] - back]]]
        if not len(rows):
            return places
        places[rows] += step
        rows = rows[places[rows] != limits[rows]]
    for row in rows.tolist():
        span = raw[places[row] : limits[row]] if step > 0 else raw[limits[row] : places[row]][::-1]
        places[row] += step * int(np.append(np.flatnonzero(~_IS_SPACE[span]), len(span))[0])
    return places


_OBJECT_BYTES = 4 << 20  # looked at to find the end of the first object

_KINDS = {'"': "strings", "[": "arrays", "t": "booleans", "f": "booleans", "n": "nulls"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_Peek = Callable[[int], bytes]  # gives as many of the first bytes, or all


def has_elements(file: str, peek: _Peek, columns: Sequence[Column]) -> bool:
    """Whether a file is an array, or begins with an object over several lines; else JSON Lines.

    Raises `InputError` for one object around the records.
    """
    data, start = first_bytes(peek)
    if data[start : start + 1] != b"{":
        return data[start : start + 1] == b"["
    bounds = Bounds(in_array=False)
    data, is_all = up_to_cut(peek, bounds, start)
    check_object(file, data, bounds, columns, is_all=is_all)
    return spans_lines(data, bounds)


def first_bytes(peek: _Peek) -> tuple[bytes, int]:
    """Give the first bytes, and where the white space at their start ends."""
    size = FIRST_BYTES
    while True:
        data = peek(size)
        start = space_before(data, len(BYTE_ORDER_MARK) * data.startswith(BYTE_ORDER_MARK))
        if start < len(data) or len(data) < size or size >= RECORD_BYTES_LIMIT:
            return data, start
        size *= 2


def up_to_cut(peek: _Peek, bounds: Bounds, start: int) -> tuple[bytes, bool]:
    """Give the first bytes from a start on, with an object if it is short; and if it is all."""
    size = FIRST_BYTES
    while True:
        data = peek(start + size)
        bounds.look(data[start:])
        is_all = len(data) < start + size
        if len(bounds.cuts) or bounds.end is not None or is_all or size >= _OBJECT_BYTES:
            return data[start:], is_all
        size *= 2


def spans_lines(data: bytes, bounds: Bounds) -> bool:
    """Whether the first object continues after its line, by the first bytes and what ends in them.

    A line that is bad is no such object where other lines are objects.
    """
    first = data[: bounds.last + 1] if len(bounds.cuts) == 0 else data[: int(bounds.cuts[0]) + 1]
    line, newline, _ = data.partition(b"\n")
    if not newline or (first and b"\n" not in first):
        return False
    within = Bounds(in_array=False)
    within.look(line)
    if within.is_between or within.is_in_string:
        return False
    return _is_object(first) or not any(map(_is_object, data.split(b"\n")))


def check_object(
    file: str, data: bytes, bounds: Bounds, columns: Sequence[Column], *, is_all: bool
) -> None:
    """Raise `InputError` for one object around the records, such as ``{"reviews": [{...}]}``.

    The data is the start of a file, or all of it.
    """
    end = int(bounds.cuts[0]) + 1 if len(bounds.cuts) else len(data)
    if end < len(data) and data[end:].strip(WHITE_SPACE):
        return
    if len(bounds.cuts) and not is_all:
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


def check_elements(file: str, elements: Iterable[bytes]) -> None:
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


_KEPT_BYTES = 1 << 20  # of what follows the end of an array, for a reject

# What is left of a file after a block: more elements, the end of the array, or nothing.
_MORE, _END, _NOTHING = range(3)

_NOT_CLOSED = "the file ends here, and no ] closes the array; is it cut off?"
_CUT_OFF = "the file ends within this record; is it cut off?"


class JsonElementsFile(JsonLinesFile):
    """A file with the elements of one array, or with objects one after the other.

    The text between them stays as written, too. A record that is rejected goes with its comma, so
    that the output is an array always.
    """

    counts = "record"
    _has_blank_lines = False
    _in_array = True  # so that commas are between the objects
    _after_empty = False  # whether the last element was nothing between commas

    def _read_header(self) -> bytes:
        data, start = first_bytes(self._peek)
        self._in_array = data[start : start + 1] == b"["
        if self._in_array:
            header = data[: start + 1]
        else:
            header = BYTE_ORDER_MARK if data.startswith(BYTE_ORDER_MARK) else b""
        data, _ = up_to_cut(self._peek, Bounds(in_array=self._in_array), len(header))
        if self._in_array:
            check_elements(self.name, elements_in(data, in_array=True))
        self._begin(header, data)
        return header

    def _records_in(self, data: bytes) -> Iterator[bytes]:
        return elements_in(data, in_array=self._in_array)

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:  # noqa: ARG002
        """Find no cuts: where elements end is known only by reading all before."""
        return []

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
            content, left = self._end(at) if left == _END else self._next_elements(wanted, at)
            self._stream.advance(content.end)
            offset += content.end + content.skipped
            number += len(_cuts(content))
            if number > at:
                wanted = self._next_size(content, wanted)
                yield Block(
                    content, at, len(content.data), self._place(offset, number, wanted, left)
                )
            del content  # which may be large, before the next ones are read

    def _place(self, offset: int, number: int, wanted: int, left: int) -> Offset:
        return (offset, number, wanted, left, int(self._after_empty))

    def _next_elements(self, wanted: int, number: int) -> tuple[Content, int]:
        """Find the elements in the next bytes, or one in more; and tell what is left then."""
        bounds = Bounds(in_array=self._in_array)
        size = wanted
        while True:
            data = self._peek(size)
            bounds.look(data)
            cuts = bounds.cuts
            if bounds.end is not None and self._in_array:
                is_first = number == 1 and not len(cuts)
                if not is_first or data[: bounds.end].strip():
                    cuts = np.append(cuts, bounds.end)
                return self._content(data[: bounds.end], cuts), _END
            if len(cuts) or bounds.end is not None:
                left = _MORE if bounds.end is None else _END
                return self._content(data[: bounds.last + 1], cuts), left
            if len(data) < size:
                return self._cut_off(data, bounds), _NOTHING
            if size >= RECORD_BYTES_LIMIT:
                return self._pass_over(data, bounds)
            size = min(2 * size, RECORD_BYTES_LIMIT)

    def _content(self, data: bytes, cuts: Positions) -> Content:
        found = cut_elements(data, cuts, in_array=self._in_array, after_empty=self._after_empty)
        if len(cuts):
            last = found.lines.newlines[-1:]
            self._after_empty = self._in_array and not (last > np.append([-1], cuts)[-2]).any()
        return Content(data, len(data), found.lines, found.cuts, found.empty)

    def _cut_off(self, data: bytes, bounds: Bounds) -> Content:
        """Read what is before the end of a file that ends too early."""
        end, start = len(data), space_before(data)
        if start == end and not self._in_array:
            self.trailer = data
            return self._content(data, np.zeros(0, np.int64))
        if start < end and bounds.is_between:
            if not self._in_array:
                return self._content(data, np.array([end - 1]))
            content = self._content(data, np.array([end]))
            broken = [*content.broken, (end + 1, end + 1, _NOT_CLOSED)]
            return Content(data, end, content.lines, np.array([end, end + 1]), broken)
        reason = _NOT_CLOSED if start == end else _CUT_OFF
        return _without_lines(data, end, [(start, end, reason)], end)

    def _pass_over(self, data: bytes, bounds: Bounds) -> tuple[Content, int]:
        """Reject a record that is longer than the limit, and find its end."""
        skipped = 0
        self._after_empty = False
        while data and not len(bounds.cuts) and bounds.end is None:
            self._stream.advance(len(data))
            bounds.drop(len(data))
            skipped += len(data)
            data = self._peek(1 << 20)
            bounds.look(data)
        reason = f"longer than {RECORD_BYTES_LIMIT >> 20} MiB"
        if len(bounds.cuts):
            cut, left = int(bounds.cuts[0]), _MORE
            end, stop = cut + 1, cut + (not self._in_array)
        elif bounds.end is not None:
            cut = end = stop = bounds.end
            left = _END
        else:
            cut = end = stop = len(data)
            left, reason = _NOTHING, f"{reason}, to the end of the file; is it never closed?"
        return _without_lines(data, end, [(0, stop, reason)], cut, skipped), left

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
            return _without_lines(data, len(data)), _NOTHING
        found = repr(data[start : start + 1].decode("latin-1"))
        last = f"record {number - 1:,}"
        where = f"after the ] that follows {last}" if closes else "that closes nothing"
        reason = f"{found} {where}: from here on, the file is not read"
        data = self._peek(start + _KEPT_BYTES)
        if (end := len(data)) < start + _KEPT_BYTES:
            return _without_lines(data, end, [(start, end, reason)], end), _NOTHING
        self._stream.advance(start)
        skipped = 0
        while more := len(self._peek(1 << 20)):
            self._stream.advance(more)
            skipped += more
        return _without_lines(b"", 0, [(0, 0, reason)], 0, skipped), _NOTHING

    def _objects_of(self, content: Content) -> pa.Buffer:
        lines = np.empty(content.end + 1, np.uint8)
        lines[:-1] = np.frombuffer(content.data, np.uint8, content.end)
        if self._in_array:
            cuts = _cuts(content)
            lines[cuts[cuts < content.end]] = NEWLINE
        lines[-1] = NEWLINE
        return pa.py_buffer(lines)

    def _ends(self, content: Content, lines: Lines) -> tuple[Positions, pa.StringArray]:  # noqa: ARG002
        return lines.newlines, pa.repeat("", len(lines))

    def _cut(
        self,
        content: Content,
        lines: Lines,
        closings: Positions,
        line_ends: pa.StringArray,  # noqa: ARG002
    ) -> tuple[pa.BinaryArray, pa.StringArray]:
        """Cut objects before the white space in front of their braces, which comes at the end."""
        cuts, stops = _cuts(content), closings + 1
        ends = cuts[np.searchsorted(cuts, stops)] if self._in_array else stops
        inner = past_space(np.frombuffer(content.data, np.uint8), closings, lines.starts, -1)
        tails = spans(content.data, inner, ends).view(pa.string())
        return spans(content.data, lines.blank_starts, inner), tails

    def reject(self, block: Block, start: int, stop: int, reason: str, skipped: int = 0) -> Reject:
        """Describe a record of a block that cannot be read."""
        position = int(np.searchsorted(_cuts(block.content), start))
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


def _cuts(content: Content) -> Positions:
    """Where the elements of a block end, those that cannot be read, too."""
    assert isinstance(content.layout, np.ndarray)
    return content.layout


def _without_lines(
    data: bytes, end: int, broken: Sequence[Broken] = (), cut: int | None = None, skipped: int = 0
) -> Content:
    """Describe a part of a file in which nothing can be read."""
    cuts = np.array([] if cut is None else [cut], np.int64)
    return Content(data, end, NO_LINES, cuts, [*broken], skipped)


class JsonFile(JsonLinesFile):
    """A file that ends in .json: JSON Lines, unless `opened` finds elements in it.

    Outputs from other formats are arrays.
    """

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
        self._has_elements = has_elements(self.name, self._peek, self.wanted)
        return b"" if self._has_elements else super()._read_header()

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:  # noqa: ARG002
        """Find no cuts, as in other files that end in .json."""
        return []

    @classmethod
    def output_of_objects(cls, scored: Objects) -> Output:
        """Write an array with each object on lines of its own."""

        def render(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
            objects = scored(records, scores)
            return with_commas(pa.repeat("\n", len(objects)), objects)

        return Output(render, b"[", lambda: b"\n]\n", separator=b",")
