"""Rows that two models score, and what changes in them, summed up in bounded memory.

Rows become a table of counts, a row for each group, label and pair of answers, and such tables are
summed up. What labels mean depends on all of them, as a 1 is positive, or one of five stars; so
they are counted as they are written, and read at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.diff_result import ChangedRow, Changes, Counts, Group, Shift
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
MOST_LABELS = 100_000  # a column with more different values has no labels
_ANSWERS = (*LABELS, None)  # of a model, and the true label of a row
NO_ANSWER = 2  # the position of None among them
_KEYS = ["group", "label", "old_sentiment", "new_sentiment"]  # of the counts
_COUNTS = pa.schema(
    [*((key, pa.string()) for key in _KEYS), ("rows", pa.int64()), ("first", pa.int64())]
)
_MOST_CHANGED = CHANGED_ROWS.append(pa.field("priority", pa.float32()))
_FEW = 10_000  # rows of counts that are not worth summing up

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScoredRows:
    """Some rows, and what both models say of them."""

    table: pa.Table  # as `CHANGED_ROWS`; rows are counted from 1
    numbers: tuple[Probabilities, Probabilities]  # (rows,) probabilities, NaN without a score
    stars: tuple[Probabilities, Probabilities] | None  # None where a model has none
    is_changed: npt.NDArray[np.bool_]  # (rows,)

    def summary(self, show: int) -> RowSummary:
        """Count the rows, and keep those that change most: another answer first."""
        old, new = self.numbers
        priority = np.nan_to_num(np.abs(new - old)) + self.is_changed
        # A sort of all of them would take as long as scoring short texts.
        least = np.partition(priority, -show)[-show] if 0 < show < len(priority) else 0
        at = np.flatnonzero((priority >= least) & (priority > 0))
        at = at[np.argsort(-priority[at], kind="stable")][:show]
        most = self.table.take(pa.array(at)).append_column("priority", pa.array(priority[at]))
        groups = self.table["group"]
        if groups.null_count < len(groups):
            groups = pc.if_else(is_blank(groups), NO_GROUP, groups)
        keys = self.table.set_column(4, "group", groups)
        counts = keys.group_by(_KEYS, use_threads=False).aggregate(
            [([], "count_all"), ("row", "min")]
        )
        return RowSummary(counts.rename_columns(_COUNTS.names), most, old, new, self.stars)

    def changed(self) -> pa.Table:
        """Give the rows whose label changes."""
        return self.table.filter(pa.array(self.is_changed))


@dataclass(frozen=True)
class RowSummary:
    """What is kept of some rows."""

    counts: pa.Table  # `rows` and the `first` row, from 1, by `_KEYS`
    most_changed: pa.Table  # as `CHANGED_ROWS`, and the `priority`, in its order
    old: Probabilities
    new: Probabilities
    stars: tuple[Probabilities, Probabilities] | None


@dataclass(frozen=True)
class ModelPair:
    """The old and the new model, safe to share between threads."""

    old: Scorer
    new: Scorer

    def score(
        self, texts: pa.Array, file: pa.Array, rows: Ints | None, fields: Mapping[str, pa.Array]
    ) -> ScoredRows:
        """Score texts with both; `rows` are their numbers, `fields` may have label and group."""
        both = [each.numbers(texts) for each in (self.old, self.new)]
        old, new = (_floats(numbers["probability"]) for numbers in both)
        answers = [
            np.where(np.isnan(found), NO_ANSWER, calls_positive(found, float(scorer.threshold)))
            for found, scorer in ((old, self.old), (new, self.new))
        ]
        nothing = pa.nulls(len(texts))
        names = pa.array(_ANSWERS, pa.string())
        columns = [
            file,
            nothing if rows is None else pa.array(rows),
            texts,
            fields.get("label", nothing),
            fields.get("group", nothing),
            *(names.take(pa.array(codes)) for codes in answers),
            *(pa.array(found, from_pandas=True) for found in (old, new)),
        ]
        stars = None
        if self.old.has_stars and self.new.has_stars:
            stars = (_floats(both[0]["stars"]), _floats(both[1]["stars"]))
        table = pa.table(
            [each.cast(own.type) for each, own in zip(columns, CHANGED_ROWS, strict=True)],
            schema=CHANGED_ROWS,
        )
        return ScoredRows(table, (old, new), stars, answers[0] != answers[1])


def _floats(values: pa.FloatArray) -> Probabilities:
    """Give the numbers, NaN for null."""
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


class Moves:
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
        self._probability, self._stars = Moves(1, 1e-5), Moves(4, 1e-4)
        self._has_stars, self._other_whole_stars = False, 0

    def add(self, found: RowSummary, start: int = 0, before: int = 0) -> None:
        """Add rows, which have some before them: in all files, and in their own."""
        counts, most = after(found.counts, "first", start), found.most_changed
        self._counts.append(counts)
        if sum(map(len, self._counts[1:])) > max(_FEW, len(self._counts[0])):
            self._sum_up()
        most = after(most, "row", before)
        most = pa.concat_tables([self._most_changed, most])
        most = most.sort_by([("priority", "descending")])  # equal ones stay in order
        self._most_changed = most.slice(0, self._show)
        self._probability.add(found.old, found.new)
        if found.stars is not None:
            self._has_stars = True
            self._stars.add(*found.stars)
            old, new = (np.floor(stars + 0.5) for stars in found.stars)
            is_other = (old != new) & ~np.isnan(old) & ~np.isnan(new)
            self._other_whole_stars += int(np.count_nonzero(is_other))

    def labels(self) -> tuple[list[str], Ints, Ints]:
        """Give the labels as they are written, how often each is there, and its first row."""
        found = self._sum_up().group_by("label").aggregate([("rows", "sum"), ("first", "min")])
        found = found.filter(pc.is_valid(found["label"])).sort_by("first_min")
        is_label = np.array([not is_missing(word) for word in found["label"].to_pylist()], np.bool_)
        found = found.filter(pa.array(is_label))
        counts, first = (found[name].to_numpy() for name in ("rows_sum", "first_min"))
        return found["label"].to_pylist(), counts, first

    def changes(self, meanings: Mapping[str, int]) -> Changes:
        """Give all, with what labels mean; those that mean nothing are left out."""
        cells: dict[str | None, Ints] = defaultdict(lambda: np.zeros((3, 3, 3), np.int64))
        codes = {name: code for code, name in enumerate(_ANSWERS)}
        for row in self._sum_up().to_pylist():
            label = meanings.get(row["label"], NO_ANSWER)
            old, new = codes[row["old_sentiment"]], codes[row["new_sentiment"]]
            cells[row["group"]][label, old, new] += row["rows"]
        groups = [
            Group(name, Counts.of(found)) for name, found in cells.items() if name is not None
        ]
        rows = self._most_changed.to_pylist()
        for row in rows:
            del row["priority"]
            row["label"] = _ANSWERS[meanings.get(row["label"], NO_ANSWER)]
        return Changes(
            Counts.of(sum(cells.values(), np.zeros((3, 3, 3), np.int64))),
            self._probability.shift(7),
            self._stars.shift(4) if self._has_stars else None,
            self._other_whole_stars,
            tuple(ChangedRow(**row) for row in rows),
            tuple(sorted(groups, key=lambda each: (-each.counts.rows, each.name))),
        )

    def _sum_up(self) -> pa.Table:
        """Sum up all counts, without the labels if there are too many of them."""
        counts = pa.concat_tables(self._counts)
        for _ in range(2):
            found = counts.group_by(_KEYS).aggregate([("rows", "sum"), ("first", "min")])
            counts = found.rename_columns(_COUNTS.names)
            self.has_labels &= pc.count_distinct(counts["label"]).as_py() <= MOST_LABELS
            if self.has_labels:
                break
            counts = counts.set_column(1, "label", pa.nulls(len(counts), pa.string()))
        self._counts = [counts]
        return counts


def after(table: pa.Table, column: str, before: int) -> pa.Table:
    """Count rows from another start."""
    at = table.column_names.index(column)
    return table.set_column(at, column, pc.add(table[column], before))
