"""A string in each of many JSON objects, read by the core."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.native import library
from toolkit.native.word_table import address_of

Positions = npt.NDArray[np.int64]


def read_members(
    data: bytes, starts: Positions, stops: Positions, name: str, taken: Sequence[str]
) -> pa.StringArray | None:
    """Read the string that each object has by a name, (objects,); null if it is null or missing.

    The data are UTF-8, of which each object takes the bytes from its start to its stop. None where
    something is not as usual, so that another reader has to look: an object is not valid or has one
    of the taken names, the name is there twice or has another value, or a name has an escape
    (`read_members` in ``core.c`` has the rule). None where there is no core, too.
    """
    core = library.core()
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
