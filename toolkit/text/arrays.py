"""Between NumPy and Arrow, sharing memory, without what `pa.array` imports for a NumPy array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def arrow_of(values: npt.NDArray[Any]) -> pa.Array:
    """Give an array of numbers or truth values to Arrow.

    `pa.array` would first look whether it is a masked array, for which it imports `numpy.ma`: 5 ms
    of every start.

    Parameters
    ----------
    values : npt.NDArray[Any]
        One dimension. Its memory is shared if it is contiguous and holds no truth values, which
        Arrow packs.

    Returns
    -------
    pa.Array
        As many values, none of them null.
    """
    is_bool = values.dtype == np.bool_
    data = np.packbits(values, bitorder="little") if is_bool else np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)], null_count=0)


def bounds_of(strings: pa.Array) -> npt.NDArray[np.signedinteger]:
    """Where each string starts in the buffer of the bytes, and the last one stops.

    Parameters
    ----------
    strings : pa.Array
        Strings or binary values, plain or large, any number.

    Returns
    -------
    npt.NDArray[np.signedinteger]
        (strings + 1,) int32, or int64 for large strings.
    """
    is_large = strings.type in (pa.large_string(), pa.large_binary())
    kind: type[np.signedinteger] = np.int64 if is_large else np.int32
    if not len(strings):
        return np.zeros(1, kind)
    start = strings.offset * kind(0).itemsize
    return np.frombuffer(strings.buffers()[1], kind, len(strings) + 1, start)
