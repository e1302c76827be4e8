"""The recipes `ngram-linear` and `ngram-cnn`, from reviews to the frozen network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.training.data import FitData
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import Preset
from toolkit.training.recipes.corpus import Corpus
from toolkit.training.recipes.ngram_pipeline import LINEAR, STUDENT, NgramPipeline
from toolkit.training.recipes.ragged_fit import History, Schedule
from toolkit.training.reporter import Reporter
from toolkit.training.result import Fit
from toolkit.training.validation import review_probabilities, scores


def fit_linear(
    preset: Preset,
    data: FitData,
    options: TrainingOptions,
    reporter: Reporter,
    *,
    epochs: int | None = None,
    introduces: bool = False,
) -> Fit:
    """Fit a weight for each word and each hashed bigram."""
    pipeline = _pipeline(preset, data, options, reporter, introduces=introduces)
    schedule = _schedule(LINEAR, preset, options, epochs).enough(len(pipeline.corpus))
    network, history = pipeline.linear(schedule)
    return _measured(network.freeze(), history, schedule, preset, data, pipeline.corpus)


def fit_cnn(
    preset: Preset,
    data: FitData,
    options: TrainingOptions,
    reporter: Reporter,
    *,
    epochs: int | None = None,
    introduces: bool = False,
) -> Fit:
    """Fit a vector for each word and each common bigram, and convolutions over them."""
    pipeline = _pipeline(preset, data, options, reporter, introduces=introduces)
    schedule = _schedule(STUDENT, preset, options, epochs).enough(len(pipeline.corpus))
    network, history = pipeline.convolution(schedule)
    frozen = network.freeze(pipeline.bigrams, pipeline.corpus.tokens)
    return _measured(frozen, history, schedule, preset, data, pipeline.corpus)


def _pipeline(
    preset: Preset,
    data: FitData,
    options: TrainingOptions,
    reporter: Reporter,
    *,
    introduces: bool,
) -> NgramPipeline:
    import_keras().utils.clear_session()
    # Otherwise sums over threads come in any order.
    import_tensorflow().config.experimental.enable_op_determinism()
    corpus = Corpus.of(preset, data)
    if introduces:
        tokens = len(corpus.tokens.values)
        size = f"{len(corpus):,} reviews to learn from, {tokens:,} tokens"
        reporter.encoded(len(corpus.vocabulary.words), [size])
        random = np.random.default_rng(options.seed)
        count = min(options.show_samples, len(corpus.targets))
        for row in random.choice(len(corpus.targets), count, replace=False):
            words = corpus.vocabulary.decode(corpus.tokens.padded_rows(np.array([row]))[0])
            reporter.sample(words, round(float(corpus.targets[row])))
    return NgramPipeline(corpus, options.seed, options.teacher_weight, reporter)


def _schedule(
    own: Schedule, preset: Preset, options: TrainingOptions, epochs: int | None
) -> Schedule:
    """Of the last network; numbers that were chosen stay as they are for few reviews, too."""
    chosen = options.epochs if epochs is None else epochs
    return replace(
        own,
        epochs=preset.epochs if chosen is None else chosen,
        batch_size=options.reviews_per_step,
        keeps_epochs=chosen is not None,
        keeps_batch_size=options.batch_size is not None,
    )


def _measured(
    network: Any,
    history: History,
    schedule: Schedule,
    preset: Preset,
    data: FitData,
    corpus: Corpus,
) -> Fit:
    found = validation = None
    if data.held_out is not None:
        found = review_probabilities(network, preset, corpus.vocabulary, data.held_out)
        validation = scores(found, data.held_out.labels)
    return Fit(
        network=network,
        history=history,
        keeps_best=False,
        most_epochs=schedule.epochs,
        batch_size=schedule.batch_size,
        vocabulary=corpus.vocabulary,
        vocabulary_size=corpus.vocabulary_size,
        held_out=found,
        validation=validation,
    )
