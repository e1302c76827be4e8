"""What is done of a file, or of a part of one that somebody scores alone, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.errors import UsageError
from toolkit.records.archives import compression_of, file_of
from toolkit.records.formats import format_of
from toolkit.records.options import STDIN, ReadOptions
from toolkit.records.review_file import Offset
from toolkit.scoring.identity import FileFacts, Prefix
from toolkit.scoring.jobs import Job
from toolkit.scoring.summary import Summary

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer


@dataclass(frozen=True)
class Frame:
    """What a file holds around its records, as it is stored; in bytes."""

    header: int
    trailer: int
    separator: bytes  # between the records of two files that are joined


@dataclass(frozen=True)
class Checkpoint:
    """What is done of a job: up to some record, or all of it."""

    reached: Offset  # in the input, after the last block that is written
    summary: Summary
    # Of an output that grows: its files by name, and what was read of the input.
    files: Mapping[str, Prefix] = field(default_factory=dict)
    source: Prefix | None = None
    # Of one that is complete:
    complete: FileFacts | None = None
    placed: FileFacts | None = None  # of the object that it is uploaded to; a file stays the same
    frame: Frame | None = None  # None where files cannot be joined
    job_id: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # role → name
    warnings: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as values of JSON."""
        frame = self.frame and {**asdict(self.frame), "separator": self.frame.separator.hex()}
        return {**asdict(self), "frame": frame}

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read what `as_json` gives; `ValueError` if it is something else."""
        try:
            read = dict(content)
            for name in ("complete", "placed"):
                read[name] = read[name] and FileFacts(**read[name])
            if (frame := read["frame"]) is not None:
                read["frame"] = Frame(**{**frame, "separator": bytes.fromhex(frame["separator"])})
            source = read.pop("source")
            return cls(
                tuple(read.pop("reached")),
                Summary.from_dict(read.pop("summary")),
                {name: _prefix(prefix) for name, prefix in read.pop("files").items()},
                source and _prefix(source),
                **read,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from None


def _prefix(values: Sequence[int]) -> Prefix:
    size, crc = values
    return size, crc


@dataclass(frozen=True)
class Source:
    """What an input is, before it is opened; None: not known, as for standard input."""

    format: str | None = None
    compression: str | None = None
    size: int | None = None  # in bytes
    modified: str | None = None  # UTC, as in ISO 8601

    @classmethod
    def of(cls, path: Path, options: ReadOptions) -> Self:
        """Look at a file."""
        name = None
        with suppress(UsageError):  # of no known format: opening it says so
            name = format_of(path, options.format).name
        if path == STDIN:
            return cls(name)
        try:
            facts = file_of(path).stat()
        except (OSError, ValueError):
            return cls(name, compression_of(path))
        modified = datetime.fromtimestamp(facts.st_mtime_ns / 1e9, UTC).isoformat()
        return cls(name, compression_of(path), facts.st_size, modified)


@dataclass(frozen=True)
class ScoringModel:
    """What summaries, reports and plans tell of a model."""

    identity: dict[str, Any]  # as `Scorer.identity`
    neutral: tuple[float, float] | None  # the probabilities that are called neutral
    by_sentence: bool
    max_tokens: int  # that it reads of a review

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Describe a model that is loaded."""
        return cls(scorer.identity(), scorer.neutral, scorer.by_sentence, scorer.max_tokens)


@dataclass
class FileResult:
    """What became of a file."""

    job: Job
    summary: Summary = field(default_factory=Summary)
    error: str | None = None  # why it could not be scored
    is_done: bool = False  # its output is complete
    is_skipped: bool = False  # its output was there
    source: Source = field(default_factory=Source)
    # Role → name of the column; empty where the file was not opened.
    columns: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None  # of the output that is written, once the input is open
    warnings: list[str] = field(default_factory=list)  # what may be wrong with it
    done: Checkpoint | None = None  # what a later run, or whoever joins outputs, has to know


def total(results: Sequence[FileResult]) -> Summary:
    """Add up the files."""
    return sum((result.summary for result in results), Summary())
