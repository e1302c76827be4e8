"""Row groups of Parquet files, read in batches of bounded memory.

The size in the file says little: one long string in a dictionary may be the value of every row.

Values of Parquet files that reject their record, wherever they are within a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import EmptyInputError, InputError
from toolkit.files import for_arrow
from toolkit.records.json_writing import IN_A_DAY, with_parts
from toolkit.records.review_file import BLOCK_RECORDS, Offset, Reject, SplitPoint

# A row group is read in pages of this size, however large it is.
_BUFFER_BYTES = 1 << 20

# If every row holds the longest string of its row group, what is read at once takes no more than
# this, or has no more rows than that. Few rows cost little time: 500,000 texts of 20 to 60 bytes
# take 0.05 to 0.25 s in batches of 32,768 rows, and 0.10 to 0.21 s in those of 256.
_BATCH_BYTES = 32 << 20
_FEW_ROWS = 256

# Its times have microseconds (https://spark.apache.org/docs/latest/sql-ref-datatypes.html).
_SPARK = b"org.apache.spark.version"

_VALUES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


class RowGroups:
    """The row groups of a Parquet file, in batches of about `block_bytes` in memory."""

    def __init__(self, path: Path, block_bytes: int) -> None:
        import pyarrow.parquet as pq  # takes 12 ms, which other formats need not wait for

        self._block_bytes = block_bytes
        # Times of the old kind (INT96) have nanoseconds and a wide range. In nanoseconds, 64 bits
        # hold the years 1678 to 2261, and Arrow turns all others into a wrong time.
        self.file: Any = pq.ParquetFile(
            for_arrow(path),
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
            coerce_int96_timestamp_unit="us",
        )

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

    def schema(self) -> pa.Schema:
        """Give the columns, with all metadata of the file: Arrow knows only some of them."""
        schema: pa.Schema = self.file.schema_arrow
        metadata = {**(self.file.metadata.metadata or {}), **(schema.metadata or {})}
        metadata.pop(b"ARROW:schema", None)
        return schema.with_metadata(metadata or None)

    def read_a_row(self) -> None:
        """Read the first row, if there is one, of all columns."""
        if self.file.metadata.num_row_groups:
            next(self.file.iter_batches(1, row_groups=[0], use_threads=False), None)

    def shortened_times(self) -> list[str]:
        """Give the columns of times whose nanoseconds, if they have some, are lost."""
        schema = self.file.schema
        leaves = [schema.column(position) for position in range(len(schema))]
        is_of_spark = _SPARK in (self.file.metadata.metadata or {})
        return [leaf.path for leaf in leaves if leaf.physical_type == "INT96" and not is_of_spark]

    def ends(self, file_size: int) -> Iterator[SplitPoint]:
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
        # No string is longer than what all of them take together.
        is_small = wanted * facts.total_byte_size <= _BATCH_BYTES
        at_once = wanted if is_small else min(wanted, _FEW_ROWS)
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


def after_group(group: int, number: int) -> Offset:
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


STRINGS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())  # text of writers that do not mark it
_DAYS = (-12_687_063, 11_248_372)  # of the years -32766 to 32766; Arrow has no text for others

# What is wrong with the one row of an array: the reason, and the bytes of the value.
Fault = tuple[str, bytes]


@dataclass(frozen=True)
class Check:
    """A property that some plain values must have."""

    concerns: Callable[[pa.DataType], bool]
    is_met: Callable[[pa.Array], bool]  # by all values of an array
    fault: Callable[[pa.Array, str], Fault]  # of a value in an array that are not all good

    def faults(self, name: str, column: pa.Array) -> Iterator[tuple[int, Fault]]:
        """Give the rows of a column that hold a value without the property."""
        if not _holds(column.type, self.concerns):
            return
        if all(map(self.is_met, self._leaves(column))):
            return
        for number in range(len(column)):
            # Copied, for an array within a slice has the values of all rows.
            row = pa.concat_arrays([column.slice(number, 1)])
            wrong = [leaf for leaf in self._leaves(row) if not self.is_met(leaf)]
            if wrong:
                yield number, self.fault(wrong[0], name)

    def _leaves(self, column: pa.Array) -> Iterator[pa.Array]:
        return (leaf for leaf in leaves_of(column, self.concerns))


def is_string(kind: pa.DataType) -> bool:
    """Whether values of a type must be UTF-8."""
    return kind in STRINGS


def _is_utf8(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _no_utf8(column: pa.Array, name: str) -> Fault:
    rows = (column.slice(row, 1) for row in range(len(column)))
    value = next(row for row in rows if not _is_utf8(row)).cast(pa.large_binary())[0].as_py()
    return f"a string in the column {name!r} is no UTF-8", value


def _has_limits(kind: pa.DataType) -> bool:
    return pa.types.is_temporal(kind) and not pa.types.is_duration(kind)


def _limits(kind: pa.DataType, *, is_nested: bool) -> tuple[int, int]:
    """Give the first and the last number of a type that is written as text."""
    if pa.types.is_time(kind):
        return 0, IN_A_DAY[kind.unit] - is_nested  # 24:00:00 is not known within others
    if pa.types.is_date32(kind):
        return _DAYS
    unit = IN_A_DAY["ms" if pa.types.is_date64(kind) else kind.unit]
    return max(_DAYS[0] * unit, -(1 << 63)), min(_DAYS[1] * unit, (1 << 63) - 1)


def _outside(column: pa.Array, *, is_nested: bool) -> pa.Array:
    """Give the numbers of the times and dates that have no text."""
    first, last = _limits(column.type, is_nested=is_nested)
    numbers = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).drop_null()
    return numbers.filter(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)))


def _no_text(column: pa.Array, name: str, *, is_nested: bool) -> Fault:
    value = _outside(column, is_nested=is_nested)[0].as_py()
    reason = (
        f"the {column.type} value {value} in the column {name!r} is out of the range that can be "
        "written as text; only a Parquet output keeps it"
    )
    return reason, str(value).encode()


def _in_limits(*, is_nested: bool) -> Check:
    return Check(
        _has_limits,
        lambda column: not len(_outside(column, is_nested=is_nested)),
        partial(_no_text, is_nested=is_nested),
    )


UTF8 = Check(is_string, _is_utf8, _no_utf8)
_PLAIN, _NESTED = _in_limits(is_nested=False), _in_limits(is_nested=True)


def writable(kind: pa.DataType) -> Check:
    """Give the check of a column whose values are written as text."""
    return _NESTED if pa.types.is_nested(kind) else _PLAIN


def reject(first: int, row: int, fault: Fault) -> Reject:
    """Say that a row of a block holds such a value; ``first`` is the number of its first row."""
    reason, value = fault
    return Reject(first + row, reason, value, len(value), row)


def in_known_zones(kind: pa.DataType) -> pa.DataType:
    """Give a type with UTC for time zones that are not known here, and so cannot be written."""
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        try:
            pa.array([0], kind).cast(pa.string())
        except pa.ArrowInvalid:
            return pa.timestamp(kind.unit, "UTC")
    return with_parts(kind, in_known_zones) if pa.types.is_nested(kind) else kind


def as_strings(column: pa.Array) -> pa.Array:
    """Give values as strings; bytes that are not UTF-8 get U+FFFD."""
    if column.type not in BYTES:
        return column.cast(pa.large_string())
    try:
        return column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        values = (value and value.decode(errors="replace") for value in column.to_pylist())
        return pa.array(values, pa.large_string())


def _parts(kind: pa.DataType) -> list[pa.DataType]:
    """Give the types that a type is made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    if pa.types.is_dictionary(kind):
        return [kind.value_type]
    return [kind.field(number).type for number in range(kind.num_fields)]


def _holds(kind: pa.DataType, concerns: Callable[[pa.DataType], bool]) -> bool:
    return concerns(kind) or any(_holds(part, concerns) for part in _parts(kind))


def leaves_of(column: pa.Array, concerns: Callable[[pa.DataType], bool]) -> Iterator[pa.Array]:
    """Give the arrays of some types within a column."""
    kind = column.type
    if concerns(kind):
        yield column
        return
    if not _holds(kind, concerns):
        return
    if isinstance(kind, pa.BaseExtensionType):
        inner = [column.storage]
    elif pa.types.is_dictionary(kind):
        inner = [column.dictionary_decode()]
    elif pa.types.is_struct(kind):
        inner = [column.field(number) for number in range(kind.num_fields)]
    elif pa.types.is_map(kind):
        inner = [column.keys, column.items]
    else:
        inner = [column.values]
    for part in inner:
        yield from leaves_of(part, concerns)
