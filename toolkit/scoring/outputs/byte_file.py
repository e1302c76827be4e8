"""A file of bytes that is written, in the way of a `BatchFile`."""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import pyarrow as pa

from toolkit.records.record_blocks import Output
from toolkit.records.text_files.compression import compressed_nothing, compressor


@dataclass(frozen=True)
class Frame:
    """What a file holds around its records, as it is stored; in bytes."""

    header: int
    trailer: int
    separator: bytes  # between the records of two files that are joined


class ByteFile:
    """A file of bytes, which can be cut after any block; it is not buffered."""

    def __init__(
        self,
        file: IO[bytes],
        form: Output,
        compression: str | None,
        *,
        is_new: bool,
        has_records: bool = False,
    ) -> None:
        self._file = file
        self._trailer = form.trailer
        self._separator = form.separator
        self._has_records = has_records
        self._compression = compression
        self._is_empty = is_new
        self._header = self._write(form.header) if is_new else 0
        self._end = 0

    def append(self, data: bytes | pa.Buffer, *, ends_group: bool) -> None:  # noqa: ARG002
        """Write the bytes of a block, compressed already."""
        if self._separator and len(data):
            if self._has_records:
                self._write(self._separator)
            self._has_records = True
        self._put(data)

    def close(self) -> None:
        """Write what comes after the last block."""
        self._end = self._write(self._trailer())
        if self._is_empty:
            nothing = compressed_nothing(self._compression)
            write_all(self._file, nothing)
            self._end = len(nothing)

    @property
    def frame(self) -> Frame:
        """Tell what is around the records, when the file is closed."""
        return Frame(self._header, self._end, bytes(self._stored(self._separator)))

    def abandon(self) -> None:
        """Leave the file as it is."""

    def _write(self, data: bytes) -> int:
        stored = self._stored(data)
        self._put(stored)
        return len(stored)

    def _stored(self, data: bytes) -> bytes | pa.Buffer:
        return compressor(self._compression)(pa.py_buffer(data))

    def _put(self, data: bytes | pa.Buffer) -> None:
        write_all(self._file, data)
        self._is_empty &= not len(data)


def write_all(file: IO[bytes], data: bytes | pa.Buffer) -> None:
    """Write to a file that is not buffered, and may take less than it is given."""
    rest = memoryview(data)
    write: Callable[[memoryview], int | None] = file.write
    while rest:
        written = write(rest)
        if written is None:  # a pipe that does not wait, and is full
            select.select([], [file], [])
        else:
            rest = rest[written:]
