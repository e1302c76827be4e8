"""Packed files: endings of compressions, parts of an output packed one by one, members of archives.

A member of a zip archive is read as a file: ``reviews.zip/march.csv``.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_file
from toolkit.stores.paths import is_in_store

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

    import pyarrow as pa

# By the ending that follows the one of the format.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}

# zlib's default, and zstd's; Arrow's own default for gzip is the slowest, 9.
_LEVELS = {"gzip": 6, "zstd": 3}
_XZ_LEVEL = 3  # its dictionary of 4 MiB is as large as a block; more takes memory only


def compression_of(path: Path) -> str | None:
    """Tell how a file is compressed, by the ending of its name."""
    return COMPRESSIONS.get(path.suffix.lower())


def format_ending(path: Path) -> str:
    """Give the ending that tells the format, without the one of a compression."""
    return Path(path.stem).suffix if compression_of(path) else path.suffix


def compression_ending(path: Path) -> str:
    """Give the ending that tells the compression; nothing where there is none."""
    return path.suffix if compression_of(path) else ""


def compressor(compression: str | None) -> Callable[[pa.Buffer], pa.Buffer | bytes]:
    """Give the function that compresses a part of an output, to a member, stream or frame."""
    if compression is None:
        return lambda part: part
    compress = _compress(compression)
    return lambda part: compress(part) if len(part) else part


def compressed_nothing(compression: str | None) -> bytes:
    """Give a file without content: a compressed one is not empty even then."""
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
    # As bytes: the memory view of a buffer that a codec gives is longer than it (pyarrow 26).
    return lambda part: codec.compress(part, asbytes=True)


ZIP = ".zip"

_ENCRYPTED = 0x1  # of the flags of a member
_SHOWN = 5  # names in a message


def is_archive(path: Path) -> bool:
    """Whether this is a zip archive, by its name."""
    return path.suffix.lower() == ZIP and is_a_file(path)


def inside_archive(path: Path) -> tuple[Path, str] | None:
    """Give archive and member of a path such as ``reviews.zip/march.csv``; None for other paths."""
    if ZIP not in str(path).lower():
        return None
    archive = next((parent for parent in path.parents if is_archive(parent)), None)
    return None if archive is None else (archive, path.relative_to(archive).as_posix())


def file_of(path: Path) -> Path:
    """Give the file that holds the bytes: the archive of a member, or the file itself."""
    inside = inside_archive(path)
    return path if inside is None else inside[0]


def members(archive: Path, endings: Collection[str]) -> list[Path]:
    """Give the paths of the members with some endings, by name; all of them where none has.

    Hidden ones are left out, as in folders. Raises `InputError` if the archive cannot be read.
    """
    names, shown, known = _names(archive, endings)
    return [archive / name.lstrip("/") for name in sorted(known or shown or names)]


def count_others(archive: Path, endings: Collection[str]) -> int:
    """Count the members that `members` leaves out though they are not hidden."""
    _, shown, known = _names(archive, endings)
    return len(shown) - len(known) if known else 0


def _names(archive: Path, endings: Collection[str]) -> tuple[list[str], list[str], list[str]]:
    """Give the names of all members, of those that are not hidden, and of those with an ending."""
    with _opened(archive) as file:
        found = [info for info in file.infolist() if info.filename]  # which may be damaged
        names = [info.filename for info in found if not info.is_dir()]
    shown = [name for name in names if not any(map(_is_hidden, PurePosixPath(name).parts))]
    return names, shown, [name for name in shown if format_ending(Path(name)).lower() in endings]


def _is_hidden(part: str) -> bool:
    return part[0] in "._" and part[:2] != ".."


def only_member(archive: Path, endings: Collection[str]) -> Path:
    """Give the path of the one member of an archive; `UsageError` if there are several."""
    found = members(archive, endings)
    if not found:
        raise InputError(f"{archive}: an archive without files, expected reviews")
    if len(found) > 1:
        raise UsageError(several(archive, found))
    return found[0]


def several(archive: Path, found: list[Path]) -> str:
    """Say what to do with an archive of several members."""
    names = ", ".join(path.relative_to(archive).as_posix() for path in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} more" if found[_SHOWN:] else ""
    example = next((each for each in found if ".." not in each.parts), found[0])
    return (
        f"{archive}: holds {len(found):,} files ({names}{more}). Choose one, such as {example}, "
        "or score all of them into a folder: --output FOLDER/"
    )


def is_safe(name: str) -> bool:
    """Whether a file with the name of a member stays in its folder, on any system."""
    paths = PurePosixPath(name), PureWindowsPath(name)
    return not any(".." in path.parts or path.anchor for path in paths)


class MemberFile(io.RawIOBase):
    """A member of an archive, unpacked as it is read; raises `OSError` where it is damaged."""

    def __init__(self, archive: Path, name: str) -> None:
        from zipfile import BadZipFile  # late: the command line needs no archive

        self._damaged = (BadZipFile, zlib.error, EOFError, ValueError)
        self._archive = _opened(archive)
        try:
            info = _found(self._archive, archive, name)
            self.size = info.file_size
            self._file = self._archive.open(info)
        except (BadZipFile, OSError) as error:  # a place before the file, after its end
            self._archive.close()
            reason = "the archive is damaged" if isinstance(error, OSError) else error
            raise InputError(f"{archive}/{name}: cannot be read: {reason}") from None
        except BaseException:
            self._archive.close()
            raise

    def read(self, size: int = -1) -> bytes:
        """Read about as many bytes; nothing at the end."""
        try:
            return self._file.read(size)
        except self._damaged as error:
            raise OSError(f"the archive is damaged: {error}") from None

    def tell(self) -> int:
        """Give how many bytes are read."""
        return self._file.tell()

    def close(self) -> None:
        """Close the archive, too."""
        if not self.closed:
            self._file.close()
            self._archive.close()
        super().close()


def _opened(archive: Path) -> ZipFile:
    from zipfile import BadZipFile, ZipFile

    try:
        # A store gives a file that is read in parts, and everything else is opened by its name.
        return ZipFile(archive.open("rb") if is_in_store(archive) else archive)
    except OSError as error:
        raise InputError(f"{archive}: cannot be read: {error.strerror or error}") from None
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{archive}: not a zip archive, or a damaged one: {error}") from None


def _found(file: ZipFile, archive: Path, name: str) -> ZipInfo:
    """Find a member that can be read."""
    from zipfile import ZIP_DEFLATED, ZIP_STORED

    path = PurePosixPath(name)
    found = [info for info in file.infolist() if PurePosixPath(info.filename.lstrip("/")) == path]
    where = f"{archive}/{name}"
    if not found:
        raise InputError(f"{where}: no such file in the archive")
    if len(found) > 1:
        raise InputError(
            f"{where}: {len(found)} files in the archive are called so. Unpack it first"
        )
    info = found[0]
    if info.flag_bits & _ENCRYPTED:
        raise InputError(f"{where}: is encrypted. Unpack it with its password first")
    # Of the other methods, Python unpacks at once whatever a few bytes hold, such as 500 MB.
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise InputError(
            f"{where}: is compressed in a way that cannot be read (method {info.compress_type}; "
            "deflate can). Unpack it first"
        )
    return info
