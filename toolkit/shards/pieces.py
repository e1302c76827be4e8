"""The files of a job in shards, and the pieces that they are cut into."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Self

from toolkit.errors import InputError, UsageError
from toolkit.files import is_in_store, path_of, resolved
from toolkit.records.formats import format_of
from toolkit.records.stretch import Stretch
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.checkpoint import FileFacts
from toolkit.scoring.jobs import NOT_KEPT, Job
from toolkit.scoring.results import Source


@dataclass(frozen=True)
class PlannedFile:
    """A file to score, and what its output is called."""

    input: str
    output: str  # below the folder of the outputs, as is that of the rejects
    rejected: str | None  # None: rejects are only counted
    is_named: bool
    size: int  # in bytes
    mtime_ns: int
    version: int | None  # of an object, made from its ETag

    @classmethod
    def of(cls, job: Job, folder: Path) -> Self:
        """Look at the file of a job whose outputs are in a folder."""
        rejected = job.rejects_file
        return cls(
            str(job.source),
            _below(job.output, folder, "--output"),
            None if rejected is None else _below(rejected, folder, "--rejected"),
            job.is_named,
            *_facts_of(job.source),
        )

    def job(self, folder: Path) -> Job:
        """Give the job that a run on one machine would have."""
        rejected = NOT_KEPT if self.rejected is None else folder / self.rejected
        return Job(path_of(self.input), folder / self.output, rejected, is_named=self.is_named)

    @property
    def stays_in_folder(self) -> bool:
        """Whether nothing is written elsewhere; a plan may have been edited."""
        names = [PurePosixPath(name) for name in (self.output, self.rejected) if name is not None]
        return all(
            name.name and not name.is_absolute() and ".." not in name.parts for name in names
        )

    def source(self, read_as: str | None) -> Source:
        """Say what the file is, as reports do; ``read_as`` is a format that was asked for."""
        path = path_of(self.input)
        name = None
        with suppress(UsageError):
            name = format_of(path, read_as).name
        modified = datetime.fromtimestamp(self.mtime_ns / 1e9, UTC).isoformat()
        return Source(name, compression_of(path), self.size, modified)

    def check(self) -> None:
        """Raise `InputError` if the file is not as it was."""
        with suppress(InputError):
            if _facts_of(path_of(self.input)) == (self.size, self.mtime_ns, self.version):
                return
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


def _facts_of(source: Path) -> tuple[int, int, int | None]:
    facts = FileFacts.at(file_of(source))
    if facts is None:
        raise InputError(f"{source}: no such file")
    return facts.size, facts.mtime_ns, facts.inode if is_in_store(source) else None


def _below(path: Path, folder: Path, option: str) -> str:
    """Name a file as it is called from a folder; `UsageError` if it is not below that."""
    is_written_so = path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts
    if not is_written_so and not is_in_store(path):
        path, folder = resolved(path.parent) / path.name, resolved(folder)
    if not path.is_relative_to(folder):
        raise UsageError(
            f"{option} {path}: is not in the folder of the outputs, {folder}, as it has to be for "
            "shards."
        )
    return path.relative_to(folder).as_posix()
