"""What changes from one model to another, in numbers and in sentences.

Terminal, JSON and errors use the same sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.errors import counted
from toolkit.evaluation.comparison import Comparison, compare_counts
from toolkit.evaluation.metrics import Proportion
from toolkit.model.scorer import Scorer
from toolkit.scoring.options import Subset
from toolkit.stores.paths import path_of

OLD = "OLD"
NEW = "NEW"
_SURE = 0.05  # of a p-value: smaller ones are hardly chance
_LEFT_OUT = ("data", "metrics", "name", "path")  # of the facts: their numbers stand alone


@dataclass(frozen=True)
class Counts:
    """Numbers of rows by what happens to their label; accuracies count labelled rows alone."""

    rows: int
    answered: int  # rows with a label from at least one model
    changed: int  # rows with another label, a label only now, or no label any more
    to_positive: int
    to_negative: int
    gained: int  # rows with a label only from the new model, which knows a word of them
    lost: int
    labelled: int  # with a true label and a score of both models
    labelled_without_score: int  # with a true label, but not both scores
    both_right: int
    only_old_right: int
    only_new_right: int

    @classmethod
    def of(cls, cells: npt.NDArray[np.int64]) -> Counts:
        """Count rows by true label, old and new answer, (3, 3, 3): negative, positive and none."""
        answers = cells.sum(axis=0)
        to_positive = int(answers[0, 1])
        to_negative = int(answers[1, 0])
        gained = int(answers[2, :2].sum())
        lost = int(answers[:2, 2].sum())
        rows = int(answers.sum())
        both = cells[:2, :2, :2]
        labelled = int(both.sum())
        return cls(
            rows=rows,
            answered=rows - int(answers[2, 2]),
            changed=to_positive + to_negative + gained + lost,
            to_positive=to_positive,
            to_negative=to_negative,
            gained=gained,
            lost=lost,
            labelled=labelled,
            labelled_without_score=int(cells[:2].sum()) - labelled,
            both_right=int(both[0, 0, 0] + both[1, 1, 1]),
            only_old_right=int(both[0, 0, 1] + both[1, 1, 0]),
            only_new_right=int(both[0, 1, 0] + both[1, 0, 1]),
        )

    @property
    def directions(self) -> str:
        """How many labels change to which one, as a part of a sentence."""
        return f": {self.to_positive:,} to positive, {self.to_negative:,} to negative"

    @property
    def old_accuracy(self) -> Proportion | None:
        """The accuracy of the old model; None without labels."""
        right = self.both_right + self.only_old_right
        return Proportion(right, self.labelled) if self.labelled else None

    @property
    def new_accuracy(self) -> Proportion | None:
        """The accuracy of the new model; None without labels."""
        right = self.both_right + self.only_new_right
        return Proportion(right, self.labelled) if self.labelled else None

    @cached_property
    def comparison(self) -> Comparison | None:
        """The new model compared with the old one; None without labels."""
        if not self.labelled:
            return None
        return compare_counts(
            model=NEW,
            reference=OLD,
            only_model=self.only_new_right,
            only_reference=self.only_old_right,
            reviews=self.labelled,
        )

    @property
    def is_worse(self) -> bool:
        """Whether the new model is less accurate by more than chance explains (p < 0.05)."""
        found = self.comparison
        return found is not None and found.difference < 0 and found.p_value < _SURE


@dataclass(frozen=True)
class Shift:
    """How far stars or probabilities move, over the rows that both models score."""

    rows: int
    mean: float  # of the new minus the old number
    mean_distance: float
    median: float  # of the distances, as the next ones
    most: float  # the 95th percentile
    largest: float


@dataclass(frozen=True)
class ChangedRow:
    """A row, and the answers of both models; None where a model has no answer."""

    file: str  # or the name of a fixed text
    row: int | None  # in its file, from 1; None for the fixed texts
    text: str
    label: str | None  # the true one: negative, positive; None without
    group: str | None
    old_sentiment: str | None
    new_sentiment: str | None
    old_probability: float | None
    new_probability: float | None


@dataclass(frozen=True)
class Changes:
    """The changes on some rows."""

    counts: Counts
    probability: Shift | None  # None where no row is scored by both
    stars: Shift | None  # None where a model has no stars
    other_whole_stars: int  # rows with another number of stars, rounded
    most_changed: tuple[ChangedRow, ...]  # rows with another label first, then by distance
    groups: dict[str, Counts]  # by name, the largest first; without a column, by file


@dataclass
class DataChanges:
    """What changes for the rows of the compared files."""

    failed: list[str]  # errors of files that could not be read to their ends
    ignored: int  # in folders: files of no known format, pipes and devices
    links: list[str]  # to folders, which were not followed
    subset: Subset  # of each file that is compared
    output: str | None  # the file with all changed rows
    files: list[str] = field(default_factory=list)  # that are compared
    columns: dict[str, str] = field(default_factory=dict)  # of the first file, by what they are
    records: int = 0  # that are compared, in all files
    rejected: int = 0  # that cannot be read
    first_reject: str | None = None  # where, and why
    label_meaning: str = ""  # what was read as what, where that is not as usual
    neutral: int = 0  # rows that are left out of the accuracy, as their label is neutral
    warnings: list[str] = field(default_factory=list)
    changes: Changes = field(init=False)


@dataclass(frozen=True)
class WordChanges:
    """Numbers of words that the models know, and that only one of them knows."""

    old: int
    new: int
    added: int
    removed: int

    @classmethod
    def of(cls, old: Scorer, new: Scorer) -> WordChanges:
        """Compare the words that two models know; a classifier folder knows none."""
        before, after = (
            {*scorer.vocabulary.words.to_pylist()} if scorer.has_words else set()
            for scorer in (old, new)
        )
        return cls(
            old=len(before), new=len(after), added=len(after - before), removed=len(before - after)
        )


@dataclass(frozen=True)
class Difference:
    """What changes from one model to another."""

    old: dict[str, Any]  # as `Scorer.identity`
    new: dict[str, Any]
    # The facts of both files as in JSON, (old, new), equal ones included.
    facts: dict[str, tuple[Any, Any]]
    words: WordChanges
    texts: Changes  # of the fixed texts
    data: DataChanges | None = None

    @property
    def changes(self) -> Changes:
        """The changes on the data; without data, on the fixed texts."""
        return self.texts if self.data is None else self.data.changes


def compare_facts(old: Scorer, new: Scorer) -> dict[str, tuple[Any, Any]]:
    """Compare the facts of two model files; an unknown fact is None."""
    before = _facts(old)
    after = _facts(new)
    return {key: (before.get(key), after.get(key)) for key in {**before, **after}}


def verdict(counts: Counts) -> str | None:
    """Return whether the new model is better or worse; None without labels."""
    found = counts.comparison
    if found is None:
        return None
    low, high = map(points, found.interval)
    p = f"= {found.p_value:.{2 if found.p_value >= 0.1 else 3}f}"
    if found.p_value < 0.001:
        p = "< 0.001"
    figures = f"{points(found.difference)} points (95% interval {low} to {high}), p {p}."
    if found.p_value < _SURE:
        return f"NEW is {'better' if found.difference > 0 else 'worse'}: {figures}"
    if not found.difference:
        return f"No difference: {figures}"
    return f"The difference may be chance: {figures}"


def changed_labels(counts: Counts) -> str:
    """Return a sentence with the number of changed labels."""
    share = counts.changed / counts.answered if counts.answered else 0.0
    line = (
        f"{counts.changed:,} of {counts.answered:,} labels change ({share:.2%}){counts.directions}"
    )
    if counts.gained:
        line += f", {counts.gained:,} from no label"
    if counts.lost:
        line += f", {counts.lost:,} to no label"
    return f"{line}."


def who_is_right(counts: Counts) -> str | None:
    """Return which model is right where their answers differ; None without labels."""
    differ = counts.only_old_right + counts.only_new_right
    if not counts.labelled:
        return None
    if not differ:
        return f"The models give the {counted(counts.labelled, 'labelled row')} the same labels."
    return (
        f"Where their answers differ, on {counted(differ, 'labelled row')}, NEW is right on "
        f"{counts.only_new_right:,} and OLD on {counts.only_old_right:,}."
    )


def points(share: float) -> str:
    """Write a share as points of 100, such as ``+6.6``."""
    return f"{100 * share:+.1f}"


def _facts(scorer: Scorer) -> dict[str, Any]:
    facts = scorer.facts
    found = {**facts.as_dict(), **scorer.identity()}
    found["bytes"] = path_of(found["path"]).stat().st_size
    found["trained_on"] = facts.data.reviews
    found["unlabelled"] = facts.data.unlabelled and facts.data.unlabelled.reviews
    for key in ("validation", "test"):
        scores = found["metrics"].get(key, {})
        found[key] = {} if scores.get("accuracy") is None else scores
    return {key: value for key, value in found.items() if key not in _LEFT_OUT and value != {}}
