"""Compressed files, decompressed as they are read: never much more than what is asked for."""

from __future__ import annotations

import lzma
import zlib

import pyarrow as pa

from toolkit.records.text_files.byte_sources import ByteSource
from toolkit.records.text_files.encodings import Read

_READ_BYTES = 1 << 16  # compressed, at once
_MAX_READ = 16 << 20  # decompressed, at once
# What `xz -9` needs is 65 MiB; a file may ask for 4 GiB.
_XZ_MEMORY = 128 << 20
_PADDING = 9  # gzip itself ends in at most 8 zeros: the checksum and the size of nothing


def decompressed(source: ByteSource, compression: str | None) -> Read:
    """Give the function that reads a source; it raises `OSError` where the data are damaged."""
    if compression is None:
        return source.read
    if compression == "xz":
        return _Xz(source).read
    if compression == "gzip" and source.ends_in_zeros(_PADDING):
        return _padded_gzip(source)
    stream = pa.CompressedInputStream(pa.PythonFile(source, "r"), compression)
    # Arrow reserves all that is asked for, and gives what it has.
    return lambda size: stream.read(min(size, _MAX_READ))


class _Xz:
    """The streams of an xz file, one after the other, with zeros between them and at the end."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._stream = _new_xz_stream()
        self._is_begun = False  # the stream
        self._data = b""  # compressed, and not given to the stream yet

    def read(self, size: int) -> bytes:
        """Read about as many bytes; nothing at the end."""
        while self._has_more():
            data, self._data, self._is_begun = self._data, b"", True
            try:
                part = self._stream.decompress(data, max_length=min(size, _MAX_READ))
            except lzma.LZMAError as error:
                raise OSError(f"xz decompress failed: {error}") from None
            if self._stream.eof:
                self._data = self._stream.unused_data.lstrip(b"\0")
                self._stream, self._is_begun = _new_xz_stream(), False
            if part:
                return part
        return b""

    def _has_more(self) -> bool:
        """Read what the stream needs, or the next one; tell whether there is more."""
        while not self._data and (not self._is_begun or self._stream.needs_input):
            self._data = self._source.read(_READ_BYTES)
            if not self._data and self._is_begun:
                raise OSError("the compressed data end too early")
            if not self._data:
                return False
            if not self._is_begun:
                self._data = self._data.lstrip(b"\0")
        return True


def _new_xz_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _padded_gzip(source: ByteSource) -> Read:
    """Read gzip with zeros after it, which tapes and disks leave and Arrow does not read."""
    import gzip  # rarely needed

    unzipped = gzip.GzipFile(fileobj=source, mode="rb")

    def read(size: int) -> bytes:
        try:
            return unzipped.read(min(size, _MAX_READ))
        except (EOFError, zlib.error) as error:
            raise OSError(str(error)) from None

    return read
