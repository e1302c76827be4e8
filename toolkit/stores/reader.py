"""An object read like a file: in ranges, with some ahead, in bounded memory."""

from __future__ import annotations

import errno
import io
import os
import threading
from typing import Any

from toolkit.stores.blocks import BLOCK_BYTES, Blocks
from toolkit.stores.ranges import Ranges
from toolkit.stores.uris import Location

FEW_BLOCKS = 16  # kept for what is read from start to end
MANY_BLOCKS = 64  # kept for the columns of a table, which are read in turns
_LOOKED_AT = 64 << 10  # who reads no further only looks at what a file is


class ObjectReader(io.RawIOBase):
    """The bytes of an object as they are when it is opened.

    If the object is replaced meanwhile, reading raises `InputError`, so what is read is always
    of one object.
    """

    def __init__(self, place: Location, kept: int = FEW_BLOCKS) -> None:
        super().__init__()
        self.place = place
        self.name = str(place)
        ranges = Ranges(place)
        self.size = ranges.facts.size
        self._blocks = Blocks(ranges, kept)
        self._at = 0
        self._lock = threading.RLock()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Give the offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Continue at an offset."""
        with self._lock:
            start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
            if start + offset < 0:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # as a file does
            self._at = start + offset
            return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        done = 0
        with self._lock:
            while done < len(view) and self._at < self.size:
                number, offset = divmod(self._at, BLOCK_BYTES)
                is_run = number == 0 and offset >= _LOOKED_AT
                block = self._blocks.get(number, is_run=is_run)
                part = memoryview(block)[offset : offset + len(view) - done]
                view[done : done + len(part)] = part
                done += len(part)
                self._at += len(part)
        return done

    def read(self, size: int | None = -1) -> bytes:
        """Read as many bytes, fewer only at the end."""
        left = max(self.size - self._at, 0)
        data = bytearray(left if size is None or size < 0 else min(size, left))
        count = self.readinto(data)
        return bytes(memoryview(data)[:count])

    def close(self) -> None:
        """Forget what is read, and what is ahead."""
        if not self.closed:
            self._blocks.close()
        super().close()
