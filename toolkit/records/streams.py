"""Read the bytes of a file, decompressed and as UTF-8.

`ByteSource` reads a file, a pipe, standard input or a member of an archive. `decompressed` bounds
how much is decompressed at once. `Transcoded` converts other encodings to UTF-8. `ByteStream`
combines the three.
"""

from __future__ import annotations

import codecs
import lzma
import os
import re
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, Literal

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.records.archives import MemberFile
from toolkit.records.inputs import Input, PathKind
from toolkit.records.kinds import LOOKED_AT, check_compressed
from toolkit.stores.read import ObjectReader


class ByteSource:
    """The bytes of a file as they are stored."""

    def __init__(self, source: Input) -> None:
        self._member: MemberFile | None = None
        if source.archive is not None:
            self._member = MemberFile(source.archive, source.member_name)
        self._file = self._member or open_file(source)
        is_whole = self._member is None and not isinstance(self._file, ObjectReader)
        facts = os.fstat(self._file.fileno()) if is_whole else None
        is_file = facts is None or stat.S_ISREG(facts.st_mode)
        self.can_seek = facts is not None and is_file and not source.is_stdin
        # On Windows, `select` works for sockets only.
        self.can_wait = not is_file and sys.platform != "win32"
        self.size: int | None = None
        if self._member is not None:
            self.size = self._member.size
        elif isinstance(self._file, ObjectReader):
            self.size = self._file.size
            self.can_seek = True
        elif facts is not None and self.can_seek:
            self.size = facts.st_size
        self._peeked = b""

    @property
    def bytes_read(self) -> int:
        """How many bytes are read; 0 for a pipe."""
        return 0 if self.size is None else self._file.tell()

    @property
    def closed(self) -> bool:
        """Whether the file is closed; Arrow reads this property."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; nothing only at the end."""
        if self._peeked:
            size = len(self._peeked) if size < 0 else size
            first = self._peeked[:size]
            self._peeked = self._peeked[size:]
            return first
        # The other end of a pipe may have made it non-blocking: then `read` returns None.
        read: Callable[[int], bytes | None] = self._file.read
        while (part := read(size)) is None:
            select.select([self._file], [], [])
        return part

    def peek(self, size: int) -> bytes:
        """Return up to `size` of the next bytes without consuming them; nothing only at the end."""
        self._peeked = self.read(size)
        return self._peeked

    def seek(self, offset: int) -> None:
        """Move to an offset; only if `can_seek`."""
        self._peeked = b""
        self._file.seek(offset)

    def wait(self, seconds: float) -> bool:
        """Wait for data or the end; return whether one came in time. Only if `can_wait`."""
        return bool(self._peeked or select.select([self._file], [], [], max(seconds, 0))[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_file(source: Input) -> IO[bytes]:
    """Open a file, a pipe or standard input; raise `InputError` if that fails."""
    if source.is_stdin:
        if sys.stdin is None:
            raise InputError("standard input: is closed")
        return open(0, "rb", buffering=0, closefd=False)
    if source.kind is PathKind.SPECIAL:
        raise InputError(
            f"{source}: is a device or a socket, expected a file. Save its content to a file "
            "first, or send it through a pipe"
        )
    try:
        return source.path.open("rb", buffering=0)
    except FileNotFoundError:
        raise InputError(f"{source}: no such file") from None
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from None


Read = Callable[[int], bytes]  # reads about as many bytes; nothing only at the end


_WIDE = ("utf-16", "utf-32")
# Four bytes of UTF-32 that are not a character, as `_wide_errors` keeps them: after a mark.
_NO_CHARACTER = re.compile("\udbff([\udc00-\udcff]{4})")


def _wide_errors(error: UnicodeError) -> tuple[str | bytes, int]:
    """Keep half surrogate pairs, and code points above the last of Unicode as their four bytes."""
    if isinstance(error, UnicodeDecodeError) and error.encoding.startswith("utf-32"):
        piece = error.object[error.start : error.start + 4]
        order: Literal["big", "little"] = "big" if error.encoding.endswith("be") else "little"
        if len(piece) == 4 and int.from_bytes(piece, order) > sys.maxunicode:
            return "\udbff" + "".join(chr(0xDC00 + byte) for byte in piece), error.start + 4
    return codecs.lookup_error("surrogatepass")(error)


codecs.register_error("toolkit.wide", _wide_errors)


class Transcoded:
    """Reads bytes in an encoding as UTF-8; invalid bytes become surrogates."""

    def __init__(self, read: Read, encoding: str) -> None:
        self._read = read
        self._encoding = encoding
        # In UTF-16, half a surrogate pair becomes one surrogate; elsewhere, each invalid byte does.
        self._errors = "toolkit.wide" if encoding.startswith(_WIDE) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._is_start = True
        self._cut_off = b""  # an incomplete character at the end of the file

    def encode(self, text: str) -> bytes:
        """Return a part of the text as the bytes that it has in the file."""
        cut_off = "".join(chr(0xDC00 + byte) for byte in self._cut_off)
        if cut_off and text.endswith(cut_off):
            whole = text.removesuffix(cut_off)
            return whole.encode(self._encoding, self._errors) + self._cut_off
        if self._encoding.startswith("utf-32") and "\udbff" in text:
            parts = _NO_CHARACTER.split(text)  # every second part is four invalid bytes
            coded = [part.encode(self._encoding, self._errors) for part in parts]
            coded[1::2] = (bytes(ord(each) & 0xFF for each in part) for part in parts[1::2])
            return b"".join(coded)
        try:
            return text.encode(self._encoding, self._errors)
        except UnicodeError:  # Python's ISO 2022 decodes bytes to characters it cannot encode
            return b"".join(map(self._encode_one, text))

    def _encode_one(self, character: str) -> bytes:
        try:
            return character.encode(self._encoding, self._errors)
        except UnicodeError:
            return bytes([ord(character) & 0xFF])

    def read(self, size: int) -> bytes:
        """Read about as many bytes; nothing only at the end."""
        while part := self._read(max(size, 4)):
            if self._is_start and self._encoding in _WIDE:
                while len(part) < 4 and (more := self._read(4 - len(part))):
                    part += more  # a pipe may deliver the byte order mark in pieces
                # From here on, name the byte order: only the start of the file has a mark.
                is_big = part[:4].strip(b"\0").startswith(codecs.BOM_UTF16_BE)
                self._encoding += "-be" if is_big else "-le"
            self._is_start = False
            if text := self._decoder.decode(part):
                return text.encode("utf-8", "surrogatepass")
        return self._end().encode("utf-8", "surrogatepass")

    def _end(self) -> str:
        """Return the rest of the text, at the end of the file."""
        try:
            return self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            if self._errors == "surrogateescape":
                raise
            self._cut_off = bytes(self._decoder.getstate()[0])
            self._decoder.reset()
            return "".join(chr(0xDC00 + byte) for byte in self._cut_off)


def known_encoding(encoding: str | None) -> str | None:
    """Return Python's name of an encoding, None for UTF-8; raise `UsageError` if unknown."""
    if encoding is None:
        return None
    try:
        codec = codecs.lookup(encoding)
        "a".encode(encoding)  # raises LookupError for codecs that are not text encodings
    except (LookupError, ValueError):
        raise UsageError(
            f"unknown encoding {encoding!r}. --encoding takes the names that Python knows, such as "
            "latin-1, cp1252 or utf-16"
        ) from None
    return None if codec.name in ("utf-8", "utf-8-sig", "ascii") else codec.name


_READ_COMPRESSED_BYTES = 1 << 16  # per step, of the compressed file
_READ_BYTES = 1 << 20
_MAX_READ = 16 << 20  # per step, decompressed
# `xz -9` needs 65 MiB; a hostile file may ask for 4 GiB.
_XZ_MEMORY = 128 << 20


def decompressed(source: ByteSource, compression: str | None) -> Read:
    """Return a function that reads a source; it raises `OSError` if the data are damaged."""
    if compression is None:
        return source.read
    if compression == "xz":
        parts = filter(None, _parts_of_xz(source))
        return lambda _: next(parts, b"")
    stream = pa.CompressedInputStream(pa.PythonFile(source, "r"), compression)
    # Arrow allocates the whole size before it reads.
    return lambda size: stream.read(min(size, _MAX_READ))


def _parts_of_xz(source: ByteSource) -> Iterator[bytes]:
    """Decompress the streams of an xz file; zeros may pad them."""
    stream: lzma.LZMADecompressor | None = None
    while data := source.read(_READ_COMPRESSED_BYTES):
        while data or (stream is not None and not stream.needs_input):
            if stream is None:
                data = data.lstrip(b"\0")
                stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY) if data else None
                continue
            try:
                yield stream.decompress(data, _READ_BYTES)
            except lzma.LZMAError as error:
                raise OSError(f"xz cannot decompress it: {error}") from None
            data = stream.unused_data
            stream = None if stream.eof else stream
    if stream is not None:
        raise OSError("the compressed data end too early")


# A block from a pipe holds the data of this time after its first bytes: a fast program fills the
# block, and the rows of a slow one are not held back.
_SECONDS_OF_A_BLOCK = 0.1
# A pipe without data for this time is `is_waiting`.
_SECONDS_OF_A_PAUSE = 0.02


class ByteStream:
    """A text file as UTF-8, decompressed as its ending says, with `peek` and `advance`.

    Bytes that are invalid in `encoding` become surrogates; `as_in_file` restores them.
    """

    def __init__(self, source: Input, encoding: str | None = None) -> None:
        self.path = source.path
        self._encoding = known_encoding(encoding)
        self._source = ByteSource(source)
        self.size = self._source.size
        self._is_at_end = False
        self._compression = source.compression
        self._transcoded: Transcoded | None = None
        try:
            self._read = self._opened()
        except BaseException:
            self._source.close()
            raise
        self._offset = 0  # in the stream, of the next byte
        self._data = b""  # read ahead; the next byte is at `_at`
        self._at = 0

    @property
    def is_utf8(self) -> bool:
        """Whether the file is read as UTF-8, without conversion."""
        return self._encoding is None

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file are read, before decompression."""
        return self._source.bytes_read

    @property
    def is_file(self) -> bool:
        """Whether the stream has the bytes of a file on disk or in a store, at the same offsets."""
        return self._compression is None and self._encoding is None and self._source.can_seek

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end, without consuming them.

        Raises `OSError`, `ValueError` (encoding), `InputError` if the name lacks a compression.
        """
        if len(self._data) - self._at < size:
            self._fill(size, size)
        return self._data[self._at : self._at + size]

    def peek_available(self, size: int, beyond: int) -> tuple[bytes, bool]:
        """Return what `peek` would, or of a slow pipe the bytes that have arrived.

        Waits until there are more than `beyond` bytes. Also returns whether the stream ends there.
        """
        if not self._source.can_wait:
            data = self.peek(size)
            return data, len(data) < size
        if len(self._data) - self._at < size:
            self._fill(size, beyond)
        data = self._data[self._at : self._at + size]
        return data, self._is_at_end and len(data) < size

    def is_waiting(self) -> bool:
        """Whether the file is a pipe without data at the moment."""
        if not self._source.can_wait or self._is_at_end:
            return False
        return not self._source.wait(_SECONDS_OF_A_PAUSE)

    def _fill(self, size: int, beyond: int) -> None:
        """Read up to `size` bytes ahead; wait only briefly once there are more than `beyond`."""
        parts = [self._data[self._at :]]
        if self.is_file and not self._is_at_end:  # reading the rest again avoids a copy to join it
            self._source.seek(self._offset)
            parts = []
        count = sum(map(len, parts))
        deadline = None
        while count < size and not self._is_at_end:
            if count > beyond:
                now = time.monotonic()
                deadline = now + _SECONDS_OF_A_BLOCK if deadline is None else deadline
                if not self._source.wait(deadline - now):
                    break
            part = self._read(size - count)
            self._is_at_end = not part
            parts.append(part)
            count += len(part)
        self._data = b"".join(parts)
        self._at = 0

    def advance(self, size: int) -> None:
        """Consume bytes that `peek` returned."""
        self._at += size
        self._offset += size
        if self._at == len(self._data):
            self._forget()

    def _forget(self) -> None:
        """Drop the bytes that are read ahead."""
        self._data = b""
        self._at = 0

    def seek(self, offset: int) -> None:
        """Move to an offset of the stream: any offset of a file, else only forward."""
        if self.is_file:
            self._forget()
            self._offset = offset
            self._is_at_end = False
            self._source.seek(offset)
        while self._offset < offset:
            skipped = len(self.peek(min(offset - self._offset, _READ_BYTES)))
            if not skipped:
                return
            self.advance(skipped)

    def as_in_file(self, data: bytes) -> bytes:
        """Return some bytes of the stream as the decompressed file has them."""
        if self._encoding is None:
            return data
        assert self._transcoded is not None
        return self._transcoded.encode(data.decode("utf-8", "surrogatepass"))

    def _opened(self) -> Read:
        if self._compression is not None:
            check_compressed(self.path, self._compression, self._source.peek(LOOKED_AT))
        read = decompressed(self._source, self._compression)
        if self._encoding is None:
            return read
        self._transcoded = Transcoded(read, self._encoding)
        return self._transcoded.read
