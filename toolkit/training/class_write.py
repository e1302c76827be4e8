"""Write the run folder of a network of classes, with its plots."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit import __version__
from toolkit.evaluation.class_metrics import ClassMetrics
from toolkit.files import atomic_folder
from toolkit.model import training_facts
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.networks.network_files import save_keras
from toolkit.training.class_outcome import ClassOutcome
from toolkit.training.options import RUNS, TrainingOptions
from toolkit.training.reviews import Reviews
from toolkit.training.write import plot_histories, write_history

PLOTS = ("classes.png", "confusion.png")
_MOST_DRAWN = 30  # classes, the most frequent ones
_F1 = "#1f6fb4"
_LETTERS = 24  # of a label


def write_classes(
    outcome: ClassOutcome, options: TrainingOptions, metrics: training_facts.RunMetrics
) -> None:
    """Write the run folder; it appears when it is complete."""
    if options.run.parent == RUNS:
        RUNS.mkdir(exist_ok=True)
    with atomic_folder(options.run, force=options.force) as partial:
        run = RunFolder(partial)
        save_keras(outcome.network, run.model)
        outcome.fit.vocabulary.save(run.vocabulary)
        run.save_metrics(metrics)
        sample = outcome.sample(options.seed)
        texts = {"text": sample.texts.cast(pa.string()), "label": sample.labels}
        pq.write_table(pa.table(texts), run.sample)
        held_out = outcome.fitted.held_out
        assert held_out is not None
        answers = pa.FixedSizeListArray.from_arrays(
            outcome.held_out.reshape(-1), outcome.held_out.shape[1]
        )
        columns = {"label": held_out.labels, "probabilities": answers}
        pq.write_table(pa.table(columns), run.validation)
        run.save_config(_config_of(outcome, options))
        if outcome.fit.epochs is not None:
            write_history(run.history, outcome.fit.epochs)
            plot_histories(partial, [outcome.fit.epochs], loss="Cross-entropy")
        _plot_classes(partial, outcome.validation)


def metrics_of(outcome: ClassOutcome) -> training_facts.RunMetrics:
    """Return the content of `metrics.json`: no times, so equal trainings write equal bytes."""
    return training_facts.RunMetrics(
        validation=_scores(outcome.validation, outcome.split),
        calibration=outcome.calibration,
        test=None if outcome.test is None else _scores(outcome.test),
        copies=outcome.copies,
        parameters=int(outcome.network.count_params()),
        tried=None if outcome.choice is None else outcome.choice.facts,
    )


def _scores(found: ClassMetrics, split: str | None = None) -> training_facts.Scores:
    return training_facts.Scores(
        loss=found.log_loss,
        accuracy=found.accuracy.value,
        reviews=found.accuracy.count,
        split=split,
        balanced_accuracy=found.balanced_accuracy,
        majority_accuracy=found.constant_accuracy,
        macro_f1=found.macro_f1,
    )


def _source_of(reviews: Reviews) -> training_facts.ReviewSource:
    names = reviews.classes or ()
    counts = np.bincount(reviews.labels, minlength=len(names)).tolist()
    return training_facts.ReviewSource(
        source=reviews.name,
        reviews=len(reviews),
        without_text=reviews.without_text,
        without_label=reviews.without_label or None,
        sha256=reviews.sha256,
        classes=dict(zip(names, counts, strict=True)),
    )


def _config_of(outcome: ClassOutcome, options: TrainingOptions) -> RunConfig:
    data = outcome.data
    held_out = outcome.fitted.held_out
    preset = outcome.preset
    training = {
        "seed": options.seed,
        "split": outcome.split,
        "validation": None if data.validation is not None else options.validation,
        **outcome.fit.settings,
        "class_weight": options.class_weight,
    }
    if preset.is_adjustable:
        training |= {"dropout": preset.dropout, "learning_rate": preset.learning_rate}
    if outcome.is_fitted_again:
        training["fitted_again"] = True  # on all texts, after the held-out texts were measured
    start = outcome.start
    return RunConfig(
        preset=preset.name,
        vocabulary_size=outcome.fit.vocabulary_size,
        max_tokens=preset.max_tokens,
        data=training_facts.TrainingData(
            **vars(_source_of(data.reviews)),
            test=None if data.test is None else _source_of(data.test),
            validation=None if data.validation is None else _source_of(data.validation),
            strip_endings=options.reading.strip_endings or None,
            fitted=len(outcome.fitted.fitted),
            held_out=0 if held_out is None else len(held_out),
            start=None if start is None else start.facts,
        ),
        training=training,
        classes=data.class_names,
        calibration=outcome.calibration,
        start_release=None if start is None else start.release,
        token_rule=outcome.fit.vocabulary.rule.version,
        toolkit_version=__version__,
    )


def _plot_classes(folder: Path, found: ClassMetrics) -> None:
    """Draw F1 and confusion of the most frequent classes, on held-out texts."""
    # Otherwise Matplotlib reports that it builds its font cache for the first time.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    support = np.array([each.support for each in found.classes])
    drawn = np.argsort(-support, kind="stable")[:_MOST_DRAWN]
    # A dollar sign would begin a formula.
    names = [found.classes[at].label[:_LETTERS].replace("$", r"\$") for at in drawn]
    size = len(drawn)
    some = f" ({size} most frequent of {len(support):,})" if size < len(support) else ""
    places = np.arange(size)

    figure = Figure(figsize=(7.2, 1.4 + 0.28 * size), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(f"F1 by class, held-out texts{some}", x=0.01, ha="left", weight="bold")
    axes.barh(places, [found.classes[at].f1 or 0.0 for at in drawn], color=_F1)
    labels = [f"{name} ({support[at]:,})" for name, at in zip(names, drawn, strict=True)]
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.axvline(found.macro_f1, color="#d1495b", lw=1, ls="--")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / PLOTS[0])

    counts = found.confusion[np.ix_(drawn, drawn)]
    shares = counts / np.maximum(support[drawn], 1)[:, None]
    side = max(2.6 + 0.28 * size, 6)
    figure = Figure(figsize=(side, side), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(f"Confusion, held-out texts{some}", x=0.01, ha="left", weight="bold")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(places, names, rotation=90)
    axes.set_yticks(places, names)
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    for row, column in np.argwhere(counts > 0):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, color=color, ha="center", va="center", fontsize=6)
    figure.savefig(folder / PLOTS[1])
