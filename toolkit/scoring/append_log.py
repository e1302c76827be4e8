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
    """The file ``journal`` of a folder; both are made when they are needed, and locked then."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder = folder
        self._place = place  # as messages call what is written
        self._path = folder / "journal"
        self._file: IO[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether this process has the lock."""
        return self._file is not None

    def open(self) -> IO[bytes]:
        """Make it, and keep other processes out; `UsageError` if one of them has it open."""
        while self._file is None:
            self.folder.mkdir(exist_ok=True)
            if self._path.exists() and not self._path.is_file():
                raise UsageError(f"{self._path}: is not a file with progress of a run. Remove it.")
            file = self._path.open("ab", buffering=0)
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise UsageError(
                    f"{self._place}: another process is writing this output at the moment. Wait "
                    "for it, or choose another with --output."
                ) from None
            if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(file.fileno())):
                whole_lines = self._path.read_bytes().rfind(b"\n") + 1  # one may be cut off
                file.truncate(whole_lines)
                self._file = file
            else:
                file.close()  # of a folder that the other process has just removed
        return self._file

    def read(self) -> list[Any]:
        """Read the lines that are not cut off; `ValueError` if one is not JSON."""
        data = self._path.read_bytes()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def append(self, lines: Iterable[dict[str, Any]]) -> None:
        """Add lines, all or none, and wait until they are on the disk."""
        rest = memoryview(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        if not rest:
            return
        file = self.open()
        length = os.fstat(file.fileno()).st_size
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(length)
            raise

    def close(self) -> None:
        """Let other processes in."""
        if self._file is not None:
            self._file.close()
