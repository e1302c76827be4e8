"""Rows scored by two models, and their changes, counted in bounded memory.

Rows are counted by group, label and pair of answers. What labels mean depends on all of them, as a
1 is positive, or one of five stars; so they are counted as they are written, and read at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import ANSWERS, NO_ANSWER, is_positive
from toolkit.evaluation.diff_result import ChangedRow, Changes, Counts, Shift
from toolkit.evaluation.groups import NO_GROUP
from toolkit.evaluation.metrics import Probabilities
from toolkit.model.scorer import Scorer
from toolkit.records.labels import MOST_LABELS, Rows, shortened
from toolkit.text.strings import is_blank

# Of the file of changed rows.
CHANGED_ROWS = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("text", pa.large_string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("old_sentiment", pa.string()),
        ("new_sentiment", pa.string()),
        ("old_probability", pa.float32()),
        ("new_probability", pa.float32()),
    ]
)
# More groups than these, in the order in which they are found, are counted together.
MOST_GROUPS = 10_000
OTHER_GROUPS = "(other groups)"
_KEYS = ["group", "label", "old_sentiment", "new_sentiment"]  # of the counts
_FOUND = [*_KEYS, "count_all", "row_min"]

Pair = tuple[Probabilities, Probabilities]  # (rows,) each, of the old and of the new model


@dataclass(frozen=True)
class ComparedRows:
    """Rows scored by both models."""

    rows: pa.Table  # as `CHANGED_ROWS`
    is_changed: npt.NDArray[np.bool_]  # (rows,) whether the label is another
    probabilities: Pair  # NaN without a score
    stars: Pair | None  # None where a model has none

    def after(self, before: int) -> ComparedRows:
        """Add the number of rows before these to the row numbers."""
        at = self.rows.column_names.index("row")
        numbers = pc.add(self.rows["row"], before)
        return replace(self, rows=self.rows.set_column(at, "row", numbers))

    def priority(self) -> Probabilities:
        """Return the order of the rows to show, (rows,): the highest first, none at 0.

        Rows with another label come first, then those with the most distant probabilities.
        """
        old, new = self.probabilities
        found: Probabilities = np.nan_to_num(np.abs(new - old)) + self.is_changed
        return found

    def changed(self) -> pa.Table:
        """Return the rows with another label."""
        return self.rows.filter(pa.array(self.is_changed))


def compare(
    old: Scorer, new: Scorer, texts: pa.Array, fields: Mapping[str, pa.Array]
) -> ComparedRows:
    """Score texts with both models; `fields` holds the file, and if known row, label and group."""
    scorers = (old, new)
    both = [scorer.predict(texts) for scorer in scorers]
    before, now = (floats(numbers["probability"]) for numbers in both)
    answers = [
        np.where(np.isnan(found), NO_ANSWER, is_positive(found, float(scorer.threshold)))
        for found, scorer in zip((before, now), scorers, strict=True)
    ]
    sentiments = pa.array(ANSWERS, pa.string())
    columns = {
        **fields,
        "text": texts,
        "old_sentiment": sentiments.take(pa.array(answers[0])),
        "new_sentiment": sentiments.take(pa.array(answers[1])),
        "old_probability": pa.array(before, from_pandas=True),
        "new_probability": pa.array(now, from_pandas=True),
    }
    nothing = pa.nulls(len(texts))
    cast = [columns.get(each.name, nothing).cast(each.type) for each in CHANGED_ROWS]
    stars = None
    if old.has_stars and new.has_stars:
        stars = (floats(both[0]["stars"]), floats(both[1]["stars"]))
    rows = pa.table(cast, schema=CHANGED_ROWS)
    return ComparedRows(
        rows=rows, is_changed=answers[0] != answers[1], probabilities=(before, now), stars=stars
    )


class Distances:
    """Sums up how far numbers move; quantiles are exact to half a step."""

    def __init__(self, largest: float, step: float) -> None:
        self._step = step
        self._bins = np.zeros(round(largest / step) + 2, np.int64)
        self._sum = 0.0
        self._distances = 0.0
        self._largest = 0.0

    def add(self, old: Probabilities, new: Probabilities) -> None:
        """Add the rows that have both numbers, (rows,) each."""
        moved = new - old
        moved = moved[~np.isnan(moved)]
        distances = np.abs(moved)
        steps = np.rint(distances / self._step).astype(np.int64)
        self._bins += np.bincount(steps, minlength=len(self._bins))
        self._sum += float(moved.sum(dtype=np.float64))
        self._distances += float(distances.sum(dtype=np.float64))
        self._largest = max(self._largest, float(distances.max(initial=0)))

    def shift(self, decimals: int) -> Shift | None:
        """Return the figures, rounded; None without a row."""
        ends = np.cumsum(self._bins)
        if not (rows := int(ends[-1])):
            return None
        median, most = self._step * np.searchsorted(ends, [0.5 * rows, 0.95 * rows])
        return Shift(
            rows=rows,
            mean=round(self._sum / rows, decimals),
            mean_distance=round(self._distances / rows, decimals),
            median=round(min(float(median), self._largest), decimals),
            most=round(min(float(most), self._largest), decimals),
            largest=round(self._largest, decimals),
        )


class Totals:
    """Counts rows in order, with labels as written."""

    def __init__(self, show: int, *, cuts_labels: bool = True) -> None:
        self.has_labels = True  # until there are too many different ones
        self._show = show
        self._cuts_labels = cuts_labels  # of probabilities: more decimals do not matter
        # By `_KEYS`: the rows, and the first of them, from 1. In the order of the first.
        self.counts: dict[tuple[str | None, ...], list[int]] = {}
        self._groups: set[str | None] = {None}
        self._labels: set[str | None] = set()
        self.most_changed: list[tuple[float, dict[str, Any]]] = []
        self.probability = Distances(1, 1e-5)
        self._stars = Distances(4, 1e-4)
        self._other_whole_stars = 0

    def add(self, found: ComparedRows, start: int = 0) -> None:
        """Add rows of a file; `start` is the number of rows in the files before it."""
        rows = found.rows.set_column(3, "label", self._shortened(found.rows["label"]))
        self._count(rows, start)
        priority = found.priority()
        is_full = self.most_changed and len(self.most_changed) == self._show
        at = np.flatnonzero(priority > (self.most_changed[-1][0] if is_full else 0))
        at = at[np.argsort(-priority[at], kind="stable")][: self._show]
        taken = zip(priority[at].tolist(), rows.take(pa.array(at)).to_pylist(), strict=True)
        most = sorted([*self.most_changed, *taken], key=lambda each: -each[0])
        self.most_changed = most[: self._show]
        self.probability.add(*found.probabilities)
        if found.stars is not None:
            self._stars.add(*found.stars)
            old, new = (np.floor(stars + 0.5) for stars in found.stars)
            is_other = (old != new) & ~np.isnan(old) & ~np.isnan(new)
            self._other_whole_stars += int(np.count_nonzero(is_other))

    def _shortened(self, labels: pa.ChunkedArray) -> pa.ChunkedArray:
        """Cut the decimals of probabilities, so that few differ; no label changes its meaning."""
        if not self._cuts_labels or labels.null_count == len(labels):
            return labels
        return shortened(labels)

    def _count(self, rows: pa.Table, start: int) -> None:
        """Count rows by their keys; if the file has groups, a blank one is `NO_GROUP`."""
        groups = rows["group"]
        if groups.null_count < len(groups):
            rows = rows.set_column(4, "group", pc.if_else(is_blank(groups), NO_GROUP, groups))
        found = rows.group_by(_KEYS).aggregate([([], "count_all"), ("row", "min")])
        found = found.select(_FOUND).sort_by("row_min")
        values = (column.to_pylist() for column in found.columns)
        for group, label, old, new, count, first in zip(*values, strict=True):
            if group not in self._groups and len(self._groups) <= MOST_GROUPS:
                self._groups.add(group)
            key = (group if group in self._groups else OTHER_GROUPS, label, old, new)
            self.counts.setdefault(key, [0, start + (first or 0)])[0] += count
            self._labels.add(label)
        if len(self._labels) > MOST_LABELS:
            self.has_labels = False
        if not self.has_labels:
            self._labels.clear()
            whole = self.counts
            self.counts = {}
            for (group, _, *answers), (count, first) in whole.items():
                self.counts.setdefault((group, None, *answers), [0, first])[0] += count

    def labels(self) -> tuple[list[str], Rows, Rows]:
        """Return the labels as written, the number of each, and its first row."""
        found: dict[str, list[int]] = {}
        for (_, label, *_), (count, first) in self.counts.items():
            if label is not None:
                found.setdefault(label, [0, first])[0] += count
        counts, firsts = np.array([*found.values()], np.int64).reshape(-1, 2).T
        return [*found], counts, firsts

    def changes(self, meanings: Mapping[str, int]) -> Changes:
        """Return all changes; rows with a label that `meanings` lacks count as unlabelled."""
        cells: dict[str | None, npt.NDArray[np.int64]] = defaultdict(_no_cells)
        for (group, label, *both), (count, _) in self.counts.items():
            at = (meanings.get(label or "", NO_ANSWER), *map(ANSWERS.index, both))
            cells[group][at] += count
        groups = [(name, Counts.of(own)) for name, own in cells.items() if name is not None]
        groups.sort(key=lambda each: (-each[1].rows, each[0]))
        most_changed = [
            ChangedRow(**{**row, "label": ANSWERS[meanings.get(row["label"], NO_ANSWER)]})
            for _, row in self.most_changed
        ]
        return Changes(
            counts=Counts.of(sum(cells.values(), start=_no_cells())),
            probability=self.probability.shift(7),
            stars=self._stars.shift(4),
            other_whole_stars=self._other_whole_stars,
            most_changed=tuple(most_changed),
            groups=dict(groups),
        )


def _no_cells() -> npt.NDArray[np.int64]:
    """Return zeros by true label, old and new answer."""
    return np.zeros((3, 3, 3), np.int64)


def floats(values: pa.FloatArray) -> Probabilities:
    """Return the numbers, NaN for null."""
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)
