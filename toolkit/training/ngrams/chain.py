"""The whole way of the two presets over words and pairs of words.

Without unlabelled reviews a network is fitted on the labels alone. With them, networks of several
kinds are fitted first, and what they agree on for the unlabelled reviews teaches a student, twice
(after Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras
from toolkit.text.vocabulary import Ids
from toolkit.training.ngrams.bag import bag_logits
from toolkit.training.ngrams.bigrams import Bigrams
from toolkit.training.ngrams.convolution import StudentNetwork, teacher_network
from toolkit.training.ngrams.corpus import Corpus
from toolkit.training.ngrams.fitting import Examples, History, Schedule, fit, logits
from toolkit.training.ngrams.linear import LinearNetwork, log_ratios
from toolkit.training.ngrams.soft_labels import View, soft_targets
from toolkit.training.ngrams.tokens import Floats, Positions
from toolkit.training.ngrams.vectors import Vectors, word_and_bigram_vectors
from toolkit.training.reporter import Reporter

keras: Any = import_keras()

_FILTERS = 55  # and one column that says that there is a token: a multiple of eight together
_WINDOW_FILTERS = 64
_TEACHER_DIMENSIONS = 64
_STUDENT_DIMENSIONS = 48
_ADVERSARIAL = 1.5

LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)
STUDENT = Schedule(epochs=3, batch_size=128, learning_rate=2e-3, word_dropout=0.15)
_TEACHER = Schedule(epochs=4, batch_size=64, learning_rate=1e-3, word_dropout=0.1)

# In the loss of a student, of a review whose label no teacher has a say in; others have 1 or less.
_LABEL_WEIGHT = 1.9
_TOKENS_OF_A_REVIEW = 100  # an unlabelled text with fewer counts for less


@dataclass(frozen=True)
class Chain:
    """The steps on one corpus; each is made when it is first needed.

    Attributes
    ----------
    corpus : Corpus
        All reviews.
    seed : int
        Decides start weights, orders and dropout.
    teacher_weight : float
        Share of a teacher of the user in the targets of labelled reviews, from 0 to 1.
    reporter : Reporter
        Hears of each step.
    held_out : Corpus | None
        What to measure the last network on after each epoch.
    """

    corpus: Corpus
    seed: int
    teacher_weight: float
    reporter: Reporter
    held_out: Corpus | None = None

    @cached_property
    def bigrams(self) -> Bigrams:
        """The commonest pairs of all reviews."""
        return Bigrams.build(self.corpus.tokens, self.corpus.vocabulary_size)

    @cached_property
    def rows(self) -> Ids:
        """The row of the pair that ends at each token, (all tokens,) int32."""
        return self.bigrams.rows(self.corpus.tokens)

    @cached_property
    def vectors(self) -> tuple[Vectors, Vectors]:
        """Of words and of pairs, from all reviews."""
        self.reporter.stage("vectors of words and pairs, from all reviews")
        sizes = (self.corpus.vocabulary_size, len(self.bigrams))
        return word_and_bigram_vectors(
            self.corpus.tokens, self.rows, sizes, _TEACHER_DIMENSIONS, self.seed
        )

    def linear(self, schedule: Schedule) -> tuple[Any, History]:
        """Train the network of `ngram-linear`.

        Parameters
        ----------
        schedule : Schedule
            For the last network.

        Returns
        -------
        tuple[Any, History]
            A `LinearNetwork`, and how it went.
        """
        targets = self._targets
        self.reporter.stage("weights of words and pairs")
        return self._fit_linear(targets, schedule, self.held_out)

    def convolution(self, schedule: Schedule) -> tuple[Any, History]:
        """Train the network of `ngram-cnn`.

        Parameters
        ----------
        schedule : Schedule
            For the last network.

        Returns
        -------
        tuple[Any, History]
            A `StudentNetwork`, and how it went.
        """
        return self._fit_student(self._targets, schedule, "network", self.held_out)

    @cached_property
    def _views(self) -> list[View]:
        """What different kinds of models, fitted on the labels, say of all reviews."""
        corpus = self.corpus
        self.reporter.stage("first view: naive Bayes weights of words and pairs")
        count = len(corpus.targets)
        bayes, _ = self._fit_linear(corpus.targets, LINEAR.enough(count))
        views = [View(1.0, logits(bayes, corpus.tokens))]
        self.reporter.stage("second view: logistic regression on tf-idf")
        bag = bag_logits(corpus.tokens, corpus.targets, corpus.vocabulary_size, self.seed)
        views.append(View(0.5, bag))
        keras.utils.set_random_seed(self.seed)
        network = teacher_network(*self.vectors)
        self.reporter.stage("third view: convolutions over vectors of words and pairs")
        examples = self._examples(corpus.targets, pairs=True)
        fit(network, examples, _TEACHER.enough(count), self.seed, self.reporter.progress)
        views.append(View(0.5, logits(network, corpus.tokens, self.rows)))
        return views

    @cached_property
    def _targets(self) -> Floats:
        """What the last network learns; the labels alone if there is nothing else."""
        corpus = self.corpus
        if not len(corpus.unlabelled) and not corpus.taught.any():
            return corpus.targets
        if not self._needs_views:
            return soft_targets(corpus, [], self.teacher_weight)
        first = soft_targets(corpus, self._views, self.teacher_weight)
        student, _ = self._fit_student(first, STUDENT.enough(len(first)), "first student")
        found = View(1.0, logits(student, corpus.tokens, self.rows))
        return soft_targets(corpus, [found, *self._views], self.teacher_weight)

    @property
    def _needs_views(self) -> bool:
        """Whether the teacher of the user leaves something to say on the unlabelled reviews."""
        return not self.corpus.taught[self.corpus.unlabelled].all()

    def _fit_linear(
        self, targets: Floats, schedule: Schedule, held_out: Corpus | None = None
    ) -> tuple[Any, History]:
        examples = self._examples(targets, pairs=False)
        ratios = log_ratios(
            examples.tokens, examples.targets, examples.weights, self.corpus.vocabulary_size
        )
        network = LinearNetwork(ratios, self.corpus.vocabulary_size)
        history = fit(
            network,
            examples,
            schedule,
            self.seed,
            self.reporter.progress,
            None if held_out is None else Examples.judged(held_out.tokens, held_out.targets),
        )
        return network, history

    def _fit_student(
        self, targets: Floats, schedule: Schedule, name: str, held_out: Corpus | None = None
    ) -> tuple[Any, History]:
        words, pairs = (table[:, :_STUDENT_DIMENSIONS] for table in self.vectors)
        keras.utils.set_random_seed(self.seed)
        network = StudentNetwork(words, pairs, _FILTERS, _WINDOW_FILTERS, _ADVERSARIAL)
        self.reporter.stage(f"{name}: vectors of words and pairs, pooled")
        examples = self._examples(targets, pairs=True)
        judged = None
        if held_out is not None:
            rows = self.bigrams.rows(held_out.tokens)
            judged = Examples.judged(held_out.tokens, held_out.targets, rows)
        history = fit(
            network,
            examples,
            schedule,
            self.seed,
            self.reporter.progress,
            judged,
        )
        return network, history

    def _examples(self, targets: Floats, *, pairs: bool) -> Examples:
        """The reviews that have a target: the labelled ones, which come first, or all."""
        corpus = self.corpus
        rows = np.arange(len(targets))
        weights = _weights(corpus, rows)
        return Examples(
            corpus.tokens.first(len(rows)),
            self.rows[: corpus.tokens.offsets[len(rows)]] if pairs else None,
            targets,
            weights,
        )


def _weights(corpus: Corpus, rows: Positions) -> Floats:
    """Of some reviews in the loss: a short text tells less, and a label alone tells most."""
    if len(rows) == len(corpus.targets):
        return np.ones(len(rows), np.float32)
    weights = np.minimum(corpus.tokens.lengths[rows] / _TOKENS_OF_A_REVIEW, 1)
    is_labelled = rows < len(corpus.targets)
    weights[is_labelled] = np.where(corpus.taught[rows][is_labelled], 1, _LABEL_WEIGHT)
    return weights.astype(np.float32)
