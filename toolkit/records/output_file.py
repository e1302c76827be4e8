"""Files that rows are written to, block after block: bytes of any format, and tables of rows."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from toolkit.files import atomic_file
from toolkit.records.archives import compressed_nothing, compression_of, compressor
from toolkit.records.formats import output_format_of
from toolkit.records.review_file import BatchFile, Output

AppendRows = Callable[[pa.Table], None]


@dataclass(frozen=True)
class Frame:
    """The parts of an output file around its records, compressed as in the file."""

    header: int  # bytes
    trailer: int  # bytes
    separator: str  # to put between joined files; the bytes as Latin-1


class ByteFile:
    """An unbuffered file of bytes, which can be cut after any block."""

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
        """Write the compressed bytes of a block."""
        if self._separator and len(data):
            if self._has_records:
                self._write(self._separator)
            self._has_records = True
        self._put(data)

    def close(self) -> None:
        """Write the end of the file."""
        self._end = self._write(self._trailer())
        if self._is_empty:
            nothing = compressed_nothing(self._compression)
            write_all(self._file, nothing)
            self._end = len(nothing)

    @property
    def frame(self) -> Frame:
        """The parts of the closed file around its records."""
        return Frame(
            header=self._header,
            trailer=self._end,
            separator=bytes(self._stored(self._separator)).decode("latin-1"),
        )

    def abandon(self) -> None:
        """Leave the file incomplete."""

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
    """Write all bytes to an unbuffered file, whose `write` may take only a part of them."""
    rest = memoryview(data)
    write: Callable[[memoryview], int | None] = file.write
    while rest:
        written = write(rest)
        if written is None:  # a full pipe that is non-blocking
            select.select([], [file], [])
        else:
            rest = rest[written:]


@contextmanager
def rows_file(path: Path | None, schema: pa.Schema, *, force: bool) -> Iterator[AppendRows | None]:
    """Open a file of any format for rows with a schema; it appears when the block succeeds.

    Yields what appends rows to the file, or None without a path. With `force`, an existing file is
    replaced.
    """
    if path is None:
        yield None
        return
    own = output_format_of(path)
    compression = compression_of(path)
    form = own.load().output_of_table(lambda rows, _: rows, schema, own.delimiter)
    compress = compressor(compression)
    with atomic_file(path, force=force) as unfinished, unfinished.open("wb") as file:
        output: BatchFile
        if form.open_file is None:
            output = ByteFile(file, form, compression, is_new=True)
        else:
            output = form.open_file(file, {})

        def append(rows: pa.Table) -> None:
            for batch in rows.to_batches():
                data = form.render(batch, [])
                output.append(data if form.open_file else compress(data), ends_group=False)

        yield append
        output.close()
