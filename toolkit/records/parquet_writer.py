"""A Parquet file that is written: row groups of limited size, codecs as in the input, metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import pyarrow as pa

from toolkit.records.parquet_values import cut
from toolkit.records.review_file import METADATA_PREFIX

# Row groups of an output end with those of the input, or here at the latest: Arrow writes a group
# from memory, where all of it must be.
ROW_GROUP_BYTES = 64 << 20

# What Arrow calls a codec, where it does not read the name that it gives.
_CODECS = {"uncompressed": "none", "lz4_raw": "lz4", "unknown": "snappy"}

# The columns that Spark sees in a file that it has written; it does not look for others.
_SPARK_COLUMNS = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_TYPES = {pa.string(): "string", pa.float32(): "float", pa.int32(): "integer"}


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


def split_groups(metadata: Any) -> Iterator[str]:
    """Say that row groups are split, as far as that is known before they are read."""
    count = metadata.num_row_groups
    large = sum(metadata.row_group(n).total_byte_size > ROW_GROUP_BYTES for n in range(count))
    if large:
        yield (
            f"{large:,} of {count:,} row groups are larger than {ROW_GROUP_BYTES >> 20} MiB, and "
            "are split in the output"
        )


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
