"""How accurate models are on parts of the reviews: by length, by stars, by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import Labels, Proportion, balanced_accuracy
from toolkit.text.strings import is_blank
from toolkit.text.vocabulary import Vocabulary

# The first length that is in the next part.
_LENGTHS = {"under 25": 25, "25–99": 100, "100–199": 200, "200–512": 513}  # noqa: RUF001
_LONGEST = "over 512"

_GROUPS_SHOWN = 10
_FEWEST_IN_WEAK_GROUP = 5  # fewer reviews say too little

Rights = Sequence[npt.NDArray[np.bool_]]  # for each model (reviews,), whether it is right


@dataclass(frozen=True)
class Part:
    """Some of the reviews."""

    name: str
    reviews: int
    positive: int  # of them, by their labels
    accuracy: tuple[Proportion, ...]  # of each model
    balanced_accuracy: tuple[float | None, ...]  # of each model

    @property
    def majority_accuracy(self) -> float:
        """The accuracy of always answering the label that is more frequent in this part."""
        return max(self.positive, self.reviews - self.positive) / self.reviews


@dataclass(frozen=True)
class Breakdown:
    """The reviews in parts."""

    key: str  # length, stars, largest_groups or weakest_groups
    title: str
    parts: tuple[Part, ...]


def break_down(reviews: LabelledReviews, rights: Rights, best: int) -> tuple[Breakdown, ...]:
    """Split the reviews by length, and by stars and groups where there are such columns.

    The model at the position `best` decides which groups are weak.
    """
    # All models of the toolkit split texts into tokens by the same rule, so an empty vocabulary
    # will do. Lengths are those before any cut.
    tokens = Vocabulary(pa.array([], pa.string())).encode(reviews.texts).lengths
    places = np.searchsorted([*_LENGTHS.values()], tokens, side="right")
    parts = _parts([*_LENGTHS, _LONGEST], places, reviews.labels, rights)
    found = [Breakdown("length", "Length in tokens", tuple(parts))]
    if reviews.stars is not None:
        parts = _by_value(reviews.stars, reviews.labels, rights)
        parts.sort(key=lambda part: _as_number(part.name))
        title = f"Stars (column {reviews.columns['stars']})"
        found.append(Breakdown("stars", title, tuple(parts)))
    if reviews.groups is not None:
        parts = _by_value(reviews.groups, reviews.labels, rights)
        found += _largest_and_weakest(parts, best, reviews.columns["group"])
    return tuple(found)


def _by_value(values: pa.ChunkedArray, labels: Labels, rights: Rights) -> list[Part]:
    """A part for each value that is not blank, in the order of their first reviews."""
    codes = pc.dictionary_encode(pc.if_else(is_blank(values), None, values)).combine_chunks()
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    names = codes.dictionary.to_pylist()
    return _parts(names, pc.fill_null(codes.indices, len(names)).to_numpy(), labels, rights)


def _parts(
    names: list[str], places: npt.NDArray[np.int64], labels: Labels, rights: Rights
) -> list[Part]:
    """Split reviews by the position of their name; a position after the names is in no part."""
    is_positive = labels == 1

    def count(chosen: npt.NDArray[np.bool_]) -> list[int]:
        return list(np.bincount(places[chosen], minlength=len(names) + 1).tolist())

    positive, negative = count(is_positive), count(~is_positive)
    found = [(count(right & is_positive), count(right & ~is_positive)) for right in rights]
    parts = []
    for place, name in enumerate(names):
        p, n = positive[place], negative[place]
        if not p + n:
            continue
        right = [(tp[place], tn[place]) for tp, tn in found]
        accuracy = tuple(Proportion(tp + tn, p + n) for tp, tn in right)
        balanced = tuple(balanced_accuracy(tp, p - tp, n - tn, tn) for tp, tn in right)
        parts.append(Part(name, p + n, p, accuracy, balanced))
    return parts


def _largest_and_weakest(parts: list[Part], best: int, column: str) -> Iterator[Breakdown]:
    """The largest groups, and those that the best model is weakest on."""
    largest = sorted(parts, key=lambda part: (-part.reviews, part.name))[:_GROUPS_SHOWN]
    if largest:
        yield Breakdown("largest_groups", f"Largest groups (column {column})", tuple(largest))
    # By the upper ends of their intervals, or the smallest groups would be first.
    enough = [part for part in parts if part.reviews >= _FEWEST_IN_WEAK_GROUP]
    weakest = sorted(enough, key=lambda part: (part.accuracy[best].interval[1], part.name))
    if len(parts) > len(largest) and weakest:
        title = f"Weakest groups (column {column})"
        yield Breakdown("weakest_groups", title, tuple(weakest[:_GROUPS_SHOWN]))


def _as_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
