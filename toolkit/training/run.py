"""Train from labelled reviews to a run folder; check first what can be checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.errors import MissingExtraError, UsageError
from toolkit.evaluation.metrics import Metrics, measure
from toolkit.files import check_output
from toolkit.model import DEFAULT_MODEL
from toolkit.model.run_folder import RunFolder
from toolkit.networks import gpu_line, import_keras
from toolkit.records.labels import TopicsError
from toolkit.records.options import STDIN
from toolkit.stores.paths import is_in_store, path_of
from toolkit.text.strings import is_unicode
from toolkit.training.adapt import adapt
from toolkit.training.calibration import NotFitted, Rated, fit_calibration, fit_neutral, fit_stars
from toolkit.training.choice import (
    adapted_options,
    baselines,
    presets_to_try,
    start_to_adapt,
    try_adapted,
    try_fitted,
)
from toolkit.training.data import FitData, FitTask, TrainingSets, count_copies, load_training_data
from toolkit.training.epochs import FOLDS, NOTHING_TO_RESUME, Checkpoints
from toolkit.training.options import RUNS, TrainingObserver, TrainingOptions
from toolkit.training.presets import Preset
from toolkit.training.recipes import fit_by_recipe
from toolkit.training.result import (
    Fit,
    HeldOut,
    Outcome,
    Probabilities,
    TrainingResult,
    review_probabilities,
    warn,
)
from toolkit.training.reviews import Reviews
from toolkit.training.sources import IMDB, check_columns
from toolkit.training.split import Split, cross_validation, split_kind, validation_split
from toolkit.training.tried import ADAPTING, Choice, Trial
from toolkit.training.write import PLOTS, config_of, metrics_of, write_run

# With no more labels than this, adapting was more accurate, also on domains that the start did not
# know: see "Few labels" in examples/benchmarks/README.md.
_FEW_LABELS = 2_000
_HINT_FOR_FEW = (
    "with up to 2,000 labelled reviews in English, adapting a shipped model takes seconds and "
    "was more accurate in tests. Use --from reviews"
)


def check_options(options: TrainingOptions) -> None:
    """Raise `ToolkitError` for faults that would otherwise show only after minutes of work."""
    MissingExtraError.check("train", "tensorflow", "keras", "sklearn", "matplotlib")
    _check_names(options)
    _check_run(options)
    check_columns(options)


def _check_names(options: TrainingOptions) -> None:
    """Raise `UsageError` for paths that cannot be printed, recorded, or passed to TensorFlow."""
    paths = [options.run, *options.unlabelled, *options.teachers]
    if options.data != IMDB:
        paths.append(path_of(options.data))
    paths += [path for path in (options.test_data, options.validation_data) if path is not None]
    for path in paths:
        # Also resolved: the name of the folder `.` is elsewhere.
        for name in (str(path), str(path.resolve())):
            if not is_unicode(name):
                raise UsageError(f"{name!a}: this path is not UTF-8. Rename it, or choose another.")


def _check_run(options: TrainingOptions) -> None:
    """Raise `ToolkitError` if the run folder cannot be written, or replaced with --force."""
    if is_in_store(options.run):
        raise UsageError(
            f"{options.run}: a run folder has to be on this machine. Name a local "
            "folder with --output."
        )
    if options.run.parent == RUNS and not RUNS.exists():
        check_output(RUNS, force=False)  # the folder is made when a run is written
        return
    if options.start is None:
        Checkpoints(options).check()
    if Path.cwd().is_relative_to(options.run.resolve()):
        raise UsageError(
            f"{options.run}: is the current folder or a parent of it, so it cannot be replaced. "
            "Choose another folder with --output."
        )
    check_output(options.run, force=options.force)
    path = options.run
    # `--force` must not delete a folder of the user.
    if path.is_dir() and any(path.iterdir()) and not RunFolder(path).config.is_file():
        raise UsageError(
            f"{path}: is not a run folder, so --force does not replace it. Choose another folder "
            "with --output."
        )
    if path.is_file():
        raise UsageError(f"{path}: is a file. Choose another folder with --output.")


def train(options: TrainingOptions, observer: TrainingObserver | None = None) -> TrainingResult:
    """Train a network and write its run folder.

    The folder appears when it is complete. An interrupted training leaves its finished epochs in a
    hidden folder beside it, for ``resume``.

    Parameters
    ----------
    options : TrainingOptions
        The data, the preset and the settings.
    observer : TrainingObserver | None
        Receives the lines and warnings of the training; None for silence.

    Returns
    -------
    TrainingResult
        The folder, the metrics, and why the fit ended.

    Raises
    ------
    ToolkitError
        If the options, the data or the run folder cannot be used; before the fit if possible.
    """
    observer = observer or TrainingObserver()
    if options.classes or options.min_count is not None:
        return _train_classes(options, observer)
    try:
        return _train_opinions(options, observer)
    except TopicsError:
        if options.data == str(STDIN):  # standard input can be read only once
            raise
        return _train_classes(options, observer)


def _train_classes(options: TrainingOptions, observer: TrainingObserver) -> TrainingResult:
    """Train a network of the user's own classes."""
    from toolkit.training.class_run import (  # late: it imports Keras
        check_for_classes,
        train_classes,
    )

    check_for_classes(options)
    check_options(options)
    return train_classes(options, observer)


def _train_opinions(options: TrainingOptions, observer: TrainingObserver) -> TrainingResult:
    """Train a network of negative and positive; raise `TopicsError` if labels look like topics."""
    check_options(options)
    if options.start is not None:
        return adapt(options, observer)
    started = time.monotonic()
    read = load_training_data(options, observer)
    if options.preset is None:
        result = _train_best(read, options, observer)
        return replace(result, seconds=time.monotonic() - started)
    if len(read.reviews) <= _FEW_LABELS:
        observer.hint(_HINT_FOR_FEW)
    if (line := gpu_line()) is not None:
        observer.say(line)
    checkpoints = Checkpoints(options)
    checkpoints.open(read.sha256, observer)
    evaluate = _cross_validate if options.folds else _hold_out
    with _progress_is_kept(checkpoints, observer):
        outcome = evaluate(
            preset=options.chosen_preset,
            read=read,
            options=options,
            observer=observer,
            checkpoints=checkpoints,
        )
    result = _finished(outcome, options, observer)
    checkpoints.remove()
    return replace(result, seconds=time.monotonic() - started)


@contextmanager
def _progress_is_kept(checkpoints: Checkpoints, observer: TrainingObserver) -> Iterator[None]:
    """If the training ends early, hint how to continue it."""
    try:
        yield
    except BaseException:
        if checkpoints.is_there:
            observer.hint("progress is saved. Run the same command with --resume to continue.")
        raise


def _finished(
    outcome: Outcome, options: TrainingOptions, observer: TrainingObserver
) -> TrainingResult:
    """Measure a network on the test reviews, and write its run folder."""
    preset = options.chosen_preset
    read = outcome.read
    outcome = _with_stars(outcome, preset, observer)
    if read.test is not None:
        _, metrics_of_test = _measure(outcome.fit, preset, read.test)
        outcome = replace(outcome, test=metrics_of_test)
    warn(outcome, observer)
    metrics = metrics_of(outcome)
    config = config_of(preset, options, outcome)
    write_run(
        path=options.run,
        config=config,
        metrics=metrics,
        outcome=outcome,
        force=options.force,
    )
    ending = outcome.fit.ending
    if outcome.folds and options.stops_early:
        ending = f"{outcome.fit.epochs} epochs were run, the mean of the best epochs of the folds"
    return TrainingResult(
        run=RunFolder(options.run),
        metrics=metrics,
        ending=ending,
        plots=PLOTS,
        stars=outcome.stars,
        neutral=outcome.neutral,
    )


def _train_best(
    read: TrainingSets, options: TrainingOptions, observer: TrainingObserver
) -> TrainingResult:
    """Try the networks that suit the reviews on one split, and keep the best.

    A kept network is fitted again only with --folds. A kept adapted model is always fitted again,
    by cross-validation on all reviews.
    """
    if (line := gpu_line()) is not None:
        observer.say(line)
    progress = Checkpoints(options)
    if not options.resume:
        progress.remove()
    elif not progress.is_there:
        observer.say(NOTHING_TO_RESUME)
    with _progress_is_kept(progress, observer):
        choice, outcomes = _try_all(read, options, observer)
        observer.compare(choice)
        if (baseline := choice.better_baseline) is not None:
            observer.warning(
                f"no network is better than {baseline.name} on the held-out reviews: balanced "
                f"accuracy {choice.kept.balanced_accuracy:.1%}, against "
                f"{baseline.balanced_accuracy:.1%}. Add labelled reviews, or look for wrong "
                "labels."
            )
        name = choice.kept.name
        if name == ADAPTING:
            import_keras().utils.clear_session()  # gives layers the same names as with --from
            own = replace(adapted_options(options), start=DEFAULT_MODEL, output=options.run)
            result = adapt(options=own, observer=observer, read=read, choice=choice)
        else:
            own = replace(options, preset=name, output=options.run)
            outcome = outcomes[name]
            if options.folds:
                checkpoints = Checkpoints(own, FOLDS)
                checkpoints.open(read.sha256, TrainingObserver())
                outcome = _cross_validate(
                    preset=own.chosen_preset,
                    read=read,
                    options=own,
                    observer=observer,
                    checkpoints=checkpoints,
                )
            result = _finished(replace(outcome, choice=choice), own, observer)
    progress.remove()
    return replace(result, choice=choice)


def _try_all(
    read: TrainingSets, options: TrainingOptions, observer: TrainingObserver
) -> tuple[Choice, dict[str, Outcome]]:
    """Try baselines and networks; return the choice, and the outcome of each preset."""
    _, split = _held_out(read, options)
    data = read.for_fit(split)
    observer.stage("Baselines")
    tried: list[Trial | None] = [*baselines(data, options)]
    if (start := start_to_adapt(options, read, observer)) is not None:
        observer.stage(f"Trying {ADAPTING}")
        tried.append(try_adapted(start, data, options))
    outcomes: dict[str, Outcome] = {}
    for name in presets_to_try(len(read.reviews)):
        observer.stage(f"Trying {name}")
        started = time.monotonic()
        own = replace(options, preset=name, output=options.run, folds=0)
        checkpoints = Checkpoints(own, name)
        checkpoints.open(read.sha256, TrainingObserver())
        outcomes[name] = _hold_out(
            preset=own.chosen_preset,
            read=read,
            options=own,
            observer=observer,
            checkpoints=checkpoints,
        )
        tried.append(try_fitted(name, outcomes[name], time.monotonic() - started))
    held_out = 0 if data.held_out is None else len(data.held_out)
    return Choice.of(tuple(each for each in tried if each is not None), held_out), outcomes


def _held_out(read: TrainingSets, options: TrainingOptions) -> tuple[str, Split | None]:
    """Return how reviews are held out, and the split; None if the user has held some out."""
    if read.validation is not None:
        return "given", None
    kind = split_kind(read.reviews, options.split)
    return str(kind), validation_split(
        reviews=read.reviews,
        share=options.validation,
        seed=options.seed,
        kind=kind,
    )


def _hold_out(
    preset: Preset,
    read: TrainingSets,
    options: TrainingOptions,
    observer: TrainingObserver,
    checkpoints: Checkpoints,
) -> Outcome:
    """Fit on all reviews but a held-out share, which decides when to stop."""
    how, split = _held_out(read, options)
    data = read.reported_for_fit(split, observer)
    saved = checkpoints.of_fit(0)
    kept = fit(
        FitTask(
            preset=preset,
            data=data,
            options=options,
            observer=observer,
            saved=saved,
            keeps_best=True,
            introduces=True,
        )
    )
    copies = count_copies([data], read.test)
    outcome = Outcome(read=read, split=how, fit=kept, data=data, copies=copies)
    return _calibrated(outcome, [(data, kept)], preset)


def _cross_validate(
    preset: Preset,
    read: TrainingSets,
    options: TrainingOptions,
    observer: TrainingObserver,
    checkpoints: Checkpoints,
) -> Outcome:
    """Evaluate by cross-validation, then fit on all reviews for as many epochs as in the folds."""
    kind = split_kind(read.reviews, options.split)
    splits = cross_validation(
        reviews=read.reviews, count=options.folds, seed=options.seed, kind=kind
    )
    folds: list[tuple[FitData, Fit]] = []
    for number, split in enumerate(splits, 1):
        observer.stage(f"Fold {number} of {options.folds}")
        task = FitTask(
            preset=preset,
            data=read.reported_for_fit(split, observer),
            options=options,
            observer=observer,
            saved=checkpoints.of_fit(number),
            introduces=number == 1,
        )
        folds.append((task.data, _fit_fold(task, number)))
    # Nothing is held out of the final fit, so the folds decide where it stops early. Without early
    # stopping, the number of epochs follows from the options and the reviews, as in the folds.
    best = float(np.mean([fold.best_epoch for _, fold in folds]))
    epochs = round(best) if options.stops_early else None
    length = "" if epochs is None else f", epochs: {epochs}"
    observer.stage(f"Final fit on all {len(read.reviews):,} reviews{length}")
    everything = read.reported_for_fit(None, observer)
    kept = fit(
        FitTask(
            preset=preset,
            data=everything,
            options=options,
            observer=observer,
            epochs=epochs,
            saved=checkpoints.of_fit(0),
        )
    )
    outcome = Outcome(
        read=read,
        split=str(kind),
        fit=kept,
        data=everything,
        copies=count_copies([data for data, _ in folds], read.test),
        folds=tuple(fold for _, fold in folds),
    )
    return _calibrated(outcome, folds, preset)


def _fit_fold(task: FitTask, number: int) -> Fit:
    """Fit a fold, and report its metrics."""
    fold = fit(task)
    if fold.validation is not None:
        metrics = _line_of(fold.validation)
        task.observer.say(f"Fold {number}: {metrics}, epoch {fold.kept_epoch}")
    return fold


def fit(task: FitTask) -> Fit:
    """Fit a network by the recipe of its preset, and measure it on the held-out reviews."""
    fitted = fit_by_recipe(task)
    if task.data.held_out is None:
        return fitted
    found, metrics = _measure(fitted, task.preset, task.data.held_out)
    return replace(fitted, held_out=found, validation=metrics)


def _measure(fitted: Fit, preset: Preset, reviews: Reviews) -> tuple[Probabilities, Metrics]:
    found = review_probabilities(
        network=fitted.network,
        preset=preset,
        vocabulary=fitted.vocabulary,
        texts=reviews.texts,
    )
    return found, measure(reviews.labels, found, 0.5)


def _line_of(metrics: Metrics) -> str:
    balanced = metrics.balanced_accuracy
    more = "" if balanced is None else f" (balanced {balanced:.2%})"
    return f"loss {metrics.log_loss:.4f}, accuracy {metrics.accuracy.value:.2%}{more}"


def _calibrated(outcome: Outcome, fits: list[tuple[FitData, Fit]], preset: Preset) -> Outcome:
    """Calibrate the kept network by reviews that were held out of it, or out of the folds."""
    from toolkit.networks.adapted import calibrated

    held_out = HeldOut.of(fits, preset.max_tokens)
    found = fit_calibration(
        labels=held_out.labels,
        probability=held_out.probability,
        groups=held_out.groups,
        weights=held_out.weights,
    )
    network = calibrated(outcome.fit.network, found.scale, found.bias)
    kept = replace(outcome.fit, network=network)
    return replace(outcome, fit=kept, held_out=held_out, calibration=found)


def _with_stars(outcome: Outcome, preset: Preset, observer: TrainingObserver) -> Outcome:
    """Fit stars and the neutral range on reviews that the kept network was not fitted on."""
    held_out = outcome.held_out
    calibration = outcome.calibration
    fit = outcome.fit
    if held_out is None or calibration is None:
        return outcome
    source = outcome.read.validation or outcome.read.reviews
    if source.neutral is None and source.stars is None:
        return outcome
    neutral = None
    if source.neutral is not None:
        texts = source.neutral.texts
        found = review_probabilities(
            network=fit.network,
            preset=preset,
            vocabulary=fit.vocabulary,
            texts=texts,
        )
        answered = replace(fit, held_out=found)
        neutral = HeldOut.of(
            [(FitData(source.neutral, source.neutral), answered)], preset.max_tokens
        )
    share = len(held_out.labels) / len(source)
    rated = Rated.of(held_out=held_out, calibration=calibration, neutral=neutral, share=share)
    if source.stars is not None:
        try:
            outcome = replace(outcome, stars=fit_stars(rated))
        except NotFitted as reason:
            observer.hint(f"the model has no stars: {reason}")
    if source.neutral is not None:
        try:
            outcome = replace(outcome, neutral=fit_neutral(rated))
        except NotFitted as reason:
            observer.hint(f"the model has no neutral range: {reason}")
    return outcome
