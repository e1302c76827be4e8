"""Find where the JSON values at the start of some bytes begin and end."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toolkit.records.json_decode import MARKS, WHITE_SPACE, after_space
from toolkit.records.lines import Positions

Peek = Callable[[int], bytes]  # returns that many of the next bytes, fewer only at the end

_QUOTE = ord('"')
_COMMA = ord(",")
_DECODED_BYTES = 1 << 15  # the decoder gets this much text at once; longer values are scanned

_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True)
class ValueSpans:
    """Where the values at the start of some bytes are. A value in an array may be empty."""

    data: bytes
    is_all: bool  # whether the file ends after `data`
    starts: Positions
    stops: Positions
    ends: Positions  # of the comma after each value; without commas, of its last byte
    closing: int | None  # position of the bracket that closes the array, or of an unopened one

    @property
    def after_last(self) -> int:
        """The position after the last value and its comma."""
        return int(self.ends[-1]) + 1 if len(self.ends) else 0


class _Span(NamedTuple):
    """Where one value starts and stops, and where its comma or bracket is (-1: not decoded)."""

    start: int
    stop: int
    end: int


def peek_values(peek: Peek, size: int, most: int, *, in_array: bool) -> ValueSpans:
    """Find the values in the next `size` bytes; if none ends there, look at up to `most` bytes."""
    while True:
        data = peek(size)
        found = find_values(data, in_array=in_array, is_all=len(data) < size)
        if len(found.ends) or found.closing is not None or found.is_all or size >= most:
            return found
        size = min(2 * size, most)


def find_values(data: bytes, *, in_array: bool, is_all: bool = True) -> ValueSpans:
    """Find the values at the start of some bytes, with Python's decoder where possible.

    The decoder gets little text at once: that bounds the memory, and its errors, which count the
    lines before them, stay cheap.
    """
    places = array("q")  # start, stop and end of each value
    text = ""
    base = 0  # position of `text` in `data`
    at = 0
    closing = None
    while closing is None:
        if at >= base + len(text) // 2:
            base = at
            text = data[at : at + _DECODED_BYTES].decode("latin-1")
        value = _decoded(text, at - base, in_array=in_array)
        if value.end >= 0:
            places.extend((base + value.start, base + value.stop, base + value.end))
            if in_array and text[value.end] == "]":
                closing = base + value.end
            at = base + value.end + 1
            continue
        end, closes = _end_of_value(data, at, in_array=in_array)
        if end < 0:
            break
        if closes:
            closing = end
        if in_array or not closes:
            stop = end if in_array else end + 1
            rest = data[at:stop].lstrip(WHITE_SPACE)
            start = stop - len(rest)
            places.extend((start, start + len(rest.rstrip(WHITE_SPACE)), end))
        at = end + 1
    starts, stops, ends = np.array(places, np.int64).reshape(-1, 3).T
    return ValueSpans(
        data=data, is_all=is_all, starts=starts, stops=stops, ends=ends, closing=closing
    )


def _decoded(text: str, at: int, *, in_array: bool) -> _Span:
    """Find the value at a position with the decoder; its end is -1 if that fails."""
    start = after_space(text, at)
    mark = text[start : start + 1]
    is_value = mark != "," if in_array else mark in ("{", "[")
    if not is_value:  # the decoder would fail, too, but slowly: its error counts lines
        return _Span(start, -1, -1)
    try:
        _, stop = _decode(text, start)
    except (ValueError, RecursionError):
        return _Span(start, -1, -1)
    if not in_array:
        return _Span(start, stop, stop - 1)
    end = after_space(text, stop)
    return _Span(start, stop, end if text[end : end + 1] in (",", "]") else -1)


def _end_of_value(data: bytes, at: int, *, in_array: bool) -> tuple[int, bool]:
    """Find the comma or bracket that ends a value which is broken or long; -1 if it is missing.

    Also returns whether it is a closing bracket that no bracket of the value opens.
    """
    depth = 0
    for found in MARKS.finditer(data, at):
        mark = data[found.start()]
        if mark == _COMMA:
            if in_array and depth == 0:
                return found.start(), False
        elif mark != _QUOTE:
            depth += 1 if mark in b"[{" else -1
            if depth < 0 or (depth == 0 and not in_array):
                return found.start(), depth < 0
    return -1, False


def values_in(data: bytes, *, in_array: bool) -> Iterator[bytes]:
    """Return the values at the start of some data; the last one may be cut off."""
    found = find_values(data, in_array=in_array)
    for start, stop in zip(found.starts.tolist(), found.stops.tolist(), strict=True):
        if start < stop:
            yield data[start:stop]
    if rest := data[found.after_last : found.closing].strip(WHITE_SPACE):
        yield rest
