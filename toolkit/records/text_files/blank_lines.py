"""Blank lines before records that are rejected, which stay in the output."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.text_files.byte_lines import Lines

_BLANK_LINES = b"blank lines"  # metadata of a batch without records
_BLANK = re.compile(rb"(?:\r?\n)*+")


def end_of_blank_lines(data: bytes) -> int:
    """Where the blank lines stop that some data starts with."""
    return _BLANK.match(data).end()  # type: ignore[union-attr]


def with_blank_lines(data: bytes, lines: Lines, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Put the loose blank lines of some lines into the batch of their records.

    Its columns are the records and their line ends. Blank lines are put after the line end of the
    record before them, or else before the first record.
    """
    before, behind = b"", [""] * len(lines)
    rows = np.searchsorted(lines.starts, lines.loose[:, 0]) - 1
    for row, (start, stop) in sorted(zip(rows.tolist(), lines.loose.tolist(), strict=True)):
        if row < 0:
            before += data[start:stop]
        else:
            behind[row] += data[start:stop].decode()
    if not len(lines):
        return batch.replace_schema_metadata({_BLANK_LINES: before})
    records, line_ends = batch.columns
    if before:
        first = pa.array([before + records[0].as_py()], records.type)
        records = pa.concat_arrays([first, records[1:]])
    line_ends = pc.binary_join_element_wise(line_ends, pa.array(behind, pa.string()), "")
    return pa.RecordBatch.from_arrays([records, line_ends], batch.schema.names)


def only_blank_lines(batch: pa.RecordBatch) -> pa.Buffer | None:
    """Give the blank lines of a batch without records, if it has any."""
    blank = (batch.schema.metadata or {}).get(_BLANK_LINES)
    return None if blank is None else pa.py_buffer(blank)
