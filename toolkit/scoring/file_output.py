"""An output that is a file: it grows beside its place, with checkpoints, and appears complete."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import pyarrow as pa

from toolkit.errors import OutputError, held_back, is_wrong_call
from toolkit.files import (
    flush_to_disk,
    is_a_folder,
    is_link_or_there,
    is_same,
    is_there,
    place,
    reporting_failures,
    resolved,
)
from toolkit.records.archives import compression_of
from toolkit.records.options import STDIN
from toolkit.records.review_file import BatchFile, Output, ReviewFile
from toolkit.scoring.identity import FileFacts, WatchedInput
from toolkit.scoring.journal import OUTPUT, REJECTED, SCORES, Journal
from toolkit.scoring.output import STANDARD_OUTPUT, ByteFile, ScoredOutput, write_all
from toolkit.scoring.results import Checkpoint, FileResult, Summary
from toolkit.scoring.score_block import ScoredBlock
from toolkit.stores.paths import is_in_store


class FileAppearedError(OutputError):
    """Something has come to the place of an output while it was written."""


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
        self._latest: Checkpoint | None = None  # its sums are made when it is saved
        self._lengths: dict[str, int] = {}
        self._saved_at = time.monotonic()
        old = checkpoint.files if checkpoint else {}

        def opened(name: str, buffering: int = 0) -> IO[bytes]:
            length, _ = old.get(name, (0, 0))
            path = journal.folder / name
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
                self.start, before = checkpoint.reached, checkpoint.summary
            file = ByteFile(
                self._raw,
                form,
                compression_of(journal.job.output),
                is_new=not self._raw.tell(),
                has_records=before.records > before.rejected,
            )
        else:
            self._scores = opened(SCORES)
            self._raw = opened(OUTPUT, buffering=-1)
            file = form.open_file(self._raw, form.metadata)
            self.saved = _read_scores(journal.folder / SCORES)
        super().__init__(file, opened(REJECTED), before)

    def append(self, block: ScoredBlock) -> None:
        """Write a block, and from time to time note how far the output has come."""
        super().append(block)
        if self._blocks <= len(self.saved):
            return
        if self._scores is None:
            self._lengths = {OUTPUT: self._raw.tell(), REJECTED: self._rejects.tell()}
        else:
            write_all(self._scores, _stream_of(block.numbers))
            self._lengths = {SCORES: self._scores.tell()}
        self._latest = Checkpoint(block.following, self.summary)
        if self._blocks == len(self.saved) + 2:  # not where all is done at once
            self._journal.reserve_room()
        if time.monotonic() - self._saved_at >= self._seconds:
            if self._source is not None:
                self._source.check()
            self._save()
            self._saved_at = time.monotonic()

    def finish(self, result: FileResult) -> None:
        """Write the end, and give the files their names."""
        super().finish(result)
        assert result.done is not None
        self._raw.close()
        self._rejects.close()
        output = self._journal.folder / OUTPUT
        flush_to_disk(output)
        if self.summary.rejected:
            flush_to_disk(self._journal.folder / REJECTED)
        result.done = replace(result.done, complete=FileFacts.at(output))
        if self._source is not None:
            self._source.check()
        self._latest, self._lengths = result.done, {}
        self._save()
        publish(self._journal, self.summary)

    def abandon(self, *, save: bool) -> None:
        """Close the files as they are."""
        save = save and self._seconds < math.inf  # else no later run would continue it
        self._file.abandon()
        with suppress(OSError):  # a full disk, which may be why the file is abandoned
            self._raw.close()
        if save and (self._source is None or self._source.is_same):
            with suppress(OSError, OutputError), held_back():
                self._journal.make_room(self._lengths)
                self._save()

    def _save(self) -> None:
        """Note how far the output has come, when that is on the disk."""
        if self._source is None or self._latest is None:
            return
        read = None  # of what is complete, nothing is read again
        if self._reviews is not None and self._latest.complete is None:
            read = self._reviews.bytes_used
        self._journal.save(self._latest, self._lengths, self._source, read)
        self._latest = None


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
    """Start an output, or continue it after a checkpoint.

    If the block raises, what is written is kept for a later run, unless the input or the call is
    wrong.

    Parameters
    ----------
    journal : Journal
        The progress of the output, locked.
    form : Output
        How it is written.
    checkpoint : Checkpoint | None
        What is done already.
    inputs : tuple[WatchedInput | None, ReviewFile | None]
        What is read; None where that is no file, and where nothing is in it.
    seconds : float
        Time between checkpoints.

    Yields
    ------
    ScoredOutput
        Where blocks are written.
    """
    output: FileOutput | None = None
    try:
        with ExitStack() as files, reporting_failures(journal.job.output):
            output = FileOutput(journal, form, checkpoint, inputs, seconds, files)
            try:
                yield output
            except BaseException as error:
                output.abandon(save=not is_wrong_call(error))
                raise
    except BaseException as error:
        if (output is not None and is_wrong_call(error)) or journal.checkpoint is None:
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
        is_taken = is_link_or_there(found) and not is_same(output, found)
        if is_taken and not journal.may_replace:
            raise _appeared(job.output)
        if job.rejects_file is not None:
            _publish_rejects(journal, job.rejects_file, rejects, summary)
        _place(journal, output, job.output, journal.note_placed)
        journal.drop_files()


def _publish_rejects(journal: Journal, target: Path, rejects: Path, summary: Summary) -> None:
    if summary.rejected and is_there(rejects):
        with reporting_failures(target):
            _place(journal, rejects, target)
    elif not summary.rejected and is_there(target) and journal.may_replace:
        resolved(target).unlink()  # of a run that is replaced


def _place(
    journal: Journal, source: Path, target: Path, on_upload: Callable[[], None] = lambda: None
) -> None:
    try:
        place(source, target, force=journal.may_replace, on_upload=on_upload)
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
