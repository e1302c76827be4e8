"""The bytes of a file, decompressed and in UTF-8, from its start to its end."""

from __future__ import annotations

import codecs
import os
import select
import stat
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.records.compression import COMPRESSIONS, compression_of
from toolkit.records.read_options import STDIN

_READ_BYTES = 1 << 20

# A block of a pipe is what came within this time of its first bytes: programs that write as fast as
# they can fill it, and what comes row by row is not held back.
_SECONDS_OF_A_BLOCK = 0.1
# A pipe that gives nothing for as long is waited for.
_SECONDS_OF_A_PAUSE = 0.02

# What a compressed file begins with; no text in UTF-8 does.
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


Read = Callable[[int], bytes]  # about as many bytes; nothing at the end


class ByteStream:
    """A file of text as UTF-8, decompressed by its ending, which can be looked at ahead.

    Bytes that are invalid in `encoding` become surrogates; `as_in_file` gives them back.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self._encoding = _known(encoding)
        self._file = _open(path)
        self.size = None if path == STDIN else os.fstat(self._file.fileno()).st_size
        self._is_pipe = self.size is None and _can_wait(self._file)
        self._is_at_end = False
        self._compression = compression_of(path)
        self._transcoded: _Transcoded | None = None
        self._read = self._opened()
        self._offset = 0  # of what comes next
        self._data = b""  # read already, from `_at` on
        self._at = 0

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file are read, compressed as they are."""
        return 0 if self.size is None else self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def peek(self, size: int) -> bytes:
        """Give the next bytes, fewer only at the end; they are still there afterwards.

        Raises `OSError`, `ValueError` (encoding), `InputError` if the name lacks a compression.
        """
        missing = size - (len(self._data) - self._at)
        if missing > 0:
            self._fill(size, size)
        return self._data[self._at : self._at + size]

    def look(self, size: int, beyond: int) -> tuple[bytes, bool]:
        """Give the next bytes as `peek`, or those of a slow pipe that are there.

        They are more than `beyond`, if there are more. Also tell whether they are the last.
        """
        if not self._is_pipe:
            data = self.peek(size)
            return data, len(data) < size
        if len(self._data) - self._at < size:
            self._fill(size, beyond)
        data = self._data[self._at : self._at + size]
        return data, self._is_at_end and len(data) < size

    def is_waiting(self) -> bool:
        """Whether a pipe gives nothing at the moment."""
        return self._is_pipe and not self._is_at_end and not self._comes_within(_SECONDS_OF_A_PAUSE)

    def _fill(self, size: int, beyond: int) -> None:
        """Read up to `size` bytes ahead; no longer than a moment when more than `beyond` came."""
        parts = [self._data[self._at :]]
        count, deadline = len(parts[0]), None
        while count < size and not self._is_at_end:
            if count > beyond:
                now = time.monotonic()
                deadline = now + _SECONDS_OF_A_BLOCK if deadline is None else deadline
                if not self._comes_within(deadline - now):
                    break
            part = self._read(size - count)
            self._is_at_end = not part
            parts.append(part)
            count += len(part)
        self._data, self._at = b"".join(parts), 0
        if not self._offset:
            self._check_decompressed()

    def _comes_within(self, seconds: float) -> bool:
        return bool(select.select([self._file], [], [], max(seconds, 0))[0])

    def advance(self, size: int) -> None:
        """Continue after bytes that `peek` gave."""
        self._at += size
        self._offset += size
        if self._at == len(self._data):
            self._data, self._at = b"", 0

    def seek(self, offset: int) -> None:
        """Go forward to an offset of what `peek` gives."""
        if self._compression is None and self._encoding is None and self.path != STDIN:
            self._data, self._at, self._offset = b"", 0, offset
            self._file.seek(offset)
        while self._offset < offset:
            skipped = len(self.peek(min(offset - self._offset, _READ_BYTES)))
            if not skipped:
                return
            self.advance(skipped)

    def as_in_file(self, data: bytes) -> bytes:
        """Give some bytes as they are in the decompressed file."""
        if self._encoding is None:
            return data
        assert self._transcoded is not None
        return self._transcoded.encode(data.decode("utf-8", "surrogatepass"))

    def _check_decompressed(self) -> None:
        """Refuse what is compressed, for which no other message would say what is wrong."""
        found = next(
            (name for start, name in _COMPRESSED.items() if self._data.startswith(start)), None
        )
        if found is None or self._encoding is not None:
            return
        if self.path == STDIN:
            raise InputError(
                f"standard input: is compressed with {found}. Decompress it first: "
                f"{found} -dc FILE | toolkit score -"
            )
        ending = next(ending for ending, name in COMPRESSIONS.items() if name == found)
        raise InputError(
            f"{self.path}: is compressed with {found}"
            + (" twice. Decompress it" if self._compression else f". Add {ending} to its name")
        )

    def _opened(self) -> Read:
        read: Read = _awaiting(self._file) if self.path == STDIN else self._file.read
        if self._compression == "gzip" and _is_padded(self._file):
            read = _padded_gzip(self._file)
        elif self._compression is not None:
            read = pa.CompressedInputStream(pa.PythonFile(self._file, "r"), self._compression).read
        if self._encoding is None:
            return read
        self._transcoded = _Transcoded(read, self._encoding)
        return self._transcoded.read


def _can_wait(file: IO[bytes]) -> bool:
    """Whether reading may have to wait for others: for a pipe, a terminal or a socket."""
    # Windows waits for sockets only.
    return sys.platform != "win32" and not stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _awaiting(file: IO[bytes]) -> Read:
    """Read standard input, which may be a pipe that does not wait: its other end chooses that."""
    now: Callable[[int], bytes | None] = file.read

    def read(size: int) -> bytes:
        while (part := now(size)) is None:
            select.select([file], [], [])
        return part

    return read


def _padded_gzip(file: IO[bytes]) -> Read:
    """Read gzip with zeros after it, which tapes and disks leave and Arrow does not read."""
    import gzip  # rarely needed

    unzipped = gzip.GzipFile(fileobj=file, mode="rb")

    def read(size: int) -> bytes:
        try:
            return unzipped.read(size)
        except (EOFError, zlib.error) as error:
            raise OSError(str(error)) from None

    return read


class _Transcoded:
    """Bytes in an encoding, read as UTF-8."""

    def __init__(self, read: Read, encoding: str) -> None:
        self._read = read
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._is_start = True

    def encode(self, text: str) -> bytes:
        """Give some of the text as it is in the file."""
        try:
            return text.encode(self._encoding, "surrogateescape")
        except UnicodeError:  # a byte for itself, which UTF-16 and UTF-32 do not encode
            return b"".join(
                bytes([ord(character) & 0xFF])
                if "\udc80" <= character <= "\udcff"
                else character.encode(self._encoding, "replace")
                for character in text
            )

    def read(self, size: int) -> bytes:
        """Read about as many bytes; nothing at the end."""
        while part := self._read(max(size, 4)):
            if self._is_start and self._encoding in ("utf-16", "utf-32"):
                while len(part) < 4 and (more := self._read(4 - len(part))):
                    part += more  # a pipe may give a mark in pieces
                # Without the mark, which is only at the start of the file.
                is_big = part[:4].strip(b"\0").startswith(codecs.BOM_UTF16_BE)
                self._encoding += "-be" if is_big else "-le"
            self._is_start = False
            if text := self._decoder.decode(part):
                return text.encode("utf-8", "surrogatepass")
        return self._decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _is_padded(file: IO[bytes]) -> bool:
    """Whether it ends in more zeros than gzip itself can: the checksum and the size of nothing."""
    start = max(file.seek(0, os.SEEK_END) - 9, 0)
    file.seek(start)
    tail = file.read(9)
    file.seek(0)
    return tail == bytes(9)


def _known(encoding: str | None) -> str | None:
    """Check the name of an encoding; UTF-8 needs no conversion."""
    if encoding is None:
        return None
    try:
        codec = codecs.lookup(encoding)
        "a".encode(encoding)  # not all codecs are of text
    except (LookupError, ValueError):
        raise UsageError(
            f"no encoding {encoding!r}. --encoding takes the names that Python knows, such as "
            "latin-1, cp1252 or utf-16"
        ) from None
    return None if codec.name in ("utf-8", "utf-8-sig", "ascii") else codec.name


def _open(path: Path) -> IO[bytes]:
    if path == STDIN:
        if sys.stdin is None:
            raise InputError("standard input: is closed")
        return open(0, "rb", buffering=0, closefd=False)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(
                f"{path}: a pipe or a device. Save its content to a file first. `score` and "
                "`evaluate` also read reviews from standard input: - with --format"
            )
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
