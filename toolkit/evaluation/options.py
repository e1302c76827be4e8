"""What can be set about an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolkit.records.read_options import ReadOptions


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate."""

    # How the data is read, and its columns: text, label, group, stars; in files of predictions,
    # probability. No group unless it is named.
    reading: ReadOptions = field(default_factory=ReadOptions)
    threshold: float | None = None  # None: each model's own, and 0.5 for predictions of others
    examples: int = 10  # of the most confident mistakes of each model
