"""The steps from a corpus to the networks of the n-gram recipes; each is made when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras
from toolkit.networks.experts import MOST_EXPERTS, Lookup
from toolkit.networks.negation import negator_flags
from toolkit.records.values import Rows, Targets
from toolkit.text.token_ids import Ids
from toolkit.training.recipes.bigram_table import CANDIDATES, Bigrams
from toolkit.training.recipes.cnn_networks import StudentNetwork, teacher_network
from toolkit.training.recipes.corpus import Corpus
from toolkit.training.recipes.linear_network import LinearNetwork, log_ratios
from toolkit.training.recipes.pool_network import PoolNetwork
from toolkit.training.recipes.ragged_fit import Examples, History, Schedule, fit, logits
from toolkit.training.recipes.router import LONG_TOKENS, fit_routes, reviews_of_experts
from toolkit.training.recipes.soft_labels import View, soft_targets
from toolkit.training.recipes.tfidf_regression import tfidf_logits
from toolkit.training.recipes.word_vectors import Vectors, word_and_bigram_vectors
from toolkit.training.reporter import Reporter

keras: Any = import_keras()

_TEACHER_DIMENSIONS = 64
_STUDENT_DIMENSIONS = 48

LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)
STUDENT = Schedule(epochs=3, batch_size=128, learning_rate=2e-3, word_dropout=0.15)
POOL = Schedule(
    epochs=3, batch_size=256, learning_rate=3e-3, word_dropout=0.1, tokens_of_a_review=15
)
_TEACHER = Schedule(epochs=4, batch_size=64, learning_rate=1e-3, word_dropout=0.1)

# Loss weight of labelled reviews without a teacher score; all others weigh at most 1.
_LABEL_WEIGHT = 1.9


@dataclass(frozen=True)
class NgramPipeline:
    """The steps on one corpus; each is made when it is first needed."""

    corpus: Corpus
    seed: int
    teacher_weight: float
    reporter: Reporter
    keeps_best: bool = False
    most_bigrams: int = CANDIDATES

    @cached_property
    def bigrams(self) -> Bigrams:
        """The most common bigrams of all reviews."""
        return Bigrams.build(self.corpus.tokens, self.corpus.vocabulary.size, self.most_bigrams)

    @cached_property
    def rows(self) -> Ids:
        """The row of the bigram that ends at each token, (all tokens,) int32."""
        return self.bigrams.rows(self.corpus.tokens)

    @cached_property
    def vectors(self) -> tuple[Vectors, Vectors]:
        """Of words and of bigrams, from all reviews."""
        self.reporter.stage("vectors of words and pairs, from all reviews")
        sizes = (self.corpus.vocabulary.size, len(self.bigrams))
        return word_and_bigram_vectors(
            self.corpus.tokens, self.rows, sizes, _TEACHER_DIMENSIONS, self.seed
        )

    def linear(self, schedule: Schedule) -> tuple[LinearNetwork, History]:
        """Train the network of `ngram-linear` by a schedule; give it and its history."""
        targets = self._targets
        self.reporter.stage("weights of words and pairs")
        return self._fit_linear(targets, schedule, self._held_out(has_bigrams=False))

    def convolution(self, schedule: Schedule) -> tuple[StudentNetwork, History]:
        """Train the network of `ngram-cnn` by a schedule; give it and its history."""
        return self._fit_student(
            self._targets, schedule, "network", self._held_out(has_bigrams=True)
        )

    def pool(self, schedule: Schedule) -> tuple[PoolNetwork, History]:
        """Train the network of `ngram-pool` by a schedule; give it and its history."""
        targets = self._targets
        words, pairs = (table[:, :_STUDENT_DIMENSIONS] for table in self.vectors)
        lookup, experts = self._lookup()
        keras.utils.set_random_seed(self.seed)
        network = PoolNetwork(words, pairs, lookup, experts)
        self.reporter.stage("network: vectors of words and pairs, pooled")
        examples = self._examples(targets, schedule.tokens_of_a_review, has_bigrams=True)
        return network, self._fit(network, examples, schedule, self._held_out(has_bigrams=True))

    def _lookup(self) -> tuple[Lookup, int]:
        """What finds rows of tables and experts, and how many there are: one without topics."""
        corpus, size = self.corpus, self.corpus.vocabulary.size
        negators = negator_flags(corpus.vocabulary.words.to_pylist())
        found = (self.bigrams.slots, len(self.bigrams))
        if corpus.is_second_topic is None:
            return Lookup(negators, *found, np.zeros(size, np.int32)), 1
        tokens = corpus.tokens.first(len(corpus.targets))
        counts = reviews_of_experts(tokens, corpus.targets, corpus.is_second_topic)
        self.reporter.stage(f"experts: {', '.join(f'{n:,} {name}' for name, n in counts.items())}")
        routes, limit = fit_routes(tokens, corpus.is_second_topic, size, self.seed)
        has_short = len(counts) == MOST_EXPERTS
        long_tokens = LONG_TOKENS if has_short else 0
        return Lookup(negators, *found, routes, limit, long_tokens), len(counts)

    @cached_property
    def _views(self) -> list[View]:
        """What different kinds of models, fitted on the labels, say of all reviews."""
        corpus = self.corpus
        self.reporter.stage("first view: naive Bayes weights of words and pairs")
        count = len(corpus.targets)
        bayes, _ = self._fit_linear(corpus.targets, LINEAR.enough(count))
        views = [View(1.0, logits(bayes, corpus.tokens))]
        self.reporter.stage("second view: logistic regression on tf-idf")
        by_tfidf = tfidf_logits(corpus.tokens, corpus.targets, corpus.vocabulary.size, self.seed)
        views.append(View(0.5, by_tfidf))
        keras.utils.set_random_seed(self.seed)
        network = teacher_network(*self.vectors)
        self.reporter.stage("third view: convolutions over vectors of words and pairs")
        whole = _TEACHER.tokens_of_a_review
        examples = self._examples(corpus.targets, whole, has_bigrams=True)
        fit(network, examples, _TEACHER.enough(count), self.seed, self.reporter.progress)
        views.append(View(0.5, logits(network, corpus.tokens, self.rows)))
        return views

    @cached_property
    def _targets(self) -> Targets:
        """What the last network learns; the labels alone if there is nothing else."""
        corpus = self.corpus
        if not len(corpus.unlabelled) and not corpus.has_teacher.any():
            return corpus.targets
        if corpus.has_teacher[corpus.unlabelled].all():  # nothing is left for the views to label
            return soft_targets(corpus, [], self.teacher_weight)
        first = soft_targets(corpus, self._views, self.teacher_weight)
        student, _ = self._fit_student(first, STUDENT.enough(len(first)), "first student")
        found = View(1.0, logits(student, corpus.tokens, self.rows))
        return soft_targets(corpus, [found, *self._views], self.teacher_weight)

    def _fit_linear(
        self, targets: Targets, schedule: Schedule, held_out: Examples | None = None
    ) -> tuple[LinearNetwork, History]:
        examples = self._examples(targets, schedule.tokens_of_a_review, has_bigrams=False)
        size = self.corpus.vocabulary.size
        ratios = log_ratios(examples.tokens, examples.targets, examples.weights, size)
        network = LinearNetwork(ratios, size)
        return network, self._fit(network, examples, schedule, held_out)

    def _fit_student(
        self, targets: Targets, schedule: Schedule, name: str, held_out: Examples | None = None
    ) -> tuple[StudentNetwork, History]:
        words, pairs = (table[:, :_STUDENT_DIMENSIONS] for table in self.vectors)
        keras.utils.set_random_seed(self.seed)
        network = StudentNetwork(words, pairs)
        self.reporter.stage(f"{name}: vectors of words and pairs, pooled")
        examples = self._examples(targets, schedule.tokens_of_a_review, has_bigrams=True)
        return network, self._fit(network, examples, schedule, held_out)

    def _fit(
        self, network: Any, examples: Examples, schedule: Schedule, held_out: Examples | None
    ) -> History:
        return fit(
            network,
            examples,
            schedule,
            self.seed,
            self.reporter.progress,
            held_out,
            keeps_best=self.keeps_best,
        )

    def _examples(
        self, targets: Targets, tokens_of_a_review: int, *, has_bigrams: bool
    ) -> Examples:
        """The reviews that have a target: the labelled ones, which come first, or all."""
        tokens = self.corpus.tokens.first(len(targets))
        rows = self.rows[: len(tokens.values)] if has_bigrams else None
        return Examples(
            tokens, rows, targets, loss_weights(self.corpus, len(targets), tokens_of_a_review)
        )

    def _held_out(self, *, has_bigrams: bool) -> Examples | None:
        tokens, targets = self.corpus.held_out, self.corpus.held_out_targets
        weights = self.corpus.held_out_weights
        if tokens is None or targets is None or weights is None:
            return None
        rows = self.bigrams.rows(tokens) if has_bigrams else None
        return Examples(tokens, rows, targets, weights)


def loss_weights(corpus: Corpus, count: int, tokens_of_a_review: int) -> Targets:
    """Of the first reviews in the loss: short texts say less, and a label alone weighs most."""
    rows: Rows = np.arange(count)
    if count == len(corpus.targets):
        return corpus.weights
    weights = np.minimum(corpus.tokens.lengths[rows] / tokens_of_a_review, 1)
    is_labelled = rows < len(corpus.targets)
    weights[is_labelled] = np.where(corpus.has_teacher[rows][is_labelled], 1, _LABEL_WEIGHT)
    weights[is_labelled] *= corpus.weights
    return weights.astype(np.float32)
