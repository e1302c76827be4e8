"""The days of a column, read by their shape; the order of month and day is decided over all rows.

The shape of a value says how it is read, such as 2026-03-31 or March 31, 2026. Only 03/04/2026 may
begin with the month or with the day. Blocks read such values both ways, and `DateCounts` decides
when all blocks are known. A time after a date is left out, with its zone: the day is the one that
is written. `summary_zones` warns where zones differ.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError, counted
from toolkit.evaluation.summary_zones import count_zones, zones_warning
from toolkit.records.labels import Rows
from toolkit.records.review_file import ReviewFile
from toolkit.text.strings import is_blank

MONTH_FIRST = "%m/%d/%Y"
DAY_FIRST = "%d/%m/%Y"
_TIME = r"[T ]+\d{1,2}:\d\d.*$"
_SHAPES = [
    re.compile(shape)
    for shape in (
        r"^(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})$",
        r"^(?P<day>\d{1,2})(?P<mark>[-.])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})$",
        r"^(?P<name>[A-Za-z]{3,9})\.? +(?P<day>\d{1,2}), *(?P<year>\d{4})$",
        r"^(?P<day>\d{1,2}) +(?P<name>[A-Za-z]{3,9})\.? +(?P<year>\d{4})$",
        r"^(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)$",
    )
]
_SLASHES = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})$")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_FIRST_YEAR = 1000
_LAST_YEAR = 9998
_DAY_0 = date(1899, 12, 30)  # an empty cell of Excel, formatted as a date
_FEW = 0.01  # of the dates with a known order: up to this share in another order are mistakes


class Days(NamedTuple):
    """The days of some values, as text such as 2026-03-31; empty where a value is not a date."""

    # By the order of dates with slashes, `MONTH_FIRST` and `DAY_FIRST`: null for other values. By
    # "": all others, null for these.
    by_order: dict[str, pa.Array]
    counts: DateCounts


@dataclass
class DateCounts:
    """Counts of dates, and of the orders of day and month in dates with slashes."""

    given: int = 0  # values that are not blank
    unread: int = 0
    first_unread: tuple[int, str] | None = None  # its row, from 0, and what it is
    missing: int = 0  # dates that stand for a missing one
    first_missing: str = ""
    only: dict[str, int] = field(default_factory=lambda: dict.fromkeys((MONTH_FIRST, DAY_FIRST), 0))
    either: int = 0  # dates that may have both orders
    examples: dict[str, str] = field(default_factory=dict)  # of `only`, and of either as ""
    zones: Counter[str] = field(default_factory=Counter)  # of dates with a time
    place: str = ""  # file and column: the first, or of the first wrong date

    def see(self, word: _Word, written: str, count: int) -> None:
        """Count a value and its order, for the rows that have it."""
        if word.means_none:
            self.missing += count
            self.first_missing = self.first_missing or written
        orders = (MONTH_FIRST,) * bool(word.month_first) + (DAY_FIRST,) * bool(word.day_first)
        if len(orders) == 1:
            self.only[orders[0]] += count
            self.examples.setdefault(orders[0], written)
        elif word.month_first != word.day_first:  # unlike 04/04/2026
            self.either += count
            self.examples.setdefault("", written)

    def add_of(self, other: DateCounts, before: int, reviews: ReviewFile) -> None:
        """Add the counts of later values of the column "date" of a file."""
        if not self.place or (other.unread and not self.unread):
            self.place = f"{reviews.name}: column {reviews.chosen['date']!r}"
        self.add(other, before)

    def add(self, other: DateCounts, before: int) -> None:
        """Add the counts of later values; `before` rows come first."""
        self.given += other.given
        self.unread += other.unread
        self.either += other.either
        self.missing += other.missing
        self.first_missing = self.first_missing or other.first_missing
        if self.first_unread is None and other.first_unread is not None:
            row, word = other.first_unread
            self.first_unread = row + before, word
        for order, count in other.only.items():
            self.only[order] += count
        self.examples = other.examples | self.examples
        self.zones += other.zones

    @property
    def rarer(self) -> str:
        """The order that fewer dates have."""
        return min(self.only, key=lambda order: self.only[order])

    def order(self, place: str) -> str:
        """Decide the order of dates with slashes; `UsageError` if they leave it open or contradict.

        Those in the other order are counted as unread.
        """
        other = self.rarer
        (common,) = self.only.keys() - {other}
        known = sum(self.only.values())
        ways = f"--date-format {MONTH_FIRST} or --date-format {DAY_FIRST}"
        if self.only[other] > _FEW * known:
            raise UsageError(
                f"{place}: {self.examples[MONTH_FIRST]!r} begins with the month, and "
                f"{self.examples[DAY_FIRST]!r} with the day. Say which is right with {ways}."
            )
        if known:
            self.unread += self.only[other]
            return common
        if self.either:
            raise UsageError(
                f"{place}: {self.examples['']!r} may begin with the month or with the day. Say "
                f"which with {ways}."
            )
        return DAY_FIRST

    def check(self, place: str) -> list[str]:
        """Warn of values that are not dates and of mixed zones; `InputError` if few are dates."""
        warnings = [*self._check_unread(place)]
        if self.missing:
            values = f"{counted(self.missing, 'value')} of {self.given:,}"
            stand = "stands for a missing date" if self.missing == 1 else "stand for missing dates"
            warnings.append(
                f"{place}: {values} {stand}, such as {self.first_missing!r}, and left out."
            )
        if zones := zones_warning(self.zones):
            warnings.append(f"{place}: {zones}")
        return warnings

    def _check_unread(self, place: str) -> Iterator[str]:
        if not self.unread:
            return
        row, word = self.first_unread or (None, self.examples[self.rarer])
        if 2 * self.unread > self.given:
            raise InputError(
                f"{place}: {word!r} is not a date as expected, such as 2026-03-31. Choose another "
                "column with --date-column, or say how dates are written with --date-format, such "
                "as %d.%m.%Y."
            )
        values = f"{counted(self.unread, 'value')} of {self.given:,}"
        is_no = "is not a date" if self.unread == 1 else "are not dates"
        where = "" if row is None else f", row {row + 1:,}"
        yield f"{place}: {values} {is_no}, and left out. The first is {word!r}{where}."


def read_days(values: pa.Array, form: str | None) -> Days:
    """Read days of strings, by a form of `strptime` or by their shapes."""
    words = pc.if_else(is_blank(values), None, pc.utf8_trim_whitespace(values))
    plain = words if form else pc.replace_substring_regex(words, _TIME, "")
    codes = plain.dictionary_encode()  # there are far fewer days than rows
    different = [_read(word, form) for word in codes.dictionary.to_pylist()]
    counts = DateCounts(given=len(words) - words.null_count)
    is_unread = pa.array([each.is_unread for each in different], pa.bool_()).take(codes.indices)
    counts.zones = count_zones(words)
    counts.unread = is_unread.true_count
    if counts.unread:
        row = pc.index(is_unread, True).as_py()
        counts.first_unread = row, words[row].as_py()
    for each in pc.value_counts(codes.indices).to_pylist():
        if each["values"] is not None:
            code = each["values"]
            counts.see(different[code], codes.dictionary[code].as_py(), each["counts"])
    found = {
        order: pa.array(days, pa.large_string()).take(codes.indices)
        for order, days in (
            ("", [None if each.month_first is not None else each.day or "" for each in different]),
            (MONTH_FIRST, [each.month_first for each in different]),
            (DAY_FIRST, [each.day_first for each in different]),
        )
    }
    found[""] = pc.if_else(pc.is_null(words), "", found[""])
    return Days(found, counts)


def days_in_order(plain: pa.Array, with_slashes: pa.Array) -> pa.Array:
    """Join the days of `Days.by_order` for "" and one order, (rows,); empty without a date."""
    return pc.fill_null(pc.coalesce(plain, with_slashes), "")


def read_days_at(positions: Rows, values: pa.Array, form: str | None) -> Days:
    """Read days as `read_days`, of rows at some positions of a block."""
    found = read_days(values, form)
    if found.counts.first_unread is not None:
        row, word = found.counts.first_unread
        found.counts.first_unread = int(positions[row]), word
    return found


@dataclass(frozen=True)
class _Word:
    """The possible days of a value: one, or with slashes one per order."""

    day: str | None = None
    month_first: str | None = None
    day_first: str | None = None
    means_none: bool = False

    @property
    def is_unread(self) -> bool:
        """Whether the value is not a date."""
        return not (self.day or self.month_first or self.day_first or self.means_none)


def _read(word: str, form: str | None) -> _Word:
    if form is not None:
        try:
            found = datetime.strptime(word, form).date()
        except ValueError:
            return _Word()
        return _as_day(found.year, found.month, found.day)
    if slashes := _SLASHES.match(word):
        first, second, year = map(int, slashes.groups())
        month_first = _as_day(year, first, second)
        day_first = _as_day(year, second, first)
        days = month_first.day or "", day_first.day or ""
        return _Word(None, *days, means_none=month_first.means_none or day_first.means_none)
    for shape in _SHAPES:
        if match := shape.match(word):
            parts = match.groupdict()
            month = _month(parts["name"]) if "name" in parts else int(parts["month"])
            return _as_day(int(parts["year"]), month, int(parts["day"]))
    return _Word()


def _month(name: str) -> int:
    """Return the number of a month by its name, in full, three letters or Sept; else 0."""
    name = name.lower()
    given = (name == month or name in (month[:3], month[:4]) for month in _MONTHS)
    return next((at for at, is_it in enumerate(given, 1) if is_it), 0)


def _as_day(year: int, month: int, day: int) -> _Word:
    """Write a day; years of up to three digits, 9999 and Excel's day 0 mean that it is missing."""
    try:
        found = date(year, month, day)
    except ValueError:
        return _Word()
    is_missing = found == _DAY_0 or not _FIRST_YEAR <= year <= _LAST_YEAR
    return _Word(means_none=True) if is_missing else _Word(found.isoformat())
