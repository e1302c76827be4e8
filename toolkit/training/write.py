"""Write the run folder: `config.json`, `metrics.json`, the network, the history and its plots."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit import __version__
from toolkit.evaluation.metrics import Metrics
from toolkit.files import atomic_folder
from toolkit.model import training_facts
from toolkit.model.facts import FEWEST_FOR_UNSURE
from toolkit.model.labels import is_unsure
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.stars import rescaled
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.presets import Preset
from toolkit.training.result import PATIENCE, Fit, Outcome
from toolkit.training.reviews import Reviews
from toolkit.training.teacher import Matches

_TRAINING = "#8a8f98"
_VALIDATION = "#1f6fb4"
_KEPT = "#d1495b"
_METRICS = ("loss", "accuracy")

PLOTS = tuple(f"{metric}.png" for metric in _METRICS)
_HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy")


def plot_histories(folder: Path, fits: Sequence[Fit], loss: str = "Binary cross-entropy") -> None:
    """Draw `loss.png` and `accuracy.png` of some fits: the folds, or the kept network.

    `loss` is the name of the loss on its axis.
    """
    # Otherwise Matplotlib reports that it builds its font cache for the first time.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    folds = f", mean of {len(fits)} folds" if len(fits) > 1 else ""
    # Folds stop at different epochs: the mean ends with the shortest.
    shared = min(fit.epochs for fit in fits)
    kept = float(np.mean([fit.kept_epoch for fit in fits]))
    for metric in _METRICS:
        # `Figure` instead of pyplot: no window system, and no state kept between calls.
        figure = Figure(figsize=(7.2, 4.5), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(f"Training and validation {metric}{folds}", loc="left", weight="bold")
        for name, color, label in (
            (metric, _TRAINING, "training (with dropout)"),
            (f"val_{metric}", _VALIDATION, "validation"),
        ):
            for fit in fits:
                values = fit.history[name]
                axes.plot(range(1, len(values) + 1), values, color=color, lw=0.8, alpha=0.35)
            mean = np.mean([fit.history[name][:shared] for fit in fits], axis=0)
            axes.plot(range(1, shared + 1), mean, ".-", color=color, lw=2, label=label)
        axes.axvline(kept, color=_KEPT, lw=1, ls="--", label=f"kept epoch: {kept:.3g}")
        axes.set_xlabel("Epoch")
        axes.set_ylabel(loss if metric == "loss" else "Accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if metric == "accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        figure.savefig(folder / f"{metric}.png")


def write_run(
    path: Path,
    config: RunConfig,
    metrics: training_facts.RunMetrics,
    outcome: Outcome,
    *,
    force: bool,
) -> None:
    """Write the run folder; it appears when it is complete."""
    if path.parent == RUNS:
        RUNS.mkdir(exist_ok=True)
    from toolkit.networks.network_files import save_keras  # late: it imports ONNX

    with atomic_folder(path, force=force) as partial:
        run = RunFolder(partial)
        save_keras(outcome.fit.network, run.model)
        outcome.fit.vocabulary.save(run.vocabulary)
        run.save_metrics(metrics)
        write_history(run.history, outcome.fit, outcome.folds)
        _write_sample(run.sample, outcome.sample(config.training["seed"]).values())
        if outcome.held_out is not None:
            held_out = outcome.held_out
            columns = {"label": held_out.labels, "probability": held_out.probability}
            pq.write_table(pa.table(columns), run.validation)
        run.save_config(config)
        if outcome.fit.history:
            plot_histories(partial, outcome.folds or [outcome.fit])


def metrics_of(outcome: Outcome) -> training_facts.RunMetrics:
    """Return the content of `metrics.json`: no times, so equal trainings write equal bytes."""
    return training_facts.RunMetrics(
        validation=_scores(outcome.fit, outcome.split),
        folds=_summarize(outcome) if outcome.folds else None,
        calibration=outcome.calibration,
        adaptation=outcome.adaptation,
        test=None if outcome.test is None else training_facts.Scores(**_numbers(outcome.test)),
        copies=outcome.copies,
        parameters=int(outcome.fit.network.count_params()),
        unsure=_unsure(outcome),
        tried=None if outcome.choice is None else outcome.choice.facts,
    )


def _unsure(outcome: Outcome) -> float | None:
    """Return the share of unsure answers among the held-out reviews, weighted as in the loss."""
    held_out = outcome.held_out
    change = outcome.calibration
    if held_out is None or len(held_out.labels) < FEWEST_FOR_UNSURE:
        return None
    probability: npt.NDArray[Any] = held_out.probability
    if change is not None:  # None for an adapted model, whose probabilities are calibrated
        probability = rescaled(probability, change.scale, change.bias)
    return float(np.average(is_unsure(probability), weights=held_out.weights))


def config_of(preset: Preset, options: TrainingOptions, outcome: Outcome) -> RunConfig:
    """Return the content of `config.json`, with the epochs and the batch size that were used."""
    first_fit = outcome.folds[0] if outcome.folds else outcome.fit
    training = {
        "seed": options.seed,
        "epochs": outcome.fit.epochs,
        "most_epochs": first_fit.most_epochs if options.stops_early else None,
        "batch_size": outcome.fit.batch_size,
        "early_stopping": options.stops_early,
        "patience": PATIENCE if options.stops_early else None,
        "split": outcome.split,
        "validation": None if options.folds or outcome.read.validation else options.validation,
        "folds": options.folds,
        "sample": sampled_parts(outcome, options.seed),
    }
    if preset.is_adjustable:
        training |= {"dropout": preset.dropout, "learning_rate": preset.learning_rate}
    if outcome.read.reviews.domains is not None:
        training["balanced"] = True  # the probabilities assume as many reviews of each label
    if outcome.read.teachers:
        training["teacher_weight"] = options.teacher_share
    return RunConfig(
        preset=preset.name,
        vocabulary_size=outcome.fit.vocabulary_size,
        max_tokens=preset.max_tokens,
        data=describe_data(outcome, options),
        training=training,
        calibration=outcome.calibration,
        stars=outcome.stars,
        neutral=outcome.neutral,
        token_rule=outcome.fit.vocabulary.rule.version,
        toolkit_version=__version__,
    )


def _numbers(metrics: Metrics) -> dict[str, Any]:
    return {
        "loss": metrics.log_loss,
        "accuracy": metrics.accuracy.value,
        "balanced_accuracy": metrics.balanced_accuracy,
        "majority_accuracy": metrics.majority_accuracy,
        "reviews": metrics.accuracy.count,
    }


def _scores(fit: Fit, split: str | None = None) -> training_facts.Scores | None:
    """Return the scores of the kept epoch on the held-out reviews."""
    if fit.validation is None:
        return None
    epochs = {}
    if fit.history:
        epochs = {"epoch": fit.kept_epoch, "best_epoch": fit.best_epoch}
    return training_facts.Scores(**_numbers(fit.validation), **epochs, split=split)


def _summarize(outcome: Outcome) -> training_facts.Folds:
    each = tuple(scores for fold in outcome.folds if (scores := _scores(fold)) is not None)

    def spread(name: str) -> training_facts.Spread:
        values = [getattr(scores, name) for scores in each]
        return training_facts.Spread(float(np.mean(values)), float(np.std(values, ddof=1)))

    names = ("loss", "accuracy", "balanced_accuracy", "majority_accuracy")
    return training_facts.Folds(
        **{name: spread(name) for name in names}, each=each, split=outcome.split
    )


def describe_data(outcome: Outcome, options: TrainingOptions) -> training_facts.TrainingData:
    """Describe the reviews that were read, for `config.json`."""
    read = outcome.read
    held_out = outcome.data.held_out
    others = outcome.read.unlabelled
    return training_facts.TrainingData(
        **vars(_source_of(read.reviews)),
        test=None if read.test is None else _source_of(read.test),
        validation=None if read.validation is None else _source_of(read.validation),
        unlabelled=None
        if others is None
        else training_facts.ReviewSource(
            source=others.name,
            reviews=len(others),
            without_text=others.without_text,
            left_out=len(others) - outcome.data.unlabelled_count,
            sha256=others.sha256,
        ),
        teachers=tuple(map(_describe_teacher, read.teachers)) or None,
        strip_endings=options.reading.strip_endings or None,
        fitted=len(outcome.data.fitted),
        held_out=0 if held_out is None else len(held_out),
        is_balanced=None if read.reviews.domains is None else True,
    )


def _source_of(reviews: Reviews) -> training_facts.ReviewSource:
    return training_facts.ReviewSource(
        source=reviews.name,
        reviews=len(reviews),
        positive=reviews.positives,
        without_text=reviews.without_text,
        without_label=reviews.without_label or None,
        sha256=reviews.sha256,
        soft_labels=reviews.soft_count or None,
        label_meaning=reviews.label_meaning or None,
    )


def _describe_teacher(matches: Matches) -> training_facts.TeacherSource:
    return training_facts.TeacherSource(
        source=matches.teacher.path.name,
        rows=len(matches.teacher),
        without_probability=matches.teacher.without_probability,
        unmatched=matches.unmatched,
        labelled=matches.labelled,
        unlabelled=matches.unlabelled,
        sha256=matches.teacher.sha256,
    )


def sampled_parts(outcome: Outcome, seed: int) -> str:
    """Return the parts that the sample is from, such as `validation, test and training`."""
    *others, last = outcome.sample(seed)
    return f"{', '.join(others)} and {last}" if others else last


def write_history(path: Path, fit: Fit, folds: Sequence[Fit] = ()) -> None:
    """Write one line per epoch; `fold` counts from 1 and is empty for the kept network."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("fold", "epoch", *_HISTORY))
        for number, fold in enumerate(folds, 1):
            lines.writerows(_epochs(number, fold))
        lines.writerows(_epochs("", fit))


def _epochs(fold: int | str, fit: Fit) -> Iterator[tuple[object, ...]]:
    for epoch in range(fit.epochs):
        values = [fit.history[name][epoch] if name in fit.history else "" for name in _HISTORY]
        yield (fold, epoch + 1, *values)


def _write_sample(path: Path, parts: Iterable[Reviews]) -> None:
    tables = [
        pa.table({"text": reviews.texts.cast(pa.string()), "label": reviews.labels})
        for reviews in parts
    ]
    pq.write_table(pa.concat_tables(tables), path)
