"""Read the sizes in the messages of an Arrow file, before Arrow allocates memory for them.

The formats are documented at https://arrow.apache.org/docs/format/Columnar.html (`Message.fbs`,
`File.fbs`), the tables within them at https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

MAGIC = b"ARROW1"

# Numbers of fields in the tables of Arrow's schemas.
_FOOTER_DICTIONARIES = 2
_FOOTER_BATCHES = 3
_MESSAGE_KIND = 1
_MESSAGE_HEADER = 2
_MESSAGE_BODY_BYTES = 3
_DICTIONARY_ID = 0
_DICTIONARY_DATA = 1
_DICTIONARY_IS_DELTA = 2
_BATCH_ROWS = 0
_BATCH_BUFFERS = 2
_BATCH_COMPRESSION = 3

# Kinds of messages.
_DICTIONARY = 2
_BATCH = 3
_CODECS = {0: "lz4", 1: "zstd"}
_CONTINUED = b"\xff\xff\xff\xff"  # before the size of a message, since Arrow 0.15
# Sizes of the structs with the places of messages and of buffers.
_BLOCK_BYTES = 24
_BUFFER_BYTES = 16
_READ_BYTES = 1 << 20
_MOST_PADDING = 128  # bytes between the last message and the footer: the end mark and padding
_NOT_COMPRESSED = -1  # stands for the size of a buffer that is not compressed


@dataclass(frozen=True)
class Message:
    """A record batch or a dictionary, and where it is in the file."""

    end: int  # in the file
    rows: int
    size: int  # bytes in memory; compressed buffers declare their size
    codec: str | None  # of its buffers
    dictionary: int | None = None  # number of the dictionary; None for a record batch
    is_delta: bool = False  # True: extends the dictionary; False: replaces it


@dataclass
class Messages:
    """The messages of a file: all positions, and the messages that were read."""

    file: IO[bytes]
    file_size: int
    is_stream: bool
    dictionaries: list[Message] = field(default_factory=list)
    has_end: bool = True  # whether a stream has its end mark
    unused: int = 0  # bytes of a file between its last message and its footer
    _batches: list[int] = field(default_factory=list)  # positions
    _looked_at: dict[int, Message] = field(default_factory=dict)

    @classmethod
    def of(cls, file: IO[bytes], file_size: int) -> Messages:
        """Find the messages of a file; raise `ValueError` if it is damaged."""
        file.seek(0)
        found = cls(file, file_size, is_stream=file.read(len(MAGIC)) != MAGIC)
        try:
            if found.is_stream:
                found._walk()
            else:
                found._read_footer()
        except (struct.error, IndexError, RecursionError):
            raise ValueError("a message is truncated, or its metadata are invalid") from None
        return found

    @property
    def count(self) -> int:
        """The number of record batches."""
        return len(self._batches)

    def batch(self, number: int) -> Message:
        """Read the message of a record batch; raise `ValueError` if it is damaged."""
        if number not in self._looked_at:
            try:
                self._looked_at[number] = self._message_at(self._batches[number])
            except (struct.error, IndexError):
                raise ValueError("a message is truncated, or its metadata are invalid") from None
        return self._looked_at[number]

    def _read_footer(self) -> None:
        tail = 4 + len(MAGIC)
        data = self._bytes_at(self.file_size - tail, tail)
        if data[4:] != MAGIC:
            raise ValueError("the end of the file is missing")
        (size,) = struct.unpack("<i", data[:4])
        footer = _Table.root(self._bytes_at(self.file_size - tail - size, size))
        dictionaries = [*footer.structs(_FOOTER_DICTIONARIES, _BLOCK_BYTES)]
        batches = [*footer.structs(_FOOTER_BATCHES, _BLOCK_BYTES)]
        self.dictionaries = [self._message_at(self._place(block)) for block in dictionaries]
        self._batches = [self._place(block) for block in batches]
        ends = [_end_of(block) for block in (*dictionaries, *batches)]
        footer_at = self.file_size - tail - size
        self.unused = max(0, footer_at - max(ends) - _MOST_PADDING) if ends else 0

    def _place(self, block: bytes) -> int:
        """Return where a message starts; raise `ValueError` if it is not within the file."""
        at, metadata_bytes, body_bytes = struct.unpack("<qi4xq", block)
        if min(at, metadata_bytes, body_bytes) < 0:
            raise ValueError("a message at a negative position")
        if at + metadata_bytes + body_bytes > self.file_size:
            raise ValueError("the file is truncated, or the metadata of a message are invalid")
        return int(at)

    def _walk(self) -> None:
        """Find the messages of a stream; the last one may be incomplete until it is read."""
        at = 0
        while at + 4 <= self.file_size:
            start, size = self._head_at(at)
            if size == 0:  # the end of the stream
                self._check_rest(start)
                return
            message = _Table.root(self._bytes_at(start, size))
            kind = message.number(_MESSAGE_KIND, "<B")
            if kind == _BATCH:
                self._batches.append(at)
            elif kind == _DICTIONARY:
                self.dictionaries.append(self._message_at(at))
            at = start + size + _body_bytes(message)
        self.has_end = False

    def _check_rest(self, at: int) -> None:
        """Raise `ValueError` if anything but padding follows the end of a stream."""
        while at < self.file_size:
            size = min(_READ_BYTES, self.file_size - at)
            if self._bytes_at(at, size).strip(b"\0"):
                raise ValueError(
                    f"{self.file_size - at:,} bytes follow the end of the stream, such as another "
                    "stream. Write each to a file of its own"
                )
            at += size

    def _head_at(self, at: int) -> tuple[int, int]:
        """Return where the metadata of a message starts, and its size."""
        data = self._bytes_at(at, 4)
        if data == _CONTINUED:
            at += 4
            data = self._bytes_at(at, 4)
        return at + 4, struct.unpack("<i", data)[0]

    def _message_at(self, at: int) -> Message:
        start, size = self._head_at(at)
        message = _Table.root(self._bytes_at(start, size))
        body = start + size
        body_size = _body_bytes(message)
        if body + body_size > self.file_size:
            raise ValueError("the file is truncated, or the metadata of a message are invalid")
        batch = message.table(_MESSAGE_HEADER)
        number = None
        is_delta = False
        if message.number(_MESSAGE_KIND, "<B") == _DICTIONARY:
            number = batch.number(_DICTIONARY_ID, "<q")
            is_delta = bool(batch.number(_DICTIONARY_IS_DELTA, "<B"))
            batch = batch.table(_DICTIONARY_DATA)
        codec = None
        memory = body_size
        if batch.has(_BATCH_COMPRESSION):
            codec = _CODECS.get(batch.table(_BATCH_COMPRESSION).number(0, "<B"), "unknown")
            buffers = batch.structs(_BATCH_BUFFERS, _BUFFER_BYTES)
            places = (struct.unpack("<2q", buffer) for buffer in buffers)
            memory = sum(self._memory_of(body + place, length) for place, length in places)
        return Message(
            end=body + body_size,
            rows=batch.number(_BATCH_ROWS, "<q"),
            size=memory,
            codec=codec,
            dictionary=number,
            is_delta=is_delta,
        )

    def _memory_of(self, at: int, length: int) -> int:
        """Return the size of a compressed buffer in memory, from its first eight bytes."""
        if not length:
            return 0
        (size,) = struct.unpack("<q", self._bytes_at(at, 8))
        if size < _NOT_COMPRESSED:
            raise ValueError(f"a buffer of {size} bytes")
        return length if size == _NOT_COMPRESSED else int(size)

    def _bytes_at(self, at: int, size: int) -> bytes:
        """Read bytes of the file; raise `ValueError` if the file ends before."""
        if at < 0 or size < 0 or at + size > self.file_size:
            raise ValueError("the file is truncated, or the metadata of a message are invalid")
        self.file.seek(at)
        data = bytearray()
        while len(data) < size:
            part = self.file.read(size - len(data))
            if not part:
                raise ValueError("the file is cut off")
            data += part
        return bytes(data)


@dataclass(frozen=True)
class _Table:
    """A table of a flat buffer: optional fields by number."""

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, *struct.unpack_from("<I", data))

    def _place(self, number: int) -> int:
        """Return where a field is; 0 if it is missing."""
        fields = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if fields < 0:
            raise IndexError("a Flatbuffers vtable before the data")
        (size,) = struct.unpack_from("<H", self.data, fields)
        at = 4 + 2 * number
        offset = struct.unpack_from("<H", self.data, fields + at)[0] if at < size else 0
        return self.at + offset if offset else 0

    def has(self, number: int) -> bool:
        return bool(self._place(number))

    def number(self, number: int, kind: str) -> int:
        at = self._place(number)
        return int(struct.unpack_from(kind, self.data, at)[0]) if at else 0

    def table(self, number: int) -> _Table:
        at = self._place(number)
        if not at:
            raise IndexError("a table is missing")
        return _Table(self.data, at + struct.unpack_from("<I", self.data, at)[0])

    def structs(self, number: int, size: int) -> Iterator[bytes]:
        """Return the structs of a vector, each of as many bytes."""
        at = self._place(number)
        if not at:
            return
        at += struct.unpack_from("<I", self.data, at)[0]
        (count,) = struct.unpack_from("<I", self.data, at)
        start = at + 4
        if start + count * size > len(self.data):
            raise IndexError("a vector that is longer than the data")
        for place in range(start, start + count * size, size):
            yield self.data[place : place + size]


def _end_of(block: bytes) -> int:
    """Return where the message of a block in the footer ends."""
    return sum(struct.unpack("<qi4xq", block))


def _body_bytes(message: _Table) -> int:
    size = message.number(_MESSAGE_BODY_BYTES, "<q")
    if size < 0:
        raise IndexError("a body that ends before it starts")
    return size
