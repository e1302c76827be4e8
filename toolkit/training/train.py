"""The whole way from labelled reviews to a run folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.model.run_folder import RunFolder
from toolkit.training.calibration import fit_calibration
from toolkit.training.checks import check_options
from toolkit.training.fit import Fit
from toolkit.training.judging import review_probabilities, scores
from toolkit.training.material import Inputs, Material, read_inputs
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.presets import find_preset
from toolkit.training.presets.base import Preset
from toolkit.training.record import HeldOut, Outcome, describe, metrics_of
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
        kept = outcome.fit
        found = review_probabilities(kept.network, preset, kept.vocabulary, inputs.test)
        outcome = replace(outcome, test=scores(found, inputs.test.labels))
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
    kept = preset.fit(material, options, reporter, introduces=True)
    return _calibrated(Outcome(inputs, kind, kept, material), [(material, kept)])


def _cross_validate(
    preset: Preset, inputs: Inputs, options: TrainingOptions, reporter: Reporter
) -> Outcome:
    """Judge by cross-validation, then fit on everything for as long as in the folds."""
    kind = split_kind(inputs.reviews, options.split)
    splits = cross_validation(inputs.reviews, options.folds, options.seed, kind)
    folds: list[tuple[Material, Fit]] = []
    for number, split in enumerate(splits, 1):
        reporter.fold_begins(number, options.folds)
        material = _material(inputs, split, reporter)
        fold = preset.fit(material, options, reporter, introduces=number == 1)
        folds.append((material, fold))
        reporter.fold_ends(number, fold)
    # With nothing held out, only the folds can say where to stop early. A fixed length needs no
    # word of them: it is found here as it was there, from the options and the reviews.
    epochs = _mean_best_epoch(folds) if options.stops_early else None
    reporter.final_fit_begins(len(inputs.reviews), epochs)
    everything = _material(inputs, None, reporter)
    kept = preset.fit(everything, options, reporter, epochs=epochs)
    fits = tuple(fold for _, fold in folds)
    return _calibrated(Outcome(inputs, kind, kept, everything, folds=fits), folds)


def _mean_best_epoch(folds: list[tuple[Material, Fit]]) -> int:
    return round(float(np.mean([fold.best_epoch for _, fold in folds])))


def _calibrated(outcome: Outcome, judged: list[tuple[Material, Fit]]) -> Outcome:
    """Calibrate the network that is kept by what was held out of it, or of the folds."""
    from toolkit.networks.calibrated import calibrated

    held_out = HeldOut.of(judged)
    found = fit_calibration(held_out.labels, held_out.probability, held_out.groups)
    network = calibrated(outcome.fit.network, found.scale, found.bias)
    kept = replace(outcome.fit, network=network)
    return replace(outcome, fit=kept, held_out=held_out, calibration=found)


def _material(inputs: Inputs, split: Split | None, reporter: Reporter) -> Material:
    """Choose what a fit is given, and tell how many unlabelled reviews it is not."""
    material = inputs.material(split)
    if inputs.unlabelled is not None:
        reporter.left_out(len(inputs.unlabelled) - material.unlabelled_count)
    return material
