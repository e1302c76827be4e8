"""Writing the run folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.files import atomic_folder
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.training.fit import Fit
from toolkit.training.plots import plot_histories
from toolkit.training.record import Outcome
from toolkit.training.sources.reviews import Reviews

_HISTORY = ("loss", "accuracy", "val_loss", "val_accuracy")


def write_run(
    path: Path, config: RunConfig, metrics: dict[str, Any], outcome: Outcome, *, force: bool
) -> None:
    """Write every part of the run folder; all of it appears at once."""
    with atomic_folder(path, force=force) as partial:
        run = RunFolder(partial)
        outcome.fit.network.save(run.model)
        outcome.fit.vocabulary.save(run.vocabulary)
        run.save_metrics(metrics)
        _write_history(run.history, outcome)
        _write_sample(run.sample, outcome.sample(config.training["seed"]).values())
        if outcome.held_out is not None:
            judged = outcome.held_out
            columns = {"label": judged.labels, "probability": judged.probability}
            pq.write_table(pa.table(columns), run.validation)
        run.save_config(config)
        plot_histories(partial, outcome.fit, outcome.folds)


def _write_history(path: Path, outcome: Outcome) -> None:
    """A line an epoch; `fold` counts from 1 and is empty for the network that is kept."""
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("fold", "epoch", *_HISTORY))
        for number, fold in enumerate(outcome.folds, 1):
            lines.writerows(_epochs(number, fold))
        lines.writerows(_epochs("", outcome.fit))


def _epochs(fold: int | str, fit: Fit) -> Iterator[tuple[object, ...]]:
    for epoch in range(fit.epochs):
        yield (
            fold,
            epoch + 1,
            *(fit.history[name][epoch] if name in fit.history else "" for name in _HISTORY),
        )


def _write_sample(path: Path, parts: Iterable[Reviews]) -> None:
    tables = [
        pa.table({"text": reviews.texts.cast(pa.string()), "label": reviews.labels})
        for reviews in parts
    ]
    pq.write_table(pa.concat_tables(tables), path)
