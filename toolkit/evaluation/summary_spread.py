"""When and where: trends of themes, aspects and groups, and how groups differ in complaints.

They are counted in the random rows that `KeptRows` has: all rows, if there are at most 20,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.metrics import Proportion
from toolkit.evaluation.summary import (
    RATE,
    Contrast,
    LabelCounts,
    Summary,
    Theme,
    Trend,
    TrendPoint,
    step_of,
)
from toolkit.evaluation.summary_changes import adjusted_p, changed, turn_of
from toolkit.evaluation.summary_dates import DAY_FIRST, MONTH_FIRST, Days, days_in_order
from toolkit.evaluation.summary_rows import KeptRows
from toolkit.records.labels import Rows
from toolkit.text.strings import is_blank

MOST_GROUPS_SHOWN = 20  # with a trend and in contrasts: the largest
FEWEST_OF_GROUP = 30  # random rows, for a contrast
_MOST_POINTS = 24  # of a trend
_FEWEST_POINTS = 4
_FEWEST_OF_POINT = 20  # rows of a point, on average
_FEWEST_RIGHT = 4  # of these with what is counted, on average
_ASPECT = "aspect_"
# Between an aspect and its label, and between aspects: no name of a column has these controls.
_IS = "\x1e"
_AND = "\x1f"
_HAS = "has"
_LACKS = "lacks"

_Mask = npt.NDArray[np.bool_]


def columns_of_days(days: Days, rows: int) -> dict[str, pa.Array]:
    """Return the days of some rows as columns of `KeptRows`, one for each order of dates."""
    none = pa.nulls(rows, pa.large_string())
    orders = ("", MONTH_FIRST, DAY_FIRST)
    return {f"day {order}": days.by_order.get(order, none) for order in orders}


def aspects_of(rows: pa.RecordBatch) -> pa.Array:
    """Return what each row says of aspects as one column of strings, (rows,)."""
    said = []
    for role in rows.schema.names:
        kind, _, name = role.partition(" ")
        if kind == "aspect":
            values = pc.if_else(is_blank(rows[role]), None, rows[role])
            own = _word(name.removeprefix(_ASPECT) + _IS)
            said.append(pc.binary_join_element_wise(own, values, _word("")))
    if not said:
        return pa.repeat(_word(""), len(rows))
    # Not "skip", which leaves out a row of nulls (pyarrow 26).
    return pc.binary_join_element_wise(*said, _word(_AND), null_handling="replace")


def _word(word: str) -> pa.Scalar:
    return pa.scalar(word, pa.large_string())


def add_trends_and_contrasts(
    found: Summary, kept: KeptRows, order: str, by: Sequence[str] = ()
) -> None:
    """Add trends to themes, aspects and groups, and the contrasts of the groups.

    Parameters
    ----------
    found : Summary
        With its themes, groups and steps of time.
    kept : KeptRows
        Random rows, grouped by the column of `by`.
    order : str
        The order of day and month in dates with slashes.
    by : Sequence[str]
        The column that the rows are grouped by, or none.
    """
    rows = _Rows(found, kept, order)
    found.sampled = len(rows.table)
    if by:
        largest = [each for each in found.by[by[0]] if each.is_group][:MOST_GROUPS_SHOWN]
        found.contrasts = [*_contrasts(rows, largest)]
    if found.step is not None:
        _add_trends(found, rows, by)


@dataclass
class _Rows:
    """The random rows, and which of them count for what."""

    found: Summary
    kept: KeptRows
    order: str  # of dates with slashes

    @cached_property
    def table(self) -> pa.Table:
        """The rows, (rows,) with the columns of `KeptRows`."""
        return self.kept.random

    @cached_property
    def are_of_all(self) -> _Mask:
        """Whether rows are a random part of all rows: groups may have more rows than their part."""
        return self.kept.are_of_all()

    @cached_property
    def are_negative(self) -> _Mask:
        """Whether rows are negative."""
        return _mask(pc.equal(self.table["sentiment"], self.found.negative))

    @cached_property
    def steps(self) -> Rows:
        """The step of each row; -1 without a date."""
        plain = self.table["day "].combine_chunks()
        with_slashes = self.table[f"day {self.order}"].combine_chunks()
        days = days_in_order(plain, with_slashes)
        codes = days.dictionary_encode()
        place = {each.name: at for at, each in enumerate(self.found.over_time)}
        step = self.found.step
        assert step is not None
        of_day = [
            place.get(step_of(date.fromisoformat(day), step), -1) if day else -1
            for day in codes.dictionary.to_pylist()
        ]
        found: Rows = np.array(of_day, np.int64)[codes.indices.to_numpy()]
        return found

    def in_group(self, each: LabelCounts) -> _Mask:
        """Return whether rows are in a group."""
        return _mask(pc.equal(self.table["group"], each.key))

    def with_theme(self, theme: Theme) -> _Mask:
        """Return whether rows have a theme."""
        has = np.zeros(len(self.table), np.bool_)
        has[[*theme.sampled]] = True
        return has

    def says(self, aspect: str, label: str = "") -> _Mask:
        """Return whether rows say something of an aspect, or something with this label."""
        wanted = f"{_AND}{aspect}{_IS}{label}"
        if label:
            wanted += _AND
        return _mask(pc.match_substring(self._said, wanted))

    @cached_property
    def _said(self) -> pa.ChunkedArray:
        return pc.binary_join_element_wise(
            _word(_AND), self.table["aspects"], _word(_AND), _word("")
        )

    def trend(self, has: _Mask, among: _Mask) -> Trend | None:
        """Return the share of rows that have something among others; None with too few rows."""
        own = among & (self.steps >= 0)
        steps = len(self.found.over_time)
        counts = np.bincount(self.steps[own], minlength=steps)
        right = np.bincount(self.steps[own & has], minlength=steps)
        points = min(
            steps,
            _MOST_POINTS,
            int(counts.sum()) // _FEWEST_OF_POINT,
            int(right.sum()) // _FEWEST_RIGHT,
        )
        if points < _FEWEST_POINTS:
            return None
        names = [each.name for each in self.found.over_time]
        each_step = [
            LabelCounts(name, {_HAS: a, _LACKS: b - a})
            for name, a, b in zip(names, right.tolist(), counts.tolist(), strict=True)
        ]
        size = -(-steps // points)
        sums = [
            (names[at], int(right[at : at + size].sum()), int(counts[at : at + size].sum()))
            for at in range(0, steps, size)
        ]
        shares = [TrendPoint(name, Proportion(a, b)) for name, a, b in sums if b]
        return Trend(tuple(shares), turn_of(each_step, _HAS))


def _mask(values: pa.ChunkedArray) -> _Mask:
    found: _Mask = pc.fill_null(values, False).to_numpy()
    return found


def _add_trends(found: Summary, rows: _Rows, by: Sequence[str]) -> None:
    """Add the trends; of their turns, those that many tests at once do not explain."""
    every = rows.are_of_all
    groups = [each for each in found.by[by[0]] if each.is_group] if by else []
    themes = [*found.complaints, *found.praise]
    trends = [
        *(rows.trend(rows.with_theme(each), among=every) for each in themes),
        *(
            rows.trend(rows.says(each.name, found.negative), among=every & rows.says(each.name))
            for each in found.aspects
        ),
        *(
            rows.trend(rows.are_negative, among=rows.in_group(each))
            for each in groups[:MOST_GROUPS_SHOWN]
        ),
    ]
    left = iter(_sure_turns(trends))
    found.complaints = [replace(each, trend=next(left)) for each in found.complaints]
    found.praise = [replace(each, trend=next(left)) for each in found.praise]
    found.aspects = [replace(each, trend=next(left)) for each in found.aspects]
    if by:
        of_groups = dict(zip((each.key for each in groups), left, strict=False))
        found.by[by[0]] = [replace(each, trend=of_groups.get(each.key)) for each in found.by[by[0]]]


def _sure_turns(trends: Sequence[Trend | None]) -> list[Trend | None]:
    """Drop the turns that are no surprise among so many trends (Benjamini and Hochberg 1995)."""
    values = [1.0 if each is None or each.turn is None else each.turn.p_value for each in trends]
    kept = adjusted_p(values)
    return [
        each if each is None or value <= RATE else replace(each, turn=None)
        for each, value in zip(trends, kept, strict=True)
    ]


def _contrasts(rows: _Rows, groups: Sequence[LabelCounts]) -> Iterator[Contrast]:
    """Yield how often each group has each theme and negative aspect, against all others."""
    found = rows.found
    masks = [(each, rows.in_group(each)) for each in groups]
    large = [(each, mask) for each, mask in masks if mask.sum() >= FEWEST_OF_GROUP]
    if len(large) < 2:
        return
    of: list[tuple[Literal["theme", "aspect"], str, _Mask]] = []
    of += [("theme", each.name, rows.with_theme(each)) for each in found.complaints]
    of += [("aspect", each.name, rows.says(each.name, found.negative)) for each in found.aspects]
    cells = [
        Contrast(
            group=group.name,
            of=kind,
            name=name,
            here=_share(has, mask),
            elsewhere=_share(has, ~mask),
        )
        for group, mask in large
        for kind, name, has in of
    ]
    tests = [changed("", "", before=each.elsewhere, now=each.here) for each in cells]
    values = iter(adjusted_p([each.p_value for each in tests if each is not None]))
    for cell, test in zip(cells, tests, strict=True):
        yield cell if test is None else replace(cell, adjusted=next(values))


def _share(has: _Mask, among: _Mask) -> Proportion:
    return Proportion(int((has & among).sum()), int(among.sum()))
