"""Blocks of records, as they are read from a file, scored and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import pyarrow as pa

BLOCK_RECORDS = 1 << 15  # about; where records are short, blocks are smaller, to bound the memory

# Of the keys of what the toolkit says of the scores in a file.
METADATA_PREFIX = "toolkit."

# Where a block starts, in numbers that only the format itself reads; () is the start of the file.
Place = tuple[int, ...]

# A place between records, and about how many bytes of the file are before it.
Cut = tuple[Place, int]

# Some records and their scores, the added columns in order → a record batch with all of it.
Table = Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.RecordBatch]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read."""

    number: int  # of its first line, or of the record where a format has no lines; from 1
    reason: str
    raw: bytes | None  # as it is in the file; None where it is too long to be kept
    length: int  # of the record, in bytes
    # In its block: how many records are before it, read or rejected.
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True)
class Block:
    """Some consecutive records, not parsed yet."""

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
    # The other columns that were asked for and found, by role: as many strings as texts.
    fields: Mapping[str, pa.Array]


class BatchFile(Protocol):
    """A file that is written in record batches, of a format that is not a stream of bytes."""

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Write a batch; say whether a group of records ends with it."""

    def close(self) -> None:
        """Write what is left, and the end."""

    def abandon(self) -> None:
        """Leave the file as it is."""


@dataclass(frozen=True)
class Output:
    """What to write around and for the records of a file."""

    render: Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.Buffer | pa.RecordBatch]
    header: bytes = b""
    trailer: Callable[[], bytes] = bytes  # known when all records are read
    # Opens what the rendered batches are appended to, with the metadata; None where `render` gives
    # bytes.
    open_file: Callable[[IO[bytes], Mapping[str, str]], BatchFile] | None = None
    # About the scores, for formats that hold such; all keys begin with `METADATA_PREFIX`.
    metadata: Mapping[str, str] = field(default_factory=dict)
    separator: bytes = b""  # between two rendered blocks that have records


def first_cuts(cuts: Iterable[Cut], offsets: Sequence[int]) -> list[Cut]:
    """Choose the first of some cuts at or after each byte offset; all are in ascending order.

    It takes no more cuts than it needs.
    """
    found: list[Cut] = []
    wanted = [*offsets]
    for place, end in cuts:
        if wanted and wanted[0] <= end:
            found.append((place, end))
            wanted = [offset for offset in wanted if offset > end]
        if not wanted:
            break
    return found


def with_scores(schema: pa.Schema, added: pa.Schema) -> pa.Schema:
    """Put the added columns after those of a schema."""
    return pa.schema([*schema, *added], schema.metadata)
