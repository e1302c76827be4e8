"""What the labels of a classifier folder mean, and how numbers of a network become probabilities.

What the labels are decides what the answers are:

- Two labels that mean negative and positive make a model of sentiment; its probability is that of
  the positive label.
- "1 star" to "5 stars" make a model of sentiment with stars: the stars are their mean, weighted by
  probability. A review is positive with the probability of four and five stars, and half that of
  three.
- All other labels make a model of classes. If several labels may be true at once (`problem_type` is
  ``multi_label_classification``), each has a probability of its own, and they need not add up to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

import numpy as np
import numpy.typing as npt

from toolkit.model.stars import FEWEST, MOST, sigmoid
from toolkit.records.labels import opinion_in, stars_in
from toolkit.records.options import plain_label

MULTI_LABEL = "multi_label_classification"  # the `problem_type` of labels that are not exclusive

Floats = npt.NDArray[np.float32]


class Meaning(Enum):
    """What the labels of a classifier are."""

    SENTIMENT = auto()
    STARS = auto()
    CLASSES = auto()


@dataclass(frozen=True)
class ClassifierLabels:
    """The labels of a classifier by number, and how its numbers become probabilities.

    Parameters
    ----------
    names : tuple[str, ...]
        The labels in the order of the network's outputs.
    are_exclusive : bool
        Whether exactly one label is true: then their probabilities add up to 1 (softmax, else
        sigmoid).
    """

    names: tuple[str, ...]
    are_exclusive: bool = True

    @cached_property
    def meaning(self) -> Meaning:
        """What the labels are."""
        if not self.are_exclusive:
            return Meaning.CLASSES
        if sorted(map(opinion_in, self.names)) == [0.0, 1.0]:
            return Meaning.SENTIMENT
        stars = sorted(map(stars_in, map(plain_label, self.names)))
        have_word = all("star" in plain_label(name) for name in self.names)
        if have_word and stars == [*range(FEWEST, MOST + 1)]:
            return Meaning.STARS
        return Meaning.CLASSES

    def probabilities(self, logits: Floats) -> Floats:
        """Return the probability of each label, (texts, labels), from the network's numbers."""
        numbers = logits.astype(np.float64)
        if self.are_exclusive:
            raised = np.exp(numbers - numbers.max(axis=1, keepdims=True))
            shares: Floats = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
            return shares
        found: Floats = sigmoid(numbers).astype(np.float32)
        return found

    def positive(self, probabilities: Floats) -> Floats:
        """Return the probability of a positive opinion, (texts,), of (texts, labels)."""
        if self.meaning is Meaning.SENTIMENT:
            shares = np.array([opinion_in(name) for name in self.names], np.float32)
        else:
            shares = np.clip((self._stars - 2) / 2, 0, 1)
        return np.clip(_sum_of(probabilities, shares), 0, 1)

    def stars(self, probabilities: Floats) -> Floats:
        """Return the expected number of stars, (texts,), of (texts, labels)."""
        return np.clip(_sum_of(probabilities, self._stars), FEWEST, MOST)

    @cached_property
    def _stars(self) -> Floats:
        return np.array([stars_in(plain_label(name)) for name in self.names], np.float32)


def _sum_of(probabilities: Floats, factors: Floats) -> Floats:
    """Return sums of products, (rows,), added in the order of the columns.

    A product of matrices may add in another order for other numbers of rows.
    """
    found = np.zeros(len(probabilities), np.float32)
    for column, factor in zip(probabilities.T, factors, strict=True):
        found += column * factor
    return found
