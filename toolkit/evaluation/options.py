"""What can be set about an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class EvaluationColumns:
    """What `--text-column` and the like say; None: not said."""

    text: str | None = None
    label: str | None = None
    group: str | None = None  # no group column unless it is named
    stars: str | None = None  # None: `stars` or `rating`, where the file has one


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate."""

    columns: EvaluationColumns = field(default_factory=EvaluationColumns)
    threshold: float | None = None  # None: each model's own, and 0.5 for predictions of others
    probability_column: str = "positive_probability"  # in files of predictions
    examples: int = 10  # of the most confident mistakes of each model
