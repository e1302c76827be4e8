"""An input: what a path leads to, looked at once, where the inputs of a call are found.

`Input.of` is the one place that asks whether a path is a file, a folder, a pipe, an archive or a
member of an archive. All later code reads the answer. Whether the file has changed since is another
question: who has to know that looks at the disk again, with `Input.look`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from pathlib import Path
from typing import Self

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_file, resolved
from toolkit.records.archives import ZIP, compression_of, count_others, members
from toolkit.records.options import STDIN
from toolkit.stores.paths import StorePath, is_in_store

_SHOWN = 5  # names in a message


class PathKind(Enum):
    """What a path leads to."""

    FILE = auto()  # on this machine, also a member of an archive; or an object, not asked for yet
    FOLDER = auto()
    STREAM = auto()  # standard input or a pipe, which can be read once, from start to end
    SPECIAL = auto()  # a device or a socket, for which reading might wait for ever
    MISSING = auto()  # nothing, or what cannot be looked at: an error when it is opened


@dataclass(frozen=True)
class FileFacts:
    """What distinguishes a file from other files, and from itself after a change."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Take the facts from a result of `os.stat`."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """Look at a path; None if nothing is there."""
        status = status_of(path)
        return None if status is None else cls.of(status)


@dataclass(frozen=True)
class Input:
    """A file of reviews to read, as it was found.

    Attributes
    ----------
    path : Path
        As the user names it: `STDIN`, a file, an object in a store, or ``ARCHIVE/MEMBER``.
    kind : PathKind
        What the path leads to. An object in a store counts as a file until it is opened.
    archive : Path | None
        The zip archive that holds this member; None for other inputs.
    is_archive : bool
        Whether this is a zip archive itself, by its name.
    status : os.stat_result | None
        Of the file, or of the archive; None for standard input, for an object in a store, which
        would have to be asked, and where nothing is there.
    """

    path: Path
    kind: PathKind
    archive: Path | None = None
    is_archive: bool = False
    status: os.stat_result | None = field(default=None, compare=False)

    @classmethod
    def of(cls, path: Path | Input) -> Input:
        """Look at a path once; an `Input` stays as it is."""
        if isinstance(path, Input):
            return path
        if path == STDIN:
            return cls(path, PathKind.STREAM)
        if (archive := _archive_above(path)) is not None:
            return archive.member(path.relative_to(archive.path).as_posix())
        is_zip = path.suffix.lower() == ZIP
        if is_in_store(path):  # a name that does not end in .zip is not looked at
            return cls(path, PathKind.FILE, is_archive=is_zip and is_a_file(path))
        status = status_of(path)
        kind = _kind_of(status)
        return cls(path, kind, is_archive=is_zip and kind is PathKind.FILE, status=status)

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The input, as messages call it."""
        return "standard input" if self.is_stdin else str(self.path)

    @property
    def is_stdin(self) -> bool:
        """Whether this is standard input."""
        return self.path == STDIN

    @property
    def is_stream(self) -> bool:
        """Whether it can be read only once: standard input, or a pipe."""
        return self.kind is PathKind.STREAM

    @property
    def is_in_store(self) -> bool:
        """Whether this is an object in a store, or in an archive there."""
        return is_in_store(self.path)

    @property
    def compression(self) -> str | None:
        """How it is compressed, by the ending of its name."""
        return compression_of(self.path)

    @property
    def file(self) -> Path:
        """The file that holds the bytes: the archive of a member, or the file itself."""
        return self.path if self.archive is None else self.archive

    @property
    def member_name(self) -> str:
        """The name of a member in its archive."""
        assert self.archive is not None
        return self.path.relative_to(self.archive).as_posix()

    @property
    def facts(self) -> FileFacts | None:
        """Size and times of the file as it was found; None where `status` is None."""
        return None if self.status is None else FileFacts.of(self.status)

    @cached_property
    def real_path(self) -> Path:
        """The path without links."""
        return resolved(self.path)

    @property
    def names(self) -> set[Path | tuple[int, int]]:
        """What identifies the file: its path without links, and for hard links its number."""
        return {self.file} if self.is_in_store else names_of(self.real_path, self.status)

    def look(self) -> FileFacts | None:
        """Look at the file as it is now; None if it is gone. For an object, this is a request."""
        with suppress(ValueError):  # a name with a null byte
            return FileFacts.at(self.file)
        return None

    def known_facts(self) -> FileFacts | None:
        """Return the facts as they were found; of an object, look now."""
        return self.look() if self.is_in_store else self.facts

    def member(self, name: str) -> Input:
        """Return a member of this archive, or of the archive that this is a member of."""
        return Input(self.file / name, PathKind.FILE, archive=self.file, status=self.status)

    def members(self, endings: Collection[str]) -> list[Input]:
        """Return the members with some endings, by name; all members if none has such an ending.

        They are members of this archive, or of the archive that this is a member of. Hidden members
        are left out, as in folders. Raises `InputError` if the archive cannot be read.
        """
        return [self.member(name) for name in members(self.file, endings)]

    def count_others(self, endings: Collection[str]) -> int:
        """Count the members that `members` leaves out though they are not hidden."""
        return count_others(self.path, endings)

    def only_member(self, endings: Collection[str]) -> Input:
        """Return the one member of this archive; raise `UsageError` if there are several."""
        found = self.members(endings)
        if not found:
            raise InputError(f"{self.path}: an archive without files, expected reviews")
        if len(found) > 1:
            raise UsageError(several_members(self.path, found))
        return found[0]


def several_members(archive: Path, found: list[Input]) -> str:
    """Return the message about an archive of several members, with what to do."""
    names = ", ".join(each.member_name for each in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} more" if found[_SHOWN:] else ""
    example = next((each for each in found if ".." not in each.path.parts), found[0])
    return (
        f"{archive}: holds {len(found):,} files ({names}{more}). Choose one, such as {example}, "
        "or score all of them into a folder: --output FOLDER/"
    )


def names_of(real_path: Path, status: os.stat_result | None) -> set[Path | tuple[int, int]]:
    """Return what identifies a file, given its path without links and its status, if any."""
    return {real_path} if status is None else {real_path, (status.st_dev, status.st_ino)}


def _archive_above(path: Path) -> Input | None:
    """Find the archive that a path such as ``reviews.zip/march.csv`` leads into."""
    if ZIP not in str(path).lower():
        return None
    above = (Input.of(parent) for parent in path.parents if parent.suffix.lower() == ZIP)
    return next((each for each in above if each.is_archive), None)


def status_of(path: Path) -> os.stat_result | None:
    """Look at a path; None if nothing is there, or it cannot be looked at."""
    try:
        return path.stat_object() if isinstance(path, StorePath) else path.stat()
    except (OSError, ValueError):  # ValueError: a name with a null byte
        return None


def _kind_of(status: os.stat_result | None) -> PathKind:
    if status is None:
        return PathKind.MISSING
    if stat.S_ISREG(status.st_mode):
        return PathKind.FILE
    if stat.S_ISDIR(status.st_mode):
        return PathKind.FOLDER
    return PathKind.STREAM if stat.S_ISFIFO(status.st_mode) else PathKind.SPECIAL
