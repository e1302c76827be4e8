"""The table of shades: which group has which complaint more often than the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.evaluation.summary import Contrast, Summary, worst_first

_MOST_COLUMNS = 8
_DARKEST = 0.42  # opacity; letters can still be read on it
_LIGHTEST = 0.12


@dataclass(frozen=True)
class Shade:
    """A cell of the table: the share of a group's reviews, and how it differs."""

    name: str  # of the theme or the aspect
    share: float
    reviews: int
    way: Literal["more", "less", ""]  # against all others, beyond chance; "": it may be chance
    opacity: float = 0.0


@dataclass(frozen=True)
class ShadedRow:
    """A group."""

    name: str
    rows: int  # random ones
    cells: tuple[Shade, ...]

    @property
    def differs(self) -> bool:
        """Whether a share is sure to be higher or lower."""
        return any(each.way for each in self.cells)


@dataclass(frozen=True)
class ShadedTable:
    """Groups by what they complain about."""

    of: Literal["theme", "aspect"]
    group: str  # the column
    columns: tuple[str, ...]
    rows: tuple[ShadedRow, ...]

    @property
    def differs(self) -> bool:
        """Whether a group is sure to differ."""
        return any(each.differs for each in self.rows)


def shaded_tables(found: Summary) -> list[ShadedTable]:
    """Return the table of themes and the table of aspects, if there are contrasts."""
    return [*_tables(found)]


def _tables(found: Summary) -> Iterator[ShadedTable]:
    kinds: tuple[Literal["theme", "aspect"], ...] = ("theme", "aspect")
    for kind in kinds:
        own = [each for each in found.contrasts if each.of == kind]
        if own:
            yield _table(found, kind, own)


def _table(
    found: Summary, kind: Literal["theme", "aspect"], contrasts: Sequence[Contrast]
) -> ShadedTable:
    column = next(iter(found.by))
    cells = {(each.group, each.name): each for each in contrasts}
    sure = {each.name for each in contrasts if each.is_sure}
    names = [*dict.fromkeys(each.name for each in contrasts)]
    chosen = sorted(names, key=lambda name: name not in sure)[:_MOST_COLUMNS]
    shown = [name for name in names if name in chosen]  # in the usual order
    most = max((abs(each.difference) for each in contrasts if each.is_sure), default=1.0)
    of_groups = {each.group for each in contrasts}
    groups = [each for each in worst_first(found, found.by[column]) if each.name in of_groups]
    return ShadedTable(
        of=kind,
        group=column,
        columns=tuple(shown),
        rows=tuple(
            ShadedRow(
                name=each.name or "(empty)",
                rows=cells[each.name, shown[0]].here.count,
                cells=tuple(_shade(cells[each.name, name], most) for name in shown),
            )
            for each in groups
            if each.is_group
        ),
    )


def _shade(cell: Contrast, most: float) -> Shade:
    strength = abs(cell.difference) / most
    way: Literal["more", "less"] = "more" if cell.difference > 0 else "less"
    return Shade(
        name=cell.name,
        share=cell.here.value,
        reviews=int(cell.here.right),
        way=way if cell.is_sure else "",
        opacity=_LIGHTEST + strength * (_DARKEST - _LIGHTEST) if cell.is_sure else 0.0,
    )
