"""Where bytes come from: a file, a pipe, standard input, or a member of an archive."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from toolkit.errors import InputError
from toolkit.files import is_in_store
from toolkit.records.read_options import STDIN
from toolkit.records.text_files.zip_members import MemberFile, inside_archive
from toolkit.stores.reader import ObjectReader


class ByteSource:
    """The bytes of a file as they are stored, which can be looked at ahead."""

    def __init__(self, path: Path) -> None:
        self._member = _member(path)
        self._file = self._member or open_file(path)
        is_whole = self._member is None and not isinstance(self._file, ObjectReader)
        facts = os.fstat(self._file.fileno()) if is_whole else None
        is_file = facts is None or stat.S_ISREG(facts.st_mode)
        self.can_seek = facts is not None and is_file and path != STDIN
        # Windows waits for sockets only.
        self.can_wait = not is_file and sys.platform != "win32"
        self.size: int | None = None
        if self._member is not None:
            self.size = self._member.size
        elif isinstance(self._file, ObjectReader):
            self.size, self.can_seek = self._file.size, True
        elif facts is not None and self.can_seek:
            self.size = facts.st_size
        self._first = b""  # looked at, and not read yet

    @property
    def bytes_read(self) -> int:
        """How many bytes are read."""
        return 0 if self.size is None else self._file.tell()

    @property
    def closed(self) -> bool:
        """Whether it is closed, which Arrow asks."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Read about as many bytes; nothing at the end."""
        if self._first:
            size = len(self._first) if size < 0 else size
            first, self._first = self._first[:size], self._first[size:]
            return first
        # A pipe may be one that does not wait: its other end chooses that.
        now: Callable[[int], bytes | None] = self._file.read
        while (part := now(size)) is None:
            select.select([self._file], [], [])
        return part

    def look(self, size: int) -> bytes:
        """Give the next bytes, at least one unless it ends, which are read later."""
        self._first = self.read(size)
        return self._first

    def seek(self, offset: int) -> None:
        """Continue at an offset, where `can_seek`."""
        self._first = b""
        self._file.seek(offset)

    def ends_in_zeros(self, count: int) -> bool:
        """Whether the last bytes are zeros; False where that cannot be seen ahead."""
        if not self.can_seek or self.size is None or self.size < count:
            return False
        at = self._file.tell()
        self._file.seek(self.size - count)
        tail = self._file.read(count)
        self._file.seek(at)
        return tail == bytes(count)

    def comes_within(self, seconds: float) -> bool:
        """Whether more comes, or the end, before some time has passed."""
        return bool(self._first or select.select([self._file], [], [], max(seconds, 0))[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _member(path: Path) -> MemberFile | None:
    inside = None if path == STDIN else inside_archive(path)
    return None if inside is None else MemberFile(*inside)


def open_file(path: Path) -> IO[bytes]:
    """Open a file, a pipe or standard input; raises `InputError` if that cannot be."""
    if path == STDIN:
        if sys.stdin is None:
            raise InputError("standard input: is closed")
        return open(0, "rb", buffering=0, closefd=False)
    try:
        if (
            not is_in_store(path)
            and path.exists()
            and not (path.is_file() or path.is_dir() or path.is_fifo())
        ):
            raise InputError(
                f"{path}: a device or a socket. Save its content to a file first, or send it "
                "through a pipe"
            )
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
