"""Figures for the stars and the three classes of a model: exact, within one star, macro F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.classes import NEUTRAL_OF_THREE
from toolkit.model.stars import FEWEST, FIXED_RANGE, MOST, StarScale, logits_of, rounded_stars

Stars = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StarFigures:
    """How near the stars of a model are to the reviewers' stars; shares from 0 to 1.

    Balanced figures are means over the whole numbers of stars that reviewers gave.
    """

    reviews: int
    exact: float
    within_one: float
    mean_error: float  # mean absolute difference
    balanced_exact: float
    balanced_within_one: float


@dataclass(frozen=True)
class ClassFigures:
    """The macro F1 of negative, neutral and positive: the mean of the F1 of each class."""

    reviews: int
    neutral: int  # of the reviews
    macro_f1: float | None  # with the model's own neutral range, if it has one
    range: tuple[float, float] | None
    # (3 labels, 3 called) reviews with that range; and of each class the share called so, None
    # where no review has the label.
    confusion: list[list[int]] | None
    recall: list[float | None] | None
    macro_f1_of_fixed: float  # with `FIXED_RANGE`
    macro_f1_of_constant: float  # of the best constant answer


@dataclass(frozen=True)
class Ratings:
    """Figures for stars and three classes; None if the model or the data lack them."""

    stars: StarFigures | None = None
    best_constants: StarFigures | None = None
    classes: ClassFigures | None = None


def rate(
    probability: npt.NDArray[Any],
    known_tokens: npt.NDArray[Any] | None,
    classes: Classes,
    given: Stars | None,
    scale: StarScale | None,
    neutral: tuple[float, float] | None,
) -> Ratings:
    """Measure the probabilities of reviews, (reviews,), NaN without a score.

    `known_tokens` (reviews,) are the numbers of tokens that the model knows; stars need them.
    `given` are the stars of the reviewers, 1 to 5 or NaN; `scale` and `neutral` are the model's.
    """
    has_score = ~np.isnan(probability)
    stars = constants = three = None
    if given is not None and scale is not None and known_tokens is not None:
        rated = np.flatnonzero(has_score & ~np.isnan(given))
        if len(rated):
            inputs = logits_of(probability[rated]), known_tokens[rated]
            stars = star_figures(given[rated], scale.stars(*inputs), scale.most_likely(*inputs))
            constants = best_constants(given[rated])
    scored = probability[has_score]
    classes = classes[has_score]
    if np.any(classes == NEUTRAL_OF_THREE):
        of_constants = (macro_f1(classes, np.full(len(classes), each)) for each in range(3))
        counts = None
        if neutral is not None:
            counts = confusion(classes, classes_of(scored, neutral)).astype(int).tolist()
        three = ClassFigures(
            reviews=len(classes),
            neutral=int(np.count_nonzero(classes == NEUTRAL_OF_THREE)),
            macro_f1=None if counts is None else macro_f1_of(np.array(counts)),
            range=neutral,
            confusion=counts,
            recall=counts
            and [row[i] / sum(row) if any(row) else None for i, row in enumerate(counts)],
            macro_f1_of_fixed=macro_f1(classes, classes_of(scored, FIXED_RANGE)),
            macro_f1_of_constant=max(of_constants),
        )
    return Ratings(stars, constants, three)


def star_figures(
    given: Stars, stars: Stars, most_likely: Classes, weights: npt.NDArray[Any] | None = None
) -> StarFigures:
    """Compare stars, (reviews,), with those that reviewers gave, 1 to 5."""
    right = rounded_stars(given)
    is_exact = most_likely == right
    is_near = np.abs(rounded_stars(stars) - right) <= 1
    there = np.unique(right)
    return StarFigures(
        reviews=len(given),
        exact=float(np.average(is_exact, weights=weights)),
        within_one=float(np.average(is_near, weights=weights)),
        mean_error=float(np.average(np.abs(stars - given), weights=weights)),
        balanced_exact=float(np.mean([is_exact[right == each].mean() for each in there])),
        balanced_within_one=float(np.mean([is_near[right == each].mean() for each in there])),
    )


def best_constants(given: Stars) -> StarFigures:
    """Return the best value of each figure that a constant number of stars reaches."""
    counts = range(FEWEST, MOST + 1)
    found = [
        star_figures(given, np.full(len(given), float(each)), np.full(len(given), each))
        for each in counts
    ]
    median = np.full(len(given), float(np.median(given)))
    return StarFigures(
        reviews=len(given),
        exact=max(each.exact for each in found),
        within_one=max(each.within_one for each in found),
        mean_error=float(np.mean(np.abs(median - given))),
        balanced_exact=max(each.balanced_exact for each in found),
        balanced_within_one=max(each.balanced_within_one for each in found),
    )


def classes_of(probability: npt.NDArray[Any], neutral: tuple[float, float]) -> Classes:
    """Return the class of each probability, (reviews,); `neutral` excludes its upper end.

    Compared in float32, as scoring does.
    """
    ends = np.array(neutral, np.float32)
    return np.searchsorted(ends, probability.astype(np.float32), side="right")


def macro_f1(given: Classes, found: Classes, weights: npt.NDArray[Any] | None = None) -> float:
    """Return the mean F1 of the given classes; the F1 of a class that is never found is 0."""
    return macro_f1_of(confusion(given, found, weights))


def confusion(
    given: Classes, found: Classes, weights: npt.NDArray[Any] | None = None
) -> npt.NDArray[np.float64]:
    """Count reviews, or add their weights, by class: (3 given, 3 found)."""
    counts = np.zeros((3, 3))
    np.add.at(counts, (given, found), 1.0 if weights is None else weights)
    return counts


def macro_f1_of(counts: npt.NDArray[Any]) -> float:
    """Return the mean F1 of a confusion matrix, (3 given, 3 found)."""
    right = np.diag(counts)
    given = counts.sum(axis=1)
    found = counts.sum(axis=0)
    scores = 2 * right / np.maximum(given + found, 1e-12)
    return float(scores[given > 0].mean())
