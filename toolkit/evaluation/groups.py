"""Figures of models on slices of the reviews: by length, by stars, by group.

If there are many groups, tables and plots show the weakest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import Labels, Metrics, Probabilities, measure
from toolkit.model.stars import FEWEST, MOST, rounded_stars
from toolkit.text.strings import is_blank
from toolkit.text.vocabulary import Vocabulary

# The first length that is in the next slice.
_LENGTHS = {"under 25": 25, "25–99": 100, "100–199": 200, "200–512": 513}  # noqa: RUF001
_LONGEST = "over 512"

NO_GROUP = "(none)"  # the group of reviews without one
FEWEST_OF_LABEL = 5  # reviews of each label that a balanced accuracy needs
MOST_SHOWN = 30  # groups; of more, the weakest

Predictions = Sequence[tuple[Probabilities, float]]  # of each model: (reviews,), and its threshold


@dataclass(frozen=True)
class GroupFigures:
    """Some of the reviews, with the metrics of each model.

    The balanced accuracy is None if there are fewer than `FEWEST_OF_LABEL` of either label.
    """

    name: str
    metrics: tuple[Metrics, ...]  # of each model

    @classmethod
    def of(cls, name: str, labels: Labels, answers: Predictions) -> GroupFigures:
        """Measure all models on some reviews."""
        found = [measure(labels, probability, threshold) for probability, threshold in answers]
        positive = int(labels.sum())
        if min(positive, len(labels) - positive) < FEWEST_OF_LABEL:
            found = [replace(each, balanced_accuracy=None) for each in found]
        return cls(name, tuple(found))

    @property
    def reviews(self) -> int:
        """The number of reviews."""
        return self.metrics[0].accuracy.count

    @property
    def positive(self) -> int:
        """The number of reviews labelled positive."""
        return self.metrics[0].true_positives + self.metrics[0].false_negatives

    @property
    def has_both_labels(self) -> bool:
        """Whether there are enough reviews of either label for a balanced accuracy."""
        return self.metrics[0].balanced_accuracy is not None


@dataclass(frozen=True)
class Breakdown:
    """One breakdown of the reviews: its title and its slices."""

    key: str  # length, stars or groups
    title: str
    slices: tuple[GroupFigures, ...]


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


class NamedGroups(NamedTuple):
    """The group of each row."""

    names: list[str]  # of the groups, in the order of their first rows
    places: npt.NDArray[np.int64]  # (rows,) the place of each row's group in the names


def named_groups(column: pa.ChunkedArray) -> NamedGroups:
    """Find the groups in a column of strings; rows without a group are in `NO_GROUP`."""
    named = pc.if_else(is_blank(column), pa.scalar(NO_GROUP, column.type), column)
    codes = named.combine_chunks().dictionary_encode()
    return NamedGroups(codes.dictionary.to_pylist(), codes.indices.to_numpy().astype(np.int64))


def break_down(reviews: LabelledReviews, answers: Predictions, best: int) -> tuple[Breakdown, ...]:
    """Split the reviews by length, and by stars and groups where there are such columns.

    Groups come hardest first, for the model at the position `best`; the phenomena of the toolkit's
    own sentences keep the order of their file.
    """
    # All models of the toolkit split texts into tokens by the same rule, so an empty vocabulary
    # will do. Lengths are those before any cut.
    tokens = Vocabulary(pa.array([], pa.string())).encode(reviews.texts).lengths
    places = np.searchsorted([*_LENGTHS.values()], tokens, side="right")
    slices = _slices([*_LENGTHS, _LONGEST], places, reviews=reviews, answers=answers)
    found = [Breakdown("length", "Length in tokens", tuple(slices))]
    columns = reviews.data.columns
    if reviews.stars is not None:
        whole = rounded_stars(np.nan_to_num(reviews.stars, nan=FEWEST))
        places = np.where(np.isnan(reviews.stars), MOST, whole - FEWEST)
        slices = _slices(
            [*map(str, range(FEWEST, MOST + 1))], places, reviews=reviews, answers=answers
        )
        column = columns.get("stars", columns["label"])
        found.append(Breakdown("stars", f"Stars (column {column})", tuple(slices)))
    if reviews.groups is not None:
        groups = named_groups(reviews.groups)
        slices = _slices(groups.names, groups.places, reviews=reviews, answers=answers)
        if not reviews.data.is_suite:
            slices.sort(key=lambda each: _hardest_first(each, best))
        found.append(Breakdown("groups", columns["group"], tuple(slices)))
    return tuple(found)


def macro_mean(groups: Breakdown, models: int) -> MacroMean | None:
    """Return the mean over groups; None if no group has enough reviews of both labels."""
    slices = [each for each in groups.slices if each.has_both_labels]
    if not slices:
        return None

    def mean(model: int, key: str) -> float:
        return float(np.mean([each.metrics[model].figure(key)[0] for each in slices]))

    return MacroMean(
        groups=len(slices),
        majority_accuracy=float(np.mean([each.metrics[0].majority_accuracy for each in slices])),
        models=tuple(
            Figures(*(mean(each, key) for key in Figures._fields)) for each in range(models)
        ),
    )


def shown_groups(groups: Breakdown, best: int) -> tuple[GroupFigures, ...]:
    """Return the groups that tables and plots show, in their order; of many, the weakest.

    For the model at the position `best`, the upper ends of their intervals are the lowest: by the
    figure itself, the smallest groups would come first, by chance.
    """
    uppers = [_interval(each.metrics[best])[1] for each in groups.slices]
    chosen = {*np.argsort(uppers, kind="stable")[:MOST_SHOWN].tolist()}
    return tuple(each for at, each in enumerate(groups.slices) if at in chosen)


def groups_note(groups: Breakdown) -> str:
    """Return a note on which groups are shown, and what a dash means."""
    note = f"–: fewer than {FEWEST_OF_LABEL} reviews of a label."  # noqa: RUF001
    if len(groups.slices) <= MOST_SHOWN:
        return note
    return (
        f"The {MOST_SHOWN} weakest of {len(groups.slices):,} groups, by the upper ends of their "
        f"intervals; the JSON has all. {note}"
    )


def _slices(
    names: list[str], places: npt.NDArray[np.int64], reviews: LabelledReviews, answers: Predictions
) -> list[GroupFigures]:
    """Split reviews by the position of their name; positions after the last name are left out."""
    labels = reviews.labels
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(len(names) + 1))
    return [
        GroupFigures.of(name, labels[at], [(probability[at], own) for probability, own in answers])
        for name, at in zip(names, np.split(order, ends[1:]), strict=False)
        if len(at)
    ]


def _hardest_first(found: GroupFigures, best: int) -> tuple[bool, float, str]:
    """Sort by balanced accuracy; slices without one come last, by accuracy."""
    metrics = found.metrics[best]
    balanced = metrics.balanced_accuracy
    figure = metrics.accuracy.value if balanced is None else balanced
    return balanced is None, figure, found.name


def _interval(metrics: Metrics) -> tuple[float, float]:
    return metrics.balanced_accuracy_interval or metrics.accuracy.interval
