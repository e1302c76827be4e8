"""The probability from which a review counts as positive: given, or chosen on held-out reviews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit.classes import DEFAULT_THRESHOLD, is_positive
from toolkit.errors import ModelError, UsageError
from toolkit.evaluation.comparison import constant_warning
from toolkit.evaluation.metrics import Metrics, best_of, every_threshold, measure
from toolkit.model.labels import check_threshold
from toolkit.model.run_folder import SHARE_OF_POSITIVES, RunConfig, RunFolder
from toolkit.model.stars import rescaled
from toolkit.model.training_facts import ThresholdChoice, ThresholdReached

_Array = npt.NDArray[Any]
_GOALS = "accuracy, balanced, f1, precision=0.95 or recall=0.9 (any share)"
BALANCED = "balanced"  # for the balanced accuracy


def load_texts(path: Path, *, has_classes: bool) -> pa.ChunkedArray:
    """Read the texts of a sample, (reviews,); `ModelError` if they or their labels are damaged.

    Labels are from 0 to 1, or numbers of classes.
    """
    with _whole(path, "the reviews of a run"):
        table = pq.read_table(path, columns=["text", "label"])
        texts = pc.cast(table["text"], pa.large_string())
        if texts.null_count:
            raise ValueError("a text is missing")
        if not has_classes:
            _shares(table, "label")
        return texts


def load_held_out(path: Path) -> tuple[npt.NDArray[np.bool_], _Array]:
    """Whether each is positive, and its probability before calibration, float32, (reviews,)."""
    with _whole(path, "the held-out reviews of a run"):
        table = pq.read_table(path, columns=["label", "probability"])
        return is_positive(_shares(table, "label")), _shares(table, "probability")


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    """Run the block that reads a file; raise `ModelError` if Arrow or the block cannot use it."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not {kind}: {error}") from None


def _shares(table: pa.Table, name: str) -> _Array:
    values: _Array = pc.cast(table[name], pa.float32()).to_numpy()
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"a {name} is not from 0 to 1")
    return values


@dataclass(frozen=True)
class Threshold:
    """A threshold, 0 to 1, which is a float32 in the graph, and how it was chosen."""

    value: float = DEFAULT_THRESHOLD
    choice: ThresholdChoice = field(default_factory=ThresholdChoice)
    warning: str | None = None  # that it is not clearly better than a constant answer


@dataclass(frozen=True)
class Goal:
    """What a threshold should reach: the most of `measure`, or at least `least` of it."""

    measure: str
    least: float | None = None

    def __str__(self) -> str:
        return self.measure if self.least is None else f"{self.measure}={self.least:g}"

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Read a value of `--optimize`; raise `UsageError` if it is not a goal."""
        if text in ("accuracy", BALANCED, "f1"):
            return cls(text)
        found = re.fullmatch(r"(precision|recall)=(\d*\.?\d+)", text)
        if found is None or not 0 < float(found[2]) <= 1:
            raise UsageError(f"--optimize: expected {_GOALS}, received {text!r}")
        return cls(found[1], float(found[2]))


def choose_threshold(
    folder: RunFolder, config: RunConfig, given: float | None, optimize: str | None
) -> Threshold:
    """Return the given threshold, the best on held-out reviews, the threshold of the run, or 0.5.

    Raise `UsageError` for both, or an unreachable goal, and `ModelError` for damaged reviews.
    """
    if given is not None and optimize is not None:
        raise UsageError("--threshold and --optimize: choose one of the two")
    check_threshold(given)
    goal = None if optimize is None else Goal.parse(optimize)
    value = config.usual_threshold
    is_usual = config.threshold in (None, DEFAULT_THRESHOLD)
    chosen = "default" if is_usual else SHARE_OF_POSITIVES
    if given is not None:
        value = given
        chosen = "given"
    if not folder.validation.is_file():
        if goal is not None:
            raise UsageError(
                f"--optimize: {folder.validation} is missing, so there are no held-out reviews to "
                "choose a threshold on. Train with --validation, or set the threshold with "
                "--threshold."
            )
        return Threshold(value, ThresholdChoice(chosen))
    labels, probability = load_held_out(folder.validation)
    if (found := config.calibration) is not None:
        probability = rescaled(probability, found.scale, found.bias).astype(np.float32)
    if goal is not None:
        usual = config.threshold
        if usual is None:  # 0.5 where both labels weighed the same, else their share
            is_balanced = config.training.get("balanced")
            usual = DEFAULT_THRESHOLD if is_balanced else float(labels.mean())
        value = best_threshold(labels, probability, goal=goal, path=folder.validation, usual=usual)
        chosen = str(goal)
    metrics = measure(labels.astype(np.int8), probability, value)
    reached = ThresholdReached(
        reviews=metrics.accuracy.count,
        accuracy=metrics.accuracy.value,
        precision=metrics.precision,
        recall=metrics.recall,
        f1=metrics.f1,
        balanced_accuracy=metrics.balanced_accuracy,
        majority_accuracy=metrics.majority_accuracy,
        is_calibrated=found is not None and found.is_changed,
    )
    # For both labels to count the same, a constant may well be right more often.
    is_for_both = chosen in (BALANCED, SHARE_OF_POSITIVES) or config.training.get("balanced")
    warning = None if is_for_both else constant_warning("the model", metrics, "held-out")
    return Threshold(value, ThresholdChoice(chosen, reached), warning)


def best_threshold(
    labels: npt.NDArray[np.bool_], probability: _Array, goal: Goal, path: Path, usual: float
) -> float:
    """Choose the threshold for a goal on reviews from `path`; among equals, the nearest to 0.5.

    For balanced accuracy, it is `usual`, the probability of a review that speaks for neither label,
    unless another threshold is better by more than two standard errors: a few reviews prove little.
    Raise `UsageError` if the goal is not reached.
    """
    signs = labels.astype(np.int8)
    if signs.min() == signs.max():
        raise UsageError(f"--optimize: all reviews of {path} have one label")
    thresholds, measures = every_threshold(signs, probability)
    if goal.measure == BALANCED:
        best = best_of(thresholds, measures["balanced_accuracy"])
        of_usual, of_best = (measure(signs, probability, each) for each in (usual, best))
        assert of_usual.balanced_accuracy is not None
        assert of_best.balanced_accuracy is not None
        enough = of_best.balanced_accuracy - 2 * _error(of_best)
        return round(usual, 4) if of_usual.balanced_accuracy >= enough else best
    value = measures[goal.measure]
    if goal.least is not None:
        if not (value >= goal.least).any():
            raise UsageError(
                f"--optimize: no threshold reaches a {goal.measure} of {goal.least:g} on the "
                f"{len(probability):,} reviews of {path}; the highest is {value.max():.4f}"
            )
        other = measures["recall" if goal.measure == "precision" else "precision"]
        value = np.where(value >= goal.least, other, -1.0)
    return best_of(thresholds, value)


def _error(found: Metrics) -> float:
    """Return the standard error of the balanced accuracy; it is never 0."""
    positives = found.true_positives + found.false_negatives
    parts = (
        (found.true_positives, positives),
        (found.true_negatives, found.accuracy.count - positives),
    )
    # With one more review of either answer, after Agresti and Coull (1998).
    shares = (((count + 1) / (total + 2), total) for count, total in parts)
    return float(np.sqrt(sum(share * (1 - share) / total for share, total in shares)) / 2)
