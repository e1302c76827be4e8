"""The tables of how many reviews a model answers, and how accurately, for terminal and page."""

from __future__ import annotations

from math import ceil, floor

from toolkit.evaluation.coverage import TargetCoverage
from toolkit.evaluation.result import Evaluation
from toolkit.evaluation.tables.result_tables import UNDEFINED, Cell, Row, Table, best_of, percent

TARGET_NOTE = (
    "The largest share of these reviews that is answered with this accuracy if the others are left "
    "out; next to it, the range of probabilities to leave out with `toolkit score "
    "--neutral-range`. "
    "It is chosen on these reviews, so on others the accuracy may be a little lower."
)
_DIGITS = 10_000  # four digits after the point


def coverage_table(evaluation: Evaluation) -> Table:
    """The accuracy if only the surest reviews are answered, and the range to leave out for it."""
    rows = []
    for steps in zip(*(model.coverage for model in evaluation.models), strict=True):
        cells = tuple(
            Cell(
                percent(step.accuracy),
                "" if step.uncertain is None else "{:.3f}:{:.3f}".format(*step.uncertain),
                step.accuracy,
            )
            for step in steps
        )
        best = best_of([step.accuracy for step in steps])
        rows.append(Row(f"{steps[0].asked:.0%}", (), cells, best))
    return Table("Reviews answered", (), tuple(rows))


def target_table(evaluation: Evaluation) -> Table:
    """The most reviews that are answered with an accuracy, and the range to leave out for it."""
    rows = []
    found = zip(*(model.coverage_at_accuracy for model in evaluation.models), strict=True)
    for targets in found:
        cells = tuple(_target_cell(each) for each in targets)
        name = f"{100 * targets[0].target:.8g}%"
        rows.append(Row(name, (), cells, best_of([each.share for each in targets])))
    return Table("Reviews answered at accuracy", (), tuple(rows))


def _target_cell(found: TargetCoverage) -> Cell:
    if found.accuracy is None or found.interval is None:
        return Cell(UNDEFINED, "never reached")
    low, high = found.interval
    detail = f"{found.right:,} of {found.answered:,} right, 95% interval {low:.1%} to {high:.1%}"
    return Cell(percent(found.share, 1), _outward(found.uncertain), found.share, detail)


def _outward(uncertain: tuple[float, float] | None) -> str:
    """Write a range so that it leaves out no fewer reviews than the exact one."""
    if uncertain is None:
        return "all"
    low, high = uncertain
    return f"{floor(low * _DIGITS) / _DIGITS:.4f}:{ceil(high * _DIGITS) / _DIGITS:.4f}"
