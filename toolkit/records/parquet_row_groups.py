"""Row groups of Parquet files, read in batches of bounded memory, and written.

The size in the file says little: one long string in a dictionary may be the value of every row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import EmptyInputError, InputError
from toolkit.files import for_arrow
from toolkit.records.review_file import BLOCK_RECORDS, METADATA_PREFIX, Offset, SplitPoint

# A row group is read in pages of this size, however large it is.
_BUFFER_BYTES = 1 << 20

# If every row holds the longest string of its row group, what is read at once takes no more than
# this, or has no more rows than that. Few rows cost little time: 500,000 texts of 20 to 60 bytes
# take 0.05 to 0.25 s in batches of 32,768 rows, and 0.14 to 0.30 s in those of 128.
_BATCH_BYTES = 32 << 20
_FEW_ROWS = 128

# Its times have microseconds (https://spark.apache.org/docs/latest/sql-ref-datatypes.html).
_SPARK = b"org.apache.spark.version"

_VALUES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())

# Row groups of an output end with those of the input, or here at the latest: Arrow writes a group
# from memory, where all of it must be.
ROW_GROUP_BYTES = 64 << 20

# What Arrow calls a codec, where it does not read the name that it gives.
_CODECS = {"uncompressed": "none", "lz4_raw": "lz4", "unknown": "snappy"}

# The columns that Spark sees in a file that it has written; it does not look for others.
_SPARK_COLUMNS = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_TYPES = {pa.string(): "string", pa.float32(): "float", pa.int32(): "integer"}


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


class RowGroupWriter:
    """Writes a Parquet file as a `BatchFile`: row groups, and then the footer.

    The codecs are those of the leaves of the columns, in order; the added columns have the first.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, codecs: Sequence[str] = ()) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(
            pa.PythonFile(file, "w"),
            schema,
            compression=_codec_of_each(schema, codecs) if codecs else "snappy",
            use_compliant_nested_type=False,  # else parts of lists get another name
        )
        self._pending: list[pa.RecordBatch] = []
        self._size = 0

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Put a batch into the row group, which ends where asked or before it is too large."""
        for part in cut(batch, ROW_GROUP_BYTES // 2):
            if self._size + part.nbytes > ROW_GROUP_BYTES:
                self._flush()
            self._pending.append(part)
            self._size += part.nbytes
        if ends_group:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file as it is; else the writer would try to end it when it is deleted."""
        self._writer.is_open = False

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending)
            self._writer.write_table(table, row_group_size=max(len(table), 1))
        self._pending, self._size = [], 0


def codecs_of(metadata: Any) -> list[str]:
    """Give the codec of each leaf of the columns, as the first row group has them.

    It must have been read: to look at damaged facts ends the process (pyarrow 26).
    """
    if not metadata.num_row_groups:
        return []
    group = metadata.row_group(0)
    names = [group.column(leaf).compression.lower() for leaf in range(group.num_columns)]
    return [_CODECS.get(name, name) for name in names]


def with_metadata(schema: pa.Schema, metadata: Mapping[str, str]) -> pa.Schema:
    """Give the schema of an output the new metadata in the place of those of an earlier scoring."""
    kept = {
        key: value
        for key, value in (schema.metadata or {}).items()
        if not key.startswith(METADATA_PREFIX.encode())
    }
    if _SPARK_COLUMNS in kept:
        columns = _spark_columns(kept.pop(_SPARK_COLUMNS), schema)
        kept |= {} if columns is None else {_SPARK_COLUMNS: columns}
    return schema.with_metadata({**kept, **metadata} or None)


def _codec_of_each(schema: pa.Schema, codecs: Sequence[str]) -> dict[str, str]:
    """Give the codec by the path of each leaf, which Arrow tells only of a file."""
    import pyarrow.parquet as pq

    file = pa.BufferOutputStream()
    pq.ParquetWriter(file, schema, use_compliant_nested_type=False).close()
    leaves = pq.ParquetFile(pa.BufferReader(file.getvalue())).schema
    paths = [leaves.column(position).path for position in range(len(leaves))]
    more = [codecs[0]] * (len(paths) - len(codecs))
    return dict(zip(paths, [*codecs, *more], strict=True))


def _spark_columns(stored: bytes, schema: pa.Schema) -> bytes | None:
    """Add what is missing to the list of Spark; None if Spark had better take the schema itself."""
    try:
        content = json.loads(stored)
        names = [field["name"] for field in content["fields"]]
        content["fields"] += [
            {"name": each.name, "type": _SPARK_TYPES[each.type], "nullable": True, "metadata": {}}
            for each in schema
            if each.name not in names
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
