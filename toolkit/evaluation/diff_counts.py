"""Rows that two models score, and what changes in them, summed up in bounded memory.

Rows become a table of counts, a row for each group, label and pair of answers, and such tables are
summed up. What labels mean depends on all of them, as a 1 is positive, or one of five stars; so
they are counted as they are written, and read at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.diff_result import ChangedRow, Changes, Counts, Shift
from toolkit.evaluation.groups import NO_GROUP
from toolkit.evaluation.metrics import Probabilities, calls_positive
from toolkit.evaluation.reviews import LABELS
from toolkit.model.scorer import Scorer
from toolkit.records.labels import is_missing
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
MOST_LABELS = 10_000  # a column with more different values has no labels
# More groups than these, in the order in which they are found, are counted together.
MOST_GROUPS = 10_000
OTHER_GROUPS = "(other groups)"
_ANSWERS = (*LABELS, None)  # of a model, and the true label of a row
NO_ANSWER = 2  # the position of None among them
_SENTIMENTS = pa.array(LABELS)
_KEYS = ["group", "label", "old_sentiment", "new_sentiment"]  # of the counts
_COUNTS = pa.schema(
    [*((key, pa.string()) for key in _KEYS), ("rows", pa.int64()), ("first", pa.int64())]
)
_MOST_CHANGED = CHANGED_ROWS.append(pa.field("priority", pa.float32()))
# A probability below 0.0001, as Python writes it.
_TINY, _TINY_DECIMALS = r"^\s*\d(\.\d+)?e-(0[5-9]|[1-9]\d+)\s*$", 4
_FEW = 10_000  # rows of counts that are not worth summing up

Ints = npt.NDArray[np.int64]
Pair = tuple[Probabilities, Probabilities]  # (rows,) each, of the old and of the new model


@dataclass(frozen=True)
class ComparedRows:
    """What is kept of some rows that both models have scored."""

    counts: pa.Table  # as `_COUNTS`: by `_KEYS`, the rows, and the first of them, from 1
    most_changed: pa.Table  # as `_MOST_CHANGED`, with the highest priority first
    changed: pa.Table | None  # as `CHANGED_ROWS`: those with another label, if they are kept
    probabilities: Pair  # NaN without a score
    stars: Pair | None  # None where a model has none


@dataclass(frozen=True)
class ModelPair:
    """The old and the new model, safe to share between threads."""

    old: Scorer
    new: Scorer
    label_decimals: int | None = 2  # of probabilities, in counts: more do not matter; None: all do

    def compare(
        self,
        texts: pa.Array,
        fields: Mapping[str, pa.Array],
        show: int,
        *,
        keeps_changed: bool = False,
    ) -> ComparedRows:
        """Score texts with both; `fields` have the file, and maybe row, label and group.

        The rows that change most come first: those with another label, then by the distance of the
        probabilities; at most `show` are kept.
        """
        scorers = (self.old, self.new)
        both = [scorer.predict(texts) for scorer in scorers]
        old, new = (_floats(numbers["probability"]) for numbers in both)
        answers = [
            np.where(np.isnan(found), NO_ANSWER, calls_positive(found, float(scorer.threshold)))
            for found, scorer in zip((old, new), scorers, strict=True)
        ]
        sentiments = pa.array(_ANSWERS, pa.string())
        columns = {
            **fields,
            "text": texts,
            "old_sentiment": sentiments.take(pa.array(answers[0])),
            "new_sentiment": sentiments.take(pa.array(answers[1])),
            "old_probability": pa.array(old, from_pandas=True),
            "new_probability": pa.array(new, from_pandas=True),
        }
        nothing = pa.nulls(len(texts))
        cast = [columns.get(each.name, nothing).cast(each.type) for each in CHANGED_ROWS]
        rows = pa.table(cast, schema=CHANGED_ROWS)
        is_changed = answers[0] != answers[1]
        stars = None
        if all(scorer.has_stars for scorer in scorers):
            stars = (_floats(both[0]["stars"]), _floats(both[1]["stars"]))
        kept = rows.set_column(3, "label", self._shortened(rows["label"]))
        return ComparedRows(
            _counted(kept),
            _most_changed(kept, np.nan_to_num(np.abs(new - old)) + is_changed, show),
            rows.filter(pa.array(is_changed)) if keeps_changed else None,
            (old, new),
            stars,
        )

    def _shortened(self, labels: pa.ChunkedArray) -> pa.ChunkedArray:
        """Cut probabilities, so that few are different; which are positive stays the same."""
        if self.label_decimals is None or labels.null_count == len(labels):
            return labels
        decimals = rf"^\s*(0?\.\d{{{self.label_decimals}}})\d+\s*$"
        labels = pc.replace_substring_regex(labels, decimals, r"\1")
        if self.label_decimals > _TINY_DECIMALS:
            return labels
        return pc.replace_substring_regex(labels, _TINY, "0.0")


def after(table: pa.Table, column: str, before: int) -> pa.Table:
    """Count rows from another start."""
    at = table.column_names.index(column)
    return table.set_column(at, column, pc.add(table[column], before))


class Distances:
    """Sums up how far numbers move; quantiles are exact to half a step."""

    def __init__(self, largest: float, step: float) -> None:
        self._step = step
        self._bins = np.zeros(round(largest / step) + 2, np.int64)
        self._sum, self._distances, self._largest = 0.0, 0.0, 0.0

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
        """Give the figures, rounded; None without a row."""
        ends = np.cumsum(self._bins)
        if not (rows := int(ends[-1])):
            return None
        quantiles = self._step * np.searchsorted(ends, [0.5 * rows, 0.95 * rows])
        means = self._sum / rows, self._distances / rows
        found = (*means, *np.minimum(quantiles, self._largest).tolist(), self._largest)
        return Shift(rows, *(round(figure, decimals) for figure in found))


class Totals:
    """Sums up rows that come in order; their labels as they are written."""

    def __init__(self, show: int) -> None:
        self.has_labels = True  # until there are too many different ones
        self._show = show
        self._counts = [_COUNTS.empty_table()]  # the first is the sum of all before the others
        self._most_changed = _MOST_CHANGED.empty_table()
        self._probability, self._stars = Distances(1, 1e-5), Distances(4, 1e-4)
        self._other_whole_stars = 0

    def add(self, found: ComparedRows, start: int = 0, before: int = 0) -> None:
        """Add rows, which have some before them: in all files, and in their own."""
        self._counts.append(after(found.counts, "first", start))
        if sum(map(len, self._counts[1:])) > max(_FEW, len(self._counts[0])):
            self._sum_up()
        most = pa.concat_tables([self._most_changed, after(found.most_changed, "row", before)])
        most = most.sort_by([("priority", "descending")])  # equal ones stay in order
        self._most_changed = most.slice(0, self._show)
        self._probability.add(*found.probabilities)
        if found.stars is not None:
            self._stars.add(*found.stars)
            old, new = (np.floor(stars + 0.5) for stars in found.stars)
            is_other = (old != new) & ~np.isnan(old) & ~np.isnan(new)
            self._other_whole_stars += int(np.count_nonzero(is_other))

    def labels(self) -> tuple[list[str], Ints, Ints]:
        """Give the labels as they are written, how often each is there, and its first row."""
        found = self._sum_up().group_by("label").aggregate([("rows", "sum"), ("first", "min")])
        found = found.sort_by("first_min")
        words = found["label"].to_pylist()
        is_label = [word is not None and not is_missing(word) for word in words]
        found = found.filter(pa.array(is_label, pa.bool_()))
        counts, first = (found[name].to_numpy() for name in ("rows_sum", "first_min"))
        return found["label"].to_pylist(), counts, first

    def changes(self, meanings: Mapping[str, int]) -> Changes:
        """Give all, with what labels mean; those that mean nothing are left out."""
        counts = self._sum_up()
        groups = pc.dictionary_encode(counts["group"]).combine_chunks()
        names = [*groups.dictionary.to_pylist(), ""]  # the last is of rows without a group
        cells = np.zeros((len(names), 3, 3, 3), np.int64)
        meant = [meanings.get(word, NO_ANSWER) for word in counts["label"].to_pylist()]
        answers = [
            pc.fill_null(pc.index_in(counts[key], _SENTIMENTS), NO_ANSWER)
            for key in ("old_sentiment", "new_sentiment")
        ]
        at = (pc.fill_null(groups.indices, len(names) - 1), pa.array(meant, pa.int64()), *answers)
        np.add.at(cells, tuple(each.to_numpy() for each in at), counts["rows"].to_numpy())
        found = [*zip(names, Counts.of(cells), strict=True)][:-1]
        found.sort(key=lambda each: (-each[1].rows, each[0]))
        rows = self._most_changed.drop_columns("priority").to_pylist()
        for row in rows:
            row["label"] = _ANSWERS[meanings.get(row["label"], NO_ANSWER)]
        return Changes(
            Counts.of(cells.sum(axis=0, keepdims=True))[0],
            self._probability.shift(7),
            self._stars.shift(4),
            self._other_whole_stars,
            tuple(ChangedRow(**row) for row in rows),
            dict(found),
        )

    def _sum_up(self) -> pa.Table:
        """Sum up all counts, without the labels if there are too many of them."""
        counts = _summed(pa.concat_tables(self._counts))
        self.has_labels &= pc.count_distinct(counts["label"]).as_py() <= MOST_LABELS
        if not self.has_labels:
            counts = _with(counts, "label", pa.nulls(len(counts), pa.string()))
        groups = pc.unique(counts["group"].drop_null())
        if len(groups) > MOST_GROUPS:
            known = pc.is_in(counts["group"], groups[:MOST_GROUPS])
            counts = _with(counts, "group", pc.if_else(known, counts["group"], OTHER_GROUPS))
        self._counts = [counts]
        return counts


def _floats(values: pa.FloatArray) -> Probabilities:
    """Give the numbers, NaN for null."""
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def _counted(rows: pa.Table) -> pa.Table:
    """Count rows by their keys; a blank group is `NO_GROUP`, where there are groups."""
    groups = rows["group"]
    if groups.null_count < len(groups):
        rows = rows.set_column(4, "group", pc.if_else(is_blank(groups), NO_GROUP, groups))
    found = rows.group_by(_KEYS, use_threads=False).aggregate([([], "count_all"), ("row", "min")])
    return found.rename_columns(_COUNTS.names)


def _summed(counts: pa.Table) -> pa.Table:
    found = counts.group_by(_KEYS, use_threads=False).aggregate([("rows", "sum"), ("first", "min")])
    return found.rename_columns(_COUNTS.names)


def _with(counts: pa.Table, key: str, values: pa.Array) -> pa.Table:
    return _summed(counts.set_column(_KEYS.index(key), key, values))


def _most_changed(rows: pa.Table, priority: Probabilities, show: int) -> pa.Table:
    # A sort of all of them would take as long as scoring short texts.
    least = np.partition(priority, -show)[-show] if 0 < show < len(priority) else 0
    at = np.flatnonzero((priority >= least) & (priority > 0))
    at = at[np.argsort(-priority[at], kind="stable")][:show]
    return rows.take(pa.array(at)).append_column("priority", pa.array(priority[at]))
