"""Put a file on the disk while it grows, so that its end does not wait for all of it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import IO

_BYTES = 8 << 20  # at least, each time
_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin with it, and do not wait


class EarlyFlush:
    """Asks the system from time to time to write what was added; it may refuse, or do it later.

    On a disk that takes 2.5 GB a second, the end of 132 MB comes 0.05 s sooner.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._asked = file.tell()  # up to here, in bytes
        self._sync = _sync_file_range()

    def ask(self) -> None:
        """Ask for what was added since the last time, if that is enough."""
        size = self._file.tell()
        if self._sync is not None and size - self._asked >= _BYTES:
            self._sync(self._file.fileno(), self._asked, size - self._asked, _WRITE)
            self._asked = size


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (OSError, TypeError, AttributeError):  # only Linux has it
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function
