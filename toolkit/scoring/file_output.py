"""Write an output to a file: it grows under a hidden name, and gets its name when complete."""

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
from toolkit.records.archives import compression_of
from toolkit.records.inputs import FileFacts
from toolkit.records.output_file import ByteFile, write_all
from toolkit.records.review_file import BatchFile, Offset, Output, ReviewFile
from toolkit.scoring.block_scorer import ScoredBlock
from toolkit.scoring.identity import NOTHING, Prefix, TouchedError, WatchedInput, sum_of
from toolkit.scoring.jobs import RejectsTo
from toolkit.scoring.journal import OUTPUT, REJECTED, SCORES, Journal
from toolkit.scoring.output import STANDARD_OUTPUT, ScoredOutput
from toolkit.scoring.results import Checkpoint, FileResult, RecordCounts
from toolkit.stores.paths import is_in_store


class FileAppearedError(OutputError):
    """Another file appeared at the path of the output while it was written."""


class _SummedFile:
    """A growing file that keeps the length and the checksum of its content."""

    def __init__(self, file: IO[bytes], prefix: Prefix) -> None:
        self._file = file
        self.prefix = prefix

    def write(self, data: memoryview) -> int:
        """Write some bytes, unbuffered; return how many the file took."""
        size, crc = self.prefix
        count = self._file.write(data)
        self.prefix = size + count, zlib.crc32(data[:count], crc)
        return count

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._file.fileno()


class FileOutput(ScoredOutput):
    """An output file with checkpoints in the journal.

    An output with typed columns, such as Parquet, cannot be resumed: its scores are saved, and it
    is written again from the start.
    """

    def __init__(
        self,
        journal: Journal,
        form: Output,
        *,
        checkpoint: Checkpoint | None,
        source: WatchedInput | None,
        reviews: ReviewFile | None,
        seconds: float,
        files: ExitStack,
    ) -> None:
        self._journal = journal
        self._seconds = seconds
        self._source = source
        self._reviews = reviews
        self._files = files
        self._saved_at = time.monotonic()
        self._kept: dict[str, _SummedFile] = {}  # files that a later run continues
        self._old = checkpoint.files if checkpoint else {}
        before = RecordCounts()
        file: BatchFile
        if form.open_file is None:
            if checkpoint is not None:
                self.start = checkpoint.reached
                before = checkpoint.summary
            size, _ = self._old.get(OUTPUT, NOTHING)
            file = ByteFile(
                self._opened_to_keep(OUTPUT),
                form,
                compression_of(journal.job.output),
                is_new=not size,
                has_records=before.records > before.rejected,
            )
            rejects = self._opened_to_keep(REJECTED)
        else:
            self._scores = self._opened_to_keep(SCORES)
            rejects = self._opened(REJECTED)
            file = form.open_file(self._opened(OUTPUT, buffering=-1), form.metadata)
            self.saved = _read_scores(journal.folder / SCORES)
        super().__init__(file, rejects, before)

    def _opened(self, name: str, buffering: int = 0) -> IO[bytes]:
        """Open a file of the journal, at its end according to the checkpoint."""
        size, _ = self._old.get(name, NOTHING)
        path = self._journal.folder / name
        file = self._files.enter_context(path.open("r+b" if size else "w+b", buffering))
        limit_rights(path, self._journal.job.input.file)
        file.truncate(size)
        file.seek(size)
        return file

    def _opened_to_keep(self, name: str) -> Any:
        """Open a file that a later run continues."""
        self._kept[name] = _SummedFile(self._opened(name), self._old.get(name, NOTHING))
        return self._kept[name]

    def append(self, block: ScoredBlock) -> None:
        """Write a block, and a checkpoint if it is time for one."""
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        if SCORES in self._kept:
            write_all(self._scores, _stream_of(block.numbers))
        if time.monotonic() - self._saved_at >= self._seconds:
            self._save(block.following)
            self._saved_at = time.monotonic()

    def _save(self, reached: Offset) -> None:
        """Write a checkpoint, after all files are on the disk."""
        if self._source is None or self._reviews is None:
            return
        self._source.check()
        with ThreadPoolExecutor(1) as pool:  # computes the checksum while a thread waits for fsync
            waiting = [pool.submit(os.fsync, file.fileno()) for file in self._kept.values()]
            source = self._source.read_so_far(self._reviews.bytes_used)
            for each in waiting:
                each.result()
        files = {name: file.prefix for name, file in self._kept.items()}
        checkpoint = Checkpoint(
            reached=reached, summary=self.summary, files=files, source=source, prior=self.prior
        )
        self._journal.add(checkpoint)

    def finish(self, result: FileResult) -> Checkpoint:
        """Write the end, and move the files to their places."""
        done = super().finish(result)
        self._files.close()
        output = self._journal.folder / OUTPUT
        flush_to_disk(output)
        if self.summary.rejected:
            flush_to_disk(self._journal.folder / REJECTED)
        done = replace(done, complete=FileFacts.at(output), content=self._sum_of(OUTPUT))
        leaves_record = self._journal.leaves_record(done)
        if leaves_record:
            done = replace(
                done,
                content=done.content or sum_of(output),
                rejects=self._sum_of_rejects(),
            )
        if self._source is not None:
            if leaves_record and self._source.changed_ns is not None:
                content = self._source.read_so_far(self._source.facts.size)
                done = replace(done, source=content, source_changed_ns=self._source.changed_ns)
            self._source.check()
        self._journal.add(done)
        publish(self._journal, self.summary)
        return done

    def _sum_of(self, name: str) -> Prefix | None:
        """Return size and checksum of a file; None if it was not written from start to end."""
        kept = self._kept.get(name)
        return None if kept is None else kept.prefix

    def _sum_of_rejects(self) -> Prefix | None:
        if not self.summary.rejected or self._journal.job.rejects_file is None:
            return None
        return self._sum_of(REJECTED) or sum_of(self._journal.folder / REJECTED)

    def abandon(self) -> None:
        """Leave the files incomplete."""
        self._file.abandon()
        with suppress(OSError):  # on a full disk, closing may fail, too
            self._files.close()


def _stream_of(numbers: pa.RecordBatch) -> bytes:
    """Return the numbers of one block as an Arrow stream."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, numbers.schema) as writer:
        writer.write_batch(numbers)
    return stream.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _read_scores(path: Path) -> list[pa.RecordBatch]:
    """Read the numbers of the blocks of an output with typed columns, one stream per block."""
    data = pa.BufferReader(path.read_bytes())
    blocks = []
    while data.tell() < data.size():
        with pa.ipc.open_stream(data) as stream:
            blocks.append(stream.read_next_batch())
            for _ in stream:  # reads up to the end of the stream
                pass
    return blocks


@contextmanager
def open_file_output(
    journal: Journal,
    form: Output,
    *,
    checkpoint: Checkpoint | None,
    source: WatchedInput | None,
    reviews: ReviewFile | None,
    seconds: float,
) -> Iterator[ScoredOutput]:
    """Start an output, or continue it after a checkpoint; the caller has locked the journal.

    If the block raises, the output up to the last checkpoint is kept for a later run, unless the
    input or the call is wrong. ``source`` is None if the input is not a file, ``reviews`` if it is
    empty.
    """
    output: FileOutput | None = None
    try:
        with ExitStack() as files, reporting_failures(journal.job.output):
            output = FileOutput(
                journal,
                form,
                checkpoint=checkpoint,
                source=source,
                reviews=reviews,
                seconds=seconds,
                files=files,
            )
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


def publish(journal: Journal, summary: RecordCounts) -> None:
    """Move the files of a complete output to their places, or finish moving them.

    Raises `FileAppearedError` if another file is there that must not be replaced. The complete
    output is kept then, so that a later run only has to move it.
    """
    job = journal.job
    output = journal.folder / OUTPUT
    rejects = journal.folder / REJECTED
    if not is_there(output):  # it is moved last
        journal.drop_files()
        return
    if job.rejected is RejectsTo.STDOUT:
        _show(rejects)  # before signals are held back: the reader of a pipe may be slow
    # An upload may take long, so it can be interrupted; a later run with `resume` continues it.
    with nullcontext() if is_in_store(job.output) else held_back():
        found = resolved(job.output)
        # `place` checks this, too, but only after the rejects are in their place.
        is_first = not is_in_store(found) or summary.rejected
        if not journal.options.force and is_first and _is_taken(output, found):
            raise _appeared(job.output)
        if job.rejects_file is not None:
            _publish_rejects(journal, job.rejects_file, rejects=rejects, summary=summary)
        _place(journal, output, target=job.output, on_upload=lambda: _note_object(journal))
        journal.note_place()
        journal.drop_files()


def _is_taken(output: Path, found: Path) -> bool:
    return is_link_or_there(found) and not is_same(output, found)


def _note_object(journal: Journal) -> None:
    """Record the facts of the uploaded object, before the local file is removed."""
    if journal.checkpoint is not None:
        facts = FileFacts.at(journal.job.output)
        journal.add(replace(journal.checkpoint, complete=facts))


def _publish_rejects(journal: Journal, target: Path, rejects: Path, summary: RecordCounts) -> None:
    if summary.rejected and is_there(rejects):
        with reporting_failures(target):
            _place(journal, rejects, target)
    elif not summary.rejected and journal.options.force and is_there(target):
        resolved(target).unlink()  # rejects of the replaced run


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
    """Copy the rejects to standard output."""
    if sys.__stdout__ is None:
        raise OutputError("standard output: is closed. Name a file with --rejected")
    with (
        reporting_failures(STANDARD_OUTPUT),
        suppress(BrokenPipeError),  # the reader has stopped reading; the run is complete anyway
        rejects.open("rb") as file,
        open(1, "wb", closefd=False) as copy,
    ):
        shutil.copyfileobj(file, copy)
