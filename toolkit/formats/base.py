"""What the formats of records in a byte stream have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self

import pyarrow as pa

from toolkit.errors import InputError
from toolkit.formats.columns import Columns

# Columns of the record batches between reading, scoring and writing.
RECORD = "record"  # binary: the bytes of the record
LINE_END = "line_end"  # string: "\n" or "\r\n"
TEXT = "text"  # string: the review; null where the record has none

BLOCK_BYTES = 4 << 20
BLOCK_RECORDS = 1 << 15  # about; where records are short, blocks are smaller, to bound the memory
RECORD_BYTES_LIMIT = 256 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Whole records as they stand in the file."""

    data: bytes
    layout: Any  # where the records and their fields are; only the format itself reads it
    offset: int  # of the first byte in the file

    @property
    def end(self) -> int:
        """Offset in the file behind the last byte."""
        return self.offset + len(self.data)


class RecordFile(ABC):
    """A file of reviews, opened for reading.

    `blocks` is for one thread; `parse` and `render` are for any.

    Parameters
    ----------
    path : Path
        The file.
    columns : Columns
        Which column holds the text, and what the added ones are called.
    """

    header: bytes  # what the output begins with
    trailer: bytes = b""  # blank lines behind the last record, known when `blocks` is done

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path = path
        self.columns = columns
        self._file: IO[bytes] = _open(path)
        try:
            self.size = path.stat().st_size
            if not self.size:
                raise InputError(f"{path}: the file is empty, expected reviews")
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def blocks(self) -> Iterator[Block]:
        """Read the records in blocks of about 4 MiB; only a longer record makes a larger one."""
        offset = self._file.tell()
        data, wanted = b"", min(BLOCK_BYTES, BLOCK_RECORDS)
        while True:
            chunk = self._read_on(data, offset, wanted)
            at_end = not chunk
            data += b"\n" if at_end and data and not data.endswith(b"\n") else chunk
            end, layout = self._split(data, at_end=at_end, offset=offset)
            if end:
                yield Block(data[:end], layout, offset)
                offset += end
                wanted = min(BLOCK_BYTES, BLOCK_RECORDS * end // len(layout))
                data = data[end:]
            if at_end:
                self.trailer = data
                return

    @abstractmethod
    def _read_header(self) -> bytes:
        """Read and check what stands before the records; return what the output begins with."""

    @abstractmethod
    def _split(self, data: bytes, *, at_end: bool, offset: int) -> tuple[int, Sized]:
        """Find the whole records at the start of data: where they end, and their layout.

        The length of the layout is the number of records.
        """

    @abstractmethod
    def parse(self, block: Block) -> pa.RecordBatch:
        """Give the records of a block as a batch of RECORD, LINE_END and TEXT."""

    @abstractmethod
    def render(
        self, batch: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.Buffer:
        """Give the bytes of the records with the two added fields; null becomes an empty field."""

    def check_utf8(self, block: Block) -> None:
        """Raise `InputError` if a byte of the block is no UTF-8, with its place."""
        try:
            pa.array([block.data], pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            try:
                block.data.decode()
            except UnicodeDecodeError as error:
                self.reject(
                    block.offset + error.start,
                    f"byte 0x{block.data[error.start]:02x} is no UTF-8. "
                    "Convert the file to UTF-8 first",
                )

    def reject(self, offset: int, reason: str) -> NoReturn:
        """Raise an `InputError` for what stands at an offset of the file."""
        raise InputError(f"{self.path}: line {self._line_number(offset):,}: {reason}.")

    def _line_number(self, offset: int) -> int:
        """Count the lines before an offset, from 1; reads the file again."""
        lines = 1
        with self.path.open("rb") as file:
            while offset > 0 and (chunk := file.read(min(offset, BLOCK_BYTES))):
                lines += chunk.count(b"\n")
                offset -= len(chunk)
        return lines

    def _read_on(self, data: bytes, offset: int, wanted: int = BLOCK_BYTES) -> bytes:
        """Read what follows the beginning of a record; nothing at the end of the file.

        As much again each time, so that a long record is not searched again and again.
        """
        if len(data) > RECORD_BYTES_LIMIT:
            mebibytes = RECORD_BYTES_LIMIT >> 20
            self.reject(
                offset, f"a record of more than {mebibytes} MiB, as when a quote is never closed"
            )
        try:
            return self._file.read(max(wanted, len(data)))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None


def _open(path: Path) -> IO[bytes]:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"{path}: a pipe or a device. Write what it gives to a file first.")
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder, expected a file of reviews") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
