"""The recipes `ngram-linear` and `ngram-pool`, from reviews to the frozen network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.training.data import FitTask
from toolkit.training.recipes.corpus import Corpus
from toolkit.training.recipes.ngram_pipeline import LINEAR, POOL, NgramPipeline
from toolkit.training.recipes.ragged_fit import History, Schedule
from toolkit.training.result import Fit

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
