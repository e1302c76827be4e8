"""What the tests of a training look for: the parts of a run folder, and what was reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from toolkit.training.reporter import Reporter

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
class Listener(Reporter):
    """Remembers what it hears."""

    reviews: dict[str, dict[str, int]] = field(default_factory=dict)
    unlabelled: list[tuple[str, int, int]] = field(default_factory=list)
    matches: list[dict[str, Any]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    samples: list[tuple[str, int]] = field(default_factory=list)
    summary: str = ""
    folds: list[dict[str, float]] = field(default_factory=list)
    final: tuple[int, int | None] | None = None
    warnings: list[str] = field(default_factory=list)

    def loaded(self, name: str, reviews: int, **counts: int) -> None:
        self.reviews[name] = {"reviews": reviews, **counts}

    def loaded_unlabelled(self, name: str, reviews: int, without_text: int) -> None:
        self.unlabelled.append((name, reviews, without_text))

    def matched_teacher(self, name: str, **facts: Any) -> None:
        self.matches.append({"name": name, **facts})

    def left_out(self, count: int) -> None:
        self.lost.append(count)

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        self.sizes.extend(sizes)

    def sample(self, words: str, label: int) -> None:
        self.samples.append((words, label))

    def network(self, summary: str) -> None:
        self.summary = summary

    def fold_ends(self, number: int, *, loss: float, accuracy: float, epoch: int) -> None:
        self.folds.append({"loss": loss, "accuracy": accuracy, "epoch": epoch})

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        self.final = reviews, epochs

    def warning(self, message: str) -> None:
        self.warnings.append(message)


class Unreached(Reporter):
    """For calls that are to be refused before anything is read."""

    def loaded(self, name: str, reviews: int, **counts: int) -> None:
        pytest.fail("reviews were read")
