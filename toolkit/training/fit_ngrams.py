"""What n-gram recipes share, from reviews to the frozen network; and the recipe `ngram-linear`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.networks import import_keras, import_tensorflow
from toolkit.networks.bigrams import Bigrams
from toolkit.networks.ngram_linear import LinearNetwork, log_ratios
from toolkit.text.token_ids import Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.data import FitData, FitTask, check_words
from toolkit.training.presets import Preset
from toolkit.training.ragged_fit import Examples, Schedule, fit
from toolkit.training.result import Fit
from toolkit.training.reviews import balanced_weights, known_or_nan

LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)

# With a teacher, a label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02
# Loss weight of labelled reviews without a teacher score; all others weigh at most 1.
_LABEL_WEIGHT = 1.9


@dataclass(frozen=True)
class Corpus:
    """All reviews of a fit as rows of ids: the labelled ones first, then the unlabelled ones.

    `tokens` are the last `max_tokens` ids of each. The vocabulary is of all reviews; a network
    learns from those that have a label or a teacher.
    """

    data: FitData
    vocabulary: Vocabulary
    tokens: TokenIds
    max_tokens: int

    @classmethod
    def of(cls, preset: Preset, data: FitData) -> Corpus:
        """Count the words and turn all reviews into ids; `TrainingError` if no words are found."""
        parts = [data.fitted.texts]
        if data.unlabelled is not None:
            parts.append(data.unlabelled.texts)
        texts = pa.chunked_array(
            [chunk.cast(pa.large_string()) for part in parts for chunk in part.chunks],
            pa.large_string(),
        )
        vocabulary = Vocabulary.build(texts, preset.vocabulary_size)
        check_words(vocabulary, data.fitted)
        most = preset.max_tokens
        return cls(data, vocabulary, rows_of(vocabulary, texts, most), most)

    def examples(
        self, schedule: Schedule, teacher_weight: float, bigrams: Bigrams | None = None
    ) -> Examples:
        """Give what a network learns.

        A label, less a doubt, is mixed with the teacher by ``teacher_weight`` (0 to 1). Other
        reviews have what the teacher says, or are left out. Without a teacher, it is the labels
        alone. In the loss, short texts without a label count less, and a label alone counts most.
        """
        fitted, unlabelled = self.data.fitted, self.data.unlabelled
        targets, weights, labelled = fitted.targets, balanced_weights(fitted), len(fitted)
        teacher = known_or_nan(fitted.teacher, labelled)
        others = known_or_nan(None, 0)
        if unlabelled is not None:
            others = known_or_nan(unlabelled.teacher, len(unlabelled))
        known, taught = ~np.isnan(teacher), ~np.isnan(others)
        if known.any() or taught.any():
            labels = (_DOUBT + (1 - 2 * _DOUBT) * targets).astype(np.float64)
            mixed = (1 - teacher_weight) * labels + teacher_weight * teacher
            mixed = np.where(known, mixed, labels)
            targets = np.concatenate([mixed, others[taught]]).astype(np.float32)
        rows = np.concatenate([np.arange(labelled), labelled + np.flatnonzero(taught)])
        tokens = self.tokens.take(rows)
        if taught.any():
            shares = np.minimum(tokens.lengths / schedule.tokens_of_a_review, 1)
            shares[:labelled] = np.where(known, 1, _LABEL_WEIGHT) * weights
            weights = shares.astype(np.float32)
        return Examples(tokens, _rows(bigrams, tokens), targets, weights)

    def held_out(self, bigrams: Bigrams | None = None) -> Examples | None:
        """Give what it is measured on."""
        reviews = self.data.held_out
        if reviews is None:
            return None
        tokens = rows_of(self.vocabulary, reviews.texts, self.max_tokens)
        labels = reviews.labels.astype(np.float32)
        return Examples(tokens, _rows(bigrams, tokens), labels, balanced_weights(reviews))


def rows_of(vocabulary: Vocabulary, texts: pa.ChunkedArray, most: int) -> TokenIds:
    """Give the last ids of each text, the start id included."""
    return vocabulary.encode(texts, last=most).with_start(most)


def _rows(bigrams: Bigrams | None, tokens: TokenIds) -> Ids | None:
    """Give the row of the bigram that ends at each token."""
    return None if bigrams is None else bigrams.rows(tokens)


def start(task: FitTask) -> Corpus:
    """Read the reviews, and make what follows depend on nothing but the seed."""
    import_keras().utils.clear_session()
    # Otherwise sums over threads come in any order.
    import_tensorflow().config.experimental.enable_op_determinism()
    corpus = Corpus.of(task.preset, task.data)
    if task.introduces:
        _introduce(task, corpus)
    return corpus


def _introduce(task: FitTask, corpus: Corpus) -> None:
    """Show what is about to be fitted on what."""
    tokens, targets = corpus.tokens, corpus.data.fitted.targets
    size = f"{len(tokens):,} reviews to learn from, {len(tokens.values):,} tokens"
    task.observer.encoded(len(corpus.vocabulary.words), [size])
    random = np.random.default_rng(task.options.seed)
    count = min(task.options.show_samples, len(targets))
    for row in random.choice(len(targets), count, replace=False):
        words = corpus.vocabulary.decode(tokens.padded_rows(np.array([row]))[0])
        task.observer.sample(words, round(float(targets[row])))


def fit_and_freeze(
    task: FitTask,
    corpus: Corpus,
    network: Any,
    freeze: Callable[[], Any],
    schedule: Schedule,
    examples: Examples,
    bigrams: Bigrams | None = None,
) -> Fit:
    """Fit a network that gives logits, by a schedule as far as users chose no other; freeze it."""
    preset, options = task.preset, task.options
    schedule = replace(schedule, epochs=preset.epochs, batch_size=preset.batch_size).enough(
        len(examples.targets),
        options.epochs if task.epochs is None else task.epochs,
        options.batch_size,
    )
    history = fit(
        network,
        examples,
        schedule,
        options.seed,
        task.observer.progress,
        corpus.held_out(bigrams),
        keeps_best=task.keeps_best,
    )
    return Fit(
        network=freeze(),
        history=history,
        keeps_best=task.keeps_best and corpus.data.held_out is not None,
        most_epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        vocabulary=corpus.vocabulary,
        vocabulary_size=corpus.vocabulary.size,
    )


def fit_linear(task: FitTask) -> Fit:
    """Fit a weight for each word and each hashed bigram."""
    corpus = start(task)
    examples = corpus.examples(LINEAR, task.options.teacher_weight)
    task.observer.stage("weights of words and pairs")
    size = corpus.vocabulary.size
    ratios = log_ratios(examples.tokens, examples.targets, examples.weights, size)
    network = LinearNetwork(ratios, size)
    return fit_and_freeze(task, corpus, network, network.freeze, LINEAR, examples)
