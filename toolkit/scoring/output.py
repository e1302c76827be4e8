"""Where scored records go: a file that appears when it is complete, or standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pyarrow as pa

from toolkit.errors import OutputError, UsageError, is_wrong_call
from toolkit.files import check_output_file, flush_to_disk, reporting_failures
from toolkit.records.compression import compression_of
from toolkit.records.read_options import STDIN
from toolkit.records.review_file import BatchFile, Output, Place, ReviewFile
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.byte_file import ByteFile, write_all
from toolkit.scoring.checkpoints import Checkpoint, FileFacts
from toolkit.scoring.jobs import Job
from toolkit.scoring.journal import OUTPUT, REJECTED, ROOM, SCORES, Journal
from toolkit.scoring.journals import Journals
from toolkit.scoring.publishing import STANDARD_OUTPUT, copy_to, publish
from toolkit.scoring.summary import Summary
from toolkit.scoring.watched_input import WatchedInput
from toolkit.signals import held_back

_ROOM_BYTES = 1 << 16  # a journal of a long run takes as much in some minutes
_REJECTS_IN_MEMORY = 16 << 20  # bytes, where the records go to standard output


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

    def first_reject(self) -> str | None:
        """Say where the first reject is, and why; also one that an earlier run has found."""
        at = self._rejects.tell()
        self._rejects.seek(0)
        found = json.loads(_first_line(self._rejects) or b"{}")
        self._rejects.seek(at)
        what = "line" if "line" in found else "record"
        return f"{what} {found[what]:,}: {found['reason']}" if found else None

    def _write_rejects(self, lines: bytes) -> None:
        write_all(self._rejects, lines)

    def finish(self) -> None:
        """Write the end, and put everything in its place."""
        self._file.close()


@contextmanager
def open_output(work: Work, form: Output, checkpoint: Checkpoint | None) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint.

    If the block raises, what is written is kept for a later run, unless the input or the call is
    wrong.
    """
    job = work.journal.job
    with ExitStack() as files:
        if job.output == STDIN:
            yield _StandardOutput(
                job, form, files.enter_context(SpooledTemporaryFile(_REJECTS_IN_MEMORY))
            )
            return
        with reporting_failures(job.output):
            work.journals.begin(work.journal, keep=checkpoint is not None)
        output: _FileOutput | None = None
        try:
            with reporting_failures(job.output):
                output = _FileOutput(work, form, checkpoint, files)
                yield output
        except BaseException as error:
            is_wrong = is_wrong_call(error)
            if output is not None:
                output.abandon(save=not is_wrong)
            if (is_wrong and output is not None) or work.journal.entry.checkpoint is None:
                work.journal.drop()
            raise


@dataclass(frozen=True)
class Work:
    """What a run has to do with an output, beside what it writes."""

    journals: Journals
    journal: Journal
    source: WatchedInput | None
    reviews: ReviewFile | None  # None if the input is empty
    identity: dict[str, Any] | None  # what the result depends on; None if it cannot be continued
    seconds: float  # between checkpoints


class _FileOutput(ScoredOutput):
    """A file, with checkpoints in the journal.

    A Parquet file cannot be continued: its scores are kept, and it is written again from the start.
    """

    def __init__(
        self, work: Work, form: Output, checkpoint: Checkpoint | None, files: ExitStack
    ) -> None:
        self._work, self._folder = work, work.journal.folder
        self._latest: Checkpoint | None = None  # its sums are made when it is saved
        self._lengths: dict[str, int] = {}
        self._saved_at = time.monotonic()
        old = checkpoint.files if checkpoint else {}

        def opened(name: str, buffering: int = 0) -> IO[bytes]:
            length = old[name].size if name in old else 0
            path = self._folder / name
            file = files.enter_context(path.open("r+b" if length else "w+b", buffering))
            file.truncate(length)
            file.seek(length)
            return file

        before = Summary()
        file: BatchFile
        if form.open_file is None:
            self._scores = None
            self._raw = opened(OUTPUT)
            if checkpoint is not None:
                self.start, before = checkpoint.place, Summary.from_dict(checkpoint.counts)
            file = ByteFile(
                self._raw,
                form,
                compression_of(work.journal.job.output),
                is_new=not (OUTPUT in old and old[OUTPUT].size),
                has_records=before.records > before.rejected,
            )
        else:
            self._scores = opened(SCORES)
            self._raw = opened(OUTPUT, buffering=-1)
            file = form.open_file(self._raw)
            self.saved = _read_scores(self._folder / SCORES)
        super().__init__(file, opened(REJECTED), before)

    def append(self, block: ScoredBlock) -> None:
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        if self._scores is None:
            self._lengths = {OUTPUT: self._raw.tell(), REJECTED: self._rejects.tell()}
        else:
            write_all(self._scores, _stream_of(block.numbers))
            self._lengths = {SCORES: self._scores.tell()}
        self._latest = Checkpoint(block.following, {}, self.summary.as_dict())
        if self._blocks == len(self.saved) + 2:  # not where all is done at once
            self._reserve_room()
        if time.monotonic() - self._saved_at >= self._work.seconds:
            if self._work.source is not None:
                self._work.source.check()
            self._save()
            self._saved_at = time.monotonic()

    def finish(self) -> None:
        super().finish()
        self._raw.close()
        self._rejects.close()
        flush_to_disk(self._folder / OUTPUT)
        if self.summary.rejected:
            flush_to_disk(self._folder / REJECTED)
        if self._work.source is not None:
            self._work.source.check()
        complete = FileFacts.at(self._folder / OUTPUT)
        self._latest = Checkpoint((), {}, self.summary.as_dict(), complete=complete)
        self._lengths = {}
        self._save()
        publish(self._work.journal, self.summary)

    def abandon(self, *, save: bool) -> None:
        """Close the files as they are."""
        self._file.abandon()
        with suppress(OSError):  # a full disk, which may be why the file is abandoned
            self._raw.close()
        source = self._work.source
        if save and (source is None or source.is_same):
            with suppress(OSError, OutputError), held_back():
                self._make_room()
                self._save()

    def _save(self) -> None:
        """Note how far the output has come, when that is on the disk."""
        work, latest = self._work, self._latest
        if work.identity is None or work.source is None or latest is None:
            return
        files = {}
        for name, length in self._lengths.items():
            with (self._folder / name).open("rb", buffering=0) as file:
                os.fsync(file.fileno())
                files[name] = work.journal.sums[name].up_to(length, file)
        source = None
        if work.reviews is not None and not latest.complete:
            source = work.source.read_so_far(work.reviews.bytes_used)
        work.journal.save(work.identity, replace(latest, files=files, source=source))
        self._latest = None

    def _reserve_room(self) -> None:
        """Take some room of the disk, so that progress can be saved when the rest is used up."""
        with suppress(OSError, AttributeError), (self._folder / ROOM).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)

    def _make_room(self) -> None:
        """Give up what was reserved, and what was written of a block that is not complete."""
        (self._folder / ROOM).unlink(missing_ok=True)
        for name, length in self._lengths.items():
            os.truncate(self._folder / name, length)


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
        with reporting_failures(STANDARD_OUTPUT):
            super().__init__(ByteFile(file, form, None, is_new=True), rejects, Summary())
        self._job = job

    def append(self, block: ScoredBlock) -> None:
        with reporting_failures(STANDARD_OUTPUT):
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
        with reporting_failures(STANDARD_OUTPUT):
            super().finish()
        if self.summary.rejected and self._job.rejects_file is not None:
            try:
                check_output_file(self._job.rejects_file, force=True, option="--rejected")
            except UsageError as error:  # too late for a wrong call: the output is written
                raise OutputError(
                    f"{error} The scored records are written, the rejected ones are not."
                ) from None
            self._rejects.seek(0)
            copy_to(self._rejects, self._job.rejects_file)


def _first_line(file: IO[bytes]) -> bytes:
    parts = []
    while part := file.read(1 << 16):
        parts.append(part)
        if b"\n" in part:
            break
    return b"".join(parts).partition(b"\n")[0]


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
