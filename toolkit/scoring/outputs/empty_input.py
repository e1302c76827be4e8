"""What an empty file in a folder gives: one that a job has opened, and has written nothing to."""

from __future__ import annotations

import pyarrow as pa

from toolkit.records.formats import format_of
from toolkit.records.read_options import ReadOptions
from toolkit.records.record_blocks import Output
from toolkit.scoring.inputs.jobs import Job


def empty_output(job: Job, reading: ReadOptions, output_format: str | None) -> Output:
    """Say how nothing is written: as no bytes, or as a table with the added columns alone."""
    target = format_of(job.output, output_format, "--output-format")
    if target.is_text:
        return Output(lambda *_: pa.py_buffer(b""))
    added = pa.schema([(column.name, column.kind) for column in reading.columns.added])
    return target.load().output_of_table(lambda records, _: records, added, None)
