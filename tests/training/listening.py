"""What the tests of a training look for: the parts of a run folder, and what was reported."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from toolkit.training import TrainingObserver
from toolkit.training.tried import Choice

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

    said: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.said.append(line)

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def compare(self, choice: Choice) -> None:
        self.choices.append(choice)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def with_words(self, words: str) -> list[str]:
        """Lines that have some words."""
        return [line for line in self.said if words in line]


class Unreached(TrainingObserver):
    """For calls that are to be refused before anything is read."""

    def say(self, line: str) -> None:
        pytest.fail(f"reviews were read: {line}")
