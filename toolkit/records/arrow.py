"""Read and write Arrow IPC, also called Feather (version 2): record batches, file or stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from io import BufferedReader
from typing import IO, Any, Self

import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError
from toolkit.records.arrow_messages import Message, Messages
from toolkit.records.inputs import Input
from toolkit.records.json_encode import with_parts
from toolkit.records.review_file import BLOCK_RECORDS, Output, SplitPoint, Table
from toolkit.records.streams import open_file
from toolkit.records.table_file import (
    Groups,
    GroupWriter,
    TableFile,
    Writer,
    after_group,
    cut,
    joined,
    opening,
    with_types,
)
from toolkit.records.table_values import check_content, part_of

# Limit of a record batch with the dictionaries before it, which are read at once. Most writers make
# batches of some 65,000 rows, but Polars one batch of all rows.
_BATCH_BYTES = 2 << 30

# Types that Arrow cannot filter or write as text, or that can hold many rows in few bytes.
_UNREADABLE = (
    pa.types.is_union,
    pa.types.is_run_end_encoded,
    pa.types.is_interval,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
    lambda kind: pa.types.is_dictionary(kind) and pa.types.is_nested(kind.value_type),
)


class RecordBatches(Groups):
    """The record batches of an Arrow file or stream, in slices of about `block_bytes`."""

    def __init__(self, source: Input, block_bytes: int) -> None:
        path = source.path
        self._source = source
        self._block_bytes = block_bytes
        self._files = ExitStack()
        try:
            self._file = self._opened()
            size = path.stat().st_size
            if size == 0:
                raise EmptyInputError(f"{path}: the file is empty, expected reviews")
            self.messages = Messages.of(self._opened(), size)
            self._check_memory(_held(self.messages.dictionaries), "its dictionaries have")
            if not self.messages.has_end:
                self.warnings = [
                    "this Arrow stream has no end mark. It may have been cut after a record batch"
                ]
            elif self.messages.unused:
                self.warnings = [
                    f"{self.messages.unused:,} bytes of this Arrow file are in none of its record "
                    "batches, and are not read. They may be another file, joined to this one"
                ]
            self._open()
            self.schema().names  # noqa: B018 (a damaged name is found when it is looked at)
            for column in self.schema():
                kind = part_of(column.type, lambda each: any(is_(each) for is_ in _UNREADABLE))
                if kind is not None:
                    raise InputError(
                        f"{path}: the column {column.name!r} has the type {kind}, which cannot be "
                        "read here. Store it in another type, or leave it out"
                    )
        except BaseException:
            self.close()
            raise

    def _opened(self) -> IO[bytes]:
        return self._files.enter_context(BufferedReader(open_file(self._source)))  # type: ignore[type-var]

    @classmethod
    def open(cls, source: Input, block_bytes: int) -> Self:
        """Open a file; raise `InputError` if it cannot be read."""
        with opening(source.path, "an Arrow file"):
            return cls(source, block_bytes)

    def _open(self) -> None:
        """Open the reader, at the first record batch of a stream."""
        self._file.seek(0)
        open_ = pa.ipc.open_stream if self.messages.is_stream else pa.ipc.open_file
        self._reader: Any = open_(pa.PythonFile(self._file, "r"))
        self._next = 0  # the next record batch of a stream

    def _check_memory(self, size: int, what: str) -> None:
        if not 0 <= size <= _BATCH_BYTES:
            raise InputError(
                f"{self._source}: {what} {size >> 20:,} MiB in memory; at most "
                f"{_BATCH_BYTES >> 20:,} MiB can be read at once. Write the file with smaller "
                "record batches, or as Parquet"
            )

    @property
    def count(self) -> int:
        """The number of record batches."""
        return self.messages.count

    def close(self) -> None:
        """Close the file."""
        self._files.close()

    def schema(self) -> pa.Schema:
        """Return the columns and the metadata of the file."""
        return self._reader.schema

    def rows(self, group: int) -> int:
        """Return the number of rows in a record batch."""
        return self.messages.batch(group).rows

    def bytes_read(self, group: int, records: int, file_size: int) -> int:  # noqa: ARG002
        """Return the progress in bytes: the end of the record batch."""
        return min(self.bytes_used(group), file_size)

    def bytes_used(self, group: int) -> int:
        """Return where the record batch and the dictionaries end in the file."""
        last = [self.messages.batch(group)] if group >= 0 else []
        return max((each.end for each in (*self.messages.dictionaries, *last)), default=0)

    def ends(self, file_size: int) -> Iterator[SplitPoint]:  # noqa: ARG002
        """Return the cut after each record batch that has rows; a stream is read as a whole."""
        number = 1
        for group in range(0 if self.messages.is_stream else self.count - 1):
            message = self.messages.batch(group)
            number += message.rows
            if message.rows:
                yield after_group(group, number), message.end

    def batches(self, group: int) -> Iterator[pa.RecordBatch]:
        """Read a record batch in slices; reading it again gives the same slices."""
        batch = self._batch(group)
        for start in range(0, max(len(batch), 1), BLOCK_RECORDS):
            yield from cut(batch.slice(start, BLOCK_RECORDS), self._block_bytes)

    def _batch(self, group: int) -> pa.RecordBatch:
        if self.messages.is_stream and group < self._next:
            self._open()
        first = self._next if self.messages.is_stream else group
        for number in range(first, group + 1):
            size = self.messages.batch(number).size
            self._check_memory(size, f"record batch {number + 1:,} has")
            if self.messages.is_stream:
                batch = self._reader.read_next_batch()
                self._next = number + 1
            else:
                batch = self._reader.get_batch(number)
        check_content(batch)
        return batch


def _held(dictionaries: list[Message]) -> int:
    """Return the most bytes that dictionaries need in memory at once."""
    sizes: dict[int | None, int] = {}
    for each in dictionaries:
        before = sizes.get(each.dictionary, 0)
        sizes[each.dictionary] = before + each.size if each.is_delta else max(before, each.size)
    return sum(sizes.values())


class BatchWriter(GroupWriter):
    """Writes record batches as a file or as a stream."""

    def __init__(
        self,
        file: IO[bytes],
        schema: pa.Schema,
        codec: str | None = "lz4",  # as pandas writes Feather
        *,
        is_stream: bool = False,
    ) -> None:
        super().__init__()
        open_ = pa.ipc.new_stream if is_stream else pa.ipc.new_file
        options = pa.ipc.IpcWriteOptions(compression=codec)
        self._writer = open_(pa.PythonFile(file, "w"), schema, options=options)

    def write(self, group: list[pa.RecordBatch]) -> None:
        """Write a record batch."""
        for batch in joined(group):
            self._writer.write_batch(batch)

    def end(self) -> None:
        """Write the end of the stream, and the footer of a file."""
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file incomplete."""


class ArrowFile(TableFile):
    """An Arrow file or stream; an output keeps layout, values, types, batches and codec."""

    groups: RecordBatches
    open_groups = RecordBatches.open
    new_writer = BatchWriter

    def writer_as_input(self) -> Writer:
        """Return a function that opens an output with the layout and the codec of this file."""
        messages = self.groups.messages
        codec = messages.batch(0).codec if messages.count else None
        return partial(BatchWriter, codec=codec, is_stream=messages.is_stream)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Return how an Arrow file writes the scored records of another format.

        Dictionaries become plain columns: an Arrow file has one dictionary for all batches, but
        other formats have one per batch.
        """
        fields = [field.with_type(_without_dictionary(field.type)) for field in schema]
        plain = pa.schema(fields, schema.metadata)
        if plain == schema:
            return super().output_of_table(table, schema, delimiter)

        def plain_table(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
            return with_types(table(records, scores), plain)

        return super().output_of_table(plain_table, plain, delimiter)


def _without_dictionary(kind: pa.DataType) -> pa.DataType:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return with_parts(value, _without_dictionary)
