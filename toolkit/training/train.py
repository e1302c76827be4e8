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
from toolkit.training.material import Inputs, Material, read_inputs
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.presets import find_preset
from toolkit.training.presets.base import Preset
from toolkit.training.record import Outcome, describe, metrics_of
from toolkit.training.reporter import Reporter
from toolkit.training.split import Split, cross_validation, split_kind, validation_split
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
    inputs = read_inputs(options, reporter)
    fit_all = _cross_validate if options.folds else _hold_out
    outcome = fit_all(preset, inputs, options, reporter)
    if inputs.test is not None:
        part = encode_part(preset, outcome.vocabulary, inputs.test)
        outcome = replace(outcome, test=measure(outcome.fit.network, part))
    metrics = metrics_of(outcome, time.monotonic() - started)
    config = describe(preset, options, outcome)
    if options.run.parent == RUNS:
        RUNS.mkdir(exist_ok=True)
    write_run(options.run, config, metrics, outcome, force=options.force)
    return TrainingResult(RunFolder(options.run), metrics)


def _hold_out(
    preset: Preset, inputs: Inputs, options: TrainingOptions, reporter: Reporter
) -> Outcome:
    """Fit on all but a held-out share, which says when to stop."""
    kind = split_kind(inputs.reviews, options.split)
    split = validation_split(inputs.reviews, options.validation, options.seed, kind)
    material = _material(inputs, split, reporter)
    arrays = encode(preset, material, options.teacher_weight)
    _introduce(preset, arrays, options, reporter)
    kept = fit(preset, arrays, options, reporter.progress)
    return Outcome(inputs, kind, arrays.vocabulary, kept, material)


def _cross_validate(
    preset: Preset, inputs: Inputs, options: TrainingOptions, reporter: Reporter
) -> Outcome:
    """Judge by cross-validation, then fit on everything for as long as the folds found best."""
    kind = split_kind(inputs.reviews, options.split)
    splits = cross_validation(inputs.reviews, options.folds, options.seed, kind)
    everything = _material(inputs, None, reporter)
    arrays = encode(preset, everything, options.teacher_weight)
    _introduce(preset, arrays, options, reporter)
    folds: list[Fit] = []
    for number, split in enumerate(splits, 1):
        reporter.fold_begins(number, options.folds)
        fold = encode(preset, _material(inputs, split, reporter), options.teacher_weight)
        folds.append(fit(preset, fold, options, reporter.progress))
        reporter.fold_ends(number, folds[-1])
    epochs = options.epochs
    if options.early_stopping:
        epochs = max(1, round(float(np.mean([fold.best_epoch for fold in folds]))))
    reporter.final_fit_begins(len(inputs.reviews), epochs)
    kept = fit(preset, arrays, replace(options, epochs=epochs), reporter.progress)
    return Outcome(inputs, kind, arrays.vocabulary, kept, everything, folds=tuple(folds))


def _material(inputs: Inputs, split: Split | None, reporter: Reporter) -> Material:
    """Choose what a fit is given, and tell how many unlabelled reviews it is not."""
    material = inputs.material(split)
    if inputs.unlabelled is not None:
        reporter.left_out(len(inputs.unlabelled) - material.unlabelled_count)
    return material


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
