"""The reviews that a model is most confidently wrong about, and the words that caused that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.evaluation.coverage import margins
from toolkit.evaluation.metrics import Labels, Probabilities, calls_positive
from toolkit.evaluation.reviews import LabelledReviews
from toolkit.model.explain import Word
from toolkit.model.scorer import Scorer


@dataclass(frozen=True)
class Mistake:
    """A review that a model is wrong about."""

    row: int  # in the file, from 1
    label: int  # the true one, 0 or 1
    probability: float  # of the positive class
    text: str
    words: tuple[Word, ...]  # all, in order; none for predictions from a file

    def effect(self, word: Word) -> float:
        """What a word adds to the log-odds of the wrong label."""
        return -word.contribution if self.label else word.contribution

    @property
    def unread(self) -> int:
        """How many words are before those that the model reads."""
        return sum(word.state == "unread" for word in self.words)

    @property
    def causes(self) -> list[Word]:
        """The words that speak for the wrong label, the strongest first."""
        found = [word for word in self.words if self.effect(word) > 0]
        return sorted(found, key=self.effect, reverse=True)

    def cause_names(self, most: int) -> list[str]:
        """The strongest of `causes`, at most this number, each once."""
        return list(dict.fromkeys(word.text.lower() for word in self.causes))[:most]


def most_confident(
    labels: Labels, probability: Probabilities, threshold: float, most: int
) -> list[int]:
    """Positions of the reviews that are wrong, the surest first, at most this number."""
    wrong = np.flatnonzero(calls_positive(probability, threshold) != labels.astype(np.bool_))
    order = np.argsort(-margins(probability[wrong], threshold), kind="stable")
    return [int(place) for place in wrong[order][:most]]


def mistakes(
    reviews: LabelledReviews,
    probability: Probabilities,
    threshold: float,
    scorer: Scorer | None,
    most: int,
) -> tuple[Mistake, ...]:
    """Find the most confident mistakes, the surest first; without a scorer, no words are tried."""
    found = []
    for place in most_confident(reviews.labels, probability, threshold, most):
        text, label = reviews.texts[place].as_py(), int(reviews.labels[place])
        words = () if scorer is None else scorer.explain(text).words
        row = int(reviews.rows[place]) + 1
        found.append(Mistake(row, label, float(probability[place]), text, words))
    return tuple(found)
