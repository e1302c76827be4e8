"""What changes for some rows from one model to another, and who is right where labels are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.comparison import Comparison, compare_counts
from toolkit.evaluation.proportion import Proportion
from toolkit.scoring.selection import Part

# What a model says of a row.
NEGATIVE, POSITIVE, NO_SCORE = 0, 1, 2
ANSWERS = ("negative", "positive", None)

# What the true label of a row is, where there is one.
UNLABELLED = 2
_STATES = 3

SURE = 0.05  # of a p-value: smaller ones are hardly chance

OLD, NEW = "OLD", "NEW"


@dataclass(frozen=True)
class Counts:
    """How many rows have which true label and which answers of both models."""

    # (3, 3, 3): true label or `UNLABELLED`; answer of the old model; answer of the new model.
    cells: npt.NDArray[np.int64]

    @classmethod
    def of(cls, labels: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> Counts:
        """Count rows by their label, and by 3 · the old answer + the new one; both are (rows,)."""
        return cls.of_flat(np.bincount(9 * labels + codes, minlength=27))

    @classmethod
    def of_flat(cls, counts: npt.NDArray[np.int64]) -> Counts:
        """Take 27 counts."""
        return cls(counts.reshape(_STATES, _STATES, _STATES))

    def _sum(self, old: int, new: int) -> int:
        return int(self.cells[:, old, new].sum())

    @property
    def rows(self) -> int:
        """All rows."""
        return int(self.cells.sum())

    @property
    def answered(self) -> int:
        """Rows that at least one of the models gives a label."""
        return self.rows - self._sum(NO_SCORE, NO_SCORE)

    @property
    def to_positive(self) -> int:
        """Rows that were negative and are positive now."""
        return self._sum(NEGATIVE, POSITIVE)

    @property
    def to_negative(self) -> int:
        """Rows that were positive and are negative now."""
        return self._sum(POSITIVE, NEGATIVE)

    @property
    def gained(self) -> int:
        """Rows that had no label, as no word was known, and have one now."""
        return self._sum(NO_SCORE, NEGATIVE) + self._sum(NO_SCORE, POSITIVE)

    @property
    def lost(self) -> int:
        """Rows that had a label and have none now."""
        return self._sum(NEGATIVE, NO_SCORE) + self._sum(POSITIVE, NO_SCORE)

    @property
    def changed(self) -> int:
        """Rows that have another label, or one where they had none, or the reverse."""
        return self.to_positive + self.to_negative + self.gained + self.lost

    @property
    def labelled(self) -> int:
        """Rows with a true label and an answer of both models: those that accuracy is of."""
        return int(self.cells[:UNLABELLED, :NO_SCORE, :NO_SCORE].sum())

    @property
    def labelled_without_score(self) -> int:
        """Rows with a true label that a model gives no score."""
        return int(self.cells[:UNLABELLED].sum()) - self.labelled

    @property
    def only_old_right(self) -> int:
        """Labelled rows that only the old model has right."""
        return int(self.cells[0, 0, 1] + self.cells[1, 1, 0])

    @property
    def only_new_right(self) -> int:
        """Labelled rows that only the new model has right."""
        return int(self.cells[0, 1, 0] + self.cells[1, 0, 1])

    @property
    def old_accuracy(self) -> Proportion | None:
        """Of the old model; None where no row is labelled."""
        both = int(self.cells[0, 0, 0] + self.cells[1, 1, 1])
        return self._of_labelled(both + self.only_old_right)

    @property
    def new_accuracy(self) -> Proportion | None:
        """Of the new model; None where no row is labelled."""
        both = int(self.cells[0, 0, 0] + self.cells[1, 1, 1])
        return self._of_labelled(both + self.only_new_right)

    @cached_property
    def comparison(self) -> Comparison | None:
        """The new model compared with the old one; None where no row is labelled."""
        if not self.labelled:
            return None
        return compare_counts(NEW, OLD, self.only_new_right, self.only_old_right, self.labelled)

    @property
    def is_worse(self) -> bool:
        """Whether the new model is less accurate, and that is hardly chance."""
        found = self.comparison
        return found is not None and found.difference < 0 and found.p_value < SURE

    def _of_labelled(self, right: int) -> Proportion | None:
        return Proportion(right, self.labelled) if self.labelled else None


@dataclass(frozen=True)
class Shift:
    """How far numbers move, over the rows that both models score; of stars or probabilities."""

    rows: int
    mean: float  # of the new minus the old number
    mean_distance: float
    median: float  # of the distances, as the next ones
    most: float  # the 95th percentile
    largest: float


@dataclass(frozen=True)
class ChangedRow:
    """A row, and what both models say of it; what they do not score is None."""

    row: int | None  # in its file, from 1; None for the fixed texts
    name: str | None  # of a fixed text; else the file
    text: str
    old_sentiment: str | None
    new_sentiment: str | None
    old_probability: float | None
    new_probability: float | None
    label: str | None = None  # the true one: negative, positive; None without
    group: str | None = None


@dataclass(frozen=True)
class Group:
    """The rows with one value in the column of groups."""

    name: str
    counts: Counts


@dataclass(frozen=True)
class Changes:
    """What changes for some rows."""

    counts: Counts
    probability: Shift | None  # None where no row is scored by both
    stars: Shift | None  # None where a model has no stars
    other_whole_stars: int  # rows whose stars, rounded to a whole number, are others
    most_changed: tuple[ChangedRow, ...]  # those with another label first, then by the distance
    groups: tuple[Group, ...] = ()  # the largest first


@dataclass(frozen=True)
class DataChanges:
    """What changes for the rows of a user's files."""

    files: tuple[str, ...]  # that are compared
    columns: dict[str, str]  # of the first file, by what they are
    records: int  # that are compared, in all files
    rejected: int  # that cannot be read
    first_reject: str | None  # where, and why
    changes: Changes
    label_meaning: str = ""  # what was read as what, where that is not as usual
    neutral: int = 0  # rows that are left out of the accuracy, as their label is neutral
    warnings: tuple[str, ...] = ()
    output: str | None = None  # the file with all changed rows
    failed: tuple[str, ...] = ()  # errors of other files, which could not be read to their ends
    part: Part = field(default_factory=Part)  # of each file that is compared; all by default
    ignored: int = 0  # in folders: files of no known format, pipes and devices
    links: tuple[str, ...] = ()  # to folders, which were not followed


@dataclass(frozen=True)
class SaidOfModels:
    """A fact that both files say of themselves, as JSON has it."""

    key: str
    old: Any
    new: Any

    @property
    def is_same(self) -> bool:
        """Whether both say the same."""
        return bool(self.old == self.new)


@dataclass(frozen=True)
class WordChanges:
    """Which words only one of the models knows, the commonest first."""

    old: int
    new: int
    added: int
    removed: int
    commonest_added: tuple[str, ...]
    commonest_removed: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What changes from one model to another."""

    old: dict[str, Any]  # as `Scorer.identity`
    new: dict[str, Any]
    facts: tuple[SaidOfModels, ...]
    words: WordChanges
    texts: Changes  # of the fixed texts
    data: DataChanges | None = field(default=None)

    @property
    def changes(self) -> Changes:
        """Those of the data, or else of the fixed texts."""
        return self.texts if self.data is None else self.data.changes
