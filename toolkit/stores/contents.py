"""What is written as a whole: bytes that can be read more than once."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from toolkit.stores.uris import Location

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Content:
    """The bytes of a file or an object."""

    name: str  # as messages call it
    size: int  # in bytes
    mark: str  # another one for other contents
    read: Callable[[], Iterator[bytes]]  # all of it, some megabytes at a time at the most
    local: Path | None = None  # a file of this machine that holds the same
    copied: Location | None = None  # an object that holds the same

    @classmethod
    def of_file(cls, local: Path) -> Self:
        """Take what a file of this machine holds."""
        facts = local.stat()
        where = (socket.gethostname(), facts.st_dev, facts.st_ino, os.fspath(local.absolute()))
        mark = repr((where, facts.st_mtime_ns, facts.st_size))
        return cls(str(local), facts.st_size, mark, lambda: _of_file(local), local)

    @classmethod
    def of_bytes(cls, data: bytes) -> Self:
        """Take some bytes."""
        return cls("its content", len(data), hashlib.sha256(data).hexdigest(), lambda: iter([data]))

    def is_read_from(self, file: Any) -> bool:
        """Whether a file, which is read from here to its end, has the same bytes."""
        same = all(file.read(len(data)) == data for data in self.read())
        return same and not file.read(1)


def _of_file(local: Path) -> Iterator[bytes]:
    with local.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield data
