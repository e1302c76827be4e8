"""Row groups of Parquet files, read in batches of bounded memory.

The size in the file says little: one long string in a dictionary may be the value of every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import EmptyInputError, InputError
from toolkit.files import for_arrow
from toolkit.records.parquet.parquet_times import old_times
from toolkit.records.record_blocks import BLOCK_RECORDS, Cut, Place

# A row group is read in pages of this size, however large it is.
_BUFFER_BYTES = 1 << 20

# What is read at once takes no more, even if every row holds the longest string of its row group.
_BATCH_BYTES = 32 << 20

# This many rows can be read at once without a look at the dictionaries. Where rows are long, that
# costs nothing: 50,000 texts of 1.3 kB take 99 ms in batches of 64 rows as in those of 2,300.
# A look at the dictionary of each row group doubles the time where groups have 1,000 such rows.
_FEW_ROWS = 128
_ROWS_OF_LONG = 4096  # a block of rows that are not short holds fewer

_VALUES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


class RowGroups:
    """The row groups of a Parquet file, in batches of about `block_bytes` in memory."""

    def __init__(self, path: Path, block_bytes: int) -> None:
        import pyarrow.parquet as pq  # takes 12 ms, which other formats need not wait for

        self._path = path
        self._block_bytes = block_bytes
        self.file: Any = pq.ParquetFile(
            for_arrow(path), pre_buffer=False, buffer_size=_BUFFER_BYTES
        )
        self.old_times = old_times(path, self.file)
        if self.old_times is not None:
            self.file.close()
            self.file = pq.ParquetFile(
                for_arrow(path),
                pre_buffer=False,
                buffer_size=_BUFFER_BYTES,
                coerce_int96_timestamp_unit=self.old_times.unit,
            )
        self._with_dictionaries: Any = None

    @classmethod
    def open(cls, path: Path, block_bytes: int) -> Self:
        """Open a file; raises `InputError` if it cannot be read."""
        try:
            if path.stat().st_size == 0:
                raise EmptyInputError(f"{path}: the file is empty, expected reviews")
            groups = cls(path, block_bytes)
            groups.file.schema_arrow.names  # noqa: B018 (a damaged schema is found when it is looked at)
            return groups
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except pa.ArrowNotImplementedError as error:
            raise InputError(
                f"{path}: holds what Arrow cannot read: {error}. Store that column in another "
                "type, or leave it out"
            ) from None
        except (pa.ArrowException, ValueError) as error:  # also a name that is not UTF-8
            raise InputError(f"{path}: not a Parquet file, or a damaged one: {error}") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        if self._with_dictionaries is not None:
            self._with_dictionaries.close()

    def read_a_row(self) -> None:
        """Read the first row, if there is one, of all columns."""
        if self.file.metadata.num_row_groups:
            next(self.file.iter_batches(1, row_groups=[0], use_threads=False), None)

    def ends(self, file_size: int) -> Iterator[Cut]:
        """Give the cut after each row group that has rows, but not after the last group."""
        groups = [self.file.metadata.row_group(i) for i in range(self.file.num_row_groups)]
        sizes = [
            sum(group.column(i).total_compressed_size for i in range(group.num_columns))
            for group in groups
        ]
        # The footer, which is large where groups are small, counts as a share of each group.
        scale = file_size / max(sum(sizes), 1)
        number, before = 1, 0
        for place, (group, size) in enumerate(zip(groups[:-1], sizes, strict=False)):
            number, before = number + group.num_rows, before + size
            if group.num_rows:
                yield after_group(place, number), int(before * scale)

    def batches(self, group: int) -> Iterator[pa.RecordBatch]:
        """Read a row group; each time it is read, the batches are the same."""
        facts = self.file.metadata.row_group(group)
        row_bytes = max(facts.total_byte_size // max(facts.num_rows, 1), 1)
        wanted = max(min(self._block_bytes // row_bytes, BLOCK_RECORDS, facts.num_rows), 1)
        pending: list[pa.RecordBatch] = []
        rows = size = 0
        at_once = self._rows_at_once(group, wanted)
        for batch in self.file.iter_batches(at_once, row_groups=[group], use_threads=False):
            pending.append(batch)
            rows, size = rows + len(batch), size + bytes_of(batch)
            if rows >= wanted or size >= self._block_bytes:
                yield from self._blocks(pending)
                pending, rows, size = [], 0, 0
        yield from self._blocks(pending)

    def _blocks(self, batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in _joined(batches):
            yield from cut(batch, self._block_bytes)

    def _rows_at_once(self, group: int, wanted: int) -> int:
        """Tell how many rows can be read without taking too much, whatever they hold."""
        facts = self.file.metadata.row_group(group)
        # No string is longer than what all of them take together.
        if wanted <= _FEW_ROWS or wanted * facts.total_byte_size <= _BATCH_BYTES:
            return wanted
        if wanted <= _ROWS_OF_LONG:
            return _FEW_ROWS
        row_bytes = 0
        for number in range(facts.num_columns):
            longest = self._bytes_of_a_row(group, number)
            if longest is None:
                return _FEW_ROWS
            row_bytes += longest
        return max(min(wanted, _BATCH_BYTES // max(row_bytes, 1)), 1)

    def _bytes_of_a_row(self, group: int, number: int) -> int | None:
        """Give the most bytes that a row can take in a column; None if they cannot be bounded."""
        described = self.file.schema.column(number)
        if described.physical_type == "FIXED_LEN_BYTE_ARRAY":
            return int(described.length)
        if described.physical_type != "BYTE_ARRAY":
            return 0
        longest = self._longest_in_dictionary(group, described.path)
        if longest is None:
            return None
        # Only now that it could be read: to look at damaged facts ends the process (pyarrow 26).
        facts = self.file.metadata.row_group(group)
        column = facts.column(number)
        values_of_a_row = -(-column.num_values // max(facts.num_rows, 1))  # several in a list
        return int((longest or column.total_uncompressed_size) * values_of_a_row)

    def _longest_in_dictionary(self, group: int, path: str) -> int | None:
        """Tell the longest value; 0 where no dictionary is found, None where none can be."""
        if self._with_dictionaries is None:
            self._with_dictionaries = self._open_with_dictionaries()
        try:
            batches = self._with_dictionaries.iter_batches(
                1, row_groups=[group], columns=[path], use_threads=False
            )
            batch = next(batches, None)
        except (OSError, pa.ArrowException, ValueError):
            return None  # not in a dictionary but as what differs from the value before; or damaged
        return max(map(_longest, batch.columns), default=0) if batch else 0

    def _open_with_dictionaries(self) -> Any:
        import pyarrow.parquet as pq

        facts, schema = self.file.metadata, self.file.schema
        strings = [
            schema.column(number).path
            for number in range(facts.num_columns)
            if schema.column(number).physical_type == "BYTE_ARRAY"
        ]
        return pq.ParquetFile(
            for_arrow(self._path),
            metadata=facts,
            read_dictionary=strings,
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
        )


def after_group(group: int, number: int) -> Place:
    """Give the place after a row group, before the row with a number."""
    return group + 1, -1, number


def bytes_of(batch: pa.RecordBatch) -> int:
    """Tell about how many bytes a batch takes, values in a dictionary as often as they occur."""
    return sum(map(_bytes_of, batch.columns))


def _bytes_of(column: pa.Array) -> int:
    if not (pa.types.is_dictionary(column.type) and column.type.value_type in _VALUES):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(column.indices.nbytes) + int(pc.sum(lengths).as_py() or 0)


def _longest(column: pa.Array) -> int:
    """Tell the longest value of the dictionary within a column of one kind of leaves."""
    while pa.types.is_nested(column.type):
        column = column.field(0) if pa.types.is_struct(column.type) else column.values
    # Where all is null, or the first row is an empty list, no dictionary was read.
    is_found = pa.types.is_dictionary(column.type) and len(column.dictionary)
    return int(pc.max(pc.binary_length(column.dictionary)).as_py()) if is_found else 0


def _joined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Put batches together, so far as an array can hold their values."""
    if len(batches) < 2:
        return batches
    try:
        return pa.Table.from_batches(batches).combine_chunks().to_batches()  # type: ignore[no-any-return]
    except pa.ArrowInvalid:  # their dictionaries together are too large for the type of the indices
        return batches


def cut(batch: pa.RecordBatch, block_bytes: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch in equal parts of about a size; they share its memory."""
    parts = min(max(round(bytes_of(batch) / block_bytes), 1), max(len(batch), 1))
    rows = -(-len(batch) // parts)
    for start in range(0, max(len(batch), 1), max(rows, 1)):
        yield batch.slice(start, rows)
