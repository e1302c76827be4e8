"""A file of JSON lines that one process at a time appends to, safe against being killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from toolkit.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class AppendLog:
    """JSON lines in a file of a folder; both are made when they are needed, and locked then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether this process has the lock."""
        return self._file is not None

    def open(self) -> IO[bytes]:
        """Make the folder and the file, and keep other processes out.

        Raises `UsageError` if another process has them open.
        """
        while self._file is None:
            self.path.parent.mkdir(exist_ok=True)
            file = self.path.open("ab", buffering=0)
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise UsageError(
                    f"{self.path.parent}: another process is writing this output at the moment. "
                    "Wait for it, or choose another place with --output."
                ) from None
            if self.path.exists() and os.path.samestat(self.path.stat(), os.fstat(file.fileno())):
                file.truncate(self.path.read_bytes().rfind(b"\n") + 1)  # a line that was cut off
                self._file = file
            else:
                file.close()  # of a folder that the other process has just removed
        return self._file

    def read(self) -> list[Any]:
        """Read the lines, without one that was cut off; raise `ValueError` if one is damaged."""
        data = self.path.read_bytes()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def append(self, lines: Iterable[dict[str, Any]]) -> None:
        """Add lines, all or none, and wait until they are on the disk."""
        file = self.open()
        length = os.fstat(file.fileno()).st_size
        rest = memoryview(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(length)
            raise

    def clear(self) -> None:
        """Remove all lines."""
        self.open().truncate(0)

    def close(self) -> None:
        """Let other processes in."""
        if self._file is not None:
            self._file.close()
