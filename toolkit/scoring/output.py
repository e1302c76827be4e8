"""Where scored records go: a file that appears when it is complete, or standard output."""

from __future__ import annotations

import errno
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa

from toolkit.errors import OutputError, ToolkitError, UsageError
from toolkit.files import atomic_file, flush_to_disk, is_there, reporting_failures, resolved
from toolkit.records.compression import compression_of
from toolkit.records.read_options import STDIN
from toolkit.records.review_file import Output, Place
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.jobs import Job
from toolkit.scoring.journal import Checkpoint, Journal
from toolkit.scoring.sinks import OUTPUT, SCORES, ByteSink, ParquetSink, read_scores, write_all
from toolkit.scoring.summary import Summary
from toolkit.signals import held_back

REJECTED = "rejected.jsonl"  # name of the file while it is not complete


class ScoredOutput(ABC):
    """An output, its rejects and its counts, growing by a block at a time."""

    start: Place = ()  # where in the input to start
    saved: Sequence[pa.FloatArray] = ()  # probabilities of the first blocks, where they are known

    def __init__(self, sink: ByteSink | ParquetSink, rejects: IO[bytes], before: Summary) -> None:
        self.summary = before  # of what is written
        self._sink = sink
        self._rejects = rejects
        self._blocks = 0
        self._began = time.monotonic() - before.seconds

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        self._sink.append(block, is_replayed=self._blocks < len(self.saved))
        write_all(self._rejects, block.rejects)
        self.summary += block.summary
        self.summary.seconds = time.monotonic() - self._began
        self._blocks += 1

    @abstractmethod
    def finish(self) -> None:
        """Write the end, and put everything in its place."""


@contextmanager
def open_output(
    job: Job,
    form: Output,
    journal: Journal,
    identity: dict[str, Any] | None,
    checkpoint: Checkpoint | None,
    seconds: float,
) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint.

    ``identity`` is what the result depends on, None if it cannot be continued; ``seconds`` is the
    time between checkpoints. If the block raises, there is no output; what is written so far is
    kept for a later run, unless the input or the call is wrong.
    """
    if job.output == STDIN:
        with TemporaryFile(buffering=0) as rejects:
            yield _StandardOutput(job, form, rejects)
        return
    output: _FileOutput | None = None
    with ExitStack() as files:
        try:
            with reporting_failures(job.output):
                folder = journal.make_folder(job, keep=checkpoint is not None)
                output = _FileOutput(job, form, journal, identity, checkpoint, folder, files)
                output.seconds_between = seconds
                yield output
        except BaseException as error:
            is_wrong = isinstance(error, ToolkitError) and not isinstance(error, OutputError)
            if output is not None:
                output.abandon(saving=not is_wrong)
            if (output is not None and is_wrong) or not journal.has_checkpoint(job):
                journal.drop(job)
            raise


class _FileOutput(ScoredOutput):
    """A file, with checkpoints in the journal."""

    seconds_between = 0.0  # two checkpoints

    def __init__(
        self,
        job: Job,
        form: Output,
        journal: Journal,
        identity: dict[str, Any] | None,
        checkpoint: Checkpoint | None,
        folder: Path,
        files: ExitStack,
    ) -> None:
        lengths = checkpoint.lengths if checkpoint else {}
        before = Summary()
        if SCORES in lengths:
            self.saved = read_scores(folder / SCORES, lengths[SCORES])
        elif checkpoint is not None:
            self.start, before = checkpoint.place, Summary.from_dict(checkpoint.counts)

        def opened(name: str) -> IO[bytes]:
            length = lengths.get(name, 0)
            file = files.enter_context((folder / name).open("r+b" if length else "wb", 0))
            file.truncate(length)
            file.seek(length)
            return file

        sink: ByteSink | ParquetSink
        if form.open_file is None:
            sink = ByteSink(
                opened(OUTPUT), form, compression_of(job.output), lengths.get(OUTPUT, 0)
            )
        else:
            file = files.enter_context((folder / OUTPUT).open("wb"))
            sink = ParquetSink(file, form, opened(SCORES))
        super().__init__(sink, opened(REJECTED), before)
        self._job = job
        self._journal = journal
        self._identity = identity
        self._latest = checkpoint
        self._saved_at = time.monotonic()

    def append(self, block: ScoredBlock) -> None:
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        lengths = self._sink.lengths()
        if SCORES not in lengths:
            lengths[REJECTED] = self._rejects.tell()
        self._latest = Checkpoint(block.following, lengths, self.summary.as_dict())
        now = time.monotonic()
        if now - self._saved_at >= self.seconds_between:
            self._save()
            self._saved_at = now

    def finish(self) -> None:
        self._sink.finish()
        self._rejects.close()
        folder = self._journal.folder(self._job)
        flush_to_disk(folder / OUTPUT)
        flush_to_disk(folder / REJECTED)
        self._latest = Checkpoint((), {}, self.summary.as_dict(), complete=True)
        self._save()
        publish(self._job, folder, self.summary)

    def abandon(self, *, saving: bool) -> None:
        """Close the files as they are."""
        self._sink.abandon()
        self._rejects.close()
        if saving:
            with suppress(OSError, OutputError), held_back():  # of a full disk
                self._save()

    def _save(self) -> None:
        if self._identity is not None and self._latest is not None:
            self._journal.save(self._job, self._identity, self._latest)


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
        with _reporting_standard_output():
            sink = ByteSink(file, form, None, 0)
        super().__init__(sink, rejects, Summary())
        self._job = job

    def append(self, block: ScoredBlock) -> None:
        with _reporting_standard_output():
            super().append(block)

    def finish(self) -> None:
        with _reporting_standard_output():
            self._sink.finish()
        if self.summary.rejected:
            self._rejects.seek(0)
            target = self._job.rejected
            with atomic_file(target, force=True) as partial, partial.open("wb") as file:
                shutil.copyfileobj(self._rejects, file)


def publish(job: Job, folder: Path, summary: Summary) -> None:
    """Move the files of a complete output to their places, or do what is left of that."""
    output, rejected = resolved(job.output), resolved(job.rejected)
    with held_back():
        if is_there(folder / OUTPUT):  # the last one that is moved
            if not summary.rejected:
                rejected.unlink(missing_ok=True)  # of an earlier run that is replaced
            elif is_there(folder / REJECTED):
                with reporting_failures(rejected):
                    _move(folder / REJECTED, rejected)
            _move(folder / OUTPUT, output)
        shutil.rmtree(folder, ignore_errors=True)


def _reporting_standard_output() -> AbstractContextManager[None]:
    return reporting_failures(Path("standard output"))


def _move(source: Path, target: Path) -> None:
    """Rename a file, or copy it to another file system and rename it there."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic_file(target, force=True) as partial:
            shutil.copyfile(source, partial)
        source.unlink()
