"""Who hears of a training while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from toolkit.evaluation.metrics import Metrics
from toolkit.training.sources.reviews import Reviews, UnlabelledReviews
from toolkit.training.sources.teacher_matching import Matches

# What Keras shows of a fit on standard output: nothing, a bar, or lines for a log.
Progress = Literal[0, 1, 2]


class Reporter:
    """Hears everything and says nothing; the command line has one that prints."""

    progress: Progress = 0

    def loaded(self, reviews: Reviews | UnlabelledReviews) -> None:
        """Reviews were read, those to train on first."""

    def matched_teacher(self, matches: Matches, labelled: int, unlabelled: int | None) -> None:
        """A teacher file was matched with this many reviews; None if all of them have labels."""

    def left_out(self, count: int) -> None:
        """Some unlabelled reviews are held out or tested on, and not learned from."""

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        """The reviews became token ids of this many words; each line has sizes of arrays."""

    def sample(self, words: str, label: int) -> None:
        """A fitted row reads like this."""

    def network(self, summary: str) -> None:
        """The network has these layers."""

    def stage(self, name: str) -> None:
        """A long step begins, such as a fold."""

    def fold_ends(self, number: int, metrics: Metrics, epoch: int) -> None:
        """The fold is done: the scores on what it held out, and the epoch that they belong to."""

    def hint(self, message: str) -> None:
        """Another way may suit these reviews better."""

    def warning(self, message: str) -> None:
        """Something makes the result worth less than it seems."""
