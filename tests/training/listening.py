"""What the tests of a training look for: the parts of a run folder, and what was reported."""

from __future__ import annotations

import pytest

from toolkit.training.arrays import Arrays
from toolkit.training.fit import Fit
from toolkit.training.material import Inputs
from toolkit.training.reporter import Reporter
from toolkit.training.sources.reviews import Reviews
from toolkit.training.sources.taught import Matches
from toolkit.training.sources.unlabelled import UnlabelledReviews

PARTS = {
    "model.keras",
    "vocabulary.txt",
    "config.json",
    "metrics.json",
    "history.csv",
    "sample.parquet",
    "validation.parquet",
    "loss.png",
    "accuracy.png",
}


class Listener(Reporter):
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.reviews: list[Reviews] = []
        self.unlabelled: list[UnlabelledReviews] = []
        self.matches: list[Matches] = []
        self.lost: list[int] = []
        self.arrays: list[Arrays] = []
        self.samples: list[tuple[str, int]] = []
        self.summary = ""
        self.folds: list[Fit] = []
        self.final: tuple[int, int | None] | None = None

    def loaded(self, reviews: Reviews) -> None:
        self.reviews.append(reviews)

    def loaded_unlabelled(self, reviews: UnlabelledReviews) -> None:
        self.unlabelled.append(reviews)

    def taught(self, matches: Matches, inputs: Inputs) -> None:
        self.matches.append(matches)

    def left_out(self, count: int) -> None:
        self.lost.append(count)

    def encoded(self, arrays: Arrays) -> None:
        self.arrays.append(arrays)

    def sample(self, words: str, label: int) -> None:
        self.samples.append((words, label))

    def network(self, summary: str) -> None:
        self.summary = summary

    def fold_ends(self, number: int, fit: Fit) -> None:
        self.folds.append(fit)

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        self.final = reviews, epochs


class Unreached(Reporter):
    """For calls that are to be refused before anything is read."""

    def loaded(self, reviews: Reviews) -> None:
        pytest.fail("reviews were read")
