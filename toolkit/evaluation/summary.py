"""What scored files say: shares with intervals, words, rows to show, and what has changed.

Rows count as if they were independent of each other, as in a random sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from datetime import date, timedelta
from math import erfc, log, sqrt
from typing import Any, NamedTuple

import numpy as np

from toolkit import __version__
from toolkit.errors import counted
from toolkit.evaluation.metrics import NORMAL_95, Proportion
from toolkit.evaluation.tables import UNDEFINED, Cell, Row, Table, ends, p_value, percent, table_of

RATE = 0.05  # of false discoveries among all changes that are called so
_FEWEST_EXPECTED = 5  # rows of each kind, for a test of a change
_PSI_LARGE = 0.25  # of the scores; a rule of thumb for the population stability index
_UNLIKE = 1.5  # times as many unknown words, or as long

# How a span of days is cut: up to this number of days, in steps of.
STEPS = {45: "day", 400: "week"}
LONGEST_STEP = "month"


@dataclass(frozen=True)
class Slice:
    """The scored rows of a group, a day or all, by their label."""

    name: str
    labels: dict[str, int]  # rows, by label
    stars: float | None = None  # their mean, if the rows have stars

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.labels.values())

    def share(self, label: str) -> Proportion:
        """The rows with a label."""
        return Proportion(self.labels.get(label, 0), self.rows)


class Quote(NamedTuple):
    """A row to show."""

    file: str
    row: int  # from 1
    sentiment: str
    probability: float
    text: str  # cut, if it is long
    why: str = ""


@dataclass(frozen=True)
class TermFound:
    """A word or a phrase, and how often it is in complaints and in praise."""

    name: str
    reviews: int  # of its kind, complaints or praise, that have it
    share: float  # of all of its kind
    other_reviews: int  # of the other kind
    other_share: float
    lean: float  # standard deviations, as `summary_words.log_odds`; above 0
    is_opinion: (
        bool  # the model has an opinion of it alone: "dirty"; else it is a subject: "shower"
    )
    phrases: tuple[str, ...] = ()  # that it is in most, if it is a word
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True)
class Change:
    """A share before and now, in rows."""

    what: str  # label, stars, by NAME, aspect, complaint or praise
    name: str
    before: Proportion
    now: Proportion
    p_value: float
    adjusted: float = 1.0  # by Benjamini and Hochberg (1995)

    @property
    def difference(self) -> float:
        """Now minus before."""
        return self.now.value - self.before.value

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the difference, from both of Wilson (Newcombe 1998)."""
        (a, b), (c, d) = self.before.interval, self.now.interval
        old, new = self.before.value, self.now.value
        below, above = sqrt((new - c) ** 2 + (b - old) ** 2), sqrt((d - new) ** 2 + (old - a) ** 2)
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


@dataclass
class Texts:
    """How the texts and their scores look, to see whether later ones are alike."""

    tokens: int = 0
    unknown: int = 0  # tokens that are no words of the model
    texts: int = 0
    histogram: list[int] = field(default_factory=lambda: [0] * 20)  # of the probability, 0 to 1

    @property
    def unknown_share(self) -> float:
        """Of all tokens."""
        return self.unknown / max(self.tokens, 1)

    @property
    def length(self) -> float:
        """Mean tokens of a text."""
        return self.tokens / max(self.texts, 1)


@dataclass(kw_only=True)
class Summary:
    """What some scored files say together."""

    files: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(
        default_factory=dict
    )  # by what they are: text, sentiment, probability and others
    negative: str  # the labels
    positive: str
    rows: int = 0  # records that could be read
    without_score: int = 0
    without_text: int = 0  # of those
    rejected: int = 0  # records that cannot be read here
    first_reject: str | None = None
    set_aside: dict[str, int] = field(default_factory=dict)  # files of rejects of scoring: records
    total: Slice = Slice("", {})
    by: dict[str, list[Slice]] = field(default_factory=dict)  # column → largest first
    step: str | None = None  # day, week or month
    over_time: list[Slice] = field(default_factory=list)
    without_date: int = 0
    aspects: list[Slice] = field(default_factory=list)  # by their own labels
    complaints: list[TermFound] = field(default_factory=list)
    praise: list[TermFound] = field(default_factory=list)
    most_negative: list[Quote] = field(default_factory=list)
    surprising: list[Quote] = field(default_factory=list)
    surprise: str = ""  # what makes a row surprising
    texts: Texts = field(default_factory=Texts)
    since: Summary | None = None
    tests: int = 0  # of changes, which are corrected for
    changed: int = 0  # shares that have changed beyond chance; `changes` has some of the words
    changes: list[Change] = field(default_factory=list)  # that are hardly chance
    warnings: list[str] = field(default_factory=list)
    corrected: Corrected | None = None
    picked: int = 0

    @property
    def labels(self) -> list[str]:
        """All labels, positive first, negative last."""
        others = sorted({*self.total.labels} - {self.negative, self.positive})
        return [self.positive, *others, self.negative]

    @property
    def stars_name(self) -> str:
        """Whose stars they are."""
        return "mean predicted stars" if "predicted_stars" in self.columns else "mean stars"

    def facts(self) -> list[tuple[str, str]]:
        """Say how many rows have which label, and what is not among them."""
        found = []
        for label in self.labels:
            share = self.total.share(label)
            of = f"{percent(share.value, 1)} of scored, {ends(share.interval)}"
            found.append((label, f"{share.right:,} ({of})"))
        if self.corrected is not None:
            each = self.corrected
            shown = f"{percent(each.share, 1)}, {ends(each.interval)}"
            counts = f"counted {percent(each.counted, 1)}"
            found.append((f"{self.positive}, corrected", f"{shown}; {counts} ({each.method})"))
        if self.total.stars is not None:
            found.append((self.stars_name, f"{self.total.stars:.2f}"))
        if self.without_score:
            more = f", {self.without_text:,} of them without text" * (self.without_text > 0)
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


def in_steps(days: dict[date, Slice]) -> tuple[str, list[Slice]]:
    """Put days together to weeks or months, by the span; those without rows are there, too."""
    span = (max(days) - min(days)).days
    step = next((name for most, name in STEPS.items() if span <= most), LONGEST_STEP)

    def start(day: date) -> date:
        if step == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if step == LONGEST_STEP else day

    first, last = start(min(days)), start(max(days))
    found: dict[date, dict[str, int]] = {}
    while first <= last:
        found[first] = {}
        first = start(first + timedelta(days={"day": 1, "week": 7}.get(step, 32)))
    for day, each in days.items():
        sums = found[start(day)]
        for label, rows in each.labels.items():
            sums[label] = sums.get(label, 0) + rows
    shown = "%Y-%m" if step == LONGEST_STEP else "%Y-%m-%d"
    return step, [Slice(day.strftime(shown), sums) for day, sums in found.items()]


def changed(what: str, name: str, before: Proportion, now: Proportion) -> Change | None:
    """Test whether a share has changed (two-sided z test, pooled); None if there are too few."""
    rows, right = before.count + now.count, before.right + now.right
    share = right / rows
    if min(before.count, now.count) * min(share, 1 - share) < _FEWEST_EXPECTED:
        return None
    error = sqrt(share * (1 - share) * (1 / before.count + 1 / now.count))
    return Change(what, name, before, now, erfc(abs(now.value - before.value) / error / sqrt(2)))


def beyond_chance(found: Sequence[Change]) -> list[Change]:
    """Those that remain at a false discovery rate of `RATE` (Benjamini and Hochberg 1995)."""
    order = sorted(found, key=lambda each: each.p_value)
    kept, least = [], 1.0
    for rank in range(len(order), 0, -1):
        each = order[rank - 1]
        least = min(least, each.p_value * len(order) / rank)
        if least <= RATE:
            kept.append(replace(each, adjusted=least))
    return kept[::-1]


def unlike_before(now: Texts, before: Texts) -> list[str]:
    """Say in what texts differ so much that a change may be one of the texts, not of opinions."""
    found = []
    if now.unknown_share > 0.02 + _UNLIKE * before.unknown_share:
        shares = f"{before.unknown_share:.1%} before, {now.unknown_share:.1%} now"
        found.append(f"more words that the model does not know: {shares}")
    if not 1 / _UNLIKE < (now.length / max(before.length, 1e-9)) < _UNLIKE:
        found.append(
            f"another length: a mean of {before.length:.0f} words before, {now.length:.0f} now"
        )
    old, new = (np.array(each.histogram, np.float64) + 0.5 for each in (before, now))
    chance = (len(old) - 1) * (1 / old.sum() + 1 / new.sum())  # the mean index of equal sources
    p, q = old / old.sum(), new / new.sum()
    index = float(((q - p) * np.log(q / p)).sum())
    if index > _PSI_LARGE + 2 * chance:
        found.append(
            f"scores that are distributed in another way: a population stability index of "
            f"{index:.2f}, where {_PSI_LARGE} is large"
        )
    return [f"The texts are unlike before: {each}." for each in found]


def correct(called: Proportion, sensitivity: Proportion, specificity: Proportion) -> Corrected:
    """Correct a count of positives for the known errors.

    Parameters
    ----------
    called : Proportion
        Rows that the model calls positive, of those that it calls positive or negative.
    sensitivity : Proportion
        Of labelled positive rows, those that it calls positive.
    specificity : Proportion
        Of labelled negative rows, those that it calls negative.

    Returns
    -------
    Corrected
        The share, from 0 to 1.

    Raises
    ------
    ValueError
        If the model is no better than chance on the labelled rows.
    """
    se, sp, q = sensitivity.value, specificity.value, called.value
    better = se + sp - 1
    if better <= 0:
        raise ValueError("no better than chance")
    share = (q + sp - 1) / better
    kept = min(max(share, 0.0), 1.0)
    variance = (
        q * (1 - q) / called.count
        + kept**2 * _variance(sensitivity)
        + (1 - kept) ** 2 * _variance(specificity)
    ) / better**2
    half = NORMAL_95 * sqrt(variance)
    ends = max(share - half, 0.0), min(share + half, 1.0)
    return Corrected(kept, ends, q, sensitivity, specificity)


def _variance(share: Proportion) -> float:
    """Of an estimate, with a row more of each kind: a few rows that are all right prove little."""
    mean = (share.right + 1) / (share.count + 2)
    return mean * (1 - mean) / (share.count + 2)


def entropy(probability: float) -> float:
    """How unsure a probability is, 0 to 1, in bits."""
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return -(p * log(p) + (1 - p) * log(1 - p)) / log(2)


class Section(NamedTuple):
    """A table with its title, which the terminal and the page show alike."""

    title: str
    table: Table
    note: str = ""


_MOST_SLICES = 20


def sections(found: Summary, most: int = 40) -> list[Section]:
    """Give the tables of groups, days, aspects and changes; of changed words, at most a number."""
    tables = [(f"By {name}", name, each) for name, each in found.by.items()]
    if found.aspects:
        tables.append(("By aspect", "aspect", found.aspects))
    shown = [Section(title, _slices(found, name, of), _left_out(of)) for title, name, of in tables]
    if found.step is not None:
        last, count = found.over_time[-_MOST_SLICES:], len(found.over_time)
        note = f"The last {len(last)} of {count:,}; all are in the JSON." * (count > len(last))
        shown.append(Section(f"By {found.step}", _slices(found, found.step, last), note))
    if found.since is not None:
        shown.append(_changes(found, found.since, most))
    return shown


def _slices(found: Summary, name: str, slices: Sequence[Slice]) -> Table:
    labels = [found.negative, *(label for label in found.labels if label != found.negative)]
    labels += sorted({label for each in slices for label in each.labels} - {*labels})
    has_stars = any(each.stars is not None for each in slices)
    rows: list[Row] = []
    for each in slices[:_MOST_SLICES]:
        shares = [each.share(label) if each.rows else None for label in labels]
        cells = [
            Cell(percent(of.value, 1), ends(of.interval), of.value) if of else Cell(UNDEFINED)
            for of in shares
        ]
        stars = [UNDEFINED if each.stars is None else f"{each.stars:.2f}"] * has_stars
        rows.append([each.name or "(empty)", f"{each.rows:,}", *cells, *stars])
    return table_of((name, "rows", *labels, *(["stars"] * has_stars)), rows)


def _left_out(slices: Sequence[Slice]) -> str:
    more = len(slices) - _MOST_SLICES
    return f"The largest are shown; {more:,} more are in the JSON." if more > 0 else ""


def _changes(found: Summary, before: Summary, most: int) -> Section:
    words = [each for each in found.changes if each.what.endswith(" with")][:most]
    shown = [each for each in found.changes if not each.what.endswith(" with")] + words
    rows: list[Row] = [
        [
            f"{each.what} {each.name}",
            percent(each.before.value, 1),
            percent(each.now.value, 1),
            Cell(f"{100 * each.difference:+.1f}", ends(each.interval)),
            p_value(each.adjusted),
        ]
        for each in shown
    ]
    note = (
        f"{counted(before.rows, 'row')} before. Of {found.tests:,} shares that were compared, "
        f"{found.changed:,} have changed beyond chance: at most {RATE:.0%} of these are "
        "expected to be false (Benjamini and Hochberg 1995). p is adjusted for that."
    )
    return Section(
        f"Since {before.files[0]}",
        table_of(("share", "before", "now", "points (95%)", "p"), rows),
        note,
    )


def summary_as_dict(found: Summary) -> dict[str, Any]:
    """Give a summary as JSON has it."""
    head = {"format_version": 1, "toolkit_version": __version__}
    return {**head, **{key: _plain(value) for key, value in vars(found).items()}}


def _plain(value: Any) -> Any:
    """Give what JSON can hold; what is calculated of a share or a slice is there, too."""
    if isinstance(value, Proportion):
        defined = {"share": value.value, "interval": value.interval} if value.count else {}
        value = {"rows": value.right, "of": value.count, **defined}
    elif isinstance(value, Slice):
        labels = {label: value.share(label) for label in value.labels}
        value = {"name": value.name, "rows": value.rows, "stars": value.stars, "labels": labels}
    elif isinstance(value, Summary):  # the one before
        value = {"files": value.files, "rows": value.rows, "total": value.total}
    elif isinstance(value, Change):
        value = {**vars(value), "difference": value.difference, "interval": value.interval}
    elif isinstance(value, Quote):
        value = value._asdict()
    elif is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [*map(_plain, value)] if isinstance(value, list | tuple) else value
