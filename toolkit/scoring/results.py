"""What became of each file of a call, and what to warn of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from toolkit.errors import UsageError
from toolkit.records.compression import compression_of
from toolkit.records.formats import format_of
from toolkit.records.options import STDIN, ReadOptions
from toolkit.records.zip import file_of
from toolkit.scoring.checkpoint import Checkpoint
from toolkit.scoring.jobs import Job
from toolkit.scoring.summary import Summary

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer
# Of the texts. Of English reviews of any kind, less than half as many are so.
_MOST_UNREAD = 0.1
_FEW_TEXTS = 5  # so many may be chance, unless they are most of all


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


def counts_warning(summary: Summary, text_column: str | None, *, is_single: bool) -> str | None:
    """Say what the counts of a file that is done tell; None if all is well.

    That no record of a single file is scored is an error, and not said here.
    """
    if not is_single and (why := why_none_is_scored(summary)):
        return f"no record is scored: {why}."
    return unread_warning(summary, text_column)


def unread_warning(summary: Summary, text_column: str | None) -> str | None:
    """Say that many texts of a file cannot be read by the model; None if they can."""
    unread, texts = summary.unread, summary.scored + summary.without_known_words
    is_chance = unread < _FEW_TEXTS and 2 * unread <= texts
    if unread <= _MOST_UNREAD * texts or is_chance:
        return None
    column = "" if text_column is None else f" of column {text_column!r}"
    return (
        f"the model knows none or few of the words in {unread / texts:.0%} of the texts{column}, "
        f"first in row {summary.first_unread:,}. Is this the right column (--text-column), and are "
        "the reviews in the language of the model, which is English for the shipped ones?"
    )
