"""How files are scored, which of their records, and how many may be rejected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Self

from toolkit.errors import UsageError
from toolkit.records.inputs import Kind
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import ReviewFile

_MOST_DIGITS = 20
_FORM = re.compile(r"(\d+(?:\.\d+)?)(%?)", re.ASCII)


@dataclass(frozen=True)
class Limit:
    """A number of records, or a share of them, as an option gives it."""

    option: ClassVar[str]

    count: int | None = None
    share: float | None = None  # 0 to 1; compared at the end of a file

    def __post_init__(self) -> None:
        if (self.count is None) == (self.share is None):
            raise UsageError(f"{self.option}: expected a number or a share")
        if self.share is not None and not 0 <= self.share <= 1:
            raise UsageError(f"{self.option}: expected at most 100%, received {self}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``100`` or ``1%``; raises `UsageError`."""
        found = _FORM.fullmatch(text.strip())
        if found is None or ("." in text and not found[2]):
            raise UsageError(
                f"{cls.option}: expected a number such as 100, or a share such as 1%, received "
                f"{text!r}"
            )
        if found[2]:
            return cls(share=float(Decimal(found[1]) / 100))
        return cls(
            count=int(found[1].lstrip("0")[:_MOST_DIGITS] or 0)
        )  # no file has more records than that

    def __str__(self) -> str:
        return f"{self.count:,}" if self.share is None else f"{self.share * 100:g}%"

    def is_passed(self, found: int, records: int, *, at_end: bool = True) -> bool:
        """Whether more is found than allowed, of the records so far."""
        if self.count is not None:
            return found > self.count
        assert self.share is not None
        share = Decimal(repr(self.share))  # in floats, 29% of 100 is less than 29
        return at_end and found > share * records


class MaxRejected(Limit):
    """The most records of a file that may be rejected; a share is compared at its end."""

    option = "--max-rejected"


class MaxUnread(Limit):
    """The most texts of a file of which the model may know no word, or few."""

    option = "--max-unread"


class MaxChanged(Limit):
    """The most rows whose label may change from one model to another."""

    option = "--max-changed"


@dataclass(frozen=True)
class Subset:
    """Which records of each file are taken: its first ones, or a random sample in order."""

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
        """Raise `UsageError` if the file cannot be read as often as a sample needs."""
        if self.sample is not None and reviews.source.kind is not Kind.FILE:
            raise UsageError(
                f"{reviews.name}: --sample reads a file twice, and this can be read only once. "
                "Save it to a file first, or use --limit."
            )


ALL = Subset()


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """How to score files."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    output_format: str | None = None  # None: by the ending of the output, or as the input
    stop_on_error: bool = False  # end at the first record that cannot be read
    workers: int | None = None  # None: as many as there are usable cores
    force: bool = False  # replace existing outputs, and drop the progress of an earlier run
    # Continue an earlier run, if there is one; with force, even if that replaces other files.
    resume: bool = False
    # Leave out files whose output is there and up to date; with force, replace the others.
    skip_existing: bool = False
    leaves_record: bool = False  # of what the output is made of, also without `skip_existing`
    checkpoint_seconds: float = 5.0  # between two checkpoints
    max_rejected: MaxRejected | None = None  # of each file; a file with more fails
    max_unread: MaxUnread | None = None  # the same
    subset: Subset = ALL  # of the records of each file
    estimates_prior: bool = False  # of each file, from its first records
