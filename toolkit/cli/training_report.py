"""What `toolkit train` prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from toolkit.model.run_folder import LABELS
from toolkit.training.arrays import Arrays, Part
from toolkit.training.fit import Fit
from toolkit.training.material import Inputs
from toolkit.training.reporter import Progress, Reporter
from toolkit.training.sources.reviews import Reviews
from toolkit.training.sources.taught import Matches
from toolkit.training.sources.unlabelled import UnlabelledReviews
from toolkit.training.train import TrainingResult

if TYPE_CHECKING:
    from toolkit.training.ngrams.corpus import Corpus


class TerminalReporter(Reporter):
    """Prints the steps: with Keras' progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def loaded(self, reviews: Reviews) -> None:
        """Print how many reviews of which label there are."""
        negatives = len(reviews) - reviews.positives
        parts = [f"{reviews.positives:,} positive", f"{negatives:,} negative"]
        if reviews.soft_count:
            parts.append(f"{reviews.soft_count:,} soft labels")
        if reviews.without_text:
            parts.append(_without_text(reviews.without_text))
        typer.echo(f"{reviews.name}: {len(reviews):,} reviews ({', '.join(parts)})")

    def loaded_unlabelled(self, reviews: UnlabelledReviews) -> None:
        """Print how many there are."""
        left_out = f" ({_without_text(reviews.without_text)})" if reviews.without_text else ""
        typer.echo(f"{reviews.name}: {len(reviews):,} unlabelled reviews{left_out}")

    def taught(self, matches: Matches, inputs: Inputs) -> None:
        """Print how many reviews have a row, and how many rows have none."""
        found = f"{matches.labelled:,} of {len(inputs.reviews):,} labelled"
        if inputs.unlabelled is not None:
            found += f" and {matches.unlabelled:,} of {len(inputs.unlabelled):,} unlabelled"
        parts = [f"compared by {' and '.join(matches.compared)}"]
        if matches.unmatched:
            parts.append(f"{matches.unmatched:,} rows belong to none")
        if matches.teacher.without_probability:
            parts.append(f"{matches.teacher.without_probability:,} rows without probability")
        name = matches.teacher.path.name
        typer.echo(f"{name}: probabilities for {found} reviews ({', '.join(parts)})")

    def left_out(self, count: int) -> None:
        """Print how many, if there are any."""
        if count:
            typer.echo(f"{count:,} unlabelled reviews left out: held out or tested on")

    def encoded(self, arrays: Arrays) -> None:
        """Print the shapes of the arrays."""
        typer.echo(f"vocabulary: {len(arrays.vocabulary.words):,} words")
        typer.echo(_shapes("train", arrays.fitted))
        if arrays.held_out is not None:
            typer.echo(_shapes("valid", arrays.held_out))

    def prepared(self, corpus: Corpus) -> None:
        """Print how much there is to learn from."""
        typer.echo(f"vocabulary: {len(corpus.vocabulary.words):,} words")
        tokens = len(corpus.tokens.values)
        typer.echo(f"{len(corpus):,} reviews to learn from, {tokens:,} tokens")

    def sample(self, words: str, label: int) -> None:
        """Print a decoded row."""
        typer.echo(f"\n[{LABELS[label]}] {words}")

    def network(self, summary: str) -> None:
        """Print the layers."""
        typer.echo(f"\n{summary}")

    def stage(self, name: str) -> None:
        """Print what goes on."""
        typer.echo(f"\n{name}")

    def fold_begins(self, number: int, count: int) -> None:
        """Print a heading."""
        typer.echo(f"\nFold {number} of {count}")

    def fold_ends(self, number: int, fit: Fit) -> None:
        """Print how the fold went."""
        if fit.validation is not None:
            scores = _scores(fit.validation.loss, fit.validation.accuracy)
            typer.echo(f"Fold {number}: {scores}, epoch {fit.best_epoch}")

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        """Print a heading."""
        length = "" if epochs is None else f", epochs: {epochs}"
        typer.echo(f"\nFinal fit on all {reviews:,} reviews{length}")


def print_result(result: TrainingResult) -> None:
    """Print the metrics, where the run folder is, and what can be done with it."""
    metrics = result.metrics
    typer.echo()
    if "validation" in metrics:
        typer.echo(_line("validation", metrics["validation"]) + f"  {_where(metrics)}")
    if "folds" in metrics:
        typer.echo(_folds_line(metrics["folds"]))
    if "calibration" in metrics:
        typer.echo(_calibration_line(metrics["calibration"]))
    if "test" in metrics:
        typer.echo(_line("test", metrics["test"]))
    typer.echo(f"time        {metrics['seconds']:.0f} s")
    typer.echo(f"written to  {result.run.path}")
    typer.echo(f"Next: toolkit export {result.run.path}")


def _without_text(count: int) -> str:
    return f"{count:,} rows without text left out"


def _where(metrics: dict[str, Any]) -> str:
    validation = metrics["validation"]
    return f"(epoch {validation['best_epoch']}, {validation['split']} split)"


def _line(name: str, scores: dict[str, Any]) -> str:
    return (
        f"{name:<10}  {_scores(scores['loss'], scores['accuracy'])}, {scores['reviews']:,} reviews"
    )


def _folds_line(folds: dict[str, Any]) -> str:
    loss, accuracy = folds["loss"], folds["accuracy"]
    return (
        f"{len(folds['each'])} folds     loss {loss['mean']:.4f} ± {loss['deviation']:.4f}, "
        f"accuracy {accuracy['mean']:.2%} ± {accuracy['deviation']:.2%}  ({folds['split']} split)"
    )


def _calibration_line(calibration: dict[str, Any]) -> str:
    """Such as `calibration error 0.0213 before, 0.0064 after (scale 0.87, bias -0.02)`."""
    parts = [calibration["note"]] if "note" in calibration else []
    if (calibration["scale"], calibration["bias"]) != (1, 0):
        parts.append(f"scale {calibration['scale']:.3f}, bias {calibration['bias']:.3f}")
        parts.append("the scores above are before it")
    errors = [f"{calibration['error_before']:.4f} before"]
    if "error" in calibration:
        errors.append(f"{calibration['error']:.4f} after")
    return f"calibration error {', '.join(errors)}  ({'; '.join(parts)})"


def _scores(loss: float, accuracy: float) -> str:
    return f"loss {loss:.4f}, accuracy {accuracy:.2%}"


def _shapes(name: str, part: Part) -> str:
    ids, labels = part.ids, part.labels if part.targets is None else part.targets
    return f"x_{name} {ids.shape} {ids.dtype}  y_{name} {labels.shape} {labels.dtype}"
