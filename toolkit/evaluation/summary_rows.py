"""Rows of scored files to show: kept block by block, and quoted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.summary import OTHERS_KEY, Quote, Summary
from toolkit.records.labels import FIVE, TEN

KEPT_ROWS = 20_000  # random ones, for quotes and trends; of each group at most an equal part
_FEWEST_KEPT = 50  # of a group
_LETTERS_KEPT = 4_000  # of a text, the last ones
_LETTERS_SHOWN = 400
_FAR = 0.5  # from the score to the stars, both from 0 to 1, for a row that is surprising


class KeptRows:
    """Keeps random rows of each group, the most negative ones, and those far from their stars.

    Rows have a random ``key``, ``group``, ``file``, ``row``, ``sentiment``, ``probability``,
    ``stars``, ``gap of 5`` and ``gap of 10`` (minus the distance from stars of this scale, both
    from 0 to 1), ``text`` and any other columns. Blocks are cut down in any thread by `of`, and
    added in order by `add`. If there are no more than `KEPT_ROWS`, all are kept.
    """

    def __init__(self, show: int) -> None:
        self._most = 3 * show  # some have the same text
        self._random: list[pa.Table] = []
        self._limit = KEPT_ROWS + 1  # rows of each group; this one is never reached
        self._bounds: dict[str, float] = {}  # of the keys of a group's rows, if it has enough
        names = ("probability", *(f"gap of {scale}" for scale in (FIVE, TEN)))
        self._extremes: dict[str, list[pa.Table]] = {name: [] for name in names}
        self.scale = FIVE  # of the stars of all rows: a block may have none above five

    def of(self, rows: pa.Table) -> list[pa.Table]:
        """Choose rows of a block: random ones, and the smallest by some columns."""
        groups = rows["group"].to_pylist()
        bounds = np.array([self._bounds.get(group, 1.0) for group in groups], np.float64)
        random = _cut(rows.filter(pa.array(rows["key"].to_numpy() <= bounds)))
        random = _smallest(random, _limit_of_each(random["group"])).rows
        return [random, *(_cut(_first(rows, column, self._most)) for column in self._extremes)]

    def add(self, chosen: Sequence[pa.Table], before: int, groups: Collection[str]) -> None:
        """Add the rows of a block, after others of its file; of groups that are counted apart."""
        random, *extremes = (_replaced(each, "row", pc.add(each["row"], before)) for each in chosen)
        for (column, known), new in zip(self._extremes.items(), extremes, strict=True):
            known[:] = [_first(pa.concat_tables([*known, new]), column, self._most)]
        is_known = pc.is_in(random["group"], pa.array(groups, pa.large_string()))
        random = _replaced(random, "group", pc.if_else(is_known, random["group"], OTHERS_KEY))
        self._bounds = dict.fromkeys(random["group"].to_pylist(), 1.0) | self._bounds
        self._random.append(random)
        waiting = sum(map(len, self._random[1:]))
        if waiting >= KEPT_ROWS // 4 or len(self._random) == 1:
            self._cut_down()

    @property
    def random(self) -> pa.Table:
        """Random rows, in memory once.

        Which ones a thread has left depends on when it has heard of the bounds; these do not.
        """
        self._cut_down()
        return self._random[0]

    def are_of_all(self) -> npt.NDArray[np.bool_]:
        """Return which of the `random` rows are a random part of all rows, (rows,).

        They are the rows with keys below the bounds of all groups.
        """
        keys: npt.NDArray[np.float64] = self.random["key"].to_numpy()
        return keys <= min(self._bounds.values(), default=1.0)

    def _cut_down(self) -> None:
        """Drop the rows beyond the limit of each group, and note its last key."""
        rows = pa.concat_tables(self._random)
        self._limit = min(self._limit, _limit_of_each(rows["group"]))
        kept, last = _smallest(rows, self._limit)
        self._random = [kept.combine_chunks()]
        ends = last["group"].to_pylist(), last["key"].to_pylist()
        self._bounds |= dict(zip(*ends, strict=True))

    def first_by(self, column: str) -> pa.Table:
        """Return the rows with the smallest probability or gap, in order."""
        return self._extremes[column][0]


class _Smallest(NamedTuple):
    """The rows with the smallest keys of each group."""

    rows: pa.Table
    last: pa.Table  # the last row of each group that has reached the limit


def _smallest(rows: pa.Table, limit: int) -> _Smallest:
    """Return the rows with the smallest keys of each group, by group and key."""
    rows = rows.sort_by([("group", "ascending"), ("key", "ascending")])
    codes = rows["group"].combine_chunks().dictionary_encode().indices.to_numpy()
    rank = np.arange(len(codes)) - np.searchsorted(codes, codes)
    return _Smallest(rows.filter(pa.array(rank < limit)), rows.filter(pa.array(rank == limit - 1)))


def _limit_of_each(groups: pa.ChunkedArray) -> int:
    """Return how many rows of each group are kept: all, if they are not too many.

    Else as many as fit; what small groups leave is for the others. More rows never raise it, so
    that it does not matter in which parts they come.
    """
    counts = sorted(pc.value_counts(groups).field("counts").to_pylist())
    left = KEPT_ROWS
    for at, count in enumerate(counts):
        share = left // (len(counts) - at)
        if count > share:
            return max(share, _FEWEST_KEPT)
        left -= count
    return KEPT_ROWS + 1


def _first(rows: pa.Table, column: str, most: int) -> pa.Table:
    """Return the rows with the smallest values."""
    return rows.take(pc.sort_indices(rows[column])[:most])


def _cut(rows: pa.Table) -> pa.Table:
    return _replaced(rows, "text", pc.utf8_slice_codeunits(rows["text"], -_LETTERS_KEPT))


def _replaced(rows: pa.Table, column: str, values: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.column_names.index(column), column, values)


def show_rows(found: Summary, kept: KeptRows, show: int) -> None:
    """Add the most negative rows to a summary, and with stars of reviewers the surprising ones."""
    is_negative = pc.field("sentiment") == found.negative
    found.most_negative = _quotes(kept.first_by("probability").filter(is_negative))[:show]
    if "stars" not in found.columns:
        return
    found.surprise = "The score and the stars that the reviewer gave differ most."
    gap = f"gap of {kept.scale}"
    rows = kept.first_by(gap).filter(pc.field(gap) < -_FAR)
    stars = rows["stars"].to_pylist()
    why = [f"{value:g} star" if value == 1 else f"{value:g} stars" for value in stars]
    found.surprising = _quotes(rows, why)[:show]


def _quotes(rows: pa.Table, why: Sequence[str] = ()) -> list[Quote]:
    """Return rows to show, each text once."""
    found: dict[str, Quote] = {}
    for row, reason in zip(rows.to_pylist(), why or [""] * len(rows), strict=True):
        found.setdefault(row["text"].lower(), _quote(row, reason))
    return [*found.values()]


def _quote(row: dict[str, Any], why: str) -> Quote:
    """Quote a row; a long text is cut."""
    text: str = row["text"]
    shown = text if len(text) <= _LETTERS_SHOWN else f"{text[:_LETTERS_SHOWN]}…"
    return Quote(
        file=row["file"],
        row=row["row"],
        sentiment=row["sentiment"],
        probability=round(row["probability"], 4),
        text=shown,
        why=why,
    )
