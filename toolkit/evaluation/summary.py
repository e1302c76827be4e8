"""The summary of scored files: shares with intervals, themes, rows to show, and changes.

Rows count as if they were independent of each other, as in a random sample.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import date, timedelta
from math import hypot
from typing import Any, Literal, NamedTuple, Self, get_args

from toolkit import __version__
from toolkit.errors import counted
from toolkit.evaluation.cells import UNDEFINED, Cell, Row, Table, ends, p_value, percent, table_of
from toolkit.evaluation.metrics import Proportion

RATE = 0.05  # of false discoveries among all changes that are called so
_FEWEST_EXPECTED = 5  # rows of each kind, for a test of a change
MOST_GROUPS = 1_000  # of a column; more are counted together
OTHER_GROUPS = "(others)"
NO_GROUP = "(none)"
# What is counted by, for rows of no group and of the groups beyond: no name begins so.
NONE_KEY = "\0none"
OTHERS_KEY = "\0others"
_REST_NAMES = {NONE_KEY: NO_GROUP, OTHERS_KEY: OTHER_GROUPS}
_MOST_SLICES = 20  # in a table
_FEWEST_OF_SLICE = 30  # rows of a slice that is among the first of a table

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
_ENOUGH = 100  # rows of a step of time, on average
_MOST_STEPS = 60
_FEWEST_STEPS = 4  # unless the span of the days is shorter


@dataclass(frozen=True)
class Turn:
    """A step since which a share is higher or lower, beyond what chance explains."""

    since: str  # the name of the step
    before: Proportion
    now: Proportion
    p_value: float  # of Fisher's exact test, times the number of steps that were tried (Bonferroni)


@dataclass(frozen=True)
class TrendPoint:
    """A share in some steps of time that follow each other."""

    since: str  # the first step
    share: Proportion


@dataclass(frozen=True)
class Trend:
    """A share over time, among up to 20,000 random rows; each point has enough rows."""

    points: tuple[TrendPoint, ...]
    turn: Turn | None = None


@dataclass(frozen=True)
class Contrast:
    """A share of the rows of a group, and of all other rows."""

    group: str
    of: Literal["theme", "aspect"]
    name: str  # of the theme or the aspect
    here: Proportion
    elsewhere: Proportion
    # p of Fisher's exact test, adjusted (Benjamini and Hochberg); None with too few rows
    adjusted: float | None = None

    @property
    def is_sure(self) -> bool:
        """Whether chance does not explain the difference."""
        return self.adjusted is not None and self.adjusted <= RATE

    @property
    def difference(self) -> float:
        """The share here minus the share elsewhere."""
        return self.here.value - self.elsewhere.value


@dataclass(frozen=True)
class LabelCounts:
    """The scored rows of a group, a day or all, by their label."""

    name: str
    labels: dict[str, int]  # rows, by label
    stars: float | None = None  # their mean, if the rows have stars
    is_group: bool = True  # False: rows without a group, or in groups beyond `MOST_GROUPS`
    trend: Trend | None = None  # of the negative share

    @classmethod
    def of_key(cls, key: str, labels: dict[str, int], stars: float | None) -> Self:
        """Make a slice for a key of the counts: a name, `NONE_KEY` or `OTHERS_KEY`."""
        return cls(_REST_NAMES.get(key, key), labels, stars, is_group=key not in _REST_NAMES)

    @property
    def key(self) -> str:
        """The key of the counts."""
        keys = {name: key for key, name in _REST_NAMES.items()}
        return self.name if self.is_group else keys[self.name]

    @property
    def is_rest(self) -> bool:
        """Whether these are the groups beyond `MOST_GROUPS`, which are others in each file."""
        return self.key == OTHERS_KEY

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.labels.values())

    def share(self, label: str) -> Proportion:
        """Return the share of rows with a label."""
        return Proportion(self.labels.get(label, 0), self.rows)


@dataclass(frozen=True)
class Quote:
    """A row to show."""

    file: str
    row: int  # from 1
    sentiment: str
    probability: float
    text: str  # cut, if it is long
    why: str = ""


@dataclass(frozen=True)
class Theme:
    """A subject of complaints or praise, with the number of reviews."""

    name: str
    reviews: int  # of its kind, complaints or praise, that have it
    share: float  # of all of its kind
    other_reviews: int  # of the other kind
    other_share: float
    lean: float  # standard deviations, as `summary_words.log_odds`; above 0
    stars: float | None = None  # mean of the reviews with it, minus the mean of all
    phrases: tuple[str, ...] = ()  # other ways to say it, or what is said of it
    quotes: tuple[Quote, ...] = ()
    trend: Trend | None = None  # of its share of all rows
    sampled: frozenset[int] = frozenset()  # which of the kept random rows have it


@dataclass(frozen=True)
class Change:
    """A share before and now, in rows."""

    what: str  # label, LABEL by NAME, aspect, complaints with, or praise with
    name: str
    before: Proportion
    now: Proportion
    p_value: float
    adjusted: float = 1.0  # by Benjamini and Hochberg (1995)

    @property
    def is_of_words(self) -> bool:
        """Whether it is the share of a word."""
        return self.what.endswith(" with")

    @property
    def difference(self) -> float:
        """The share now minus the share before."""
        return self.now.value - self.before.value

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the difference, from both Wilson intervals (Newcombe 1998)."""
        old = self.before.value
        new = self.now.value
        old_low, old_high = self.before.interval
        new_low, new_high = self.now.interval
        below = hypot(new - new_low, old_high - old)
        above = hypot(new_high - new, old - old_low)
        return self.difference - below, self.difference + above


@dataclass(frozen=True)
class Corrected:
    """A share of positive, corrected for the errors that the model makes on labelled rows."""

    share: float  # 0 to 1
    interval: tuple[float, float]  # 95%
    counted: float  # the share as the model counts
    sensitivity: Proportion  # positive rows that are called so
    specificity: Proportion  # negative rows that are called so
    method: str = (
        "Rogan and Gladen 1978, the adjusted count of Forman 2005; interval by the delta method"
    )


@dataclass(frozen=True)
class GivenStars:
    """Scored rows with stars that reviewers gave, and how many of them the model calls negative."""

    scale: int  # 5 or 10
    rows: int
    low: int  # with 1 or 2 stars of 5, 1 to 4 of 10
    middle: int  # with 3 stars of 5, 5 or 6 of 10
    called_negative: int  # by the model


@dataclass
class TextFigures:
    """Figures of the texts and their scores, to compare with later files."""

    tokens: int = 0
    unknown: int = 0  # tokens that are no words of the model
    texts: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * 20)  # of the probability, 0 to 1

    def __add__(self, more: TextFigures) -> TextFigures:
        """Add other texts."""
        both = zip(self.histogram, more.histogram, strict=True)
        return TextFigures(
            tokens=self.tokens + more.tokens,
            unknown=self.unknown + more.unknown,
            texts=self.texts + more.texts,
            histogram=[a + b for a, b in both],
        )

    @property
    def unknown_share(self) -> float:
        """The share of unknown tokens."""
        return self.unknown / max(self.tokens, 1)

    @property
    def length(self) -> float:
        """The mean number of tokens of a text."""
        return self.tokens / max(self.texts, 1)


@dataclass(kw_only=True)
class Summary:
    """The summary of some scored files."""

    files: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # by what they are, such as text
    negative: str  # the labels
    positive: str
    rows: int = 0  # records that could be read
    without_score: int = 0
    without_text: int = 0  # of those
    rejected: int = 0  # records that cannot be read here
    first_reject: str | None = None
    set_aside: dict[str, int] = field(default_factory=dict)  # files of rejects of scoring: records
    total: LabelCounts = LabelCounts("", {})
    by: dict[str, list[LabelCounts]] = field(default_factory=dict)  # column → largest first
    step: Period | None = None  # of `over_time`
    over_time: list[LabelCounts] = field(default_factory=list)
    without_date: int = 0
    aspects: list[LabelCounts] = field(default_factory=list)  # by their own labels
    title: str = ""  # of the page, as the user gives it
    complaints: list[Theme] = field(default_factory=list)
    praise: list[Theme] = field(default_factory=list)
    most_negative: list[Quote] = field(default_factory=list)
    surprising: list[Quote] = field(default_factory=list)
    surprise: str = ""  # what makes a row surprising
    texts: TextFigures = field(default_factory=TextFigures)
    since: Summary | None = None
    since_date: str | None = None  # of the same files, as it is given; None: earlier files
    tests: int = 0  # of changes, which are corrected for
    changed: int = 0  # shares that have changed beyond chance; `changes` has some of the words
    changes: list[Change] = field(default_factory=list)  # that are hardly chance
    notes: list[str] = field(default_factory=list)  # on changes: new groups, another mix
    warnings: list[str] = field(default_factory=list)
    corrected: Corrected | None = None
    adjusted: float | None = None  # share of positive rows, by all scores together, 0 to 1
    scored_here: list[str] = field(default_factory=list)  # files that had no scores
    scored_by: str | None = None  # the model that has scored them here
    given_stars: GivenStars | None = None  # that reviewers gave, if the rows have them
    turn: Turn | None = None  # of the share of negative rows over time
    sampled: int = 0  # random rows for trends and contrasts
    # Of the groups of the first column of `by`, by theme and aspect of complaints.
    contrasts: list[Contrast] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """All labels, positive first, negative last."""
        others = sorted({*self.total.labels} - {self.negative, self.positive})
        return [self.positive, *others, self.negative]

    @property
    def stars_name(self) -> str:
        """The name of the stars: predicted or given."""
        return "mean predicted stars" if "predicted_stars" in self.columns else "mean stars"

    def _other_shares(self) -> Iterator[tuple[str, str]]:
        """Return the corrected and adjusted shares of positive rows, beside the counted share."""
        if self.adjusted is not None:
            adjusted = f"{percent(self.adjusted, 1)}, by all scores together"
            yield f"{self.positive}, adjusted", adjusted
        if self.corrected is not None:
            each = self.corrected
            shown = f"{percent(each.share, 1)}, {ends(each.interval)}"
            counts = f"counted {percent(each.counted, 1)}"
            yield f"{self.positive}, corrected", f"{shown}; {counts} ({each.method})"

    def facts(self) -> list[tuple[str, str]]:
        """Yield the numbers of rows by label, and of rows left out."""
        found = []
        for label in self.labels:
            share = self.total.share(label)
            of = f"{percent(share.value, 1)} of scored, {ends(share.interval)}"
            found.append((label, f"{share.right:,} ({of})"))
        found += self._other_shares()
        if self.total.stars is not None:
            found.append((self.stars_name, f"{self.total.stars:.2f}"))
        if self.without_score:
            more = f", {self.without_text:,} of them without text" if self.without_text else ""
            found.append(("without a score", f"{counted(self.without_score, 'row')}{more}"))
        if self.without_date:
            found.append(("without a date", counted(self.without_date, "row")))
        for path, count in self.set_aside.items():
            found.append(
                ("not scored", f"{counted(count, 'record')} that could not be read: {path}")
            )
        if self.rejected:
            first = f"first: {self.first_reject}"
            found.append(("cannot be read", f"{counted(self.rejected, 'record')}; {first}"))
        return found


def in_steps(
    days: dict[date, LabelCounts], period: Period | None = None
) -> tuple[Period, list[LabelCounts]]:
    """Group days into days, weeks or months; steps without rows are kept.

    Without a period, it is the shortest one with 100 rows a step on average and at most 60 steps.
    If none has that, it is the longest one with four steps.
    """
    found = {each: _starts(days, each) for each in ([period] if period else PERIODS)}
    rows = sum(each.rows for each in days.values())
    long = [each for each, starts in found.items() if len(starts) >= _FEWEST_STEPS]
    suits = [each for each in long if _suits(rows, len(found[each]))]
    chosen = next(iter([*suits, *long[::-1], *found]))
    sums = {start: Counter[str]() for start in found[chosen]}
    for day, each in days.items():
        sums[_start(day, chosen)].update(each.labels)
    return chosen, [LabelCounts(step_of(day, chosen), dict(counts)) for day, counts in sums.items()]


def step_of(day: date, period: Period) -> str:
    """Return the name of the step that a day is in."""
    return _start(day, period).strftime("%Y-%m" if period == "month" else "%Y-%m-%d")


def gap_warning(rows: Mapping[str, int], period: Period | None) -> list[str]:
    """Return a warning of one long gap between steps, as one mistyped year makes it.

    The table of the terminal shows the last steps only, which are then almost empty.
    """
    names = list(rows)
    filled = [at for at, count in enumerate(rows.values()) if count]
    gaps = [(after - before - 1, before, after) for before, after in itertools.pairwise(filled)]
    empty, before, after = max(gaps, default=(0, 0, 0))
    if empty <= max(_MOST_SLICES, len(names) // 2):
        return []
    return [
        f"The {empty:,} {period}s between {names[before]} and {names[after]} have no rows. Is a "
        "date mistyped?"
    ]


def _suits(rows: int, steps: int) -> bool:
    return rows >= _ENOUGH * steps and steps <= _MOST_STEPS


def has_enough_rows(before: Proportion, now: Proportion) -> bool:
    """Whether two shares have enough rows to test whether they differ."""
    share = (before.right + now.right) / (before.count + now.count)
    return min(before.count, now.count) * min(share, 1 - share) >= _FEWEST_EXPECTED


def _start(day: date, period: Period) -> date:
    """Return the first day of the period that a day is in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def _starts(days: Collection[date], period: Period) -> list[date]:
    """Return the first days of all periods from the first day to the last."""
    first = min(days)
    span = (max(days) - first).days
    every = (_start(first + timedelta(days=after), period) for after in range(span + 1))
    return [*dict.fromkeys(every)]


class Section(NamedTuple):
    """A table with its title, which the terminal and the page show alike."""

    title: str
    table: Table
    note: str = ""
    trends: tuple[Trend | None, ...] = ()  # of each row, on the page


def sections(found: Summary, most: int = 40, fewest: int = 1) -> list[Section]:
    """Return the tables of groups, days, aspects and changes, with a limit on changed words.

    Groups and aspects with less than `fewest` rows are only counted.
    """
    tables = [(f"By {name}", name, each) for name, each in found.by.items()]
    if found.aspects:
        tables.append(("By aspect", "aspect", found.aspects))
    shown = []
    for title, name, slices in tables:
        large = [each for each in slices if each.rows >= fewest]
        more = len(slices) - min(len(large), _MOST_SLICES)
        note = f"The largest are shown; {more:,} more are in the JSON." if more > 0 else ""
        if not large:
            note = f"None has {fewest} reviews, so none is shown; all are in the JSON."
        ordered = worst_first(found, large)
        trends = tuple(each.trend for each in ordered)
        shown.append(Section(title, _slices(found, name, ordered), note, trends))
    if found.step is not None:
        last = found.over_time[-_MOST_SLICES:]
        count = len(found.over_time)
        note = ""
        if count > len(last):
            note = f"The last {len(last)} of {count:,}; all are in the JSON."
        shown.append(Section(f"By {found.step}", _slices(found, found.step, last), note))
    if found.since is not None:
        shown.append(_changes(found, found.since, most))
    return shown


def worst_first(found: Summary, slices: Sequence[LabelCounts]) -> list[LabelCounts]:
    """Return the largest slices, the highest negative share first; small and other groups last."""
    return sorted(
        slices[:_MOST_SLICES],
        key=lambda each: (
            not each.is_group,
            each.rows < _FEWEST_OF_SLICE,
            -each.share(found.negative).value,
        ),
    )


def _slices(found: Summary, name: str, slices: Sequence[LabelCounts]) -> Table:
    labels = [found.negative, *found.labels[:-1]]
    labels += sorted({label for each in slices for label in each.labels} - {*labels})
    has_stars = any(each.stars is not None for each in slices)
    rows: list[Row] = []
    for each in slices[:_MOST_SLICES]:
        shares = [each.share(label) if each.rows else None for label in labels]
        cells = [
            Cell(percent(of.value, 1), ends(of.interval), of.value) if of else Cell(UNDEFINED)
            for of in shares
        ]
        cells[1:] = [each._replace(is_minor=True) for each in cells[1:]]
        stars = [UNDEFINED if each.stars is None else f"{each.stars:.2f}"] * has_stars
        rows.append([shown_name(each), f"{each.rows:,}", *cells, *stars])
    return table_of((name, "rows", *labels, *(["stars"] * has_stars)), rows)


def shown_name(each: LabelCounts) -> str:
    """Return the name of a slice in a table; quoted if it reads like a special name."""
    is_other = each.is_group and each.name in _REST_NAMES.values()
    return repr(each.name) if is_other else each.name or "(empty)"


def _changes(found: Summary, before: Summary, most: int) -> Section:
    words = [each for each in found.changes if each.is_of_words]
    shown = [each for each in found.changes if not each.is_of_words] + words[:most]
    rows: list[Row] = [
        [
            f"{each.what} {each.name}",
            percent(each.before.value, 1),
            percent(each.now.value, 1),
            Cell(f"{100 * each.difference:+.1f}", ends(each.interval)),
            Cell(p_value(each.adjusted), is_minor=True),
        ]
        for each in shown
    ]
    note = note_on_changes(before.rows, tests=found.tests, changed=found.changed)
    table = table_of(("share", "before", "now", "points (95%)", "p"), rows)
    return Section(since_title(found), table, " ".join([*found.notes, note]))


def note_on_changes(rows_before: int, tests: int, changed: int) -> str:
    """Return how many shares were compared, and how many have changed beyond chance."""
    before = f"{counted(rows_before, 'row')} before."
    if not tests:
        return f"{before} Too few rows to tell what has changed."
    compared = "One share was" if tests == 1 else f"{tests:,} shares were"
    if not changed:
        return f"{before} {compared} compared, and none has changed beyond chance."
    return (
        f"{before} Of {counted(tests, 'share')} that were compared, {changed:,} "
        f"{'has' if changed == 1 else 'have'} changed beyond chance: at most {RATE:.0%} of these "
        "are expected to be false (Benjamini and Hochberg 1995). p is adjusted for that."
    )


def since_title(found: Summary) -> str:
    """Return the title of the section on what has changed; empty without one."""
    if found.since is None:
        return ""
    return since_name(found.since_date, found.since.files)


def since_name(date_given: str | None, files: Sequence[str]) -> str:
    """Return what rows are compared with, as the title of a section: a date, or the first file."""
    return f"Since {date_given or files[0]}"


def summary_as_dict(found: Summary) -> dict[str, Any]:
    """Return a summary as JSON."""
    head = {"format_version": 1, "toolkit_version": __version__}
    return {**head, **{key: plain(value) for key, value in vars(found).items()}}


def plain(value: Any) -> Any:
    """Return a value as JSON, with the computed figures of shares and slices."""
    if isinstance(value, Proportion):
        defined = {"share": value.value, "interval": value.interval} if value.count else {}
        value = {"rows": value.right, "of": value.count, **defined}
    elif isinstance(value, LabelCounts):
        labels = {label: value.share(label) for label in value.labels}
        facts = {key: getattr(value, key) for key in ("name", "is_group", "rows", "stars", "trend")}
        value = {**facts, "labels": labels}
    elif isinstance(value, Summary):  # the one before
        value = {"files": value.files, "rows": value.rows, "total": value.total}
    elif isinstance(value, Theme):
        value = {key: each for key, each in vars(value).items() if key != "sampled"}
    elif isinstance(value, Change):
        value = {**vars(value), "difference": value.difference, "interval": value.interval}
    elif is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [*map(plain, value)] if isinstance(value, list | tuple) else value
