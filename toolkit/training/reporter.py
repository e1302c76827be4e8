"""Who hears of a training while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

# What Keras shows of a fit on standard output: nothing, a bar, or lines for a log.
Progress = Literal[0, 1, 2]


class Reporter:
    """Hears everything and says nothing; the command line has one that prints."""

    progress: Progress = 0

    def loaded(
        self, name: str, reviews: int, *, positives: int, soft_labels: int, without_text: int
    ) -> None:
        """Labelled reviews were read, those to train on first."""

    def loaded_unlabelled(self, name: str, reviews: int, without_text: int) -> None:
        """Reviews without labels were read."""

    def matched_teacher(
        self,
        name: str,
        *,
        labelled: tuple[int, int],
        unlabelled: tuple[int, int] | None,
        compared: tuple[str, ...],
        unmatched: int,
        without_probability: int,
    ) -> None:
        """A teacher file was joined with the reviews: how many have a row, of how many."""

    def left_out(self, count: int) -> None:
        """Some unlabelled reviews are held out or tested on, and not learned from."""

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        """The reviews became token ids of this many words; each line has sizes of arrays."""

    def sample(self, words: str, label: int) -> None:
        """A fitted row reads like this."""

    def network(self, summary: str) -> None:
        """The network has these layers."""

    def stage(self, name: str) -> None:
        """A long step of a fit begins."""

    def fold_begins(self, number: int, count: int) -> None:
        """Cross-validation comes to fold ``number``, from 1."""

    def fold_ends(self, number: int, *, loss: float, accuracy: float, epoch: int) -> None:
        """The fold is done: the scores on what it held out, and the epoch that they belong to."""

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        """After the folds, the network to keep is fitted on everything.

        ``epochs`` are those that the folds found best; None if their length was fixed.
        """

    def warning(self, message: str) -> None:
        """Something makes the result worth less than it seems."""
