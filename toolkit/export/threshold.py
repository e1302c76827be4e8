"""The probability from which a review counts as positive: given, or chosen on held-out reviews."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit.errors import ModelError, UsageError
from toolkit.model.facts import ThresholdChoice, ThresholdReached
from toolkit.model.logits import rescaled
from toolkit.model.run_folder import RunConfig, RunFolder

DEFAULT_THRESHOLD = 0.5
_GOALS = "accuracy, f1, precision=0.95 or recall=0.9 (any share)"

_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Threshold:
    """A threshold and where it is from.

    Attributes
    ----------
    value : float
        0 to 1; as float32 it is in the graph.
    choice : ThresholdChoice
        How it was chosen, and what it reaches on the held-out reviews, if the run has them.
    """

    value: float = DEFAULT_THRESHOLD
    choice: ThresholdChoice = field(default_factory=ThresholdChoice)


@dataclass(frozen=True)
class Goal:
    """What a threshold is to reach: the most of `measure`, or at least `least` of it."""

    measure: str
    least: float | None = None

    def __str__(self) -> str:
        return self.measure if self.least is None else f"{self.measure}={self.least:g}"

    @classmethod
    def parse(cls, text: str) -> Goal:
        """Read what `--optimize` says; raises `UsageError` if it is no goal."""
        if text in ("accuracy", "f1"):
            return cls(text)
        found = re.fullmatch(r"(precision|recall)=(\d*\.?\d+)", text)
        if found is None or not 0 < float(found[2]) <= 1:
            raise UsageError(f"--optimize: expected {_GOALS}, received {text!r}")
        return cls(found[1], float(found[2]))


def choose_threshold(
    folder: RunFolder, config: RunConfig, given: float | None, optimize: str | None
) -> Threshold:
    """Take the given threshold, or the one that is best on the held-out reviews of a run.

    Parameters
    ----------
    folder : RunFolder
        The run.
    config : RunConfig
        Its config, which has the calibration.
    given : float | None
        0 to 1.
    optimize : str | None
        The goal, as `--optimize` says it.

    Returns
    -------
    Threshold
        0.5 if nothing is asked for.

    Raises
    ------
    ModelError
        If the held-out reviews of the run cannot be read.
    UsageError
        If both or something wrong is asked for, or what cannot be reached.
    """
    if given is not None and optimize is not None:
        raise UsageError("--threshold and --optimize: choose one of the two")
    if given is not None and not 0 <= given <= 1:
        raise UsageError(f"--threshold: expected a probability from 0 to 1, received {given}")
    goal = None if optimize is None else Goal.parse(optimize)
    if not folder.validation.is_file():
        if goal is not None:
            raise UsageError(
                f"--optimize: {folder.validation} is not there, so no held-out reviews to choose a "
                "threshold on. Train with a validation part, or give one with --threshold."
            )
        return Threshold() if given is None else Threshold(given, ThresholdChoice("given"))
    curve = _Curve.of(*_load(folder.validation, config), folder.validation)
    if goal is None:
        value = DEFAULT_THRESHOLD if given is None else given
        chosen = "default" if given is None else "given"
    else:
        value, chosen = curve.best(goal), str(goal)
    return Threshold(value, ThresholdChoice(chosen, curve.at(value)))


@dataclass(frozen=True)
class _Curve:
    """What every threshold that makes a difference reaches, from the lowest to the highest."""

    path: Path
    probability: _Array  # (reviews,) float32, sorted
    positives: _Array  # (reviews + 1,), positive reviews before each
    thresholds: _Array  # float32
    places: _Array  # of the first review at or above each threshold

    @classmethod
    def of(cls, labels: _Array, probability: _Array, path: Path) -> _Curve:
        order = np.argsort(probability, kind="stable")
        probability = probability[order]
        places = np.flatnonzero(np.diff(probability, prepend=np.float32(-1)))
        above = probability[places]
        below = np.concatenate([np.zeros(1, np.float32), above[:-1]])
        middle = ((below.astype(np.float64) + above) / 2).astype(np.float32)
        # Half way, where there is a float32; the reviews to come have none of these probabilities.
        thresholds = np.where((middle > below) | (places == 0), middle, above)
        return cls(path, probability, np.cumsum([0, *labels[order]]), thresholds, places)

    def at(self, threshold: float) -> ThresholdReached:
        """Tell what one threshold reaches."""
        place = np.array(np.searchsorted(self.probability, np.float32(threshold)))
        reached = {name: float(value) for name, value in self._measures(place).items()}
        return ThresholdReached(len(self.probability), **reached)

    def best(self, goal: Goal) -> float:
        """Choose the threshold for a goal; of equal ones, the nearest to 0.5."""
        if not 0 < self.positives[-1] < len(self.probability):
            raise UsageError(f"--optimize: all reviews of {self.path} have one label")
        measures = self._measures(self.places)
        value = measures[goal.measure]
        if goal.least is not None:
            if not (value >= goal.least).any():
                raise UsageError(
                    f"--optimize: a {goal.measure} of {goal.least:g} is not reached on the "
                    f"{len(self.probability):,} reviews of {self.path}: {value.max():.4f} at most"
                )
            other = measures["recall" if goal.measure == "precision" else "precision"]
            value = np.where(value >= goal.least, other, -1.0)
        equal = self.thresholds[value == value.max()]
        best = equal[np.argmin(np.abs(equal - np.float32(DEFAULT_THRESHOLD)))]
        return float(str(best))  # the shortest decimal that is this float32

    def _measures(self, places: _Array) -> dict[str, _Array]:
        """Tell what it means to call all reviews from a place on positive."""
        reviews, positives = len(self.probability), self.positives[-1]
        called = reviews - places
        right = positives - self.positives[places]
        wrong_before = self.positives[places]
        return {
            "accuracy": (right + places - wrong_before) / reviews,
            "precision": right / np.maximum(called, 1),
            "recall": right / max(positives, 1),
            "f1": 2 * right / np.maximum(called + positives, 1),
        }


def _load(path: Path, config: RunConfig) -> tuple[_Array, _Array]:
    """Labels (0 or 1) and calibrated probabilities, float32, of the held-out reviews."""
    try:
        table = pq.read_table(path, columns=["label", "probability"])
        labels, probability = (
            pc.cast(table[name], pa.float32()).to_numpy() for name in table.column_names
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not the held-out reviews of a run: {error}") from None
    for name, values in (("label", labels), ("probability", probability)):
        if not len(values) or not ((values >= 0) & (values <= 1)).all():
            raise ModelError(f"{path}: not the held-out reviews of a run: a {name} beyond 0 to 1")
    if (found := config.calibration) is not None:
        probability = rescaled(probability, found.scale, found.bias).astype(np.float32)
    return labels >= 0.5, probability
