"""The recipes `ngram-linear` and `ngram-pool`, from reviews to the frozen network.

All reviews of a fit as rows of ids: the labelled ones first, then the unlabelled ones.

The steps from a corpus to the networks of the n-gram recipes; each is made when it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.networks import import_keras, import_tensorflow
from toolkit.networks.ngram_pool import MOST_EXPERTS, Lookup, negator_flags
from toolkit.records.labels import Targets
from toolkit.text.token_ids import TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.data import FitData, FitTask, Reporter, check_words
from toolkit.training.expert_routes import LONG_TOKENS, fit_routes, reviews_of_experts
from toolkit.training.ngram_networks import LinearNetwork, PoolNetwork, log_ratios
from toolkit.training.presets import Preset
from toolkit.training.ragged_fit import Examples, History, Schedule, fit
from toolkit.training.result import Fit
from toolkit.training.reviews import Reviews, UnlabelledReviews, balanced_weights
from toolkit.training.sources import known_or_nan
from toolkit.training.word_vectors import CANDIDATES, Bigrams, Vectors, word_and_bigram_vectors

# With a teacher, a label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02
# Loss weight of labelled reviews without a teacher score; all others weigh at most 1.
_LABEL_WEIGHT = 1.9


@dataclass(frozen=True)
class Corpus:
    """What the steps of an n-gram recipe work on; the vocabulary is of all reviews.

    `tokens` and `held_out` are the last `max_tokens` ids of each review, the `targets` are labels,
    soft or not; `teacher` (reviews,) is NaN where it has none. `weights` (labelled reviews,) are
    those in the loss. A network learns from reviews that have a label or a teacher; the others only
    tell which words and pairs there are, and what is around them.
    """

    vocabulary: Vocabulary
    tokens: TokenIds
    targets: Targets
    teacher: Targets
    weights: Targets
    is_second_topic: npt.NDArray[np.bool_] | None = None  # (labelled reviews,), if there are two
    held_out: TokenIds | None = None
    held_out_targets: Targets | None = None
    held_out_weights: Targets | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def learned_tokens(self) -> TokenIds:
        """The reviews that a network learns from: those with labels, which come first."""
        has_target = ~np.isnan(self.teacher)
        has_target[: len(self.targets)] = True
        return self.tokens.take(np.flatnonzero(has_target))

    def learned_targets(self, teacher_weight: float) -> Targets:
        """What a network learns of them, (reviews,) float32.

        A label, less a doubt, is mixed with the teacher by ``teacher_weight`` (0 to 1). Other
        reviews have what the teacher says. Without a teacher, it is the labels alone.
        """
        labelled = len(self.targets)
        has_teacher = ~np.isnan(self.teacher)
        if not has_teacher.any():
            return self.targets
        labels = (_DOUBT + (1 - 2 * _DOUBT) * self.targets).astype(np.float64)
        mixed = (1 - teacher_weight) * labels + teacher_weight * self.teacher[:labelled]
        mixed = np.where(has_teacher[:labelled], mixed, labels)
        others = self.teacher[labelled:][has_teacher[labelled:]]
        return np.concatenate([mixed, others]).astype(np.float32)

    def learned_weights(self, tokens_of_a_review: int) -> Targets:
        """Of them in the loss: short texts say less, and a label alone weighs most."""
        labelled = len(self.targets)
        lengths = self.learned_tokens.lengths
        if len(lengths) == labelled:
            return self.weights
        weights = np.minimum(lengths / tokens_of_a_review, 1)
        has_teacher = ~np.isnan(self.teacher[:labelled])
        weights[:labelled] = np.where(has_teacher, 1, _LABEL_WEIGHT) * self.weights
        return weights.astype(np.float32)

    @classmethod
    def of(cls, preset: Preset, data: FitData) -> Corpus:
        """Count the words and turn all reviews into ids; `TrainingError` if no words are found."""
        parts: list[Reviews | UnlabelledReviews] = [data.fitted]
        if data.unlabelled is not None:
            parts.append(data.unlabelled)
        texts = pa.chunked_array(
            [chunk.cast(pa.large_string()) for part in parts for chunk in part.texts.chunks],
            pa.large_string(),
        )
        vocabulary = Vocabulary.build(texts, preset.vocabulary_size)
        check_words(vocabulary, data.fitted)
        held_out = data.held_out

        def ids(texts: pa.ChunkedArray) -> TokenIds:
            encoded = vocabulary.encode(texts, last=preset.max_tokens)
            return encoded.with_start(preset.max_tokens)

        return cls(
            vocabulary,
            ids(texts),
            data.fitted.targets,
            np.concatenate([known_or_nan(part.teacher, len(part)) for part in parts]),
            balanced_weights(data.fitted),
            None if data.fitted.topics is None else data.fitted.topics > 0,
            None if held_out is None else ids(held_out.texts),
            None if held_out is None else held_out.labels.astype(np.float32),
            None if held_out is None else balanced_weights(held_out),
        )


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


_MOST_OF_POOL = 200_000  # bigrams to choose from: they cost no time, and many domains have many


def fit_linear(task: FitTask) -> Fit:
    """Fit a weight for each word and each hashed bigram."""
    pipeline = _pipeline(task)
    schedule = _schedule(LINEAR, task, len(pipeline.targets))
    network, history = pipeline.linear(schedule)
    return _result(network.freeze(), history, schedule, task, pipeline.corpus)


def fit_pool(task: FitTask) -> Fit:
    """Fit a vector for each word, plain and negated, and each common bigram, pooled."""
    pipeline = replace(_pipeline(task), most_bigrams=_MOST_OF_POOL)
    schedule = _schedule(POOL, task, len(pipeline.targets))
    network, history = pipeline.pool(schedule)
    return _result(network.freeze(pipeline.bigrams), history, schedule, task, pipeline.corpus)


def _pipeline(task: FitTask) -> NgramPipeline:
    import_keras().utils.clear_session()
    # Otherwise sums over threads come in any order.
    import_tensorflow().config.experimental.enable_op_determinism()
    corpus = Corpus.of(task.preset, task.data)
    if task.introduces:
        _introduce(task, corpus)
    options = task.options
    return NgramPipeline(
        corpus, options.seed, options.teacher_weight, task.reporter, task.keeps_best
    )


def _introduce(task: FitTask, corpus: Corpus) -> None:
    """Show what is about to be fitted on what."""
    tokens = len(corpus.tokens.values)
    size = f"{len(corpus):,} reviews to learn from, {tokens:,} tokens"
    task.reporter.encoded(len(corpus.vocabulary.words), [size])
    random = np.random.default_rng(task.options.seed)
    count = min(task.options.show_samples, len(corpus.targets))
    for row in random.choice(len(corpus.targets), count, replace=False):
        words = corpus.vocabulary.decode(corpus.tokens.padded_rows(np.array([row]))[0])
        task.reporter.sample(words, round(float(corpus.targets[row])))


def _schedule(own: Schedule, task: FitTask, reviews: int) -> Schedule:
    """Of the last network."""
    preset, options = task.preset, task.options
    chosen = options.epochs if task.epochs is None else task.epochs
    usual = replace(own, epochs=preset.epochs, batch_size=preset.batch_size)
    return usual.enough(reviews, chosen, options.batch_size)


def _result(
    network: Any, history: History, schedule: Schedule, task: FitTask, corpus: Corpus
) -> Fit:
    return Fit(
        network=network,
        history=history,
        keeps_best=task.keeps_best and corpus.held_out is not None,
        most_epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        vocabulary=corpus.vocabulary,
        vocabulary_size=corpus.vocabulary.size,
    )
