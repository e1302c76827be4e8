"""What `toolkit train` prints."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import typer

from toolkit.model.run_folder import LABELS
from toolkit.model.typed_json import encode
from toolkit.training.reporter import Progress, Reporter
from toolkit.training.result import TrainingResult


class TerminalReporter(Reporter):
    """Prints the steps: with Keras' progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def loaded(
        self, name: str, reviews: int, *, positives: int, soft_labels: int, without_text: int
    ) -> None:
        """Print how many reviews of which label there are."""
        parts = [f"{positives:,} positive", f"{reviews - positives:,} negative"]
        if soft_labels:
            parts.append(f"{soft_labels:,} soft labels")
        if without_text:
            parts.append(_without_text(without_text))
        typer.echo(f"{name}: {reviews:,} reviews ({', '.join(parts)})")

    def loaded_unlabelled(self, name: str, reviews: int, without_text: int) -> None:
        """Print how many there are."""
        left_out = f" ({_without_text(without_text)})" if without_text else ""
        typer.echo(f"{name}: {reviews:,} unlabelled reviews{left_out}")

    def matched_teacher(
        self,
        name: str,
        *,
        labelled: tuple[int, int],
        unlabelled: tuple[int, int] | None,
        compared: tuple[str, ...],
        unmatched: int,
        without_probability: int,
    ) -> None:
        """Print how many reviews have a row, and how many rows have none."""
        found = "{:,} of {:,} labelled".format(*labelled)
        if unlabelled is not None:
            found += " and {:,} of {:,} unlabelled".format(*unlabelled)
        parts = [f"compared by {' and '.join(compared)}"]
        if unmatched:
            parts.append(f"{unmatched:,} rows belong to none")
        if without_probability:
            parts.append(f"{without_probability:,} rows without probability")
        typer.echo(f"{name}: probabilities for {found} reviews ({', '.join(parts)})")

    def left_out(self, count: int) -> None:
        """Print how many, if there are any."""
        if count:
            typer.echo(f"{count:,} unlabelled reviews left out: held out or tested on")

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        """Print how much there is to learn from."""
        typer.echo(f"vocabulary: {words:,} words")
        for line in sizes:
            typer.echo(line)

    def sample(self, words: str, label: int) -> None:
        """Print a decoded row."""
        typer.echo(f"\n[{LABELS[label]}] {words}")

    def network(self, summary: str) -> None:
        """Print the layers."""
        typer.echo(f"\n{summary}")

    def stage(self, name: str) -> None:
        """Print the name of the step."""
        typer.echo(f"\n{name}")

    def fold_begins(self, number: int, count: int) -> None:
        """Print a heading."""
        typer.echo(f"\nFold {number} of {count}")

    def fold_ends(self, number: int, *, loss: float, accuracy: float, epoch: int) -> None:
        """Print how the fold went."""
        typer.echo(f"Fold {number}: loss {loss:.4f}, accuracy {accuracy:.2%}, epoch {epoch}")

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        """Print a heading."""
        length = "" if epochs is None else f", epochs: {epochs}"
        typer.echo(f"\nFinal fit on all {reviews:,} reviews{length}")

    def warning(self, message: str) -> None:
        """Print it on standard error."""
        typer.echo(f"warning: {message}", err=True)


def print_result(result: TrainingResult) -> None:
    """Print the metrics, how the training ended, and what can be done with the run folder."""
    metrics = encode(result.metrics)
    typer.echo()
    if "validation" in metrics:
        validation = metrics["validation"]
        where = f"epoch {validation['epoch']}, {validation['split']} split"
        _print_scores("validation", validation, where)
    if "folds" in metrics:
        _print_folds(metrics["folds"])
    if "calibration" in metrics:
        typer.echo(_calibration_line(metrics["calibration"]))
    if "test" in metrics:
        _print_scores("test", metrics["test"])
    _print_line("training", result.ending)
    typer.echo(f"time        {metrics['seconds']:.0f} s")
    typer.echo(f"written to  {result.run.path}")
    typer.echo(f"plots       {' and '.join(result.plots)}, in this folder")
    typer.echo(f"Next: toolkit export {result.run.path}")


def _print_line(name: str, text: str) -> None:
    typer.echo(textwrap.fill(text, 80, initial_indent=f"{name:<12}", subsequent_indent=" " * 12))


def _without_text(count: int) -> str:
    return f"{count:,} rows without text left out"


def _print_scores(name: str, scores: dict[str, Any], where: str = "") -> None:
    """Such as `test  loss 0.31, accuracy 87.00%, 500 reviews`, and what to compare it with."""
    found = f"loss {scores['loss']:.4f}, accuracy {scores['accuracy']:.2%}"
    typer.echo(f"{name:<12}{found}, {scores['reviews']:,} reviews{where and f'  ({where})'}")
    _print_line(
        "",
        f"balanced accuracy {scores['balanced_accuracy']:.2%}, majority baseline "
        f"{scores['majority_accuracy']:.2%}",
    )


def _print_folds(folds: dict[str, Any]) -> None:
    loss, accuracy, balanced = folds["loss"], folds["accuracy"], folds["balanced_accuracy"]
    typer.echo(
        f"{len(folds['each'])} folds     loss {loss['mean']:.4f} ± {loss['deviation']:.4f}, "
        f"accuracy {accuracy['mean']:.2%} ± {accuracy['deviation']:.2%}  ({folds['split']} split)"
    )
    _print_line(
        "",
        f"balanced accuracy {balanced['mean']:.2%} ± {balanced['deviation']:.2%}, majority "
        f"baseline {folds['majority_accuracy']['mean']:.2%}",
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
