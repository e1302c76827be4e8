"""Where the core finds the fields and lines of a block of bytes."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toolkit.native import library
from toolkit.native.word_table import address_of

# Fields are this long on average, or longer, else the block is read twice.
_BYTES_OF_A_FIELD = 64

Positions = npt.NDArray[np.int64]


class _Cuts(ctypes.Structure):
    _fields_ = (
        ("delimiters", ctypes.c_int64),
        ("newlines", ctypes.c_int64),
        ("lines", ctypes.c_int64),
        ("is_regular", ctypes.c_int32),
        ("is_utf8", ctypes.c_int32),
    )


class FoundCuts(NamedTuple):
    """What is outside quotes, and of all up to the last newline there, in quotes or not."""

    delimiters: Positions
    newlines: Positions
    lines: int  # how many newlines it has
    is_utf8: bool


def is_used() -> bool:
    """Whether there is a core; raises as `library.core`."""
    return library.core() is not None


def find_cuts(text: bytes, delimiter: str, quote: str | None, *, at_end: bool) -> FoundCuts | None:
    """Find the delimiters and newlines outside quotes of a text that starts at a record.

    Both marks are an ASCII character. None if the quotes do not open and close whole fields in
    turn, or if something else is not regular (`find_cuts` in ``core.c`` has the rule). Only where
    `is_used`.
    """
    core = library.core()
    assert core is not None
    found = _Cuts()
    room = len(text) // _BYTES_OF_A_FIELD + 1
    while True:
        delimiters, newlines = np.empty(room, np.int64), np.empty(room, np.int64)
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
            return FoundCuts(
                delimiters[: found.delimiters].copy(),
                newlines[: found.newlines].copy(),
                found.lines,
                bool(found.is_utf8),
            )
        room = needed


def find_lines(text: bytes) -> tuple[Positions, bool]:
    """Find all newlines of a text; and whether it is UTF-8 up to the last. Only where `is_used`."""
    core = library.core()
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
