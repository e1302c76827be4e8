"""The groups of an evaluation: which of many are shown, and the mean over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toolkit.evaluation.breakdown import FEWEST_OF_LABEL, Breakdown, Part

MOST_SHOWN = 40  # of more groups, the weakest and the best are shown
WEAKEST_SHOWN, BEST_SHOWN = 20, 10


class Figures(NamedTuple):
    """Means of the figures of a model."""

    accuracy: float
    balanced_accuracy: float
    log_loss: float
    calibration_error: float
    balanced_calibration_error: float


@dataclass(frozen=True)
class MacroMean:
    """The mean over the groups that have enough reviews of both labels: each counts the same."""

    groups: int
    majority_accuracy: float
    models: tuple[Figures, ...]


def macro_mean(groups: Breakdown, models: int) -> MacroMean | None:
    """Take the mean over groups; None if none has enough reviews of both labels."""
    parts = [part for part in groups.parts if part.has_both_labels]
    if not parts:
        return None

    def mean(model: int, key: str) -> float:
        values = [getattr(part.metrics[model], key) for part in parts]
        return float(np.mean([getattr(value, "value", value) for value in values]))

    return MacroMean(
        len(parts),
        float(np.mean([part.majority_accuracy for part in parts])),
        tuple(Figures(*(mean(each, key) for key in Figures._fields)) for each in range(models)),
    )


def shown_groups(groups: Breakdown, best: int) -> tuple[Part, ...]:
    """Choose the groups that tables and plots show, in their order: of many, the weakest and best.

    The model at the position `best` decides. It is surely weak where the upper end of the interval
    is low: by the figure itself, the smallest groups would come first, by chance.
    """
    parts = groups.parts
    if len(parts) <= MOST_SHOWN:
        return parts
    candidates = _large_enough(parts)
    ends = [_interval(part, best) for part in candidates]
    by_upper = sorted(range(len(candidates)), key=lambda at: ends[at][1])
    weakest = set(by_upper[:WEAKEST_SHOWN])
    by_lower = sorted(range(len(candidates)), key=lambda at: -ends[at][0])
    others = [at for at in by_lower if at not in weakest]
    chosen = weakest | set(others[:BEST_SHOWN])
    return tuple(part for at, part in enumerate(candidates) if at in chosen)


def groups_note(groups: Breakdown) -> str:
    """Say which groups are shown, and what is missing."""
    note = f"–: fewer than {FEWEST_OF_LABEL} reviews of a label."  # noqa: RUF001
    if len(groups.parts) <= MOST_SHOWN:
        return note
    return (
        f"The {WEAKEST_SHOWN} weakest and the {BEST_SHOWN} best of {len(groups.parts):,} groups, "
        f"by the ends of their intervals; the JSON has all. {note}"
    )


def _large_enough(parts: Sequence[Part]) -> Sequence[Part]:
    """Those of both labels; else those with some reviews; else all."""
    both = [part for part in parts if part.has_both_labels]
    some = [part for part in parts if part.reviews >= FEWEST_OF_LABEL]
    fewest = WEAKEST_SHOWN + BEST_SHOWN
    return next((chosen for chosen in (both, some) if len(chosen) >= fewest), parts)


def _interval(part: Part, model: int) -> tuple[float, float]:
    return part.balanced_interval[model] or part.accuracy[model].interval
