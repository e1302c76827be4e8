"""What a file or an object will hold: bytes that can be read more than once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.stores.location import Location

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Content:
    """The bytes of a file or an object."""

    name: str  # as messages call it
    size: int  # in bytes
    mark: str  # another one for other contents of this machine
    read: Callable[[], Iterator[bytes]]  # all of it, some megabytes at a time at the most
    local: Path | None = None  # a file of this machine that holds the same
    copied: Location | None = None  # an object that holds the same

    @classmethod
    def of(cls, what: Path | bytes | Content) -> Content:
        """Take what a file of this machine holds, or some bytes, or a content as it is."""
        if isinstance(what, Content):
            return what
        if isinstance(what, bytes):
            import hashlib  # late: it takes 3 ms

            digest = hashlib.sha256(what).hexdigest()
            return cls("its content", len(what), digest, lambda: iter([what]))
        facts = what.stat()
        where = (facts.st_dev, facts.st_ino, os.fspath(what.absolute()))
        mark = repr((where, facts.st_mtime_ns, facts.st_size))
        return cls(str(what), facts.st_size, mark, lambda: _bytes_of(what), what)

    def is_read_from(self, file: Any) -> bool:
        """Whether a file, which is read from here to its end, has the same bytes."""
        same = all(file.read(len(data)) == data for data in self.read())
        return same and not file.read(1)


def _bytes_of(local: Path) -> Iterator[bytes]:
    with local.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield data
