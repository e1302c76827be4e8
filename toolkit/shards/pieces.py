"""The files of a job in shards, and the pieces that they are cut into."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from toolkit.errors import InputError, UsageError
from toolkit.files import is_in_store, path_of
from toolkit.records.formats import format_of
from toolkit.records.stretch import Stretch
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.inputs.jobs import NOT_KEPT, Job
from toolkit.scoring.results import Source
from toolkit.scoring.resuming.checkpoints import FileFacts


@dataclass(frozen=True)
class PlannedFile:
    """A file to score, and what its output is called."""

    input: str
    output: str
    rejected: str | None  # None: rejects are only counted
    is_named: bool
    size: int  # in bytes
    mtime_ns: int
    version: int | None  # of an object, made from its ETag

    @classmethod
    def of(cls, job: Job) -> Self:
        """Look at the file of a job."""
        facts = FileFacts.at(file_of(job.source))
        if facts is None:
            raise InputError(f"{job.source}: no such file")
        rejected = job.rejects_file
        return cls(
            str(job.source),
            str(job.output),
            None if rejected is None else str(rejected),
            job.is_named,
            facts.size,
            facts.mtime_ns,
            facts.inode if is_in_store(job.source) else None,
        )

    def job(self) -> Job:
        """Give the job that a run on one machine would have."""
        rejected = NOT_KEPT if self.rejected is None else path_of(self.rejected)
        return Job(path_of(self.input), path_of(self.output), rejected, is_named=self.is_named)

    def source(self, read_as: str | None) -> Source:
        """Say what the file is, as reports do; ``read_as`` is a format that was asked for."""
        path = path_of(self.input)
        name = None
        with suppress(UsageError):
            name = format_of(path, read_as).name
        modified = datetime.fromtimestamp(self.mtime_ns / 1e9, UTC).isoformat()
        return Source(name, compression_of(path), self.size, modified)

    def moved(self, before: Path, after: Path) -> Self:
        """Give it for outputs that are in another place now."""
        rejected = None if self.rejected is None else str(_moved(self.rejected, before, after))
        return replace(self, output=str(_moved(self.output, before, after)), rejected=rejected)

    def check(self) -> None:
        """Raise `InputError` if the file is not as it was."""
        job = self.job()
        if FileFacts.at(file_of(job.source)) is None or self.of(job) != self:
            raise InputError(
                f"{self.input}: has changed since the shards were planned. Put back what was "
                "there, or plan again with --force."
            )


@dataclass(frozen=True)
class Piece:
    """What a shard scores of a file."""

    file: int  # its number in the plan, from 0
    stretch: Stretch

    @classmethod
    def from_dict(cls, piece: dict[str, Any]) -> Self:
        """Read what `asdict` gives."""
        stretch = Stretch(**piece["stretch"])
        start, stop = tuple(stretch.start), tuple(stretch.stop)
        return cls(piece["file"], replace(stretch, start=start, stop=stop))


def _moved(name: str, before: Path, after: Path) -> Path:
    """Give the path below or beside another target; a path elsewhere stays."""
    path = path_of(name)
    if path.is_relative_to(before):
        return after / path.relative_to(before)
    return after.parent / path.name if path.parent == before.parent else path
