"""Where scored records go: a file that appears when it is complete, or standard output."""

from __future__ import annotations

import errno
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pyarrow as pa

from toolkit.errors import OutputError, UsageError, is_wrong_call
from toolkit.files import (
    atomic_file,
    check_output_file,
    flush_to_disk,
    is_there,
    reporting_failures,
    resolved,
)
from toolkit.records.compression import compression_of
from toolkit.records.read_options import STDIN
from toolkit.records.review_file import BatchFile, Output, Place
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.byte_file import ByteFile, write_all
from toolkit.scoring.checkpoints import Checkpoint
from toolkit.scoring.jobs import Job
from toolkit.scoring.journal import Journal
from toolkit.scoring.summary import Summary
from toolkit.signals import held_back

_STANDARD_OUTPUT = Path("standard output")
_REJECTS_IN_MEMORY = 16 << 20  # bytes, where the records go to standard output
# Names of the files while they are not complete.
_OUTPUT, _REJECTED, _SCORES = "output", "rejected.jsonl", "scores"


class ScoredOutput:
    """An output, its rejects and its counts, growing by a block at a time."""

    start: Place = ()  # where in the input to start
    saved: Sequence[pa.RecordBatch] = ()  # numbers of the first blocks, where they are known

    def __init__(self, file: BatchFile, rejects: IO[bytes], before: Summary) -> None:
        self.summary = before  # of what is written
        self._file = file
        self._rejects = rejects
        self._blocks = 0
        self._began = time.monotonic() - before.seconds

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        self._file.append(block.data, ends_group=block.ends_group)
        self._write_rejects(block.rejects)
        self.summary += block.summary
        self.summary.seconds = time.monotonic() - self._began
        self._blocks += 1

    def _write_rejects(self, lines: bytes) -> None:
        write_all(self._rejects, lines)

    def finish(self) -> None:
        """Write the end, and put everything in its place."""
        self._file.close()


@contextmanager
def open_output(
    job: Job,
    form: Output,
    journal: Journal,
    identity: dict[str, Any] | None,
    checkpoint: Checkpoint | None,
    seconds: float,
) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint, one every ``seconds``.

    ``identity`` is what the result depends on, None if it cannot be continued. If the block raises,
    what is written is kept for a later run, unless the input or the call is wrong.
    """
    with ExitStack() as files:
        if job.output == STDIN:
            yield _StandardOutput(
                job, form, files.enter_context(SpooledTemporaryFile(_REJECTS_IN_MEMORY))
            )
            return
        with reporting_failures(job.output):
            files.enter_context(journal.reserved(job))
        output: _FileOutput | None = None
        try:
            with reporting_failures(job.output):
                journal.make_folder(job, keep=checkpoint is not None)
                output = _FileOutput(job, form, journal, checkpoint, files)
                output.identity, output.seconds = identity, seconds
                yield output
        except BaseException as error:
            is_wrong = is_wrong_call(error)
            if output is not None:
                output.abandon(save=not is_wrong)
            journal.abandon(job, keep=output is None or not is_wrong)
            raise


class _FileOutput(ScoredOutput):
    """A file, with checkpoints in the journal.

    A Parquet file cannot be continued: its scores are kept, and it is written again from the start.
    """

    identity: dict[str, Any] | None
    seconds: float  # between checkpoints

    def __init__(
        self,
        job: Job,
        form: Output,
        journal: Journal,
        checkpoint: Checkpoint | None,
        files: ExitStack,
    ) -> None:
        self._job, self._journal, self._folder = job, journal, journal.folder(job)
        self._latest = checkpoint
        self._saved_at = time.monotonic()
        lengths = checkpoint.lengths if checkpoint else {}

        def opened(name: str, buffering: int = 0) -> IO[bytes]:
            length = lengths.get(name, 0)
            path = self._folder / name
            file = files.enter_context(path.open("r+b" if length else "wb", buffering))
            file.truncate(length)
            file.seek(length)
            return file

        before = Summary()
        file: BatchFile
        if form.open_file is None:
            self._scores = None
            self._raw = opened(_OUTPUT)
            is_new = not lengths.get(_OUTPUT)
            file = ByteFile(self._raw, form, compression_of(job.output), is_new=is_new)
            if checkpoint is not None:
                self.start, before = checkpoint.place, Summary.from_dict(checkpoint.counts)
        else:
            self._scores = opened(_SCORES)
            self._raw = opened(_OUTPUT, buffering=-1)
            file = form.open_file(self._raw)
            self.saved = _read_scores(self._folder / _SCORES)
        super().__init__(file, opened(_REJECTED), before)

    def append(self, block: ScoredBlock) -> None:
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        if self._scores is None:
            lengths = {_OUTPUT: self._raw.tell(), _REJECTED: self._rejects.tell()}
        else:
            write_all(self._scores, _stream_of(block.numbers))
            lengths = {_SCORES: self._scores.tell()}
        self._latest = Checkpoint(block.following, lengths, self.summary.as_dict())
        if time.monotonic() - self._saved_at >= self.seconds:
            self._save()
            self._saved_at = time.monotonic()

    def finish(self) -> None:
        super().finish()
        self._raw.close()
        self._rejects.close()
        flush_to_disk(self._folder / _OUTPUT)
        flush_to_disk(self._folder / _REJECTED)
        self._latest = Checkpoint((), {}, self.summary.as_dict(), complete=True)
        self._save()
        publish(self._job, self._folder, self.summary)

    def abandon(self, *, save: bool) -> None:
        """Close the files as they are."""
        self._file.abandon()
        with suppress(OSError):  # a full disk, which may be why the file is abandoned
            self._raw.close()
        if save:
            with suppress(OSError, OutputError), held_back():
                self._save()

    def _save(self) -> None:
        if self.identity is not None and self._latest is not None:
            self._journal.save(self._job, self.identity, self._latest)


class _StandardOutput(ScoredOutput):
    """Standard output, which cannot be continued, and a file of rejects if there are any."""

    def __init__(self, job: Job, form: Output, rejects: IO[bytes]) -> None:
        if form.open_file is not None:
            raise UsageError(
                "standard output: a Parquet file is written with --output, to a file with a name"
            )
        if sys.stdout is None:  # then other files have its number
            raise OutputError("standard output: is closed. Write to a file with --output")
        file = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115 (not closed)
        with reporting_failures(_STANDARD_OUTPUT):
            super().__init__(ByteFile(file, form, None, is_new=True), rejects, Summary())
        self._job = job

    def append(self, block: ScoredBlock) -> None:
        with reporting_failures(_STANDARD_OUTPUT):
            super().append(block)

    def _write_rejects(self, lines: bytes) -> None:
        try:
            self._rejects.write(lines)
        except OSError as error:
            raise OutputError(
                f"{self._job.rejected}: the rejected records are too many to be kept in memory, "
                f"and there is no temporary file: {error.strerror or error}. Set TMPDIR to a "
                "folder with enough space"
            ) from None

    def finish(self) -> None:
        with reporting_failures(_STANDARD_OUTPUT):
            super().finish()
        if self.summary.rejected:
            try:
                check_output_file(self._job.rejected, force=True, option="--rejected")
            except UsageError as error:  # too late for a wrong call: the output is written
                raise OutputError(
                    f"{error} The scored records are written, the rejected ones are not."
                ) from None
            self._rejects.seek(0)
            _copy(self._rejects, self._job.rejected)


def publish(job: Job, folder: Path, summary: Summary) -> None:
    """Move the files of a complete output to their places, or do what is left of that."""
    output, rejected = resolved(job.output), resolved(job.rejected)
    with held_back():
        if is_there(folder / _OUTPUT):  # the last one that is moved
            if not summary.rejected:
                rejected.unlink(missing_ok=True)  # of an earlier run that is replaced
            elif is_there(folder / _REJECTED):
                with reporting_failures(rejected):
                    _move(folder / _REJECTED, rejected)
            _move(folder / _OUTPUT, output)
        shutil.rmtree(folder, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    """Rename a file, or copy it to another file system and rename it there."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with source.open("rb") as file:
            _copy(file, target)
        source.unlink()


def _copy(file: IO[bytes], target: Path) -> None:
    """Write a file that appears complete; `shutil.copyfile` blames the source of a full disk."""
    with atomic_file(target, force=True) as partial, partial.open("wb") as copy:
        shutil.copyfileobj(file, copy)


def _stream_of(numbers: pa.RecordBatch) -> bytes:
    """Write the numbers of a block as an Arrow stream of its own."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, numbers.schema) as writer:
        writer.write_batch(numbers)
    return stream.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _read_scores(path: Path) -> list[pa.RecordBatch]:
    """Read the numbers of the blocks of a Parquet file, one stream after the other."""
    data = pa.BufferReader(path.read_bytes())
    blocks = []
    while data.tell() < data.size():
        with pa.ipc.open_stream(data) as stream:
            blocks.append(stream.read_next_batch())
            for _ in stream:  # to the end of the stream
                pass
    return blocks
