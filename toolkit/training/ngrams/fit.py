"""A fit of a preset over words and pairs of words, from reviews to the frozen network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.training.fit import Fit
from toolkit.training.judging import review_probabilities, scores
from toolkit.training.material import Material
from toolkit.training.ngrams.chain import LINEAR, STUDENT, Chain
from toolkit.training.ngrams.corpus import Corpus
from toolkit.training.ngrams.fitting import History, Schedule
from toolkit.training.ngrams.freeze import freeze_convolution, freeze_linear
from toolkit.training.ngrams.tokens import Tokens
from toolkit.training.options import TrainingOptions
from toolkit.training.presets.ngrams import NgramPreset
from toolkit.training.reporter import Reporter


def fit_ngrams(
    preset: NgramPreset,
    material: Material,
    options: TrainingOptions,
    reporter: Reporter,
    *,
    epochs: int | None = None,
    introduces: bool = False,
) -> Fit:
    """Train, freeze and measure; see `Preset.fit`."""
    keras = import_keras()
    keras.utils.clear_session()
    # Otherwise sums over threads come in any order.
    import_tensorflow().config.experimental.enable_op_determinism()
    corpus = Corpus.of(preset, material)
    if introduces:
        _introduce(corpus, options, reporter)
    held_out = _held_out(preset, material, corpus)
    chain = Chain(corpus, options.seed, options.teacher_weight, reporter, held_out)
    schedule = _schedule(preset, options, epochs).enough(len(corpus))
    network, history = _train(preset, chain, schedule)
    found = validation = None
    if material.held_out is not None:
        found = review_probabilities(network, preset, corpus.vocabulary, material.held_out)
        validation = scores(found, material.held_out.labels)
    return Fit(
        network,
        history,
        best_epoch=len(history["loss"]),
        batch_size=schedule.batch_size,
        vocabulary=corpus.vocabulary,
        vocabulary_size=corpus.vocabulary_size,
        held_out=found,
        validation=validation,
    )


def _schedule(preset: NgramPreset, options: TrainingOptions, epochs: int | None) -> Schedule:
    """Of the last network; numbers that were chosen stay as they are for few reviews, too."""
    chosen = options.epochs if epochs is None else epochs
    return replace(
        LINEAR if preset.kind == "linear" else STUDENT,
        epochs=preset.epochs if chosen is None else chosen,
        batch_size=options.reviews_per_step,
        keeps_epochs=chosen is not None,
        keeps_batch_size=options.batch_size is not None,
    )


def _train(preset: NgramPreset, chain: Chain, schedule: Schedule) -> tuple[Any, History]:
    if preset.kind == "linear":
        linear, history = chain.linear(schedule)
        return freeze_linear(linear, chain.corpus.vocabulary_size), history
    student, history = chain.convolution(schedule)
    return freeze_convolution(student, chain.bigrams, chain.corpus.tokens), history


def _held_out(preset: NgramPreset, material: Material, corpus: Corpus) -> Corpus | None:
    reviews = material.held_out
    if reviews is None:
        return None
    tokens = Tokens.of(corpus.vocabulary, reviews.texts, preset.max_tokens)
    targets = reviews.labels.astype(np.float32)
    return replace(corpus, tokens=tokens, targets=targets, teacher=np.full_like(targets, np.nan))


def _introduce(corpus: Corpus, options: TrainingOptions, reporter: Reporter) -> None:
    """Show what is about to be fitted on what."""
    reporter.prepared(corpus)
    random = np.random.default_rng(options.seed)
    count = min(options.show_samples, len(corpus.targets))
    for row in random.choice(len(corpus.targets), count, replace=False):
        words = corpus.vocabulary.decode(corpus.tokens.padded(np.array([row]))[0])
        reporter.sample(words, round(float(corpus.targets[row])))
