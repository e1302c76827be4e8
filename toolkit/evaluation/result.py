"""What an evaluation finds, for reports and for Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.comparison import Comparison
from toolkit.evaluation.coverage import Coverage, TargetCoverage
from toolkit.evaluation.groups import MacroMean
from toolkit.evaluation.metrics import AtThreshold, Labels, Metrics, Probabilities
from toolkit.evaluation.mistakes import Mistake
from toolkit.evaluation.ratings import Ratings
from toolkit.evaluation.reliability import ReliabilityBin
from toolkit.records.read_options import STDIN

LABELS = ("negative", "positive")


@dataclass(frozen=True)
class Data:
    """The labelled reviews."""

    path: Path
    sha256: str | None  # of the file; None for standard input
    columns: dict[str, str]  # by what they are: text, label, group, stars
    rows: int
    reviews: int  # rows with text, label and score: all figures are of these
    positive: int
    without_text: int
    without_label: int
    soft_labels: int  # between 0 and 1, rounded for all figures
    neutral: int  # rows left out because their label is neutral
    label_meaning: str  # which labels were read as what; empty where it is as usual
    without_score: int  # rows with text and label that a model or a file gives no score

    @property
    def name(self) -> str:
        """What the page calls it."""
        return "standard input" if self.path == STDIN else self.path.name

    @property
    def majority_label(self) -> str:
        """The label that is more frequent: a constant that always answers it is the baseline."""
        return LABELS[2 * self.positive >= self.reviews]


@dataclass(frozen=True, kw_only=True)
class ModelResult:
    """How well a model does, or the predictions in a file, which have only a name and a path."""

    name: str  # no other one has it
    path: str
    preset: str | None = None
    sha256: str | None  # of the file; None for standard input
    labels: list[str] | None = None
    threshold: float
    version: str | None = None  # of the model
    toolkit_version: str | None = None  # that wrote the model
    metrics: Metrics
    baseline: Comparison | None  # with a constant; None: all reviews have one label
    thresholds: tuple[AtThreshold, ...]
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[Coverage, ...]
    coverage_at_accuracy: tuple[TargetCoverage, ...]
    mistakes: tuple[Mistake, ...]
    ratings: Ratings | None = None  # None for predictions, or without stars and neutral reviews
    probability: Probabilities = field(repr=False)  # (reviews,) of the positive class


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation finds."""

    date: datetime  # UTC
    data: Data
    models: tuple[ModelResult, ...]
    best: int  # the most accurate of the models; of equal ones the first
    breakdowns: tuple[Breakdown, ...]
    macro_mean: MacroMean | None  # over the groups, if there are any of both labels
    comparisons: tuple[Comparison, ...]  # each other model with the best
    labels: Labels = field(repr=False)  # (reviews,) 0 or 1

    @property
    def groups(self) -> Breakdown | None:
        """The reviews by group, the hardest for the best model first; None without a column."""
        return next((each for each in self.breakdowns if each.key == "groups"), None)
