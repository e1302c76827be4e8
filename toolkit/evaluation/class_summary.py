"""The summary of files that a model of classes scored: shares, typical words, and changes.

Rows count as if they were independent of each other, as in a random sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit import __version__
from toolkit.errors import counted
from toolkit.evaluation.cells import UNDEFINED, Cell, Row, Table, ends, p_value, percent, table_of
from toolkit.evaluation.summary import (
    Change,
    LabelCounts,
    Period,
    Section,
    note_on_changes,
    plain,
    shown_name,
    since_name,
)
from toolkit.evaluation.summary_headline import sentence_of_scoring

_NAMED_FIRST = 3  # classes, in the first sentences
_MOST_CLASSES = 100  # in a table of classes
_MOST_COLUMNS = 5  # classes that have a column of their own
_MOST_ROWS = 20  # groups or days in a table
_WORDS_SHOWN = 6  # typical words, in the table of classes
_OTHERS = "others"
_FEWEST_OF_GROUP = 30  # rows of a group, for a class that is typical of it
UNSURE = 0.5  # a label that is less probable is unsure


@dataclass(frozen=True)
class TypicalWord:
    """A word that texts of one class have more often than the others."""

    word: str
    texts: int  # of the class, that have it
    share: float  # of all texts of the class
    other_share: float  # of all other texts
    lean: float  # standard deviations, as `summary_words.log_odds`


@dataclass(frozen=True)
class ClassFacts:
    """What is known of the texts of one class; None without such a column."""

    label: str
    rows: int
    with_probability: int = 0  # rows that have the probability of the label
    probability: float | None = None  # mean probability of the label
    unsure: int | None = None  # rows whose label has a probability below `UNSURE`
    stars: float | None = None  # mean, of the rows that have stars
    words: tuple[TypicalWord, ...] = ()  # the most typical first


@dataclass(kw_only=True)
class ClassSummary:
    """The summary of some files with labels of a model of classes."""

    files: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # by what they are, such as text
    rows: int = 0  # records that could be read
    without_label: int = 0
    without_text: int = 0  # of those
    scored_here: list[str] = field(default_factory=list)  # files that had no labels
    scored_by: str | None = None  # the model that has scored them here
    rejected: int = 0  # records that cannot be read here
    first_reject: str | None = None
    set_aside: dict[str, int] = field(default_factory=dict)  # files of rejects of scoring: records
    total: LabelCounts = field(default_factory=lambda: LabelCounts("", {}))
    classes: list[ClassFacts] = field(default_factory=list)  # the largest first
    by: dict[str, list[LabelCounts]] = field(default_factory=dict)  # column → largest first
    step: Period | None = None  # of `over_time`
    over_time: list[LabelCounts] = field(default_factory=list)
    without_date: int = 0
    title: str = ""  # of the page, as the user gives it
    since: ClassSummary | None = None
    since_date: str | None = None  # of the same files, as it is given; None: earlier files
    tests: int = 0  # of changes, which are corrected for
    changes: list[Change] = field(default_factory=list)  # that are hardly chance
    notes: list[str] = field(default_factory=list)  # on changes: classes that are new or gone
    warnings: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """All labels, the most frequent first."""
        return [each.label for each in self.classes]

    @property
    def name(self) -> str:
        """The file, or the number of files."""
        return self.files[0] if len(self.files) == 1 else counted(len(self.files), "file")

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        fields = {key: plain(value) for key, value in vars(self).items() if key != "since"}
        before = self.since
        since = None
        if before is not None:
            since = {"files": before.files, "rows": before.rows, "total": plain(before.total)}
        head = {"format_version": 1, "kind": "classes", "toolkit_version": __version__}
        return {**head, **fields, "since": since}

    def facts(self) -> list[tuple[str, str]]:
        """Return the numbers of rows, and of rows left out."""
        found = [("labelled", counted(self.total.rows, "row"))]
        if known := sum(each.with_probability for each in self.classes):
            unsure = sum(each.unsure or 0 for each in self.classes)
            share = percent(unsure / known, 1)
            which = f"{share}, with a probability below {UNSURE}"
            if known < self.total.rows:
                rows = f"{counted(known, 'row')} with a probability"
                which = f"{share} of the {rows}, which is below {UNSURE}"
            found.append(("unsure", f"{unsure:,} ({which})"))
        if self.without_label:
            more = f", {self.without_text:,} of them without text" if self.without_text else ""
            found.append(("without a label", f"{counted(self.without_label, 'row')}{more}"))
        if self.without_date:
            found.append(("without a date", counted(self.without_date, "row")))
        found += [
            ("not scored", f"{counted(count, 'record')} that could not be read: {path}")
            for path, count in self.set_aside.items()
        ]
        if self.rejected:
            first = f"first: {self.first_reject}"
            found.append(("cannot be read", f"{counted(self.rejected, 'record')}; {first}"))
        return found


def class_headline(found: ClassSummary) -> list[str]:
    """Return the figures in a few sentences."""
    total = found.total
    first = [
        f"{label} ({percent(total.share(label).value, 1)})" for label in found.labels[:_NAMED_FIRST]
    ]
    texts = counted(total.rows, "text")
    count = len(found.labels)
    classes = "1 class" if count == 1 else f"{count:,} classes"
    sentences = [f"{texts} of {classes}. "
                 f"Most frequent: {_listed(first)}."]  # fmt: skip
    moved = [each for each in found.changes if each.what == "label"]
    moved.sort(key=lambda each: -abs(each.difference))
    if found.since is not None and moved:
        changes = [
            f"{each.name} {100 * each.difference:+.1f} points" for each in moved[:_NAMED_FIRST]
        ]
        name = since_name(found.since_date, found.since.files)
        sentences.append(f"{name}: {_listed(changes)}.")
    elif found.since is not None and found.tests:
        sentences.append("No share of a class has changed beyond chance.")
    sentences += [*_typical_groups(found)]
    if found.scored_by is not None:
        sentences.append(sentence_of_scoring(found.scored_by, found.scored_here))
    return sentences


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _typical_groups(found: ClassSummary) -> Iterator[str]:
    """Yield, for each column, the group and the class that stand out most."""
    for column, slices in found.by.items():
        best = None
        for each in slices:
            typical = typical_class(each, found.total) if each.is_group else None
            if typical is None or each.rows < _FEWEST_OF_GROUP:
                continue
            share = each.share(typical)
            gap = share.interval[0] - found.total.share(typical).interval[1]
            if best is None or gap > best[0]:
                best = (gap, each, typical, share.value)
        if best is not None:
            _, each, label, value = best
            whole = percent(found.total.share(label).value, 1)
            yield (
                f"Most unlike the others by {column}: {each.name}, where {percent(value, 1)} are "
                f"{label} ({whole} in all)."
            )


def typical_class(each: LabelCounts, total: LabelCounts) -> str | None:
    """Return the label whose share is surely above its share of all rows, by the most; or None.

    Its interval has nothing in common with the interval of all rows.
    """
    best = None
    for label in each.labels:
        gap = each.share(label).interval[0] - total.share(label).interval[1]
        if gap > 0 and (best is None or (gap, label) > best):
            best = (gap, label)
    return None if best is None else best[1]


def class_sections(found: ClassSummary) -> list[Section]:
    """Return the tables, for the terminal and the page."""
    more = len(found.classes) - _MOST_CLASSES
    note = f"The largest are shown; {more:,} more are in the JSON." if more > 0 else ""
    shown = [Section("Classes", _classes(found), note)]
    if found.since is not None:
        shown.append(_changes(found, found.since))
    for name, slices in found.by.items():
        more = len(slices) - _MOST_ROWS
        note = f"The largest are shown; {more:,} more are in the JSON." if more > 0 else ""
        shown.append(Section(f"By {name}", _slices(found, name, slices[:_MOST_ROWS]), note))
    if found.step is not None:
        last = found.over_time[-_MOST_ROWS:]
        count = len(found.over_time)
        note = (
            f"The last {len(last)} of {count:,}; all are in the JSON." if count > len(last) else ""
        )
        shown.append(Section(f"By {found.step}", _slices(found, found.step, last), note))
    return shown


def _classes(found: ClassSummary) -> Table:
    """Return a row for each class: rows, share, mean probability, stars, typical words."""
    shown = found.classes[:_MOST_CLASSES]
    has_probability = any(each.probability is not None for each in shown)
    has_stars = any(each.stars is not None for each in shown)
    columns = ["class", "texts", "share"]
    columns += ["mean probability"] if has_probability else []
    columns += ["stars"] if has_stars else []
    rows: list[Row] = []
    for each in shown:
        share = found.total.share(each.label)
        cells: list[str | Cell] = [each.label, f"{each.rows:,}",
                 Cell(percent(share.value, 1), ends(share.interval), share.value)]  # fmt: skip
        if has_probability:
            cells.append(UNDEFINED if each.probability is None else f"{each.probability:.3f}")
        if has_stars:
            cells.append(UNDEFINED if each.stars is None else f"{each.stars:.2f}")
        words = ", ".join(word.word for word in each.words[:_WORDS_SHOWN])
        rows.append([*cells, words])
    return table_of((*columns, "typical words"), rows)


def _slices(found: ClassSummary, name: str, slices: Sequence[LabelCounts]) -> Table:
    """Return a row for each group: rows, what is typical of it, shares of the largest classes."""
    labels = found.labels[:_MOST_COLUMNS]
    rest = found.labels[_MOST_COLUMNS:]
    rows: list[Row] = []
    for each in slices:
        shares = [each.share(label) if each.rows else None for label in labels]
        cells = [
            Cell(percent(of.value, 1), ends(of.interval), of.value) if of else Cell(UNDEFINED)
            for of in shares
        ]
        if rest:
            others = each.rows - sum(each.labels.get(label, 0) for label in labels)
            cells.append(Cell(percent(others / each.rows, 1) if each.rows else UNDEFINED))
        typical = typical_class(each, found.total) or UNDEFINED
        rows.append([shown_name(each), f"{each.rows:,}", typical, *cells])
    return table_of((name, "rows", "typical", *labels, *([_OTHERS] if rest else [])), rows)


def _changes(found: ClassSummary, before: ClassSummary) -> Section:
    shown = sorted(found.changes, key=lambda each: (each.what != "label", -abs(each.difference)))
    rows: list[Row] = [
        [
            each.name if each.what == "label" else f"{each.what}: {each.name}",
            percent(each.before.value, 1),
            percent(each.now.value, 1),
            Cell(f"{100 * each.difference:+.1f}", ends(each.interval)),
            p_value(each.adjusted),
        ]
        for each in shown[:_MOST_CLASSES]
    ]
    note = note_on_changes(before.rows, tests=found.tests, changed=len(found.changes))
    table = table_of(("share", "before", "now", "points (95%)", "p"), rows)
    name = since_name(found.since_date, before.files)
    return Section(name, table, " ".join([*found.notes, note]))
