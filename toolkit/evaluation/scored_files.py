"""Files that `toolkit score` wrote: found once, read block by block, and compared with others."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.evaluation.diff_models import OnFile
from toolkit.evaluation.metrics import Numbers
from toolkit.evaluation.summary import MOST_GROUPS, OTHERS_KEY, LabelCounts, Period, in_steps
from toolkit.evaluation.summary_dates import DAY_FIRST, DateCounts, Days, read_days_at
from toolkit.evaluation.summary_since import DateSide, divide, since_date
from toolkit.files import is_a_file, is_a_folder
from toolkit.model.scorer import Scorer
from toolkit.records.columns import Column
from toolkit.records.labels import TEN, Rows, by_word, number
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.file_run import FileVisit, RunOptions, Visitor, run_files
from toolkit.scoring.input_files import Found, FoundFile, look_for
from toolkit.scoring.jobs import REJECTED_ENDING, SCORED
from toolkit.stores.paths import path_of


@dataclass(frozen=True)
class SummaryOptions:
    """What to find in scored files."""

    reading: ReadOptions = field(default_factory=ReadOptions)  # columns and format
    model: str | Path | None = None  # that has scored them; None: the default one
    by: tuple[str, ...] = ()  # columns to group by
    date_column: str | None = None
    date_form: str | None = None  # as `strptime` has it; None: found by the dates
    period: Period | None = None  # of a step of time; None: chosen by the rows
    show: int = 10  # themes of each kind, and rows
    since: Sequence[str] = ()  # scored files to compare with, or the first day of the later rows
    corrected: str | None = None  # a scored file with labels
    title: str = ""  # of the page; empty: the name of the file
    force: bool = False  # replace an existing one
    adjusts: bool = True  # tell the share by all scores; not of scores with a prior


@dataclass(frozen=True)
class ScoredFiles:
    """The scored files of a summary, and those to compare them with; looked for once."""

    files: Sequence[FoundFile]
    earlier: Sequence[FoundFile] = ()  # of --since FILE
    since: str | None = None  # of --since DATE, as it is given

    @classmethod
    def find(cls, names: str | Path | Sequence[str | Path], since: Sequence[str] = ()) -> Self:
        """Find files by names, folders and patterns; in folders, outputs of `score` before others.

        Parameters
        ----------
        names : str | Path | Sequence[str | Path]
            The files to summarize.
        since : Sequence[str]
            Earlier files, or one date.

        Returns
        -------
        Self
            The files, each once.

        Raises
        ------
        InputError
            If a name leads to no file, or a folder cannot be read.
        UsageError
            If the date is not in the calendar, or not alone.
        """
        each_name = [names] if isinstance(names, str | Path) else names
        date = since_date(since)
        return cls(
            files=_find([*map(str, each_name)]),
            earlier=_find(since) if date is None else (),
            since=date,
        )

    @property
    def paths(self) -> list[Path]:
        """All files, the earlier ones last."""
        return [each.input.path for each in (*self.files, *self.earlier)]


def _find(names: Sequence[str]) -> list[FoundFile]:
    found = [_look_for(name) for name in names]
    for each in found:
        if each.unreadable:
            raise InputError(each.unreadable[0].error)
    return Found(files=[file for each in found for file in each.files]).without_repeats()


def _look_for(name: str) -> Found:
    """Find the files of a name; in a folder that has outputs of `score`, only these."""
    if is_a_folder(path_of(name)):
        with suppress(InputError):
            return look_for([f"{name.rstrip('/')}/**/*{SCORED}.*"])
    return look_for([name])


class FoundRows(Protocol):
    """What a summary of any kind counts of its files."""

    files: list[str]
    columns: dict[str, str]
    rows: int
    rejected: int
    first_reject: str | None
    set_aside: dict[str, int]
    scored_here: list[str]
    scored_by: str | None
    title: str
    since_date: str | None


_BlockT = TypeVar("_BlockT")  # the counts of a block


class ScoredRun(Visitor[FoundFile, _BlockT]):
    """Sums up scored files of any kind of model: rows, groups and dates.

    Parameters
    ----------
    options : SummaryOptions
        Columns, and what to group by.
    scorer : Scorer
        The model that scores files without scores, and whose words are counted.
    part : DateSide | None
        The rows to sum up, from a date on or before it; None: all rows.
    """

    found: FoundRows
    label_role = "sentiment"  # role of the column of labels

    def __init__(
        self, options: SummaryOptions, scorer: Scorer, part: DateSide | None = None
    ) -> None:
        self.options = options
        self.scorer = scorer
        self.part = part
        # By what is grouped by, the group and the label: numbers such as rows.
        self.cells: dict[str, dict[str, dict[str, Numbers]]] = defaultdict(dict)
        self.dates = DateCounts()
        self.order_of_dates = DAY_FIRST  # of day and month, when it is settled

    def read_files(self, files: Sequence[FoundFile], on_file: OnFile) -> None:
        """Read all files, and add up their counts; `InputError` if no row has a score."""
        run_files(
            files,
            self,
            RunOptions(reading=self.options.reading, columns=self.wanted()),
            on_file=lambda file: on_file(file.input.path),
        )
        found = self.found
        if self.cells[""]:
            return
        if found.first_reject and not found.rows:
            raise InputError(f"no record can be read; first: {found.first_reject}")
        which = "" if self.part is None else f" {self.part.name}"
        names = " and ".join(found.files[:3])
        if not found.rows:
            raise InputError(f"{names}: there is no row{which}.")
        what = "score" if self.label_role == "sentiment" else "label"
        raise InputError(f"{names}: no row{which} has a {what}: {self._why_without()}")

    def _why_without(self) -> str:
        """Return why no row has a label, and what to do."""
        if self.found.scored_here:
            return f"the model {self.scorer.identity()['name']} knows no word of any text."
        role = self.label_role
        column = self.found.columns[role]
        return f"the column {column!r} is empty. Name another with --names {role}=NAME."

    @abstractmethod
    def read(self, files: Sequence[FoundFile], on_file: OnFile) -> FoundRows:
        """Read all files, and return what was found in them."""

    @abstractmethod
    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        """Take the names of the columns, and note a file without scores."""
        self.check_scores(visit.reviews)
        self.found.columns |= visit.reviews.chosen

    @abstractmethod
    def check_scores(self, reviews: ReviewFile) -> None:
        """Note a file without scores; raise `UsageError` if it has half of them."""

    def scores_here(self, reviews: ReviewFile) -> None:
        """Note that a file has no scores, and so is scored here."""
        self.found.scored_here.append(str(reviews.path))
        self.found.scored_by = self.scorer.model

    def end(self, visit: FileVisit[FoundFile]) -> None:
        """Note a file, and how many records were rejected when it was scored."""
        path = visit.file.input.path
        self.found.files.append(str(path))
        self.found.rejected += visit.rejected
        if self.found.first_reject is None and visit.first_error is not None:
            self.found.first_reject = f"{visit.reviews.name}: {visit.first_error}"
        rejects = path_of(f"{path}{REJECTED_ENDING}")
        if is_a_file(rejects):
            with rejects.open("rb") as file:
                lines = sum(1 for _ in file)
            self.found.set_aside |= {str(rejects): lines} if lines else {}

    def grouped_by(self) -> list[Column]:
        """Return the columns to group by, and the column of dates."""
        options = self.options
        by = [Column(f"by {name}", (name,), is_named=True) for name in options.by]
        if options.date_column is not None:
            by.append(Column("date", (options.date_column,), is_named=True))
        return by

    def days(self, rows: pa.RecordBatch, positions: Rows) -> Days:
        """Read the dates of rows; empty without a column of dates."""
        if "date" not in rows.schema.names:
            return Days({}, DateCounts())
        return read_days_at(positions, rows["date"], self.options.date_form)

    def own_rows(self, records: pa.RecordBatch, positions: Rows) -> OwnRows:
        """Return the records to sum up, and their positions in the block."""
        if self.part is None:
            return OwnRows(records, positions)
        is_own = self.part.has(self.days(records, positions))
        return OwnRows(records.filter(is_own), positions[is_own.to_numpy(zero_copy_only=False)])

    def add_cells(self, records: int, cells: pa.Table) -> None:
        """Add records, and their cells: kind, group, label, and numbers."""
        self.found.rows += records
        for kind, group, label, *numbers in zip(*cells.to_pydict().values(), strict=True):
            groups = self.cells[kind]
            if group not in groups and len(groups) >= MOST_GROUPS and kind.startswith("by "):
                group = OTHERS_KEY  # noqa: PLW2901
            cell = groups.setdefault(group, {}).setdefault(label, np.zeros(len(numbers)))
            cell += numbers

    def add_dates(self, dates: DateCounts, visit: FileVisit[FoundFile]) -> None:
        """Add the dates of a block."""
        if "date" in visit.reviews.chosen:
            self.dates.add_of(dates, visit.before, visit.reviews)

    def settle_dates(self) -> list[str]:
        """Choose the order of day and month in dates with slashes; return warnings."""
        if self.options.date_column is None:
            return []
        dates = self.dates
        days = self.cells["date "]
        order = dates.order(dates.place) if self.part is None else self.part.order
        self.order_of_dates = order
        for day, labels in self.cells[f"date {order}"].items():
            for label, numbers in labels.items():
                cell = days.setdefault(day, {}).setdefault(label, np.zeros(len(numbers)))
                cell += numbers
        return dates.check(dates.place) if self.part is None else [*self.part.warnings]

    def slices(self, kind: str) -> list[LabelCounts]:
        """Return the groups, the largest first.

        The numbers of a cell begin with rows, the sum of their stars, and rows with stars.
        """
        found = []
        for group, labels in self.cells[kind].items():
            _, stars, rated = sum((each[:3] for each in labels.values()), np.zeros(3)).tolist()
            mean = stars / rated if rated else None
            counts = {key: int(n[0]) for key, n in labels.items()}
            found.append(LabelCounts.of_key(group, counts, mean))
        return sorted(found, key=lambda each: (-each.rows, each.name))

    def over_time(self) -> OverTime:
        """Return the rows by steps of time, after `settle_dates`."""
        days = {each.name: each for each in self.slices("date ")}
        without_date = days.pop("", LabelCounts("", {})).rows
        if self.part is not None:
            without_date = self.part.without_date
        if not days:
            return OverTime(None, [], without_date)
        by_date = {date.fromisoformat(day): each for day, each in days.items()}
        step, steps = in_steps(by_date, self.options.period)
        return OverTime(step, steps, without_date)


class OwnRows(NamedTuple):
    """The records of a block to sum up."""

    records: pa.RecordBatch
    positions: Rows  # in the block


class OverTime(NamedTuple):
    """The rows of files over time."""

    step: Period | None  # None: no row has a date
    steps: list[LabelCounts]
    without_date: int  # rows


def repeated(word: str, count: int) -> pa.Array:
    """Return an array that repeats a word."""
    return pa.repeat(pa.scalar(word, pa.large_string()), count)


def stars_in(rows: pa.RecordBatch, role: str) -> Numbers:
    """Return the stars of each row, out of 5 or 10; NaN for a row without stars."""
    if role not in rows.schema.names:
        return np.full(len(rows), np.nan)
    found = by_word(rows[role], number).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where((found >= 1) & (found <= TEN), found, np.nan)


_RunT = TypeVar("_RunT", bound=ScoredRun[Any])


@dataclass(frozen=True)
class ReadRuns(Generic[_RunT]):
    """The rows of a summary, and the rows to compare them with; all files are read."""

    now: _RunT
    before: _RunT | None  # None: nothing to compare with


def read_runs(
    run: Callable[[SummaryOptions, Scorer, DateSide | None], _RunT],
    files: ScoredFiles,
    scorer: Scorer,
    options: SummaryOptions,
    on_file: OnFile,
) -> ReadRuns[_RunT]:
    """Read the rows to summarize, and the rows of earlier files or before a date.

    Parameters
    ----------
    run : Callable[[SummaryOptions, Scorer, DateSide | None], _RunT]
        The kind of `ScoredRun`.
    files : ScoredFiles
        The files.
    scorer : Scorer
        The model that scores files without scores, and whose words are counted.
    options : SummaryOptions
        Columns, and what to group by.
    on_file : OnFile
        Entered while a file is read; returns what to call with the progress.

    Returns
    -------
    ReadRuns[_RunT]
        The runs, with their counts.
    """
    earlier_files = files.earlier
    earlier_options = replace(options, date_column=None, since=())
    parts = None
    if files.since is not None:
        earlier_files = files.files
        earlier_options = options
        parts = divide(
            files.files,
            files.since,
            reading=options.reading,
            date_column=options.date_column,
            date_form=options.date_form,
            on_file=lambda file: on_file(file.input.path),
        )
    now = run(options, scorer, None if parts is None else parts.later)
    now.read(files.files, on_file)
    now.found.title = options.title
    now.found.since_date = files.since
    if not earlier_files:
        return ReadRuns(now, None)
    before = run(earlier_options, scorer, None if parts is None else parts.before)
    before.read(earlier_files, on_file)
    return ReadRuns(now, before)
