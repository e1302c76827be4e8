"""Read and write Parquet by row groups, in batches of bounded memory.

The size in the file does not bound the memory: one long string in a dictionary may be the value of
every row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa

from toolkit.errors import EmptyInputError
from toolkit.files import for_arrow
from toolkit.records.inputs import Input
from toolkit.records.review_file import BLOCK_RECORDS, METADATA_PREFIX, SplitPoint
from toolkit.records.table_file import (
    Groups,
    GroupWriter,
    TableFile,
    Writer,
    after_group,
    cut,
    joined,
    opening,
)
from toolkit.records.table_values import bytes_of

# A row group is read through a buffer of this size, however large it is.
_BUFFER_BYTES = 1 << 20

# A batch is read at once if it fits into `_BATCH_BYTES` even when every row has the longest string
# of the row group; else `_FEW_ROWS` at a time. That costs little: 500,000 texts of 20 to 60 bytes
# take 0.05 to 0.25 s in batches of 32,768 rows, and 0.14 to 0.30 s in batches of 128.
_BATCH_BYTES = 32 << 20
_FEW_ROWS = 128

# Key of files written by Spark, whose times have microseconds
# (https://spark.apache.org/docs/latest/sql-ref-datatypes.html).
_SPARK = b"org.apache.spark.version"

# Codecs for which Arrow's writer takes another name than its reader reports.
_CODECS = {"uncompressed": "none", "lz4_raw": "lz4", "unknown": "snappy"}

# Key of Spark's list of columns; in a file with it, Spark does not see other columns.
_SPARK_COLUMNS = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_TYPES = {pa.string(): "string", pa.float32(): "float", pa.int32(): "integer"}


class RowGroups(Groups):
    """The row groups of a Parquet file, in batches of about `block_bytes` in memory."""

    def __init__(self, path: Path, block_bytes: int) -> None:
        import pyarrow.parquet as pq  # late: it takes 12 ms

        self._block_bytes = block_bytes
        self._bytes_used = 0
        self._groups_used = 0  # groups whose ends are in `_bytes_used`
        # Old times (INT96) have nanoseconds and a wide range. As 64-bit nanoseconds, only the years
        # 1678 to 2261 fit, and Arrow would turn all others into wrong times.
        self.file: Any = pq.ParquetFile(
            for_arrow(path),
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
            coerce_int96_timestamp_unit="us",
        )

    @classmethod
    def open(cls, source: Input, block_bytes: int) -> Self:
        """Open a file; raise `InputError` if it cannot be read."""
        path = source.path
        with opening(path, "a Parquet file"):
            if path.stat().st_size == 0:
                raise EmptyInputError(f"{path}: the file is empty, expected reviews")
            groups = cls(path, block_bytes)
            groups.file.schema_arrow.names  # noqa: B018 (a damaged schema is found when it is looked at)
            return groups

    @property
    def count(self) -> int:
        """The number of row groups."""
        return int(self.file.metadata.num_row_groups)

    @property
    def warnings(self) -> list[str]:  # type: ignore[override]
        """The warning that nanoseconds of some columns are lost, if there are such columns."""
        shortened = self._shortened_times()
        if not shortened:
            return []
        return [
            "times of the type INT96 are read in microseconds; nanoseconds, if there are some, are "
            f"lost in {', '.join(map(repr, shortened))}"
        ]

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def schema(self) -> pa.Schema:
        """Return the columns with all metadata of the file; Arrow's schema lacks some."""
        schema: pa.Schema = self.file.schema_arrow
        metadata = {**(self.file.metadata.metadata or {}), **(schema.metadata or {})}
        metadata.pop(b"ARROW:schema", None)
        return schema.with_metadata(metadata or None)

    def rows(self, group: int) -> int:
        """Return the number of rows in a row group."""
        return int(self.file.metadata.row_group(group).num_rows)

    def bytes_read(self, group: int, records: int, file_size: int) -> int:  # noqa: ARG002
        """Return the progress in bytes: the size of the file times the share of rows read."""
        rows = self.file.metadata.num_rows
        return file_size * records // rows if rows else 0

    def bytes_used(self, group: int) -> int:
        """Return where the row groups up to this one end in the file."""
        while self._groups_used <= group:  # only groups that were read, for the reason in `codecs`
            facts = self.file.metadata.row_group(self._groups_used)
            for column in map(facts.column, range(facts.num_columns)):
                start = column.dictionary_page_offset or column.data_page_offset
                self._bytes_used = max(self._bytes_used, start + column.total_compressed_size)
            self._groups_used += 1
        return self._bytes_used

    def codecs(self) -> list[str]:
        """Return the codec of each leaf column in the first row group.

        Reads a row first: asking for damaged metadata kills the process (pyarrow 26).
        """
        metadata = self.file.metadata
        if not metadata.num_row_groups:
            return []
        next(self.file.iter_batches(1, row_groups=[0], use_threads=False), None)
        group = metadata.row_group(0)
        names = [group.column(leaf).compression.lower() for leaf in range(group.num_columns)]
        return [_CODECS.get(name, name) for name in names]

    def _shortened_times(self) -> list[str]:
        """Return the columns of INT96 times, whose nanoseconds, if there are any, are lost."""
        schema = self.file.schema
        leaves = [schema.column(position) for position in range(len(schema))]
        is_of_spark = _SPARK in (self.file.metadata.metadata or {})
        return [leaf.path for leaf in leaves if leaf.physical_type == "INT96" and not is_of_spark]

    def ends(self, file_size: int) -> Iterator[SplitPoint]:
        """Return the cut after each row group that has rows, but not after the last group."""
        metadata = self.file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [
            sum(group.column(leaf).total_compressed_size for leaf in range(group.num_columns))
            for group in groups
        ]
        # The footer is large if groups are small, so each group gets a share of it.
        scale = file_size / max(sum(sizes), 1)
        number = 1
        before = 0
        for place, (group, size) in enumerate(zip(groups[:-1], sizes, strict=False)):
            number += group.num_rows
            before += size
            if group.num_rows:
                yield after_group(place, number), int(before * scale)

    def batches(self, group: int) -> Iterator[pa.RecordBatch]:
        """Read a row group; reading it again gives the same batches."""
        facts = self.file.metadata.row_group(group)
        row_bytes = max(facts.total_byte_size // max(facts.num_rows, 1), 1)
        wanted = max(min(self._block_bytes // row_bytes, BLOCK_RECORDS, facts.num_rows), 1)
        pending: list[pa.RecordBatch] = []
        rows = 0
        size = 0
        # No string is longer than all values of the row group together.
        is_small = wanted * facts.total_byte_size <= _BATCH_BYTES
        at_once = wanted if is_small else min(wanted, _FEW_ROWS)
        for batch in self.file.iter_batches(at_once, row_groups=[group], use_threads=False):
            pending.append(batch)
            rows += len(batch)
            size += bytes_of(batch)
            if rows >= wanted or size >= self._block_bytes:
                yield from self._blocks(pending)
                pending = []
                rows = 0
                size = 0
        yield from self._blocks(pending)

    def _blocks(self, batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in joined(batches):
            yield from cut(batch, self._block_bytes)


class RowGroupWriter(GroupWriter):
    """Writes row groups, then the footer.

    `codecs`: one per leaf column of the input, in order; added columns get the first one.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, codecs: Sequence[str] = ()) -> None:
        import pyarrow.parquet as pq

        super().__init__()
        self._writer = pq.ParquetWriter(
            pa.PythonFile(file, "w"),
            _with_spark_columns(schema),
            compression=_codec_of_each(schema, codecs) if codecs else "snappy",
            use_compliant_nested_type=False,  # keeps the names of list elements
        )

    def write(self, group: list[pa.RecordBatch]) -> None:
        """Write a row group."""
        table = pa.Table.from_batches(group)
        self._writer.write_table(table, row_group_size=max(len(table), 1))

    def end(self) -> None:
        """Write the footer."""
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file incomplete, and keep the writer from ending it when it is deleted."""
        self._writer.is_open = False


class ParquetFile(TableFile):
    """A Parquet file; an output keeps values, Arrow types, row groups and the codec of each column.

    Encodings, indexes, Bloom filters and types that Arrow does not know are lost.
    """

    groups: RowGroups
    open_groups = RowGroups.open
    new_writer = RowGroupWriter

    def writer_as_input(self) -> Writer:
        """Return a function that opens an output with the codecs of this file."""
        return partial(RowGroupWriter, codecs=self.groups.codecs())


def _codec_of_each(schema: pa.Schema, codecs: Sequence[str]) -> dict[str, str]:
    """Return the codec of each leaf column by its path; Arrow reports paths only for a file."""
    import pyarrow.parquet as pq

    file = pa.BufferOutputStream()
    pq.ParquetWriter(file, schema, use_compliant_nested_type=False).close()
    leaves = pq.ParquetFile(pa.BufferReader(file.getvalue())).schema
    paths = [leaves.column(position).path for position in range(len(leaves))]
    more = [codecs[0]] * (len(paths) - len(codecs))
    return dict(zip(paths, [*codecs, *more], strict=True))


def _with_spark_columns(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose list for Spark has the added columns; the toolkit's keys stay last."""
    metadata = dict(schema.metadata or {})
    if _SPARK_COLUMNS not in metadata:
        return schema
    columns = _spark_columns(metadata.pop(_SPARK_COLUMNS), schema)
    listed = {} if columns is None else {_SPARK_COLUMNS: columns}
    ours = {key: metadata.pop(key) for key in [*metadata] if key.startswith(_OURS)}
    return schema.with_metadata({**metadata, **listed, **ours} or None)


_OURS = METADATA_PREFIX.encode()


def _spark_columns(stored: bytes, schema: pa.Schema) -> bytes | None:
    """Add missing columns to Spark's list; None if that fails: then Spark takes the schema."""
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
