"""Compare ways to train on the same held-out reviews.

Two baselines are tried beside the networks: always the likelier label, and tf-idf with logistic
regression. `toolkit.training.run` fits the networks and keeps the best one.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from toolkit.classes import DEFAULT_THRESHOLD
from toolkit.errors import ModelError
from toolkit.evaluation.metrics import measure
from toolkit.model import DEFAULT_MODEL
from toolkit.model.file import ModelFile
from toolkit.model.predictor import KnownWords
from toolkit.model.run_folder import RunFolder
from toolkit.model.stars import logits_of, sigmoid
from toolkit.training.adapt import usual_folds
from toolkit.training.adapt_fit import Start, adapt_network, find_start, log_odds, open_start
from toolkit.training.calibration import unseen_probabilities
from toolkit.training.data import FitData, TrainingSets
from toolkit.training.options import TrainingObserver, TrainingOptions
from toolkit.training.presets import PRESETS
from toolkit.training.result import Outcome, Probabilities
from toolkit.training.reviews import Reviews
from toolkit.training.sources import has_columns
from toolkit.training.split import folds_for_few, split_kind
from toolkit.training.tfidf import tfidf_probabilities
from toolkit.training.tried import ADAPTING, TFIDF, Trial

LIKELIER = "the likelier label"

_MOST_TO_ADAPT = 50_000  # reviews; with more, a network learns as much from scratch
_MOST_OF_BASELINE = 50_000  # reviews that the regression learns from; with more, it takes minutes
_TEXTS_TO_READ = 2_000  # texts that are read to find the language
_STEPS = 1_000  # of the regression


def presets_to_try(texts: int, *, of_classes: bool = False) -> list[str]:
    """Return the names of the presets to try on a number of texts."""
    fewest = {
        preset.name: preset.classes_tried_from if of_classes else preset.tried_from
        for preset in PRESETS.values()
    }
    return [name for name, count in fewest.items() if count is not None and texts >= count]


def baselines(data: FitData, options: TrainingOptions) -> tuple[Trial, ...]:
    """Try both baselines on the held-out reviews of a split."""
    tried = []
    for name, predict in ((LIKELIER, _likelier), (TFIDF, _regression)):
        started = time.monotonic()
        found = predict(data, options)
        if found is not None and data.held_out is not None:
            seconds = time.monotonic() - started
            metrics = measure(data.held_out.labels, found, DEFAULT_THRESHOLD)
            tried.append(Trial.of(name, metrics, seconds, is_baseline=True))
    return tuple(tried)


def _likelier(data: FitData, _: TrainingOptions) -> Probabilities:
    held_out = 0 if data.held_out is None else len(data.held_out)
    return np.full(held_out, data.fitted.labels.mean(), np.float32)


def _regression(data: FitData, options: TrainingOptions) -> Probabilities | None:
    found = tfidf_probabilities(data, options, most_texts=_MOST_OF_BASELINE, steps=_STEPS)
    return None if found is None else found[:, 1]


def start_to_adapt(
    options: TrainingOptions, read: TrainingSets, observer: TrainingObserver
) -> Start | None:
    """Load the shipped model if it suits the reviews; otherwise report why it does not."""
    why = None
    if only := adapted_options(options).only_from_scratch:
        why = f"{', '.join(only)}: for networks that are trained from scratch"
    elif not has_columns(options.data):  # the IMDB reviews, as a folder or from Keras
        why = "it has learned from these reviews"
    elif len(read.reviews) > _MOST_TO_ADAPT:
        why = f"more than {_MOST_TO_ADAPT:,} reviews are enough to train from scratch"
    if why is None:
        try:
            found = find_start(DEFAULT_MODEL)
            if isinstance(found, RunFolder) or _can_read(found, read.reviews):
                return open_start(found)
            why = "most of the reviews do not look like English"
        except ModelError as error:
            why = str(error)
    observer.say(f"{DEFAULT_MODEL} is not adapted: {why}")
    return None


def adapted_options(options: TrainingOptions) -> TrainingOptions:
    """Return the options without --validation and --resume: adapting cross-validates instead."""
    return replace(options, validation=TrainingOptions.validation, resume=False)


def _can_read(model: ModelFile, reviews: Reviews) -> bool:
    """Check whether most reviews are in the language of a model."""
    texts = reviews.texts[:_TEXTS_TO_READ]
    ids = model.vocabulary.encode(texts)
    few = KnownWords(model.vocabulary, model.facts.max_tokens).are_few(ids)
    return bool(2 * few.sum() <= len(few))


def try_adapted(start: Start, data: FitData, options: TrainingOptions) -> Trial | None:
    """Adapt the start to the fitted reviews of a split, and measure it on the others.

    The log loss is of the probabilities at the reviews' own share of positives, as for the others.
    """
    started = time.monotonic()
    fitted = data.fitted
    held_out = data.held_out
    if held_out is None:
        return None
    kind = split_kind(fitted, options.split)
    folds = folds_for_few(
        reviews=fitted,
        count=usual_folds(len(fitted)),
        seed=options.seed,
        kind=kind,
    )
    made = adapt_network(
        start=start,
        reviews=fitted,
        splits=folds,
        unlabelled=data.unlabelled and data.unlabelled.texts,
    )
    found = made.probabilities(held_out.texts)
    at_own_share = sigmoid(logits_of(found) + log_odds(made.border)).astype(np.float32)
    balanced, loss = (
        measure(held_out.labels, each, DEFAULT_THRESHOLD) for each in (found, at_own_share)
    )
    tried = Trial.of(ADAPTING, balanced, time.monotonic() - started)
    return replace(tried, log_loss=loss.log_loss)


def try_fitted(name: str, outcome: Outcome, seconds: float) -> Trial | None:
    """Measure a fitted network on the held-out reviews, calibrated by others of them."""
    held_out = outcome.held_out
    calibration = outcome.calibration
    if held_out is None or calibration is None:
        return None
    found = unseen_probabilities(held_out, calibration).astype(np.float32)
    return Trial.of(name, measure(held_out.labels, found, DEFAULT_THRESHOLD), seconds)
