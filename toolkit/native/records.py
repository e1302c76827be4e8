"""Records in the core: find ends of fields and lines, join bytes, read strings of JSON."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit import native
from toolkit.native.texts import Texts, address_of, describe

# Fields are this long on average, or longer, else the block is read twice.
_BYTES_OF_A_FIELD = 64

Positions = npt.NDArray[np.int64]


class _Found(ctypes.Structure):
    _fields_ = (
        ("delimiters", ctypes.c_int64),
        ("newlines", ctypes.c_int64),
        ("lines", ctypes.c_int64),
        ("is_regular", ctypes.c_int32),
        ("is_utf8", ctypes.c_int32),
    )


class FieldPositions(NamedTuple):
    """Delimiters and newlines outside quotes, and counts up to the last such newline."""

    delimiters: Positions
    newlines: Positions
    lines: int  # how many newlines it has
    is_utf8: bool


def is_used() -> bool:
    """Whether there is a core; raises as `native.core`."""
    return native.core() is not None


def find_field_ends(
    text: bytes, delimiter: str, quote: str | None, *, at_end: bool
) -> FieldPositions | None:
    """Find the delimiters and newlines outside quotes of a text that starts at a record.

    Delimiter and quote are ASCII characters. Return None if quotes do not enclose whole fields, or
    if something else is irregular (`find_cuts` in ``core.c`` has the rule). Call it only if
    `is_used`.
    """
    core = native.core()
    assert core is not None
    found = _Found()
    room = len(text) // _BYTES_OF_A_FIELD + 1
    while True:
        delimiters = np.empty(room, np.int64)
        newlines = np.empty(room, np.int64)
        core.find_cuts(
            ctypes.c_char_p(text),
            ctypes.c_int64(len(text)),
            ctypes.c_int32(ord(delimiter)),
            ctypes.c_int32(ord(quote or "\n")),
            ctypes.c_int32(at_end),
            ctypes.c_int64(room),
            ctypes.c_void_p(address_of(delimiters)),
            ctypes.c_void_p(address_of(newlines)),
            ctypes.byref(found),
        )
        if not found.is_regular:
            return None
        needed = max(found.delimiters, found.newlines)
        if needed <= room:
            return FieldPositions(
                delimiters=delimiters[: found.delimiters].copy(),
                newlines=newlines[: found.newlines].copy(),
                lines=found.lines,
                is_utf8=bool(found.is_utf8),
            )
        room = needed


def find_lines(text: bytes) -> tuple[Positions, bool]:
    """Find all newlines, and whether the text is UTF-8 up to the last. Only if `is_used`."""
    core = native.core()
    assert core is not None
    core.find_lines.restype = ctypes.c_int64
    is_utf8 = ctypes.c_int32()
    room = len(text) // _BYTES_OF_A_FIELD + 1
    while True:
        newlines = np.empty(room, np.int64)
        count = core.find_lines(
            ctypes.c_char_p(text),
            ctypes.c_int64(len(text)),
            ctypes.c_int64(room),
            ctypes.c_void_p(address_of(newlines)),
            ctypes.byref(is_utf8),
        )
        if count <= room:
            return newlines[:count].copy(), bool(is_utf8.value)
        room = count


def joined(*columns: pa.Array) -> pa.Buffer | None:
    """Join the values of each row, and then all rows; None without a core.

    The columns hold strings or bytes of any Arrow type, (rows,) each; a null has no bytes.
    """
    core = native.core()
    if core is None:
        return None
    core.joined_bytes.restype = ctypes.c_int64
    found = [describe(column) for column in columns]
    texts = (Texts * len(found))(*(text for text, _ in found))
    count = ctypes.c_int32(len(found))
    buffer = pa.allocate_buffer(core.joined_bytes(texts, count))
    core.join_rows(texts, count, ctypes.c_void_p(buffer.address))
    return buffer


def read_members(
    data: bytes, starts: Positions, stops: Positions, name: str, taken: Sequence[str]
) -> pa.StringArray | None:
    """Read the string that each object has by a name, (objects,); null if it is null or missing.

    The data are UTF-8; each object has the bytes from its start to its stop. Return None without a
    core, and where the general reader has to look: an object is invalid or has a taken name, the
    name is there twice or its value is not a string, or a name has an escape (`read_members` in
    ``core.c`` has the rule).
    """
    core = native.core()
    if core is None:
        return None
    written = [each.encode() for each in (name, *taken)]
    names = np.frombuffer(b"".join(written) + b"\0", np.uint8)
    name_bounds = np.cumsum([0, *map(len, written)], dtype=np.int32)
    starts, stops = (np.ascontiguousarray(places, np.int64) for places in (starts, stops))
    content = np.empty(int((stops - starts).sum()), np.uint8)
    bounds = np.empty(len(starts) + 1, np.int32)
    is_there = np.empty(len(starts), np.uint8)
    is_usual = core.read_members(
        ctypes.c_char_p(data),
        *(ctypes.c_void_p(address_of(places)) for places in (starts, stops)),
        ctypes.c_int64(len(starts)),
        *(ctypes.c_void_p(address_of(places)) for places in (names, name_bounds)),
        ctypes.c_int32(len(written)),
        *(ctypes.c_void_p(address_of(found)) for found in (content, bounds, is_there)),
    )
    if not is_usual:
        return None
    valid = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    return pa.StringArray.from_buffers(
        len(starts), pa.py_buffer(bounds), pa.py_buffer(content[: bounds[-1]]), valid
    )
