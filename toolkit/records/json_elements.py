"""The values of JSON one after the other, found by Python's decoder in a window of a file."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from toolkit.records.json_values import WHITE_SPACE
from toolkit.records.lines import Positions

Peek = Callable[[int], bytes]  # gives as many of the next bytes, or all

_QUOTE, _COMMA = b'",'
_OPENING = b"[{"
_DECODED_BYTES = 1 << 15  # values are this long at most where the decoder reads them

_decode = json.JSONDecoder().raw_decode
_space = re.compile(r"[ \t\r\n]*").match
_commas = re.compile(r",(?:[ \t\r\n]*,)*").match
# A string may lack its end; at a backslash at the end of the data, it depends on what follows.
_STRING = rb'(?:[^"\\\n]++|\\[^\n]|\\(?=\n))*+(["\n]?)'
_string = re.compile(_STRING).match
# Brackets in a row are found at once, and within a value also those like `[1], []`.
_CLOSED = rb'(?:[\[{][^"\[{\]}]*+[\]}][^"\[{\]}]*+)++'
_outside = re.compile(rb'[\[{]++|[\]},]|"' + _STRING).search
_inside = re.compile(_CLOSED + rb'|[\[{]++|[\]}]++|"' + _STRING).search


class ValueEnd:
    """Looks for the end of a value that the decoder cannot read, by its brackets and strings.

    A string ends at a line end, too, which JSON does not have in strings: so a quote that is never
    closed costs no more than its line.
    """

    def __init__(self, start: int = 0, *, in_array: bool) -> None:
        self.start = start
        self.reached = start  # where to continue in more data
        self.is_in_string = False  # where it is
        self._in_array = in_array
        self._depth = 0

    @property
    def is_within(self) -> bool:
        """Whether a bracket or a quote is open."""
        return self._depth > 0 or self.is_in_string

    def find(self, data: bytes) -> tuple[int, bool] | None:
        """Give the comma after the value, or else its last bracket; None if it is not in the data.

        Or the bracket that closes the array, or nothing at all, and True.
        """
        if self.is_in_string:
            rest = _string(data, self.reached)
            assert rest is not None
            self.reached = rest.end()
            self.is_in_string = not rest[1]
        while not self.is_in_string:
            found = (_inside if self._depth else _outside)(data, self.reached)
            if found is None:
                self.reached = len(data)
                return None
            self.reached = found.end()
            if data[found.start()] == _QUOTE:
                self.is_in_string = not found[1]
            elif (end := self._end_in(data, *found.span())) is not None:
                return end, self._depth < 0
        return None

    def _end_in(self, data: bytes, start: int, stop: int) -> int | None:
        """Follow a comma or brackets; give the one that ends the value."""
        first, last = data[start], data[stop - 1]
        if first == _COMMA:
            return start if self._in_array else None
        if last in _OPENING:
            self._depth += stop - start
        elif first not in _OPENING:
            needed = self._depth + (self._in_array or not self._depth)
            self._depth -= min(needed, stop - start)
            return start + needed - 1 if needed <= stop - start else None
        return None


@dataclass
class Window:
    """The values at the start of some bytes: where each starts, stops, and ends with its comma.

    Of values that no commas separate, the end is the last byte. A value may be nothing between
    commas.
    """

    data: bytes
    is_all: bool  # whether no bytes follow
    rest: ValueEnd  # of what follows the last value that ends here
    starts: array[int] = field(default_factory=lambda: array("q"))
    stops: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    closing: int | None = None  # the bracket that closes the array, or nothing at all

    def add(self, start: int, stop: int, end: int) -> None:
        """Add a value."""
        self.starts.append(start)
        self.stops.append(stop)
        self.ends.append(end)

    @property
    def after_last(self) -> int:
        """Where the last of the values ends, with its comma."""
        return self.ends[-1] + 1 if self.ends else 0

    def positions(self) -> tuple[Positions, Positions, Positions]:
        """Give the starts, the stops and the ends."""
        starts, stops, ends = (
            np.array(places, np.int64) for places in (self.starts, self.stops, self.ends)
        )
        return starts, stops, ends


def window_of(peek: Peek, size: int, most: int, *, in_array: bool) -> Window:
    """Find the values in so many bytes, or one at least in more, up to some most."""
    data = peek(size)
    window = find_values(data, in_array=in_array, is_all=len(data) < size)
    while not (window.ends or window.closing is not None or window.is_all or size >= most):
        size = min(2 * size, most)
        window.data = data = peek(size)
        window.is_all = len(data) < size
        _add_undecoded(window, in_array=in_array)
    return window


def find_values(data: bytes, *, in_array: bool, is_all: bool = True) -> Window:
    """Find the values at the start of some bytes, which Python's decoder reads where it can.

    It gets few bytes at once, which bounds the memory; its errors count the lines before them.
    """
    window = Window(data, is_all, ValueEnd(in_array=in_array))
    text, base, at = "", 0, 0
    while window.closing is None:
        if at >= base + len(text) // 2:
            base, text = at, data[at : at + _DECODED_BYTES].decode("latin-1")
        start, stop, end = _decoded(text, at - base, in_array=in_array)
        if end >= 0:
            at = base + end + 1
            window.add(base + start, base + stop, base + end)
            if text[end] == "]" and in_array:
                window.closing = base + end
        else:
            window.rest = ValueEnd(base + start, in_array=in_array)
            at = _add_undecoded(window, in_array=in_array)
            if at < 0:
                break
    return window


def _decoded(text: str, at: int, *, in_array: bool) -> tuple[int, int, int]:
    """Give the start, the stop and the end of a value; -1 for what the decoder cannot read."""
    start = _end(_space(text, at))
    first = text[start : start + 1]
    if in_array and first == ",":
        return start, start, _end(_commas(text, start)) - 1
    if not in_array and first not in ("{", "["):
        return start, -1, -1
    try:
        _, stop = _decode(text, start)
    except (ValueError, RecursionError):
        return start, -1, -1
    if not in_array:
        return start, stop, stop - 1
    end = _end(_space(text, stop))
    return start, stop, end if text[end : end + 1] in (",", "]") else -1


def _add_undecoded(window: Window, *, in_array: bool) -> int:
    """Add a value that is broken or long; give where the next one begins, -1 if there is none."""
    found = window.rest.find(window.data)
    if found is None:
        return -1
    end, closes = found
    if closes:
        window.closing = end
    if in_array or not closes:
        stop = end if in_array else end + 1
        value = window.data[window.rest.start : stop].lstrip(WHITE_SPACE)
        start = stop - len(value)
        window.add(start, start + len(value.rstrip(WHITE_SPACE)), end)
    return end + 1


def values_in(data: bytes, *, in_array: bool) -> Iterator[bytes]:
    """Give the values at the start of some data; the last may be cut off."""
    window = find_values(data, in_array=in_array)
    for start, stop in zip(window.starts, window.stops, strict=True):
        if start < stop:
            yield data[start:stop]
    if rest := data[window.after_last : window.closing].strip(WHITE_SPACE):
        yield rest


def is_within_value(line: bytes) -> bool:
    """Whether a line ends within a value, and not in a string."""
    rest = ValueEnd(in_array=False)
    return rest.find(line) is None and rest.is_within and not rest.is_in_string


def _end(found: re.Match[str] | None) -> int:
    assert found is not None
    return found.end()
