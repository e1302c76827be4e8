"""Compressed files: their endings, and the parts of an output compressed one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
