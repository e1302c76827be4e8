"""The whole way from labelled reviews to a run folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.run_folder import RunFolder
from toolkit.training.arrays import Arrays, encode, encode_part
from toolkit.training.checks import check_options
from toolkit.training.fit import Fit, build_network, fit, measure
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.presets import find_preset
from toolkit.training.presets.base import Preset
from toolkit.training.record import Outcome, describe, metrics_of
from toolkit.training.reporter import Reporter
from toolkit.training.sources import load
from toolkit.training.sources.reviews import Reviews
from toolkit.training.split import cross_validation, split_kind, validation_split
from toolkit.training.write import write_run


@dataclass(frozen=True)
class TrainingResult:
    """What was written, and how well the network does (the content of `metrics.json`)."""

    run: RunFolder
    metrics: dict[str, Any]


def train(options: TrainingOptions, reporter: Reporter | None = None) -> TrainingResult:
    """Train a network and write its run folder.

    The folder appears when it is complete; an error or Ctrl-C leaves nothing behind.

    Parameters
    ----------
    options : TrainingOptions
        The data, the preset and the settings.
    reporter : Reporter | None
        Hears of the steps; None for silence.

    Returns
    -------
    TrainingResult
        The folder and the metrics.

    Raises
    ------
    ToolkitError
        If the call, the data or the place for the folder will not do; before the long work
        wherever that can be known.
    """
    reporter = reporter or Reporter()
    check_options(options)
    started = time.monotonic()
    preset = find_preset(options.preset)
    reviews = load(options.data, options.columns).check()
    reporter.loaded(reviews)
    test = _load_test(options, reporter)
    fit_all = _cross_validate if options.folds else _hold_out
    outcome = replace(fit_all(preset, reviews, options, reporter), test_reviews=test)
    if test is not None:
        part = encode_part(preset, outcome.vocabulary, test)
        outcome = replace(outcome, test=measure(outcome.fit.network, part))
    metrics = metrics_of(outcome, time.monotonic() - started)
    config = describe(preset, options, outcome)
    if options.run.parent == RUNS:
        RUNS.mkdir(exist_ok=True)
    write_run(options.run, config, metrics, outcome, force=options.force)
    return TrainingResult(RunFolder(options.run), metrics)


def _load_test(options: TrainingOptions, reporter: Reporter) -> Reviews | None:
    if options.test_data is not None:
        columns = replace(options.columns, group=None)
        test = load(str(options.test_data), columns, "test")
    elif options.test:
        test = load(options.data, options.columns, "test")
    else:
        return None
    reporter.loaded(test.check())
    return test


def _hold_out(
    preset: Preset, reviews: Reviews, options: TrainingOptions, reporter: Reporter
) -> Outcome:
    """Fit on all but a held-out share, which says when to stop."""
    kind = split_kind(reviews, options.split)
    split = validation_split(reviews, options.validation, options.seed, kind)
    fitted, held_out = reviews.take(split.fitted), reviews.take(split.held_out)
    arrays = encode(preset, fitted, held_out)
    _introduce(preset, arrays, options, reporter)
    kept = fit(preset, arrays, options, reporter.progress)
    return Outcome(reviews, kind, arrays.vocabulary, kept, fitted, held_out)


def _cross_validate(
    preset: Preset, reviews: Reviews, options: TrainingOptions, reporter: Reporter
) -> Outcome:
    """Judge by cross-validation, then fit on everything for as long as the folds found best."""
    kind = split_kind(reviews, options.split)
    splits = cross_validation(reviews, options.folds, options.seed, kind)
    everything = encode(preset, reviews, None)
    _introduce(preset, everything, options, reporter)
    folds: list[Fit] = []
    for number, split in enumerate(splits, 1):
        reporter.fold_begins(number, options.folds)
        arrays = encode(preset, reviews.take(split.fitted), reviews.take(split.held_out))
        folds.append(fit(preset, arrays, options, reporter.progress))
        reporter.fold_ends(number, folds[-1])
    epochs = options.epochs
    if options.early_stopping:
        epochs = max(1, round(float(np.mean([fold.best_epoch for fold in folds]))))
    reporter.final_fit_begins(len(reviews), epochs)
    kept = fit(preset, everything, replace(options, epochs=epochs), reporter.progress)
    return Outcome(reviews, kind, everything.vocabulary, kept, reviews, folds=tuple(folds))


def _introduce(
    preset: Preset, arrays: Arrays, options: TrainingOptions, reporter: Reporter
) -> None:
    """Show what is about to be fitted on what."""
    reporter.encoded(arrays)
    for words, label in arrays.samples(options.show_samples, options.seed):
        reporter.sample(words, label)
    lines: list[str] = []
    build_network(preset, options.seed).summary(line_length=76, print_fn=lines.append)
    reporter.network("\n".join(lines))
