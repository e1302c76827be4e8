"""A file that appears when it is complete, with checkpoints."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from toolkit.errors import OutputError
from toolkit.files import flush_to_disk
from toolkit.records.record_blocks import BatchFile, Output
from toolkit.records.review_file import ReviewFile
from toolkit.records.text_files.compression import compression_of
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.outputs.byte_file import ByteFile, write_all
from toolkit.scoring.outputs.early_flush import EarlyFlush
from toolkit.scoring.outputs.publishing import publish
from toolkit.scoring.outputs.scored_output import ScoredOutput
from toolkit.scoring.resuming.checkpoints import Checkpoint, FileFacts
from toolkit.scoring.resuming.journal import OUTPUT, REJECTED, ROOM, SCORES, Journal
from toolkit.scoring.resuming.journals import Journals
from toolkit.scoring.resuming.watched_input import WatchedInput
from toolkit.scoring.summary import Summary
from toolkit.signals import held_back

_ROOM_BYTES = 1 << 16  # a journal of a long run takes as much in some minutes


@dataclass(frozen=True)
class Work:
    """What a run has to do with an output, beside what it writes."""

    journals: Journals
    journal: Journal
    source: WatchedInput | None
    reviews: ReviewFile | None  # None if the input is empty
    identity: dict[str, Any] | None  # what the result depends on; None if it cannot be continued
    seconds: float  # between checkpoints


class FileOutput(ScoredOutput):
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
            file = form.open_file(self._raw, form.metadata)
            self.saved = _read_scores(self._folder / SCORES)
        super().__init__(file, opened(REJECTED), before)
        self._early = EarlyFlush(self._raw)

    def append(self, block: ScoredBlock) -> None:
        """Write a block, and from time to time note how far the output has come."""
        super().append(block)
        self._early.ask()
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
        """Write the end, and give the files their names."""
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
        save = save and self._work.seconds < math.inf  # else no later run would continue it
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
        files, source = {}, None
        with ExitStack() as opened:
            written = {
                name: opened.enter_context((self._folder / name).open("rb", buffering=0))
                for name in self._lengths
            }
            # The sums are made while a thread waits for the disk, so they hardly take time.
            with _flushing([*written.values()]):
                for name, file in written.items():
                    files[name] = work.journal.sums[name].up_to(self._lengths[name], file)
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


@contextmanager
def _flushing(files: Sequence[IO[bytes]]) -> Iterator[None]:
    """Wait until files are on the disk, while the block is done."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(os.fsync, file.fileno()) for file in files]
        yield
        for each in waiting:
            each.result()


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
