"""What an adaptation records of itself: one dataclass for each kind of fact.

`toolkit.model.facts.model_facts` says how they are stored, and how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StartModel:
    """The model that a network was adapted from; `sha256` is that of its file."""

    name: str
    preset: str
    sha256: str
    version: str | None = None


@dataclass(frozen=True)
class CandidateScores:
    """How well one way to adapt does on reviews that were held out of its fit."""

    name: str
    loss: float
    accuracy: float
    balanced_accuracy: float | None = None


@dataclass(frozen=True)
class Adaptation:
    """Which of the candidates was kept, with what, and how good each is by cross-validation."""

    kept: str
    candidates: tuple[CandidateScores, ...]  # the simplest first, which is the start as it is
    folds: int
    scale: float  # of the logit of the start
    bias: float
    strength: float | None = None  # deviation of the prior of a word's weight
    words: int | None = None  # that have a weight
    new_words: int | None = None  # of these, words that the start does not know
