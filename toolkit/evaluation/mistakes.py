"""The reviews that a model is most confidently wrong about, and the words that misled it.

The effect of a word is its contribution to the log-odds of the wrong label, as `Scorer.explain`
finds it: how far they fall when the word is replaced by an unknown one. Where one word says what
another says too, both have a small effect: effects need not add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.evaluation.coverage import margins
from toolkit.evaluation.measures import Labels, Probabilities, calls_positive
from toolkit.evaluation.reviews import LabelledReviews
from toolkit.model.scorer import Scorer
from toolkit.text.vocabulary import token_spans


@dataclass(frozen=True)
class Word:
    """A word of a review: ``text[start:stop]``."""

    start: int
    stop: int
    effect: float  # log-odds (nats) that it adds to the wrong label; below 0 it spoke for the right


@dataclass(frozen=True)
class Mistake:
    """A review that a model is wrong about."""

    row: int  # in the file, from 1
    label: int  # the true one, 0 or 1
    probability: float  # of the positive class
    text: str
    words: tuple[Word, ...]  # those that the model reads, in order; none for predictions of others

    @property
    def unread(self) -> int:
        """How many words stand before those that the model reads."""
        return len(token_spans(self.text[: self.words[0].start])) if self.words else 0

    def misleading(self, most: int) -> list[str]:
        """The words that misled most, at most so many, each once."""
        found = sorted((w for w in self.words if w.effect > 0), key=lambda w: -w.effect)
        names = (self.text[word.start : word.stop].lower() for word in found)
        return list(dict.fromkeys(names))[:most]


def most_confident(
    labels: Labels, probability: Probabilities, threshold: float, most: int
) -> list[int]:
    """Positions of the reviews that are wrong, the surest first, at most so many."""
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
    """Find the most confident mistakes, and what misled.

    Parameters
    ----------
    reviews : LabelledReviews
        The data.
    probability : Probabilities
        (reviews,) of the positive class.
    threshold : float
        From which a review is called positive.
    scorer : Scorer | None
        The model; without it, no word can be tried.
    most : int
        How many to give.

    Returns
    -------
    tuple[Mistake, ...]
        The surest first.
    """
    found = []
    for place in most_confident(reviews.labels, probability, threshold, most):
        text, label = reviews.texts[place].as_py(), int(reviews.labels[place])
        words = () if scorer is None else tuple(effects(scorer, text, wrong=1 - label))
        row = int(reviews.rows[place]) + 1
        found.append(Mistake(row, label, float(probability[place]), text, words))
    return tuple(found)


def effects(scorer: Scorer, text: str, wrong: int) -> Iterator[Word]:
    """Find what each word that a model reads does.

    Parameters
    ----------
    scorer : Scorer
        The model.
    text : str
        A review that is not blank.
    wrong : int
        The label (0 or 1) whose log-odds are asked for.

    Yields
    ------
    Word
        In order.
    """
    sign = 1 if wrong else -1
    for word in scorer.explain(text).words:
        if word.state != "unread":
            yield Word(word.start, word.end, sign * word.contribution)
