"""The input of a run, which must not change while it is scored."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import IO, Self

from toolkit.errors import InputError
from toolkit.files import is_in_store
from toolkit.records.read_options import STDIN
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.resuming.checkpoints import FileFacts, Prefix, PrefixSum
from toolkit.stores.store_path import StorePath


class WatchedInput:
    """A file beside its reader: what it was when the run began, and whether it still is that.

    Of an object in a store, its facts are enough: its tag changes with its content, and each
    request that reads it names the tag. So nothing of it is read a second time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        whole = file_of(path)
        self._file: IO[bytes] | None = None
        if isinstance(whole, StorePath):
            self.facts = FileFacts.of(whole.stat_object())
        else:
            self._file = whole.open("rb", buffering=0)
            self.facts = FileFacts.of(os.fstat(self._file.fileno()))
        self._is_archive = whole != path
        self._sum = PrefixSum()

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Open it; None for what is no file, or cannot be read, of which its reader says more."""
        try:
            if path == STDIN or not (
                is_in_store(path) or stat.S_ISREG(file_of(path).stat().st_mode)
            ):
                return None
            return cls(path)
        except OSError:
            return None

    def close(self) -> None:
        """Stop to watch it."""
        if self._file is not None:
            self._file.close()

    @property
    def is_same(self) -> bool:
        """Whether what is read is as it was, wherever its name leads to meanwhile."""
        if self._file is None:  # it cannot be otherwise: see above
            return True
        return FileFacts.of(os.fstat(self._file.fileno())) == self.facts

    def check(self) -> None:
        """Raise `InputError` if the file has changed, or another one has its name now."""
        now = FileFacts.at(file_of(self.path))
        if self.is_same and now == self.facts:
            return
        if now is None:
            what = "it is gone"
        elif now.inode != self.facts.inode:
            what = f"another {'file' if self._file else 'object'} has its name now"
        elif now.size != self.facts.size:
            what = f"it had {self.facts.size:,} bytes, and has {now.size:,}"
        else:
            what = "it was written to"
        raise InputError(
            f"{self.path}: has changed while it was scored: {what}. Nothing of it is kept. Score "
            "it again when nothing else writes to it."
        )

    def read_so_far(self, size: int) -> Prefix:
        """Give the checksum of its first bytes; of an archive, which has no order, all of them."""
        if self._file is None:
            return Prefix(size, zlib.crc32(str(self.facts.inode).encode()))
        return self._sum.up_to(self.facts.size if self._is_archive else size, self._file)

    def begins_with(self, prefix: Prefix) -> bool:
        """Whether its first bytes are those of an earlier run."""
        return self.read_so_far(prefix.size) == prefix
