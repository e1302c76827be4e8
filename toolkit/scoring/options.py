"""The options for scoring files: how, which records, and how many may be rejected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Self

from toolkit.errors import UsageError
from toolkit.records.inputs import PathKind
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import ReviewFile

_MOST_DIGITS = 20
_FORM = re.compile(r"(\d+(?:\.\d+)?)(%?)", re.ASCII)


@dataclass(frozen=True)
class Limit:
    """A limit as a number of records or as a share of them, such as ``100`` or ``1%``."""

    option: ClassVar[str]

    count: int | None = None
    share: float | None = None  # 0 to 1; checked at the end of a file

    def __post_init__(self) -> None:
        if (self.count is None) == (self.share is None):
            raise UsageError(f"{self.option}: expected a number or a share")
        if self.share is not None and not 0 <= self.share <= 1:
            raise UsageError(f"{self.option}: expected at most 100%, received {self}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``100`` or ``1%``; raise `UsageError` for anything else."""
        found = _FORM.fullmatch(text.strip())
        if found is None or ("." in text and not found[2]):
            raise UsageError(
                f"{cls.option}: expected a number such as 100, or a share such as 1%, received "
                f"{text!r}"
            )
        if found[2]:
            return cls(share=float(Decimal(found[1]) / 100))
        # Further digits change nothing: no file has that many records.
        return cls(count=int(found[1].lstrip("0")[:_MOST_DIGITS] or 0))

    def __str__(self) -> str:
        return f"{self.count:,}" if self.share is None else f"{self.share * 100:g}%"

    def is_passed(self, found: int, records: int, *, at_end: bool = True) -> bool:
        """Whether `found`, of the `records` so far, exceeds the limit."""
        if self.count is not None:
            return found > self.count
        assert self.share is not None
        share = Decimal(repr(self.share))  # in floats, 29% of 100 is less than 29
        return at_end and found > share * records


class MaxRejected(Limit):
    """How many records of a file may be rejected."""

    option = "--max-rejected"


class MaxUnread(Limit):
    """How many texts of a file may have no or few words that the model knows."""

    option = "--max-unread"


class MaxChanged(Limit):
    """How many labels may change from one model to another."""

    option = "--max-changed"


@dataclass(frozen=True)
class Subset:
    """Which records of each file to use: all, the first ones, or a random sample in file order."""

    limit: int | None = None
    sample: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.sample is not None:
            raise UsageError("--limit and --sample cannot be combined: leave out one.")
        for name, value in (("--limit", self.limit), ("--sample", self.sample)):
            if value is not None and value < 1:
                raise UsageError(f"{name}: expected 1 or more, received {value}")

    def __bool__(self) -> bool:
        return self.limit is not None or self.sample is not None

    def __str__(self) -> str:
        if self.limit is not None:
            return f"only the first {self.limit:,} records of a file (--limit)"
        return f"only {self.sample:,} random records of a file (--sample)" if self.sample else ""

    def check(self, reviews: ReviewFile) -> None:
        """Raise `UsageError` for a sample of a file that cannot be read twice, such as a pipe."""
        if self.sample is not None and reviews.source.kind is not PathKind.FILE:
            raise UsageError(
                f"{reviews.name}: --sample reads a file twice, and this can be read only once. "
                "Save it to a file first, or use --limit."
            )


ALL = Subset()


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """The options for scoring files."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    output_format: str | None = None  # None: by the ending of the output, else the input's format
    stop_on_error: bool = False  # stop at the first record that cannot be read
    workers: int | None = None  # threads; None: one per usable core
    force: bool = False  # replace existing outputs, and drop the progress of an earlier run
    # Continue an earlier run, if there is one; with force, even if that replaces other files.
    resume: bool = False
    # Skip files whose output exists and is up to date; with force, replace other outputs.
    skip_existing: bool = False
    leaves_record: bool = False  # write the record for `skip_existing`, even without that option
    checkpoint_seconds: float = 5.0  # between two checkpoints
    max_rejected: MaxRejected | None = None  # per file; a file that exceeds it fails
    max_unread: MaxUnread | None = None  # per file; a file that exceeds it fails
    subset: Subset = ALL  # of each file
    estimates_prior: bool = False  # from the first records of each file
