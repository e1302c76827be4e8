"""The tables of stars and of three classes, for terminal and page."""

from __future__ import annotations

from toolkit.evaluation.result import Evaluation
from toolkit.evaluation.tables.result_tables import UNDEFINED, Cell, Row, Table, best_of, number
from toolkit.model.facts.stars import FIXED_RANGE

_STARS = (
    ("exact", "exact", True),
    ("within one", "within_one", True),
    ("exact, balanced", "balanced_exact", True),
    ("within one, balanced", "balanced_within_one", True),
    ("mean error", "mean_error", False),
)
STARS_NOTE = (
    "Exact: the most likely number of stars is that of the reviewer. Within one: the rounded stars "
    "are at most one off. Balanced: the mean over the numbers of stars. The constant is the "
    "best one for each figure."
)


def star_table(evaluation: Evaluation) -> Table | None:
    """How near the stars of models come to those of the reviewers; None without any."""
    found = [None if m.ratings is None else m.ratings.stars for m in evaluation.models]
    constants = next(
        (m.ratings.best_constants for m in evaluation.models if m.ratings and m.ratings.stars), None
    )
    if constants is None:
        return None
    rows = []
    for name, key, is_percent in _STARS:
        values = [None if each is None else float(getattr(each, key)) for each in found]
        cells = tuple(Cell(number(value, is_percent=is_percent)) for value in values)
        constant = number(getattr(constants, key), is_percent=is_percent)
        best = best_of(values, "higher" if is_percent else "lower")
        rows.append(Row(name, (constant,), cells, best))
    return Table(f"Stars of {constants.reviews:,} reviews", ("constant",), tuple(rows))


def class_table(evaluation: Evaluation) -> Table | None:
    """The macro F1 of three classes; None without neutral reviews."""
    found = [None if m.ratings is None else m.ratings.classes for m in evaluation.models]
    first = next((each for each in found if each is not None), None)
    if first is None:
        return None
    constant = number(first.macro_f1_of_constant, is_percent=False)
    own = [None if each is None else each.macro_f1 for each in found]
    fixed = [None if each is None else each.macro_f1_of_fixed for each in found]
    ranges = ["" if each is None or each.range is None else _written(each.range) for each in found]
    rows = (
        Row(
            "macro F1, own range",
            (constant,),
            tuple(Cell(_f1(value), ends) for value, ends in zip(own, ranges, strict=True)),
            best_of(own),
        ),
        Row(
            f"macro F1, {_written(FIXED_RANGE)}",
            (constant,),
            tuple(Cell(_f1(value)) for value in fixed),
            best_of(fixed),
        ),
    )
    return Table(f"Three classes, {first.neutral:,} neutral", ("constant",), rows)


def _f1(value: float | None) -> str:
    return UNDEFINED if value is None else number(value, is_percent=False)


def _written(ends: tuple[float, float]) -> str:
    return "{:g}:{:g}".format(*ends)
