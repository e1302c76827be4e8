"""What the tests of a training look for: the parts of a run folder, and what was reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from toolkit.training import Matches, Reviews, TrainingObserver, UnlabelledReviews

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


@dataclass
class Listener(TrainingObserver):
    """Remembers what it hears."""

    reviews: list[str] = field(default_factory=list)
    unlabelled: list[tuple[str, int, int]] = field(default_factory=list)
    matches: list[tuple[int, int]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    samples: list[tuple[str, int]] = field(default_factory=list)
    summary: str = ""
    stages: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def loaded(self, reviews: Reviews | UnlabelledReviews) -> None:
        if isinstance(reviews, Reviews):
            self.reviews.append(reviews.name)
        else:
            self.unlabelled.append((reviews.name, len(reviews), reviews.without_text))

    def matched_teacher(self, matches: Matches, labelled: int, unlabelled: int | None) -> None:
        self.matches.append((matches.labelled, labelled))

    def left_out(self, count: int) -> None:
        self.lost.append(count)

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        self.sizes.extend(sizes)

    def sample(self, words: str, label: int) -> None:
        self.samples.append((words, label))

    def network(self, summary: str) -> None:
        self.summary = summary

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


class Unreached(TrainingObserver):
    """For calls that are to be refused before anything is read."""

    def loaded(self, reviews: Reviews | UnlabelledReviews) -> None:
        pytest.fail("reviews were read")
