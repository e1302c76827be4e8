"""Parts of records that stay where they are, and how the core puts them together."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.native import library
from toolkit.native.word_table import Texts, address_of, describe

Positions = npt.NDArray[np.int64]


def views(data: bytes, starts: Positions, stops: Positions) -> pa.Array | None:
    """Give the byte ranges [start, stop) of data as binary views.

    There are as many starts as stops, (ranges,), below 2 GiB. None where there is no core, or where
    this version of Arrow cannot make them.
    """
    core = library.core()
    if core is None or not _has_views():
        return None
    starts, stops = (np.ascontiguousarray(places, np.int64) for places in (starts, stops))
    found = np.empty((len(starts), 16), np.uint8)
    core.make_views(
        ctypes.c_char_p(data),
        *(ctypes.c_void_p(address_of(places)) for places in (starts, stops)),
        ctypes.c_int64(len(starts)),
        ctypes.c_void_p(address_of(found)),
    )
    buffers = [None, pa.py_buffer(found), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary_view(), len(starts), buffers, null_count=0)


@cache
def _has_views() -> bool:
    """Whether Arrow makes arrays of views from buffers; version 18 does not."""
    try:
        buffers = [None, pa.py_buffer(b""), pa.py_buffer(b"")]
        pa.Array.from_buffers(pa.binary_view(), 0, buffers, null_count=0)
    except (ValueError, NotImplementedError):  # of which the errors of Arrow are
        return False
    return True


def joined(*columns: pa.Array) -> pa.Buffer | None:
    """Join the values of each row, and all rows; None where there is no core.

    The columns have strings or bytes of any kind, (rows,) each; a null has no bytes.
    """
    core = library.core()
    if core is None:
        return None
    core.joined_bytes.restype = ctypes.c_int64
    found = [describe(column) for column in columns]
    texts = (Texts * len(found))(*(text for text, _ in found))
    count = ctypes.c_int32(len(found))
    buffer = pa.allocate_buffer(core.joined_bytes(texts, count))
    core.join_rows(texts, count, ctypes.c_void_p(buffer.address))
    return buffer
