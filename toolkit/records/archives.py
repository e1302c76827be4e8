"""Compressed files: the endings of their names, parts of an output, members of zip archives.

A member of a zip archive is read as a file: ``reviews.zip/march.csv``.
"""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, Self

from toolkit.errors import InputError
from toolkit.stores.paths import is_in_store

if TYPE_CHECKING:
    from zipfile import ZipInfo

    import pyarrow as pa

# By the ending that follows the one of the format.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}

# zlib's default, and zstd's; Arrow's own default for gzip is the slowest, 9.
_LEVELS = {"gzip": 6, "zstd": 3}
_XZ_LEVEL = 3  # its dictionary of 4 MiB is as large as a block; more takes memory only


def compression_of(path: Path) -> str | None:
    """Return how a file is compressed, by the ending of its name."""
    return COMPRESSIONS.get(path.suffix.lower())


def format_ending(path: Path) -> str:
    """Return the ending that names the format, without the ending of a compression."""
    return Path(path.stem).suffix if compression_of(path) else path.suffix


def compression_ending(path: Path) -> str:
    """Return the ending that names the compression; empty if the file is not compressed."""
    return path.suffix if compression_of(path) else ""


def compressor(compression: str | None) -> Callable[[pa.Buffer], pa.Buffer | bytes]:
    """Return the function that compresses a part of an output, to a member, stream or frame."""
    if compression is None:
        return lambda part: part
    compress = _compress(compression)
    return lambda part: compress(part) if len(part) else part


def compressed_nothing(compression: str | None) -> bytes:
    """Return a file without content; a compressed file is not empty even then."""
    return b"" if compression is None else _compress(compression)(b"")


def _compress(compression: str) -> Callable[[pa.Buffer | bytes], bytes]:
    # Late imports: the command line needs only the names for its help.
    if compression == "bz2":
        import bz2

        return bz2.compress
    if compression == "xz":
        import lzma

        return lambda part: lzma.compress(part, preset=_XZ_LEVEL)
    import pyarrow as pa

    codec = pa.Codec(compression, compression_level=_LEVELS[compression])
    # As bytes: the memory view of a buffer from a codec is longer than its content (pyarrow 26).
    return lambda part: codec.compress(part, asbytes=True)


ZIP = ".zip"

_ENCRYPTED = 0x1  # of the flags of a member


def members(archive: Path, endings: Collection[str]) -> list[str]:
    """Return the names of the members with some endings, in order; all if none has such an ending.

    Hidden members are left out, as in folders. Raises `InputError` if the archive cannot be read.
    """
    return _content(archive).members(tuple(endings)).names


def count_others(archive: Path, endings: Collection[str]) -> int:
    """Count the members that `members` leaves out though they are not hidden."""
    return _content(archive).members(tuple(endings)).others


def _is_hidden(part: str) -> bool:
    return part[0] in "._" and part[:2] != ".."


def is_safe(name: str) -> bool:
    """Whether a file with the name of a member stays in its folder, on any system."""
    paths = PurePosixPath(name), PureWindowsPath(name)
    return not any(".." in path.parts or path.anchor for path in paths)


class MemberFile(io.RawIOBase):
    """A member of an archive, unpacked as it is read; raises `OSError` where it is damaged."""

    def __init__(self, archive: Path, name: str) -> None:
        from zipfile import BadZipFile  # late: the command line needs no archive

        self._damaged = (BadZipFile, zlib.error, EOFError, ValueError)
        self._opened = ExitStack()
        content = _content(archive)
        info = content.found(name)
        self.size = info.file_size
        with ExitStack() as opened:
            try:
                opened.enter_context(content.bytes)
                self._file = opened.enter_context(content.file.open(info))
            except (BadZipFile, NotImplementedError, OSError) as error:
                # An error of the system: a place before the file, after its end.
                reason = "the archive is damaged" if isinstance(error, OSError) else error
                raise InputError(f"{archive}/{name}: cannot be read: {reason}") from None
            self._opened = opened.pop_all()

    def read(self, size: int = -1) -> bytes:
        """Read about `size` bytes; nothing at the end."""
        try:
            return self._file.read(size)
        except self._damaged as error:
            raise OSError(f"the archive is damaged: {error}") from None

    def tell(self) -> int:
        """Return how many bytes are read."""
        return self._file.tell()

    def close(self) -> None:
        """Close the member; close the archive, too, if nobody else reads it."""
        self._opened.close()
        super().close()


class _ArchiveBytes(io.RawIOBase):
    """The bytes of an archive, as a context in which its file is open.

    An object in a store stays open after it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._readers = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        with self._lock:
            if self._file is None:
                self._file = self._path.open("rb")
            self._readers += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._file is not None and not (self._readers or is_in_store(self._path)):
                self._file.close()
                self._file = None

    def seekable(self) -> bool:
        """Return that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset."""
        assert self._file is not None
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where it is read next."""
        assert self._file is not None
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes; fewer at the end."""
        assert self._file is not None
        return self._file.read(size)


@dataclass(frozen=True)
class _Members:
    """The members of an archive that may be reviews."""

    names: list[str]
    others: int  # members that are not hidden, and left out


class _Content:
    """The list of members of an archive, which is read once for all of them."""

    def __init__(self, path: Path) -> None:
        from zipfile import ZipFile

        self._path = path
        self.bytes = _ArchiveBytes(path)
        with self.bytes:
            self.file = ZipFile(self.bytes)
        found = [info for info in self.file.infolist() if info.filename]  # which may be damaged
        self._names = [info.filename for info in found if not info.is_dir()]
        self._infos: dict[PurePosixPath, list[ZipInfo]] = {}
        for info in self.file.infolist():
            self._infos.setdefault(PurePosixPath(info.filename.lstrip("/")), []).append(info)
        self._members: dict[tuple[str, ...], _Members] = {}

    def members(self, endings: tuple[str, ...]) -> _Members:
        """Return what `members` and `count_others` return."""
        if endings not in self._members:
            shown = [
                name for name in self._names if not any(map(_is_hidden, PurePosixPath(name).parts))
            ]
            known = [name for name in shown if format_ending(Path(name)).lower() in endings]
            names = [name.lstrip("/") for name in sorted(known or shown or self._names)]
            others = len(shown) - len(known) if known else 0
            self._members[endings] = _Members(names, others)
        return self._members[endings]

    def found(self, name: str) -> ZipInfo:
        """Find a member that can be read."""
        from zipfile import ZIP_DEFLATED, ZIP_STORED

        found = self._infos.get(PurePosixPath(name), [])
        where = f"{self._path}/{name}"
        if not found:
            raise InputError(f"{where}: no such file in the archive")
        if len(found) > 1:
            raise InputError(
                f"{where}: {len(found)} files in the archive have this name. Unpack it first"
            )
        info = found[0]
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{where}: is encrypted. Unpack it with its password first")
        # Of the other methods, Python unpacks at once whatever a few bytes hold, such as 500 MB.
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise InputError(
                f"{where}: is compressed in a way that cannot be read (method "
                f"{info.compress_type}; deflate can). Unpack it first"
            )
        return info


def _content(archive: Path) -> _Content:
    from zipfile import BadZipFile

    try:
        facts = archive.stat()
        kept = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
        return _content_of(archive, kept)
    except OSError as error:
        raise InputError(f"{archive}: cannot be read: {error.strerror or error}") from None
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{archive}: not a zip archive, or a damaged one: {error}") from None


@lru_cache(1)
def _content_of(path: Path, _: tuple[int, ...]) -> _Content:
    """Read what is in an archive, once for as long as the file has the same facts."""
    return _Content(path)
