"""What all formats have in common: blocks of records in, scored records out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Columns

STDIN = Path("-")  # standard input, or output where something is written

BLOCK_RECORDS = 1 << 15  # about; where records are short, blocks are smaller, to bound the memory

# Where a block starts, in numbers that only the format itself reads; () is the start of the file.
Place = tuple[int, ...]


@dataclass(frozen=True)
class ReadOptions:
    """How a file of reviews is read.

    Raises
    ------
    UsageError
        If the delimiter is no character that can part fields.
    """

    columns: Columns = field(default_factory=Columns)
    format: str | None = None  # name of the format; None: by the ending of the file
    delimiter: str | None = None  # of delimited files; None: by the format
    encoding: str | None = None  # of files of text; None: UTF-8
    header: bool = True  # whether delimited files begin with the names of the columns
    # About so much is read at once. From stage to stage, the tables of words and of the network go
    # out of the cache and come back; blocks of 1 MiB take 15 % longer, larger ones more memory.
    block_bytes: int = 3 << 20

    def __post_init__(self) -> None:
        mark = self.delimiter
        # Letters, digits and these are in what is written behind a delimiter.
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark.isalnum()):
            raise UsageError(f"--delimiter: expected one ASCII character, received {mark!r}")
        if mark is not None and mark in '"\r\n.+-_':
            raise UsageError(f"--delimiter: fields cannot be parted by {mark!r}")


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read."""

    number: int  # of its first line, or of the record where a format has no lines; from 1
    reason: str
    raw: bytes | None  # as it stands in the file; None where it is too long to be kept
    length: int  # of the record, in bytes


@dataclass(frozen=True)
class Block:
    """Some records in a row, not parsed yet."""

    content: Any  # what `ReviewFile.parse` of the same format reads
    number: int  # of the first line or record, from 1
    size: int  # bytes in memory, about
    following: Place  # where the next block starts
    ends_group: bool = False  # whether a row group of a Parquet file ends here


@dataclass(frozen=True)
class Parsed:
    """The records of a block: those that can be read, and the others."""

    texts: pa.Array  # any string type; null where the record has no text
    records: pa.RecordBatch  # as many rows, for `render` and `values` of the same format
    rejects: Sequence[Reject]
    # The true labels as strings of any kind, as many as texts; None where no column is named.
    labels: pa.Array | None = None


class ReviewFile(ABC):
    """A file of reviews, opened for reading.

    `blocks` is for one thread; the other methods are for any.

    Parameters
    ----------
    path : Path
        The file, `STDIN` for standard input.
    options : ReadOptions
        How to read it.
    """

    counts = "line"  # what the number of a block or a reject counts: "line" or "record"
    header: bytes = b""  # what an output of the same format begins with
    trailer: bytes = b""  # and what it ends with, known when `blocks` is done
    size: int | None = None  # in bytes, where that is known

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.options = options
        self.columns = options.columns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file, as messages call it."""
        return "standard input" if self.path == STDIN else str(self.path)

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """How many of its bytes are read; the progress."""

    @abstractmethod
    def blocks(self, start: Place = ()) -> Iterator[Block]:
        """Read the file in blocks of about `block_bytes`; only a longer record makes a larger one.

        The same place gives the same blocks, whatever was read before it.
        """

    @abstractmethod
    def parse(self, block: Block) -> Parsed:
        """Give the records of a block."""

    @abstractmethod
    def render(
        self, records: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.Buffer:
        """Give some records with two more fields, as an output of the same format holds them."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Name the columns of `values`, for outputs of other formats.

        Returns
        -------
        pa.Schema
            Their names and types.

        Raises
        ------
        UsageError
            If other formats cannot hold them.
        """

    @abstractmethod
    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the fields of some records, for outputs of other formats."""

    def fail(self, number: int, reason: str) -> NoReturn:
        """Raise an `InputError` that names a line or record."""
        raise InputError(f"{self.name}: {self.counts} {number:,}: {reason}.")
