"""Rows from a date on, and the rows before it, for a comparison within the same files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.evaluation.summary_dates import DateCounts, Days, days_in_order, read_days_at
from toolkit.files import is_a_file, is_a_folder
from toolkit.records.columns import Column
from toolkit.records.options import ReadOptions
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit, OnProgress, RunOptions, Visitor, run_files
from toolkit.scoring.input_files import FoundFile
from toolkit.stores.paths import path_of

_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")


@dataclass(frozen=True)
class DateSide:
    """The rows from a date on, or the rows before it."""

    first_day: str  # of the later rows, such as 2026-09-01
    is_later: bool
    order: str  # of day and month in dates with slashes, in all rows
    without_date: int  # rows, which are in neither part
    warnings: tuple[str, ...]  # on the dates of all rows

    @property
    def name(self) -> str:
        """The rows in words, such as "from 2026-09-01 on"."""
        return f"from {self.first_day} on" if self.is_later else f"before {self.first_day}"

    def has(self, days: Days) -> pa.BooleanArray:
        """Return which rows are in this part, (rows,); rows without a date are not."""
        own = days_in_order(days.by_order[""], days.by_order[self.order])
        is_later = pc.greater_equal(own, self.first_day)  # a row without a date has ""
        if self.is_later:
            return is_later
        return pc.and_(pc.invert(is_later), pc.not_equal(own, ""))


@dataclass(frozen=True)
class Parts:
    """Both parts of the rows of some files."""

    before: DateSide
    later: DateSide


def since_date(values: Sequence[str]) -> str | None:
    """Return the value of --since that is a date and no file or folder; None if all are files.

    Raises `UsageError` if it is not in the calendar, or not the only value.
    """
    dates = [each for each in values if _DATE.fullmatch(each) and not _is_there(each)]
    if not dates:
        return None
    for each in dates:
        _first_day(each)
    if len(values) > 1:
        raise UsageError(f"--since {dates[0]}: a date must be the only --since. Leave out others.")
    return dates[0]


def divide(
    files: Sequence[FoundFile],
    since: str,
    reading: ReadOptions,
    date_column: str | None,
    date_form: str | None,
    on_file: Callable[[FoundFile], AbstractContextManager[OnProgress | None]],
) -> Parts:
    """Read the dates of all rows, and divide these at a date.

    Raises `UsageError` if there is no column of dates, a file can be read only once, or all rows
    are on one side; `InputError` if the column has no dates.
    """
    if date_column is None:
        raise UsageError(f"--since {since}: a date needs --date-column NAME.")
    if any(each.input.is_stream for each in files):
        raise UsageError(
            f"--since {since}: standard input and pipes can be read only once. Save the rows to a "
            "file, and give its name."
        )
    found = _Dates(date_form)
    column = Column("date", (date_column,), is_named=True)
    run_files(files, found, RunOptions(reading=reading, columns=(column,)), on_file)
    return found.divided(since)


class _Dates(Visitor[FoundFile, Days]):
    """Counts the rows of each day."""

    def __init__(self, form: str | None) -> None:
        self._form = form
        self._counts = DateCounts()
        self._days: dict[str, Counter[str]] = {}  # by the order of day and month: rows

    def work(self, visit: FileVisit[FoundFile], block: SelectedBlock) -> Days:  # noqa: ARG002
        """Read the dates of a block."""
        values = block.parse().fields["date"].cast(pa.large_string())
        return read_days_at(block.rows, values, self._form)

    def add(self, visit: FileVisit[FoundFile], result: Days) -> None:
        """Add the dates of a block."""
        self._counts.add_of(result.counts, visit.before, visit.reviews)
        for order, days in result.by_order.items():
            counts = self._days.setdefault(order, Counter())
            for each in pc.value_counts(days.drop_null()).to_pylist():
                counts[each["values"]] += each["counts"]

    def divided(self, since: str) -> Parts:
        """Divide all rows at a date."""
        counts = self._counts
        order = counts.order(counts.place)
        warnings = tuple(counts.check(counts.place))
        days = self._days.get("", Counter()) + self._days.get(order, Counter())
        without_date = days.pop("", 0)
        if not days:
            raise InputError(f"{counts.place}: no row has a date. Name another with --date-column.")
        first_day = _first_day(since)
        first, last = min(days), max(days)
        if not first < first_day <= last:
            side = "before it" if first_day <= first else "from then on"
            raise UsageError(
                f"--since {since}: no row is {side}. The dates in {counts.place} go from {first} "
                f"to {last}."
            )
        before, later = (
            DateSide(first_day, is_later, order, without_date, warnings)
            for is_later in (False, True)
        )
        return Parts(before, later)


def _first_day(word: str) -> str:
    """Return the first day of a date such as 2026-09-01 or 2026-09."""
    day = word if word.count("-") > 1 else f"{word}-01"
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise UsageError(
            f"--since {word}: is neither a file nor a date in the calendar, such as 2026-09-01."
        ) from None


def _is_there(name: str) -> bool:
    path = path_of(name)
    return is_a_file(path) or is_a_folder(path)
