"""A Parquet file that is written, in the way of a `BatchFile`: row groups, and then the footer."""

from __future__ import annotations

from typing import IO, Any

import pyarrow as pa

from toolkit.records.parquet.parquet_footer import schema_of, with_schema
from toolkit.records.parquet.parquet_layout import PLAIN, ROW_GROUP_BYTES, Layout
from toolkit.records.parquet.parquet_row_groups import cut


class RowGroupWriter:
    """Writes a Parquet file, one row group after the other."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, layout: Layout = PLAIN) -> None:
        import pyarrow.parquet as pq

        self._file = _File(file)
        self._layout = layout
        self._writer = pq.ParquetWriter(self._file, schema, **layout.options)
        if not layout.options.get("store_schema", True) and schema.metadata:
            self._writer.add_key_value_metadata(schema.metadata)
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
        self._file.end = bytearray()
        self._writer.close()
        self._file.write_end(self._layout)

    def abandon(self) -> None:
        """Leave the file as it is; else the writer would try to end it when it is deleted."""
        self._writer.is_open = False

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending)
            self._writer.write_table(table, row_group_size=max(len(table), 1))
        self._pending, self._size = [], 0


class _File:
    """A file whose end is held back, for the footer that is in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self.end: bytearray | None = None  # what is held back
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self.end is None:
            self._file.write(view)
        else:
            self.end += view
        self._position += len(view)
        return len(view)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True

    def write_end(self, layout: Layout) -> None:
        """Write what was held back, with the schema of a layout in the footer."""
        end = bytes(self.end or b"")
        size = int.from_bytes(end[-8:-4], "little")
        before, footer, magic = end[: -8 - size], end[-8 - size : -8], end[-4:]
        schema = schema_of(footer)
        footer = with_schema(footer, schema, layout.elements_like(schema))
        for part in (before, footer, len(footer).to_bytes(4, "little"), magic):
            self._file.write(part)
