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
            try:
                file = self._path.open("ab", buffering=0)
            except FileNotFoundError:  # or the other process has just removed the folder
                self.folder.mkdir(exist_ok=True)
                continue
            except IsADirectoryError:
                raise UsageError(
                    f"{self._path}: is not a file with progress of a run. Remove it."
                ) from None
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise UsageError(
                    f"{self._place}: another process is writing this output at the moment. Wait "
                    "for it, or choose another with --output."
                ) from None
            if self._is_at_its_place(file):
                self._file = file
                if os.fstat(file.fileno()).st_size:
                    whole_lines = self._path.read_bytes().rfind(b"\n") + 1  # one may be cut off
                    file.truncate(whole_lines)
            else:
                file.close()  # of a folder that the other process has just removed
        return self._file

    def _is_at_its_place(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False

    def read(self) -> list[Any]:
        """Read the lines that are not cut off; `ValueError` if one is not JSON."""
        data = self._path.read_bytes()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def append(self, line: dict[str, Any], *, sync: bool = True) -> None:
        """Add a line as a whole or not at all, and wait until it is on the disk."""
        rest = memoryview(json.dumps(line).encode() + b"\n")
        file = self.open()
        length = os.fstat(file.fileno()).st_size
        try:
            while rest:
                rest = rest[file.write(rest) :]
            if sync:
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(length)
            raise

    def close(self) -> None:
        """Let other processes in."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files of the folder, the journal last: without it, another process may come.

        What else is in the folder, and so the folder itself, stays.
        """
        self.open()
        for name in names:
            with suppress(OSError):
                (self.folder / name).unlink()
        if os.name == "nt":
            self.close()  # else it could not be removed
        with suppress(OSError):
            self._path.unlink()
            self.folder.rmdir()
        self.close()
