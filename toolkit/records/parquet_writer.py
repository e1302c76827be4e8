"""A Parquet file that is written, a row group after the other."""

from __future__ import annotations

from typing import IO

import pyarrow as pa

from toolkit.records.columns import Columns

# Row groups of an output end with those of the input, or here at the latest.
_ROW_GROUP_BYTES = 64 << 20


class ParquetOutput:
    """A Parquet file that is written, a row group after the other.

    Parameters
    ----------
    file : IO[bytes]
        The file.
    schema : pa.Schema
        Its columns.
    compression : str
        How they are packed.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, compression: str) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(file, schema, compression=compression)
        self._pending: list[pa.RecordBatch] = []
        self._size = 0

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Put a batch into the row group, which ends where asked or when it is large enough."""
        self._pending.append(batch)
        self._size += batch.nbytes
        if ends_group or self._size >= _ROW_GROUP_BYTES:
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


def with_scores(schema: pa.Schema, columns: Columns) -> pa.Schema:
    """Add the columns of the sentiment (string) and the probability (float32) to a schema."""
    sentiment, probability = columns.added
    return schema.append(pa.field(sentiment, pa.string())).append(
        pa.field(probability, pa.float32())
    )
