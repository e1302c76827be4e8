"""What an evaluation finds, for reports and for Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.comparison import Comparison
from toolkit.evaluation.coverage import Coverage
from toolkit.evaluation.measures import Labels, Metrics, Probabilities, ReliabilityBin
from toolkit.evaluation.mistakes import Mistake


@dataclass(frozen=True)
class Data:
    """The labelled reviews."""

    path: Path
    columns: dict[str, str]  # by what they are: text, label, group, stars
    rows: int
    reviews: int  # rows with text and label: all figures are of these
    positive: int
    without_text: int
    without_label: int


@dataclass(frozen=True)
class ModelResult:
    """How well a model does, or the predictions of another."""

    name: str  # of its file, and no other's
    path: Path | None  # None: the default model
    preset: str | None  # None: predictions of others
    sha256: str | None
    threshold: float
    metrics: Metrics
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[Coverage, ...]
    mistakes: tuple[Mistake, ...]
    probability: Probabilities = field(repr=False)  # (reviews,) of the positive class


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation finds."""

    data: Data
    models: tuple[ModelResult, ...]
    best: int  # the most accurate of the models; of equal ones the first
    breakdowns: tuple[Breakdown, ...]
    comparisons: tuple[Comparison, ...]  # each other model beside the best
    labels: Labels = field(repr=False)  # (reviews,) 0 or 1
