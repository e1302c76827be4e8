"""The steps from a corpus to the networks of the n-gram recipes; each is made when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras
from toolkit.networks.experts import MOST_EXPERTS, Lookup
from toolkit.networks.negation import negator_flags
from toolkit.records.values import Targets
from toolkit.text.token_ids import TokenIds
from toolkit.training.recipes.bigram_table import CANDIDATES, Bigrams
from toolkit.training.recipes.corpus import Corpus
from toolkit.training.recipes.linear_network import LinearNetwork, log_ratios
from toolkit.training.recipes.pool_network import PoolNetwork
from toolkit.training.recipes.ragged_fit import Examples, History, Schedule, fit
from toolkit.training.recipes.router import LONG_TOKENS, fit_routes, reviews_of_experts
from toolkit.training.recipes.word_vectors import Vectors, word_and_bigram_vectors
from toolkit.training.reporter import Reporter

keras: Any = import_keras()

# The first of the vectors are used: those of a decomposition that is no larger are less exact.
_DIMENSIONS_MADE, _DIMENSIONS = 64, 48

LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)
POOL = Schedule(
    epochs=3, batch_size=256, learning_rate=3e-3, word_dropout=0.1, tokens_of_a_review=15
)


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
    def targets(self) -> Targets:
        """What the network learns of each review that it is fitted on."""
        return self.corpus.learned_targets(self.teacher_weight)

    def linear(self, schedule: Schedule) -> tuple[LinearNetwork, History]:
        """Train the network of `ngram-linear` by a schedule; give it and its history."""
        self.reporter.stage("weights of words and pairs")
        examples = self._examples(schedule, has_bigrams=False)
        size = self.corpus.vocabulary.size
        ratios = log_ratios(examples.tokens, examples.targets, examples.weights, size)
        network = LinearNetwork(ratios, size)
        return network, self._fit(network, examples, schedule, self._held_out(has_bigrams=False))

    def pool(self, schedule: Schedule) -> tuple[PoolNetwork, History]:
        """Train the network of `ngram-pool` by a schedule; give it and its history."""
        words, pairs = self._vectors()
        lookup, experts = self._lookup()
        keras.utils.set_random_seed(self.seed)
        network = PoolNetwork(words, pairs, lookup, experts)
        self.reporter.stage("network: vectors of words and pairs, pooled")
        examples = self._examples(schedule, has_bigrams=True)
        return network, self._fit(network, examples, schedule, self._held_out(has_bigrams=True))

    def _vectors(self) -> tuple[Vectors, Vectors]:
        """Of words and of bigrams, from all reviews."""
        self.reporter.stage("vectors of words and pairs, from all reviews")
        tokens = self.corpus.tokens
        sizes = (self.corpus.vocabulary.size, len(self.bigrams))
        words, pairs = word_and_bigram_vectors(
            tokens, self.bigrams.rows(tokens), sizes, _DIMENSIONS_MADE, self.seed
        )
        return words[:, :_DIMENSIONS], pairs[:, :_DIMENSIONS]

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

    def _examples(self, schedule: Schedule, *, has_bigrams: bool) -> Examples:
        tokens = self.corpus.learned_tokens
        weights = self.corpus.learned_weights(schedule.tokens_of_a_review)
        return Examples(tokens, self._rows(tokens, has_bigrams), self.targets, weights)

    def _held_out(self, *, has_bigrams: bool) -> Examples | None:
        tokens, targets = self.corpus.held_out, self.corpus.held_out_targets
        weights = self.corpus.held_out_weights
        if tokens is None or targets is None or weights is None:
            return None
        return Examples(tokens, self._rows(tokens, has_bigrams), targets, weights)

    def _rows(self, tokens: TokenIds, has_bigrams: bool) -> Any:
        """The row of the bigram that ends at each token, (all tokens,) int32."""
        return self.bigrams.rows(tokens) if has_bigrams else None
