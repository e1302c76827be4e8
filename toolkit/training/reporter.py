"""Who hears of a training while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolkit.training.arrays import Arrays
    from toolkit.training.fit import Fit
    from toolkit.training.material import Inputs
    from toolkit.training.ngrams.corpus import Corpus
    from toolkit.training.sources.reviews import Reviews
    from toolkit.training.sources.taught import Matches
    from toolkit.training.sources.unlabelled import UnlabelledReviews

# What Keras shows of a fit on standard output: nothing, a bar, or lines for a log.
Progress = Literal[0, 1, 2]


class Reporter:
    """Hears everything and says nothing; the command line has one that prints."""

    progress: Progress = 0

    def loaded(self, reviews: Reviews) -> None:
        """Reviews were read, those to train on first."""

    def loaded_unlabelled(self, reviews: UnlabelledReviews) -> None:
        """Reviews without labels were read."""

    def taught(self, matches: Matches, inputs: Inputs) -> None:
        """A teacher file was joined with the reviews."""

    def left_out(self, count: int) -> None:
        """So many unlabelled reviews are held out or tested on, and not learned from."""

    def encoded(self, arrays: Arrays) -> None:
        """They became token ids."""

    def prepared(self, corpus: Corpus) -> None:
        """They became rows of token ids of their own lengths."""

    def sample(self, words: str, label: int) -> None:
        """A fitted row reads like this."""

    def network(self, summary: str) -> None:
        """The network has these layers."""

    def stage(self, name: str) -> None:
        """A long step of a fit begins."""

    def fold_begins(self, number: int, count: int) -> None:
        """Cross-validation comes to fold ``number``, from 1."""

    def fold_ends(self, number: int, fit: Fit) -> None:
        """It is through with it."""

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        """After the folds, the network to keep is fitted on everything.

        ``epochs`` are those that the folds found best; None if their length was fixed.
        """
