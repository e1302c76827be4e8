"""How good models are on parts of the reviews: by length, by stars, by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import Metrics, Probabilities, measure
from toolkit.evaluation.proportion import Proportion
from toolkit.text.strings import is_blank
from toolkit.text.vocabulary import Vocabulary

# The first length that is in the next part.
_LENGTHS = {"under 25": 25, "25–99": 100, "100–199": 200, "200–512": 513}  # noqa: RUF001
_LONGEST = "over 512"

NO_GROUP = "(none)"  # the name of the group of the reviews that have none

# A part has a balanced accuracy if there are so many reviews of either label.
FEWEST_OF_LABEL = 5

Answers = Sequence[tuple[Probabilities, float]]  # of each model: (reviews,), and its threshold


@dataclass(frozen=True)
class Part:
    """Some of the reviews."""

    name: str
    metrics: tuple[Metrics, ...]  # of each model

    @property
    def reviews(self) -> int:
        """How many there are."""
        return self.metrics[0].accuracy.count

    @property
    def positive(self) -> int:
        """How many of them are positive, by their labels."""
        return self.metrics[0].true_positives + self.metrics[0].false_negatives

    @property
    def majority_accuracy(self) -> float:
        """The accuracy of always answering the label that is more frequent in this part."""
        return self.metrics[0].majority_accuracy

    @property
    def has_both_labels(self) -> bool:
        """Whether there are enough reviews of either label for a balanced accuracy."""
        return min(self.positive, self.reviews - self.positive) >= FEWEST_OF_LABEL

    @property
    def accuracy(self) -> tuple[Proportion, ...]:
        """Of each model."""
        return tuple(each.accuracy for each in self.metrics)

    @property
    def balanced_accuracy(self) -> tuple[float | None, ...]:
        """Of each model; None without enough reviews of both labels."""
        return tuple(
            each.balanced_accuracy if self.has_both_labels else None for each in self.metrics
        )

    @property
    def balanced_interval(self) -> tuple[tuple[float, float] | None, ...]:
        """The 95% interval of each balanced accuracy."""
        return tuple(
            each.balanced_accuracy_interval if self.has_both_labels else None
            for each in self.metrics
        )


@dataclass(frozen=True)
class Breakdown:
    """The reviews in parts."""

    key: str  # length, stars or groups
    title: str
    parts: tuple[Part, ...]


def break_down(reviews: LabelledReviews, answers: Answers, best: int) -> tuple[Breakdown, ...]:
    """Split the reviews by length, and by stars and groups where there are such columns.

    Groups are in the order in which the model at the position `best` finds them hard.
    """
    # All models of the toolkit split texts into tokens by the same rule, so an empty vocabulary
    # will do. Lengths are those before any cut.
    tokens = Vocabulary(pa.array([], pa.string())).encode(reviews.texts).lengths
    places = np.searchsorted([*_LENGTHS.values()], tokens, side="right")
    parts = _parts([*_LENGTHS, _LONGEST], places, reviews, answers)
    found = [Breakdown("length", "Length in tokens", tuple(parts))]
    if reviews.stars is not None:
        parts = _by_value(reviews.stars, None, reviews, answers)
        parts.sort(key=lambda part: _as_number(part.name))
        title = f"Stars (column {reviews.columns['stars']})"
        found.append(Breakdown("stars", title, tuple(parts)))
    if reviews.groups is not None:
        parts = _by_value(reviews.groups, NO_GROUP, reviews, answers)
        parts.sort(key=lambda part: _hardest_first(part, best))
        title = f"Groups (column {reviews.columns['group']})"
        found.append(Breakdown("groups", title, tuple(parts)))
    return tuple(found)


def _by_value(
    values: pa.ChunkedArray, no_value: str | None, reviews: LabelledReviews, answers: Answers
) -> list[Part]:
    """A part for each value; blank ones are `no_value`, or in no part."""
    missing = pa.scalar(no_value, values.type)
    codes = pc.dictionary_encode(pc.if_else(is_blank(values), missing, values)).combine_chunks()
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    names = codes.dictionary.to_pylist()
    places = pc.fill_null(codes.indices, len(names)).to_numpy()
    return _parts(names, places, reviews, answers)


def _parts(
    names: list[str], places: npt.NDArray[np.int64], reviews: LabelledReviews, answers: Answers
) -> list[Part]:
    """Split reviews by the position of their name; a position after the names is in no part."""
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(len(names) + 1))
    parts = []
    for name, start, end in zip(names, ends, ends[1:], strict=False):
        if start == end:
            continue
        chosen = order[start:end]
        metrics = [
            measure(reviews.labels[chosen], probability[chosen], threshold)
            for probability, threshold in answers
        ]
        parts.append(Part(name, tuple(metrics)))
    return parts


def _hardest_first(part: Part, best: int) -> tuple[bool, float, str]:
    """By balanced accuracy; then those that have none, by accuracy."""
    balanced = part.balanced_accuracy[best]
    figure = part.accuracy[best].value if balanced is None else balanced
    return balanced is None, figure, part.name


def _as_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
