"""Write scored records, block after block, with their rejects and counts."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import pyarrow as pa

from toolkit.errors import OutputError, UsageError
from toolkit.files import atomic_file, check_output_file, limit_rights, reporting_failures
from toolkit.records.formats import Format, format_of, output_format_of, output_of
from toolkit.records.output_file import ByteFile, write_all
from toolkit.records.review_file import BatchFile, Offset, Output, ReviewFile
from toolkit.scoring.block_scorer import ScoredBlock
from toolkit.scoring.file_prior import FilePrior
from toolkit.scoring.identity import WatchedInput
from toolkit.scoring.jobs import Job
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import Checkpoint, FileResult, RecordCounts

STANDARD_OUTPUT = Path("standard output")
WARNING_OF_EMPTY = "nothing is in this file, nor in its output."
_REJECTS_IN_MEMORY = 16 << 20  # bytes; more go to a temporary file


class ScoredOutput:
    """An output with its rejects and counts, which grows by one block at a time."""

    start: Offset = ()  # where in the input to start
    saved: Sequence[pa.RecordBatch] = ()  # `ScoredBlock.numbers` of an earlier run, by block
    prior: FilePrior | None = None  # estimated

    def __init__(self, file: BatchFile, rejects: IO[bytes], before: RecordCounts) -> None:
        self.summary = before  # of the written records
        self._file = file
        self._rejects = rejects
        self._blocks = 0
        self._reached: Offset = self.start  # in the input, after the last block
        self._began = time.monotonic() - before.seconds

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        self._file.append(block.data, ends_group=block.ends_group)
        self._write_rejects(block.rejects)
        self.summary += block.summary
        self.summary.seconds = time.monotonic() - self._began
        self._blocks += 1
        self._reached = block.following

    def _write_rejects(self, lines: bytes) -> None:
        write_all(self._rejects, lines)

    def finish(self, result: FileResult) -> Checkpoint:
        """Write the end, move everything to its place, and return the final checkpoint."""
        self._file.close()
        return Checkpoint(
            reached=self._reached,
            summary=self.summary,
            frame=self._file.frame if isinstance(self._file, ByteFile) else None,
            job_id=result.job_id,
            columns=dict(result.columns),
            warnings=tuple(result.warnings),
            prior=self.prior,
        )


class StandardOutput(ScoredOutput):
    """Standard output, which cannot be resumed, with a file of rejects if there are any.

    Rejects stay in memory or in a temporary file until the end.
    """

    def __init__(
        self, job: Job, form: Output, source: WatchedInput | None, *, files: ExitStack, force: bool
    ) -> None:
        if sys.__stdout__ is None:  # then descriptor 1 may be another file
            raise OutputError("standard output: is closed. Write to a file with --output")
        file = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115 (not closed)
        rejects = files.enter_context(SpooledTemporaryFile(_REJECTS_IN_MEMORY))  # noqa: SIM115
        with reporting_failures(STANDARD_OUTPUT):
            super().__init__(ByteFile(file, form, None, is_new=True), rejects, RecordCounts())
        self._job = job
        self._source = source
        self._force = force
        self._rejects_place = job.rejects_file or STANDARD_OUTPUT

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        with reporting_failures(STANDARD_OUTPUT):
            super().append(block)

    def _write_rejects(self, lines: bytes) -> None:
        with reporting_failures(self._rejects_place):  # such as no room for the temporary file
            super()._write_rejects(lines)

    def finish(self, result: FileResult) -> Checkpoint:
        """Write the end, and the file of rejects if there are any."""
        if self._source is not None:
            self._source.check()
        with reporting_failures(STANDARD_OUTPUT):
            done = super().finish(result)
        path = self._job.rejects_file
        if self.summary.rejected and path is not None:
            try:
                check_output_file(path, force=self._force, option="--rejected")
            except UsageError as error:  # not a usage error any more: the output is written
                raise OutputError(
                    f"{error} The scored records are written, the rejected ones are not."
                ) from None
            self._rejects.seek(0)
            with atomic_file(path, force=self._force) as partial, partial.open("wb") as copy:
                shutil.copyfileobj(self._rejects, copy)
            limit_rights(path, self._job.input.file)
        return done


def output_form(reviews: ReviewFile, job: Job, options: ScoringOptions) -> Output:
    """Return how to write the output: in the chosen format, or the format of its name."""
    own, target = _formats(job, options)
    if options.reading.delimiter is not None and own.delimiter is target.delimiter is None:
        raise UsageError("--delimiter: neither the input nor the output is a delimited file")
    return output_of(reviews, own, target=target, delimiter=options.reading.delimiter)


def _formats(job: Job, options: ScoringOptions) -> tuple[Format, Format]:
    """Return the formats of the input and of the output."""
    own = format_of(job.input, options.reading.format)
    asked = options.output_format or (own.written.name if job.is_to_stdout else None)
    target = output_format_of(job.output, asked, "--output-format")
    if job.is_to_stdout and not target.is_text:
        raise UsageError(
            f"standard output: {target.what} is written with --output, to a file with a name"
        )
    return own, target


def empty_form(job: Job, options: ScoringOptions) -> Output:
    """Return how to write an output without records: no bytes, or a table of added columns."""
    _, target = _formats(job, options)
    if target.is_text:
        return Output(lambda *_: pa.py_buffer(b""))
    columns = options.reading.columns.added
    added = pa.schema([(column.name, column.kind) for column in columns])
    return target.load().output_of_table(lambda records, _: records, added, None)
