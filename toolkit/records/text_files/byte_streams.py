"""The bytes of a file, decompressed and in UTF-8, from its start to its end."""

from __future__ import annotations

import time
from pathlib import Path

from toolkit.records.text_files.byte_sources import ByteSource
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.decompression import decompressed
from toolkit.records.text_files.encodings import Read, Transcoded, known_encoding
from toolkit.records.text_files.file_kinds import LOOKED_AT, check_compressed

_READ_BYTES = 1 << 20

# A block of a pipe is what came within this time of its first bytes: programs that write as fast as
# they can fill it, and what comes row by row is not held back.
_SECONDS_OF_A_BLOCK = 0.1
# A pipe that gives nothing for as long is waited for.
_SECONDS_OF_A_PAUSE = 0.02


class ByteStream:
    """A file of text as UTF-8, decompressed by its ending, which can be looked at ahead.

    Bytes that are invalid in `encoding` become surrogates; `as_in_file` gives them back.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self._encoding = known_encoding(encoding)
        self._source = ByteSource(path)
        self.size = self._source.size
        self._is_at_end = False
        self._compression = compression_of(path)
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
