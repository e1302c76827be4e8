"""Lines of a byte block as arrays of positions, and Arrow arrays cut from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.native import record_cuts, record_parts
from toolkit.text.strings import arrow_of, bounds_of

NEWLINE, RETURN = ord("\n"), ord("\r")

Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Lines:
    """Positions of the lines of some data that hold a record, and the blank lines before each."""

    starts: Positions
    newlines: Positions  # the last byte of each
    blank_starts: Positions  # where the blank lines before each start
    # (n, 2): where blank lines start and stop that are before a line which is no record.
    loose: Positions = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    @classmethod
    def find(cls, data: bytes, newlines: Positions, start: int = 0) -> Lines:
        """Take the lines from ``start`` that end at some newlines, without the blank ones."""
        starts = np.concatenate([[start], newlines + 1])[:-1]
        lengths = newlines - starts
        raw = np.frombuffer(data, np.uint8)
        filled = (lengths > 1) | ((lengths == 1) & (raw[starts] != RETURN))
        return cls(starts, newlines, starts).merging(filled)

    @classmethod
    def blank(cls, stop: int) -> Lines:
        """Take the first bytes as blank lines, without a record."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, np.array([[0, stop]] if stop else none.reshape(0, 2)))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def end(self) -> int:
        """Position after the last line, 0 without lines."""
        return int(self.newlines[-1]) + 1 if len(self) else 0

    def only(self, chosen: npt.NDArray[np.bool_]) -> Lines:
        """Keep some of the lines, with the blank lines before each; those of others are loose."""
        if chosen.all():
            return self
        loose = ~chosen & (self.blank_starts < self.starts)
        more = np.column_stack([self.blank_starts[loose], self.starts[loose]])
        return Lines(
            self.starts[chosen],
            self.newlines[chosen],
            self.blank_starts[chosen],
            np.concatenate([self.loose, more]),
        )

    def merging(self, filled: npt.NDArray[np.bool_]) -> Lines:
        """Keep the lines that are filled, each with the others right before it."""
        if filled.all():
            return self
        newlines = self.newlines[filled]
        first = self.blank_starts[:1]
        return Lines(self.starts[filled], newlines, np.concatenate([first, newlines + 1])[:-1])

    def stops(self, data: bytes) -> tuple[Positions, pa.StringArray]:
        """Where the records stop, without their line ends; and the line ends."""
        raw = np.frombuffer(data, np.uint8)
        crlf = (self.newlines > self.starts) & (raw[self.newlines - 1] == RETURN)
        return self.newlines - crlf, pc.if_else(arrow_of(crlf), "\r\n", "\n")


def spans(data: bytes, starts: Positions, stops: Positions) -> pa.BinaryArray:
    """Copy the byte ranges [start, stop) of data, in ascending order, into a binary array."""
    bounds = np.empty(2 * len(starts), np.int32)
    bounds[0::2], bounds[1::2] = starts, stops
    if not len(bounds):
        return pa.array([], pa.binary())
    # Taken together, the ranges and the gaps between them are the elements of one array.
    pieces = pa.BinaryArray.from_buffers(
        pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    )
    return pieces.take(arrow_of(np.arange(0, len(bounds), 2, dtype=np.int64)))


def parts(data: bytes, starts: Positions, stops: Positions) -> pa.Array:
    """Give the byte ranges [start, stop) of data, in ascending order, for `joined`.

    They are binary views, which share the memory of the data, where the native core is used.
    """
    found = record_parts.views(data, starts, stops)
    return spans(data, starts, stops) if found is None else found


def joined(*columns: pa.Array) -> pa.Buffer:
    """Join the strings or bytes of each row, and all rows; none is null."""
    found = record_parts.joined(*columns)
    if found is not None:
        return found
    plain = (column.cast(pa.binary()) for column in columns)
    return values_buffer(pc.binary_join_element_wise(*plain, b""))


def values_buffer(strings: pa.BinaryArray | pa.StringArray) -> pa.Buffer:
    """Give the concatenated bytes of an array, without a copy."""
    bounds = bounds_of(strings)
    data = strings.buffers()[2]
    return pa.py_buffer(b"") if data is None else data.slice(bounds[0], bounds[-1] - bounds[0])


def count_lines(data: bytes, stop: int) -> int:
    """Count the newlines before a position; without the GIL, unlike `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop) == ord("\n")))


def find_lines(data: bytes) -> tuple[Positions, bool]:
    """Find all newlines; and whether it is known that the bytes up to the last are UTF-8."""
    if record_cuts.is_used():
        return record_cuts.find_lines(data)
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE), False


def is_utf8(data: pa.Buffer) -> bool:
    """Whether some bytes are UTF-8."""
    bounds = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.BinaryArray.from_buffers(pa.binary(), 1, [None, bounds, data]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True
