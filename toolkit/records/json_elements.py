"""The values of JSON one after the other, found by Python's decoder at the start of some bytes."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.records.json_values import MARKS, WHITE_SPACE, after_space
from toolkit.records.lines import Positions

Peek = Callable[[int], bytes]  # gives as many of the next bytes, or all

_QUOTE, _COMMA = b'",'
_DECODED_BYTES = 1 << 15  # values are this long at most where the decoder reads them

_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True)
class Values:
    """The values at the start of some bytes: where each starts, stops, and ends with its comma.

    Of values that no commas separate, the end is the last byte. A value may be nothing between
    commas.
    """

    data: bytes
    is_all: bool  # whether no bytes follow
    starts: Positions
    stops: Positions
    ends: Positions
    closing: int | None  # the bracket that closes the array, or nothing at all

    @property
    def after_last(self) -> int:
        """Where the last of the values ends, with its comma."""
        return int(self.ends[-1]) + 1 if len(self.ends) else 0


def values_of(peek: Peek, size: int, most: int, *, in_array: bool) -> Values:
    """Find the values in so many bytes, or one at least in more, up to some most."""
    while True:
        data = peek(size)
        found = find_values(data, in_array=in_array, is_all=len(data) < size)
        if len(found.ends) or found.closing is not None or found.is_all or size >= most:
            return found
        size = min(2 * size, most)


def find_values(data: bytes, *, in_array: bool, is_all: bool = True) -> Values:
    """Find the values at the start of some bytes, which Python's decoder reads where it can.

    It gets few bytes at once, which bounds the memory; its errors count the lines before them.
    """
    places = array("q")
    text, base, at, closing = "", 0, 0, None
    while closing is None:
        if at >= base + len(text) // 2:
            base, text = at, data[at : at + _DECODED_BYTES].decode("latin-1")
        start, stop, end = _decoded(text, at - base, in_array=in_array)
        if end >= 0:
            places.extend((base + start, base + stop, base + end))
            if in_array and text[end] == "]":
                closing = base + end
            at = base + end + 1
            continue
        end, closes = _end_of_value(data, at, in_array=in_array)
        if end < 0:
            break
        if closes:
            closing = end
        if in_array or not closes:
            stop = end if in_array else end + 1
            value = data[at:stop].lstrip(WHITE_SPACE)
            start = stop - len(value)
            places.extend((start, start + len(value.rstrip(WHITE_SPACE)), end))
        at = end + 1
    starts, stops, ends = np.array(places, np.int64).reshape(-1, 3).T
    return Values(data, is_all, starts, stops, ends, closing)


def _decoded(text: str, at: int, *, in_array: bool) -> tuple[int, int, int]:
    """Give the start, the stop and the end of a value; an end of -1 if it cannot be decoded."""
    start = after_space(text, at)
    mark = text[start : start + 1]
    if mark == "," if in_array else mark not in ("{", "["):  # an error counts the lines before it
        return start, -1, -1
    try:
        _, stop = _decode(text, start)
    except (ValueError, RecursionError):
        return start, -1, -1
    if not in_array:
        return start, stop, stop - 1
    end = after_space(text, stop)
    return start, stop, end if text[end : end + 1] in (",", "]") else -1


def _end_of_value(data: bytes, at: int, *, in_array: bool) -> tuple[int, bool]:
    """Find the comma after a value that is broken or long, or its last bracket; -1 if it has none.

    Or the bracket that closes the array, or nothing at all, and True.
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
    """Give the values at the start of some data; the last may be cut off."""
    found = find_values(data, in_array=in_array)
    for start, stop in zip(found.starts.tolist(), found.stops.tolist(), strict=True):
        if start < stop:
            yield data[start:stop]
    if rest := data[found.after_last : found.closing].strip(WHITE_SPACE):
        yield rest
