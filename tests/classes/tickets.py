"""Invented tickets of four topics, and a model that is trained on them once."""

from __future__ import annotations

import csv
import random
from functools import cache
from pathlib import Path
from shutil import copy
from tempfile import mkdtemp

from toolkit.export import export
from toolkit.training import TrainingOptions, train
from toolkit.training.options import TrainingObserver

WORDS = {
    "app": ["crash", "screen", "update", "button", "slow", "freeze"],
    "billing, refunds": ["invoice", "charge", "refund", "payment", "card", "twice"],
    "delivery": ["parcel", "late", "courier", "box", "address", "tracking"],
    'the "login"': ["password", "account", "reset", "locked", "code", "email"],
}
TOPICS = tuple(WORDS)
_COMMON = [
    "the",
    "my",
    "is",
    "was",
    "again",
    "please",
    "help",
    "since",
    "and",
    "not",
    "i",
    "cannot",
    "it",
    "with",
    "a",
    "on",
]


def tickets(count: int = 240, seed: int = 1, wrong: float = 0) -> list[tuple[str, str]]:
    """Return texts of all topics with their topic, a share of which is wrong, in random order."""
    drawn = random.Random(seed)
    rows = []
    for number in range(count):
        topic = TOPICS[number % len(TOPICS)]
        words = [*drawn.sample(WORDS[topic], 2), *drawn.sample(_COMMON, 6)]
        drawn.shuffle(words)
        is_wrong = drawn.random() < wrong
        rows.append((" ".join(words), drawn.choice(TOPICS) if is_wrong else topic))
    drawn.shuffle(rows)
    return rows


def write(path: Path, rows: list[tuple[str, str]], label: str = "topic") -> Path:
    """Write a CSV file of texts and labels."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", label])
        writer.writerows(rows)
    return path


def learned() -> list[tuple[str, str]]:
    """Return what the model learns: one label in eight is drawn, so that it is not too sure."""
    return tickets(480, wrong=0.125)


class Heard(TrainingObserver):
    """Keeps what a training says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.hints: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def hint(self, message: str) -> None:
        self.hints.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@cache
def trained() -> Path:
    """Train and export a model of the tickets; return its run folder."""
    return run_of(learned())


@cache
def weaker_model() -> Path:
    """Return a model of the same classes that learns from few tickets, a third of them wrong."""
    return run_of(tickets(80, seed=5, wrong=0.4)) / "ngram-linear.onnx"


@cache
def _model_of(rows: tuple[tuple[str, str], ...]) -> Path:
    return run_of([*rows]) / "ngram-linear.onnx"


def as_model(name: str, rows: list[tuple[str, str]]) -> Path:
    """Train a model on some rows, once, and return a copy of its file with a name."""
    found = _model_of(tuple(rows))
    return Path(copy(found, found.with_name(name)))


def run_of(rows: list[tuple[str, str]]) -> Path:
    """Train and export a model; return its run folder."""
    folder = Path(mkdtemp(prefix="tickets-"))
    data = write(folder / "tickets.csv", rows)
    run = folder / "run"
    from toolkit.records.columns import Columns
    from toolkit.records.options import ReadOptions

    reading = ReadOptions(Columns(label="topic"))
    train(TrainingOptions(data=str(data), output=run, reading=reading, preset="ngram-linear"))
    export(run, golden=True)
    return run


def model() -> Path:
    """Return the model file of the tickets."""
    return trained() / "ngram-linear.onnx"
