"""The bytes of a file, decompressed and in UTF-8, from its start to its end.

`ByteSource` reads a file, a pipe, standard input or a member of an archive; `decompressed` never
gives much more than what is asked for; `Transcoded` makes UTF-8 of other encodings; `ByteStream`
puts them together.
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
from toolkit.records.inputs import Input, Kind
from toolkit.records.kinds import LOOKED_AT, check_compressed
from toolkit.stores.read import ObjectReader


class ByteSource:
    """The bytes of a file as they are stored, which can be looked at ahead."""

    def __init__(self, source: Input) -> None:
        self._member: MemberFile | None = None
        if source.archive is not None:
            self._member = MemberFile(source.archive, source.member_name)
        self._file = self._member or open_file(source)
        is_whole = self._member is None and not isinstance(self._file, ObjectReader)
        facts = os.fstat(self._file.fileno()) if is_whole else None
        is_file = facts is None or stat.S_ISREG(facts.st_mode)
        self.can_seek = facts is not None and is_file and not source.is_stdin
        # Windows waits for sockets only.
        self.can_wait = not is_file and sys.platform != "win32"
        self.size: int | None = None
        if self._member is not None:
            self.size = self._member.size
        elif isinstance(self._file, ObjectReader):
            self.size, self.can_seek = self._file.size, True
        elif facts is not None and self.can_seek:
            self.size = facts.st_size
        self._first = b""  # looked at, and not read yet

    @property
    def bytes_read(self) -> int:
        """How many bytes are read."""
        return 0 if self.size is None else self._file.tell()

    @property
    def closed(self) -> bool:
        """Whether it is closed, which Arrow asks."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Read about as many bytes; nothing at the end."""
        if self._first:
            size = len(self._first) if size < 0 else size
            first, self._first = self._first[:size], self._first[size:]
            return first
        # A pipe may be one that does not wait: its other end chooses that.
        now: Callable[[int], bytes | None] = self._file.read
        while (part := now(size)) is None:
            select.select([self._file], [], [])
        return part

    def look(self, size: int) -> bytes:
        """Give the next bytes, at least one unless it ends, which are read later."""
        self._first = self.read(size)
        return self._first

    def seek(self, offset: int) -> None:
        """Continue at an offset, where `can_seek`."""
        self._first = b""
        self._file.seek(offset)

    def comes_within(self, seconds: float) -> bool:
        """Whether more comes, or the end, before some time has passed."""
        return bool(self._first or select.select([self._file], [], [], max(seconds, 0))[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_file(source: Input) -> IO[bytes]:
    """Open a file, a pipe or standard input; raise `InputError` if it cannot be read."""
    if source.is_stdin:
        if sys.stdin is None:
            raise InputError("standard input: is closed")
        return open(0, "rb", buffering=0, closefd=False)
    if source.kind is Kind.SPECIAL:
        raise InputError(
            f"{source}: a device or a socket. Save its content to a file first, or send it "
            "through a pipe"
        )
    try:
        return source.path.open("rb", buffering=0)
    except FileNotFoundError:
        raise InputError(f"{source}: no such file") from None
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}") from None


Read = Callable[[int], bytes]  # about as many bytes; nothing at the end


_WIDE = ("utf-16", "utf-32")
_NO_CHARACTER = re.compile("\udbff([\udc00-\udcff]{4})")  # of UTF-32: four bytes, after a mark


def _wide_errors(error: UnicodeError) -> tuple[str | bytes, int]:
    """Let half of a pair pass, and what is above the last character of UTF-32 as its bytes."""
    if isinstance(error, UnicodeDecodeError) and error.encoding.startswith("utf-32"):
        piece = error.object[error.start : error.start + 4]
        order: Literal["big", "little"] = "big" if error.encoding.endswith("be") else "little"
        if len(piece) == 4 and int.from_bytes(piece, order) > sys.maxunicode:
            return "\udbff" + "".join(chr(0xDC00 + byte) for byte in piece), error.start + 4
    return codecs.lookup_error("surrogatepass")(error)


codecs.register_error("toolkit.wide", _wide_errors)


class Transcoded:
    """Bytes in an encoding, read as UTF-8; invalid ones become surrogates."""

    def __init__(self, read: Read, encoding: str) -> None:
        self._read = read
        self._encoding = encoding
        # Half of a pair in UTF-16 is one surrogate; in others, each byte that is invalid.
        self._errors = "toolkit.wide" if encoding.startswith(_WIDE) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._is_start = True
        self._cut_off = b""  # bytes at the end of the file that are no whole character

    def encode(self, text: str) -> bytes:
        """Give some of the text as it is in the file."""
        cut_off = "".join(chr(0xDC00 + byte) for byte in self._cut_off)
        if cut_off and text.endswith(cut_off):
            whole = text.removesuffix(cut_off)
            return whole.encode(self._encoding, self._errors) + self._cut_off
        if self._encoding.startswith("utf-32") and "\udbff" in text:
            parts = _NO_CHARACTER.split(text)  # each second one is four bytes
            coded = [part.encode(self._encoding, self._errors) for part in parts]
            coded[1::2] = (bytes(ord(each) & 0xFF for each in part) for part in parts[1::2])
            return b"".join(coded)
        try:
            return text.encode(self._encoding, self._errors)
        except UnicodeError:  # ISO 2022 reads bytes as characters that it does not write
            return b"".join(map(self._encode_one, text))

    def _encode_one(self, character: str) -> bytes:
        try:
            return character.encode(self._encoding, self._errors)
        except UnicodeError:
            return bytes([ord(character) & 0xFF])

    def read(self, size: int) -> bytes:
        """Read about as many bytes; nothing at the end."""
        while part := self._read(max(size, 4)):
            if self._is_start and self._encoding in _WIDE:
                while len(part) < 4 and (more := self._read(4 - len(part))):
                    part += more  # a pipe may give a mark in pieces
                # Without the mark, which is only at the start of the file.
                is_big = part[:4].strip(b"\0").startswith(codecs.BOM_UTF16_BE)
                self._encoding += "-be" if is_big else "-le"
            self._is_start = False
            if text := self._decoder.decode(part):
                return text.encode("utf-8", "surrogatepass")
        return self._end().encode("utf-8", "surrogatepass")

    def _end(self) -> str:
        """Give what is left of the text."""
        try:
            return self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            if self._errors == "surrogateescape":
                raise
            self._cut_off = bytes(self._decoder.getstate()[0])
            self._decoder.reset()
            return "".join(chr(0xDC00 + byte) for byte in self._cut_off)


def known_encoding(encoding: str | None) -> str | None:
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


_READ_COMPRESSED_BYTES = 1 << 16  # compressed, at once
_READ_BYTES = 1 << 20
_MAX_READ = 16 << 20  # decompressed, at once
# What `xz -9` needs is 65 MiB; a file may ask for 4 GiB.
_XZ_MEMORY = 128 << 20


def decompressed(source: ByteSource, compression: str | None) -> Read:
    """Give the function that reads a source; it raises `OSError` where the data are damaged."""
    if compression is None:
        return source.read
    if compression == "xz":
        parts = filter(None, _parts_of_xz(source))
        return lambda _: next(parts, b"")
    stream = pa.CompressedInputStream(pa.PythonFile(source, "r"), compression)
    # Arrow reserves all that is asked for, and gives what it has.
    return lambda size: stream.read(min(size, _MAX_READ))


def _parts_of_xz(source: ByteSource) -> Iterator[bytes]:
    """Decompress the streams of an xz file, with zeros between them and at the end."""
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
                raise OSError(f"xz decompress failed: {error}") from None
            data = stream.unused_data
            stream = None if stream.eof else stream
    if stream is not None:
        raise OSError("the compressed data end too early")


# A block of a pipe is what came within this time of its first bytes: programs that write as fast as
# they can fill it, and what comes row by row is not held back.
_SECONDS_OF_A_BLOCK = 0.1
# A pipe that gives nothing for as long is waited for.
_SECONDS_OF_A_PAUSE = 0.02


class ByteStream:
    """A file of text as UTF-8, decompressed by its ending, which can be looked at ahead.

    Bytes that are invalid in `encoding` become surrogates; `as_in_file` gives them back.
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
        self._offset = 0  # of what comes next
        self._data = b""  # read already, from `_at` on
        self._at = 0

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are taken as they are."""
        return self._encoding is None

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file are read, compressed as they are."""
        return self._source.bytes_read

    @property
    def is_file(self) -> bool:
        """Whether what it gives is what a file holds, at the same offsets."""
        return self._compression is None and self._encoding is None and self._source.can_seek

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def peek(self, size: int) -> bytes:
        """Give the next bytes, fewer only at the end; they are still there afterwards.

        Raises `OSError`, `ValueError` (encoding), `InputError` if the name lacks a compression.
        """
        if len(self._data) - self._at < size:
            self._fill(size, size)
        return self._data[self._at : self._at + size]

    def look(self, size: int, beyond: int) -> tuple[bytes, bool]:
        """Give the next bytes as `peek`, or those of a slow pipe that are there.

        They are more than `beyond`, if there are more. Also tell whether they are the last.
        """
        if not self._source.can_wait:
            data = self.peek(size)
            return data, len(data) < size
        if len(self._data) - self._at < size:
            self._fill(size, beyond)
        data = self._data[self._at : self._at + size]
        return data, self._is_at_end and len(data) < size

    def is_waiting(self) -> bool:
        """Whether a pipe gives nothing at the moment."""
        if not self._source.can_wait or self._is_at_end:
            return False
        return not self._source.comes_within(_SECONDS_OF_A_PAUSE)

    def _fill(self, size: int, beyond: int) -> None:
        """Read up to `size` bytes ahead; no longer than a moment when more than `beyond` came."""
        parts = [self._data[self._at :]]
        if self.is_file and not self._is_at_end:  # what is left is read again, so as not to join
            self._source.seek(self._offset)
            parts = []
        count, deadline = sum(map(len, parts)), None
        while count < size and not self._is_at_end:
            if count > beyond:
                now = time.monotonic()
                deadline = now + _SECONDS_OF_A_BLOCK if deadline is None else deadline
                if not self._source.comes_within(deadline - now):
                    break
            part = self._read(size - count)
            self._is_at_end = not part
            parts.append(part)
            count += len(part)
        self._data, self._at = b"".join(parts), 0

    def advance(self, size: int) -> None:
        """Continue after bytes that `peek` gave."""
        self._at += size
        self._offset += size
        if self._at == len(self._data):
            self._data, self._at = b"", 0

    def seek(self, offset: int) -> None:
        """Go forward to an offset of what `peek` gives."""
        if self.is_file:
            self._data, self._at, self._offset = b"", 0, offset
            self._is_at_end = False
            self._source.seek(offset)
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

    def _opened(self) -> Read:
        if self._compression is not None:
            check_compressed(self.path, self._compression, self._source.look(LOOKED_AT))
        read = decompressed(self._source, self._compression)
        if self._encoding is None:
            return read
        self._transcoded = Transcoded(read, self._encoding)
        return self._transcoded.read
