"""How right models are on parts of the reviews: by length, by stars, by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.reviews import LabelledReviews
from toolkit.evaluation.shares import Share
from toolkit.text.strings import is_blank
from toolkit.text.vocabulary import Vocabulary

# The first length that is in the next part.
_LENGTHS = {"under 25": 25, "25–99": 100, "100–199": 200, "200–512": 513}  # noqa: RUF001
_LONGEST = "over 512"

_GROUPS_SHOWN = 10
_FEWEST_IN_WEAK_GROUP = 5  # fewer reviews say too little

Rights = Sequence[npt.NDArray[np.bool_]]
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Some of the reviews."""

    name: str
    reviews: int
    positive: int  # of them, by their labels
    shares: tuple[Share, ...]  # what each model has right


@dataclass(frozen=True)
class Breakdown:
    """The reviews in parts."""

    key: str  # length, stars, largest_groups or weakest_groups
    title: str
    parts: tuple[Part, ...]


def break_down(reviews: LabelledReviews, rights: Rights, best: int) -> tuple[Breakdown, ...]:
    """Part the reviews in every way that their columns allow.

    Parameters
    ----------
    reviews : LabelledReviews
        The data.
    rights : Rights
        For each model (reviews,), whether it is right.
    best : int
        Which model decides what groups are weak.

    Returns
    -------
    tuple[Breakdown, ...]
        By length, and by stars and groups where there are such columns.
    """
    found = [Breakdown("length", "Length in tokens", _by_length(reviews, rights))]
    if reviews.stars is not None:
        parts = _by_value(reviews, reviews.stars, rights)
        parts.sort(key=lambda part: _as_number(part.name))
        title = f"Stars (column {reviews.columns['stars']})"
        found.append(Breakdown("stars", title, tuple(parts)))
    if reviews.groups is not None:
        found += _by_group(reviews, reviews.groups, rights, best)
    return tuple(found)


def token_counts(texts: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Count the tokens of each text, before any cut.

    Every model of the toolkit parts texts by the same rule, so that no vocabulary is needed.

    Parameters
    ----------
    texts : pa.ChunkedArray
        (reviews,) strings.

    Returns
    -------
    npt.NDArray[np.int64]
        (reviews,) tokens, the start of the review not counted.
    """
    return Vocabulary(pa.array([], pa.string())).encode(texts).lengths


def _by_length(reviews: LabelledReviews, rights: Rights) -> tuple[Part, ...]:
    places = np.searchsorted([*_LENGTHS.values()], token_counts(reviews.texts), side="right")
    names = (*_LENGTHS, _LONGEST)
    parts = (_part(name, places == place, reviews, rights) for place, name in enumerate(names))
    return tuple(part for part in parts if part.reviews)


def _by_group(
    reviews: LabelledReviews, groups: pa.ChunkedArray, rights: Rights, best: int
) -> Iterator[Breakdown]:
    """The largest groups, and those that the best model is weakest on.

    The latter are ordered by the upper end of the interval, or the smallest groups would be first.
    """
    parts = _by_value(reviews, groups, rights)
    column = reviews.columns["group"]
    largest = sorted(parts, key=lambda part: (-part.reviews, part.name))[:_GROUPS_SHOWN]
    if largest:
        yield Breakdown("largest_groups", f"Largest groups (column {column})", tuple(largest))
    enough = [part for part in parts if part.reviews >= _FEWEST_IN_WEAK_GROUP]
    weakest = sorted(enough, key=lambda part: (part.shares[best].interval[1], part.name))
    if len(parts) > len(largest) and weakest:
        title = f"Weakest groups (column {column})"
        yield Breakdown("weakest_groups", title, tuple(weakest[:_GROUPS_SHOWN]))


def _by_value(reviews: LabelledReviews, values: pa.ChunkedArray, rights: Rights) -> list[Part]:
    """A part for each value that is not blank, in the order of their first reviews."""
    codes = pc.dictionary_encode(pc.if_else(is_blank(values), None, values)).combine_chunks()
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    names = codes.dictionary.to_pylist()
    places = pc.fill_null(codes.indices, len(names)).to_numpy()

    def count(chosen: Chosen) -> list[int]:
        return list(np.bincount(places[chosen], minlength=len(names) + 1).tolist())

    reviews_of = count(np.ones(len(places), np.bool_))
    positive = count(reviews.labels == 1)
    right = [count(each) for each in rights]
    return [
        Part(
            name,
            reviews_of[place],
            positive[place],
            tuple(Share(each[place], reviews_of[place]) for each in right),
        )
        for place, name in enumerate(names)
    ]


def _part(name: str, chosen: Chosen, reviews: LabelledReviews, rights: Rights) -> Part:
    count = int(np.count_nonzero(chosen))
    shares = tuple(Share(int(np.count_nonzero(right & chosen)), count) for right in rights)
    return Part(name, count, int(reviews.labels[chosen].sum()), shares)


def _as_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
