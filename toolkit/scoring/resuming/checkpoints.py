"""What the lines of a journal say of an output."""

from __future__ import annotations

import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from toolkit.records.record_blocks import Place
from toolkit.scoring.summary import Summary
from toolkit.stores.store_path import StorePath

VERSION = 4  # of the lines

_READ_BYTES = 1 << 17  # which stay in the cache of a core between the read and the sum


@dataclass(frozen=True)
class Prefix:
    """The first bytes of a file."""

    size: int
    crc: int  # CRC-32


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
        return Prefix(self._size, self._crc)


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


@dataclass(frozen=True)
class Checkpoint:
    """How much of an output is written."""

    place: Place  # in the input, where the next block starts
    files: dict[str, Prefix]  # of the output, as far as they are complete, by name
    counts: dict[str, Any]  # as in `Summary.as_dict`
    source: Prefix | None = None  # what was read of the input, which a later run has to find again
    complete: FileFacts | None = None  # the output is complete, and only has to get its name
    placed: FileFacts | None = None  # of the object that it is uploaded to; a file stays the same


@dataclass(frozen=True)
class Entry:
    """What is known of an output."""

    replaces_for: str | None = None  # the input of the run that may replace what is there
    replaces: dict[str, FileFacts] = field(default_factory=dict)  # what that is, by path
    identity: dict[str, Any] | None = None  # of the run with the checkpoint
    checkpoint: Checkpoint | None = None

    def as_line(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_line(cls, line: Any) -> Self:
        """Read what `as_line` gives; `ValueError` if it is damaged, or not of us."""
        try:
            line = dict(line)
            if line.pop("version") != VERSION or not isinstance(line["identity"], dict | None):
                raise ValueError(line)
            point = line.pop("checkpoint")
            if point is not None:
                point = _checkpoint(point)
            replaces = {name: FileFacts(**facts) for name, facts in line.pop("replaces").items()}
            return cls(**line, replaces=replaces, checkpoint=point)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from None


def _checkpoint(point: dict[str, Any]) -> Checkpoint:
    source, complete, placed = point["source"], point["complete"], point.get("placed")
    checkpoint = Checkpoint(
        tuple(point["place"]),
        {name: Prefix(**prefix) for name, prefix in point["files"].items()},
        point["counts"],
        source and Prefix(**source),
        complete and FileFacts(**complete),
        placed and FileFacts(**placed),
    )
    Summary.from_dict(checkpoint.counts)
    return checkpoint


def is_older(lines: list[Any]) -> bool:
    """Whether an older version of the toolkit has written some lines."""
    versions = [line.get("version") for line in lines if isinstance(line, dict)]
    return any(isinstance(version, int) and version < VERSION for version in versions)
