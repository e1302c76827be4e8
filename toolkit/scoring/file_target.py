"""Scored records in a file, which a later run can go on with."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.errors import OutputError, ToolkitError, UsageError
from toolkit.files import atomic_file, reporting_failures, resolved
from toolkit.records.compression import compression_of
from toolkit.records.review_file import Output
from toolkit.scoring.sinks import ByteSink, ParquetSink, ScoredBlock, Sink, read_scores, write_all
from toolkit.scoring.target import Places, Target
from toolkit.scoring.unfinished import GO_ON, Checkpoint, Unfinished, flush_to_disk
from toolkit.signals import held_back

OUTPUT, REJECTED, SCORES = "output", "rejected.jsonl", "scores"


@contextmanager
def open_file(
    places: Places,
    output: Output,
    identity: dict[str, Any] | None,
    *,
    force: bool,
    resume: bool,
    seconds: float,
) -> Iterator[FileTarget]:
    """Begin an output, or go on with an unfinished one.

    Parameters
    ----------
    places : Places
        Checked already.
    output : Output
        What to write.
    identity : dict[str, Any] | None
        What the result depends on; a run goes on only where all of it is as it was. None if it
        cannot go on.
    force : bool
        Replace what exists, and begin anew where a run is unfinished.
    resume : bool
        Go on where a run is unfinished.
    seconds : float
        Time between checkpoints.

    Yields
    ------
    FileTarget
        With the start and the counts of what is there. If the block raises, there is no output;
        what is written so far stays for a later run, unless it is the input that is at fault.

    Raises
    ------
    UsageError
        If a run is unfinished and neither resumed nor forced, or has another identity.
    """
    work = Unfinished(places.output)
    with reporting_failures(places.output):
        if work.exists() and not (force or resume):
            raise UsageError(
                f"{places.output}: a run that was interrupted is still unfinished. Go on with "
                "--resume, or start anew with --force."
            )
        work.lock()
    try:
        checkpoint = work.load(identity) if identity and resume and work.exists() else None
        with reporting_failures(places.output):
            if checkpoint is None:
                work.forget()  # before the files that it speaks of are begun anew
            target = FileTarget(places, output, work, checkpoint, identity, seconds)
    except BaseException:
        if not work.exists():
            work.remove()
        work.unlock()
        raise
    try:
        with reporting_failures(places.output):
            yield target
    except BaseException as error:
        target.abandon(error)
        raise
    finally:
        work.unlock()


class FileTarget(Target):
    """An output in the folder of the unfinished, with checkpoints.

    Parameters
    ----------
    places : Places
        Where it is moved when it is complete.
    output : Output
        What to write.
    work : Unfinished
        The folder, locked.
    checkpoint : Checkpoint | None
        Where to go on; None begins.
    identity : dict[str, Any] | None
        As in `open_file`.
    seconds : float
        Time between checkpoints.
    """

    def __init__(
        self,
        places: Places,
        output: Output,
        work: Unfinished,
        checkpoint: Checkpoint | None,
        identity: dict[str, Any] | None,
        seconds: float,
    ) -> None:
        super().__init__()
        self._places = places
        self._work = work
        self._latest = checkpoint
        self._identity = identity
        self._seconds = seconds
        self._saved_at = self._began = time.monotonic()
        self._blocks = 0
        self._seconds_before = checkpoint.summary.seconds if checkpoint else 0.0
        self.is_complete = checkpoint is not None and checkpoint.complete
        if checkpoint is not None and checkpoint.complete:
            self.summary = checkpoint.summary
            return
        self._sink = self._open_sink(output, checkpoint)
        length = self._go_on(checkpoint) if checkpoint else 0
        self._rejects = work.file(REJECTED).open("r+b" if length else "wb", buffering=0)
        self._rejects.truncate(length)
        self._rejects.seek(length)

    def _open_sink(self, output: Output, checkpoint: Checkpoint | None) -> Sink:
        file, scores = self._work.file(OUTPUT), self._work.file(SCORES)
        lengths = checkpoint.lengths if checkpoint else {}
        if output.open_file is None:
            packing = compression_of(self._places.output)
            return ByteSink.open(file, output, packing, lengths.get(OUTPUT))
        return ParquetSink(file, scores, output, lengths.get(SCORES))

    def _go_on(self, checkpoint: Checkpoint) -> int:
        """Take over what is there; give how much of the rejects is."""
        if SCORES in checkpoint.lengths:
            self.saved = read_scores(self._work.file(SCORES), checkpoint.lengths[SCORES])
            return 0
        self.start = checkpoint.place
        self.summary = checkpoint.summary
        return checkpoint.lengths[REJECTED]

    def append(self, block: ScoredBlock) -> None:
        """Write a block, and a checkpoint from time to time."""
        is_replayed = self._blocks < len(self.saved)
        self._sink.append(block, is_replayed=is_replayed)
        write_all(self._rejects, block.rejects)
        self.summary += block.summary
        self._blocks += 1
        now = time.monotonic()
        self.summary.seconds = self._seconds_before + now - self._began
        if is_replayed or self._identity is None:
            return
        lengths = self._sink.lengths()
        if SCORES not in lengths:
            lengths[REJECTED] = self._rejects.tell()
        self._latest = Checkpoint(block.following, lengths, self.summary.as_dict())
        if now - self._saved_at >= self._seconds:
            self._save(self._latest)
            self._saved_at = now

    def _save(self, checkpoint: Checkpoint) -> None:
        if self._identity is not None:
            self._work.save(checkpoint, self._identity)

    def finish(self) -> None:
        """Write the end, and move the files to their places."""
        if not self.is_complete:
            self._sink.finish()
            self._rejects.close()
            flush_to_disk(self._work.file(OUTPUT))
            done = Checkpoint((), {REJECTED: 0}, self.summary.as_dict(), complete=True)
            self._save(done)
            self._latest = done
        with held_back():
            self._move()
            self._work.remove()

    def _move(self) -> None:
        rejected, output = resolved(self._places.rejected), resolved(self._places.output)
        if not self.summary.rejected:
            rejected.unlink(missing_ok=True)  # of an earlier run that is being replaced
        elif self._work.file(REJECTED).exists():
            with reporting_failures(rejected):
                _move(self._work.file(REJECTED), rejected)
        if self._work.file(OUTPUT).exists():
            self._work.file(OUTPUT).replace(output)

    def abandon(self, error: BaseException) -> None:
        """Keep what is done for a later run, unless the input or the call is at fault."""
        if self.is_complete:
            return
        self._sink.abandon()
        self._rejects.close()
        if self._latest is None or (
            isinstance(error, ToolkitError) and not isinstance(error, OutputError)
        ):
            self._work.remove()
            return
        if not self._latest.complete:
            with suppress(OSError), held_back():
                self._save(self._latest)
        if self._work.exists():
            error.add_note(GO_ON)
        else:
            self._work.remove()


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
