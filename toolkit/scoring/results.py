"""What became of each file of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.errors import UsageError
from toolkit.records.formats import format_of
from toolkit.records.read_options import STDIN, ReadOptions
from toolkit.records.record_blocks import Place
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.inputs.jobs import Job
from toolkit.scoring.outputs.byte_file import Frame
from toolkit.scoring.summary import Summary

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer


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
    # Role → name of the column; empty where the file was not opened, as one that is done already.
    columns: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None  # of the output that is written, once the input is open
    warnings: list[str] = field(default_factory=list)  # what may be wrong with it
    reached: Place = ()  # in the input, after the last block
    frame: Frame | None = None  # of the output, where it is bytes


def total(results: Sequence[FileResult]) -> Summary:
    """Add up the files."""
    return sum((result.summary for result in results), Summary())


def why_none_is_scored(summary: Summary) -> str | None:
    """Say why no record is scored; None if one is, or without records."""
    if summary.scored or not summary.records:
        return None
    reasons = (
        (summary.without_text, "without text"),
        (summary.without_known_words, "without a word that the model knows"),
        (summary.rejected, "rejected"),
    )
    found = [f"{count:,} {what}" for count, what in reasons if count]
    records = "the only record" if summary.records == 1 else f"all {summary.records:,} records"
    if len(found) == 1:
        return f"{records} {'is' if summary.records == 1 else 'are'} {found[0].split(' ', 1)[1]}"
    return f"of {summary.records:,} records, {', '.join(found)}"
