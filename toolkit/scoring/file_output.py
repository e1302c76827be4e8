"""An output that is a file: it grows beside its place, with checkpoints, and appears complete."""

from __future__ import annotations

import os
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from toolkit.errors import OutputError, held_back, is_wrong_call
from toolkit.files import (
    flush_to_disk,
    is_a_folder,
    is_link_or_there,
    is_same,
    is_there,
    limit_rights,
    place,
    reporting_failures,
    resolved,
)
from toolkit.records.archives import compression_of, file_of
from toolkit.records.options import STDIN
from toolkit.records.review_file import BatchFile, Offset, Output, ReviewFile
from toolkit.scoring.identity import NOTHING, FileFacts, Prefix, TouchedError, WatchedInput
from toolkit.scoring.journal import OUTPUT, REJECTED, SCORES, Journal
from toolkit.scoring.output import STANDARD_OUTPUT, ByteFile, ScoredOutput, write_all
from toolkit.scoring.results import Checkpoint, FileResult, Summary
from toolkit.scoring.score_block import ScoredBlock
from toolkit.stores.paths import is_in_store


class FileAppearedError(OutputError):
    """Something has come to the place of an output while it was written."""


class _SummedFile:
    """A file that grows, which knows its length and the checksum of its content."""

    def __init__(self, file: IO[bytes], prefix: Prefix) -> None:
        self._file = file
        self.prefix = prefix

    def write(self, data: memoryview) -> int:
        """Write what the file takes of some bytes; it is not buffered."""
        size, crc = self.prefix
        count = self._file.write(data)
        self.prefix = size + count, zlib.crc32(data[:count], crc)
        return count

    def fileno(self) -> int:
        """Give its number."""
        return self._file.fileno()


class FileOutput(ScoredOutput):
    """A file, with checkpoints in the journal.

    A Parquet file cannot be continued: its scores are kept, and it is written again from the start.
    """

    def __init__(
        self,
        journal: Journal,
        form: Output,
        checkpoint: Checkpoint | None,
        inputs: tuple[WatchedInput | None, ReviewFile | None],
        seconds: float,
        files: ExitStack,
    ) -> None:
        self._journal, self._seconds = journal, seconds
        self._source, self._reviews = inputs
        self._files = files
        self._saved_at = time.monotonic()
        self._kept: dict[str, _SummedFile] = {}  # that a later run continues
        old = checkpoint.files if checkpoint else {}

        def opened(name: str, buffering: int = 0) -> IO[bytes]:
            size, _ = old.get(name, NOTHING)
            path = journal.folder / name
            file = files.enter_context(path.open("r+b" if size else "w+b", buffering))
            limit_rights(path, file_of(journal.job.source))
            file.truncate(size)
            file.seek(size)
            return file

        def kept(name: str) -> Any:
            self._kept[name] = _SummedFile(opened(name), old.get(name, NOTHING))
            return self._kept[name]

        before = Summary()
        file: BatchFile
        if form.open_file is None:
            if checkpoint is not None:
                self.start, before = checkpoint.reached, checkpoint.summary
            file = ByteFile(
                kept(OUTPUT),
                form,
                compression_of(journal.job.output),
                is_new=not old.get(OUTPUT, NOTHING)[0],
                has_records=before.records > before.rejected,
            )
            rejects = kept(REJECTED)
        else:
            self._scores, rejects = kept(SCORES), opened(REJECTED)
            file = form.open_file(opened(OUTPUT, buffering=-1), form.metadata)
            self.saved = _read_scores(journal.folder / SCORES)
        super().__init__(file, rejects, before)

    def append(self, block: ScoredBlock) -> None:
        """Write a block, and from time to time note how far the output has come."""
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        if SCORES in self._kept:
            write_all(self._scores, _stream_of(block.numbers))
        if time.monotonic() - self._saved_at >= self._seconds:
            self._save(block.following)
            self._saved_at = time.monotonic()

    def _save(self, reached: Offset) -> None:
        """Note how far the output has come, when that is on the disk."""
        if self._source is None or self._reviews is None:
            return
        self._source.check()
        with ThreadPoolExecutor(1) as pool:  # the sum is made while a thread waits for the disk
            waiting = [pool.submit(os.fsync, file.fileno()) for file in self._kept.values()]
            source = self._source.read_so_far(self._reviews.bytes_used)
            for each in waiting:
                each.result()
        files = {name: file.prefix for name, file in self._kept.items()}
        self._journal.add(Checkpoint(reached, self.summary, files, source, prior=self.prior))

    def finish(self, result: FileResult) -> Checkpoint:
        """Write the end, and give the files their names."""
        done = super().finish(result)
        self._files.close()
        output = self._journal.folder / OUTPUT
        flush_to_disk(output)
        if self.summary.rejected:
            flush_to_disk(self._journal.folder / REJECTED)
        kept = self._kept.get(OUTPUT)
        done = replace(
            done, complete=FileFacts.at(output), content=None if kept is None else kept.prefix
        )
        if self._source is not None:
            if self._journal.leaves_record(done) and self._source.changed_ns is not None:
                content = self._source.read_so_far(self._source.facts.size)
                done = replace(done, source=content, source_changed_ns=self._source.changed_ns)
            self._source.check()
        self._journal.add(done)
        publish(self._journal, self.summary)
        return done

    def abandon(self) -> None:
        """Leave the files as they are."""
        self._file.abandon()
        with suppress(OSError):  # a full disk, which may be why the file is abandoned
            self._files.close()


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


@contextmanager
def open_file_output(
    journal: Journal,
    form: Output,
    checkpoint: Checkpoint | None,
    inputs: tuple[WatchedInput | None, ReviewFile | None],
    seconds: float,
) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint; its journal is locked.

    If the block raises, what is written up to the last checkpoint is kept for a later run, unless
    the input or the call is wrong. The inputs are None where what is read is no file, and where
    nothing is in it.
    """
    output: FileOutput | None = None
    try:
        with ExitStack() as files, reporting_failures(journal.job.output):
            output = FileOutput(journal, form, checkpoint, inputs, seconds, files)
            try:
                yield output
            except BaseException:
                output.abandon()
                raise
    except BaseException as error:
        is_wrong = is_wrong_call(error) and not isinstance(error, TouchedError)
        if (output is not None and is_wrong) or journal.checkpoint is None:
            journal.drop()
        raise


def publish(journal: Journal, summary: Summary) -> None:
    """Move the files of a complete output to their places, or do what is left of that.

    Raises `FileAppearedError` if another file is there, and must not be replaced; the complete
    output is kept then, so that a later run only has to move it.
    """
    job, output, rejects = journal.job, journal.folder / OUTPUT, journal.folder / REJECTED
    if not is_there(output):  # the last one that is moved
        journal.drop_files()
        return
    if job.rejected == STDIN:
        _show(rejects)  # whose reader may wait, so before signals are held back
    # An upload may take long, so it can be interrupted; a later run with `resume` continues it.
    with nullcontext() if is_in_store(job.output) else held_back():
        found = resolved(job.output)
        # `place` looks, too, but after the rejects have got their name.
        is_first = not is_in_store(found) or summary.rejected
        if not journal.options.force and is_first and _is_taken(output, found):
            raise _appeared(job.output)
        if job.rejects_file is not None:
            _publish_rejects(journal, job.rejects_file, rejects, summary)
        _place(journal, output, job.output, lambda: _note_object(journal))
        journal.drop_files()


def _is_taken(output: Path, found: Path) -> bool:
    return is_link_or_there(found) and not is_same(output, found)


def _note_object(journal: Journal) -> None:
    """Note what the store says of the output, before the file that was uploaded is removed."""
    if journal.checkpoint is not None:
        facts = FileFacts.at(journal.job.output)
        journal.add(replace(journal.checkpoint, complete=facts))


def _publish_rejects(journal: Journal, target: Path, rejects: Path, summary: Summary) -> None:
    if summary.rejected and is_there(rejects):
        with reporting_failures(target):
            _place(journal, rejects, target)
    elif not summary.rejected and journal.options.force and is_there(target):
        resolved(target).unlink()  # of a run that is replaced


def _place(
    journal: Journal, source: Path, target: Path, on_upload: Callable[[], None] = lambda: None
) -> None:
    journal.remove_leftovers(source, target)
    try:
        place(source, target, force=journal.options.force, on_upload=on_upload)
    except FileExistsError:
        raise _appeared(target) from None


def _appeared(target: Path) -> FileAppearedError:
    what = "a folder" if is_a_folder(target) else "an object" if is_in_store(target) else "a file"
    return FileAppearedError(
        f"{target}: {what} has appeared here during the run, and is not replaced. Move it away, or "
        "add --force to --resume"
    )


def _show(rejects: Path) -> None:
    """Write rejects to standard output, which is not a file of the run."""
    if sys.stdout is None:
        raise OutputError("standard output: is closed. Name a file with --rejected")
    with (
        reporting_failures(STANDARD_OUTPUT),
        suppress(BrokenPipeError),  # a reader that has seen enough: the run is not undone
        rejects.open("rb") as file,
        open(1, "wb", closefd=False) as copy,
    ):
        shutil.copyfileobj(file, copy)
