"""What is done of a file, or of a part of one that somebody scores alone."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from toolkit.records.review_file import Offset
from toolkit.scoring.summary import Summary
from toolkit.stores.paths import StorePath

_READ_BYTES = 1 << 17  # which stay in the cache of a core between the read and the sum

Prefix = tuple[int, int]  # the first bytes of a file: how many, and their CRC-32


@dataclass(frozen=True)
class FileFacts:
    """What tells a file from another one, and from itself after a change."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Self:
        """Take them from what `os.stat` gives."""
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino)

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Look at a path; None if nothing is there."""
        try:
            return cls.of(path.stat_object() if isinstance(path, StorePath) else path.stat())
        except OSError:
            return None


class PrefixSum:
    """The checksum of the first bytes of a file, which is continued as more of them are wanted."""

    def __init__(self) -> None:
        self._size = self._crc = 0

    def up_to(self, size: int, file: IO[bytes]) -> Prefix:
        """Add the bytes up to a size, or to the end of the file; what is added already stays."""
        file.seek(self._size)
        piece = memoryview(bytearray(_READ_BYTES))
        while self._size < size:
            count = file.readinto(piece[: size - self._size])  # type: ignore[attr-defined]
            if not count:
                break
            self._crc = zlib.crc32(piece[:count], self._crc)
            self._size += count
        return self._size, self._crc


@dataclass(frozen=True)
class Frame:
    """What a file holds around its records, as it is stored; in bytes."""

    header: int
    trailer: int
    separator: bytes  # between the records of two files that are joined


@dataclass(frozen=True)
class Checkpoint:
    """What is done of a job: up to some record, or all of it."""

    reached: Offset  # in the input, after the last block that is written
    summary: Summary
    # Of an output that grows: its files by name, and what was read of the input.
    files: Mapping[str, Prefix] = field(default_factory=dict)
    source: Prefix | None = None
    # Of one that is complete:
    complete: FileFacts | None = None
    placed: FileFacts | None = None  # of the object that it is uploaded to; a file stays the same
    frame: Frame | None = None  # None where files cannot be joined
    job_id: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # role → name
    warnings: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as values of JSON."""
        frame = self.frame and {**asdict(self.frame), "separator": self.frame.separator.hex()}
        return {**asdict(self), "frame": frame}

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read what `as_json` gives; `ValueError` if it is something else."""
        try:
            read = dict(content)
            for name in ("complete", "placed"):
                read[name] = read[name] and FileFacts(**read[name])
            if (frame := read["frame"]) is not None:
                read["frame"] = Frame(**{**frame, "separator": bytes.fromhex(frame["separator"])})
            source = read.pop("source")
            return cls(
                tuple(read.pop("reached")),
                Summary.from_dict(read.pop("summary")),
                {name: _prefix(prefix) for name, prefix in read.pop("files").items()},
                source and _prefix(source),
                **read,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from None


def _prefix(values: Sequence[int]) -> Prefix:
    size, crc = values
    return size, crc
