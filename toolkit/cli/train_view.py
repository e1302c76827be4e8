"""What `toolkit train` prints."""

# ruff: noqa: D102 (`Reporter` says what the methods are for)

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from toolkit.cli.fact_lines import calibration_line, metric_rows
from toolkit.cli.terminal import fact_table, new_console, one_line
from toolkit.model.run_folder import LABELS
from toolkit.training.reporter import Progress, Reporter
from toolkit.training.result import TrainingResult


class TerminalReporter(Reporter):
    """Prints the steps, with Keras' progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def loaded(
        self, name: str, reviews: int, *, positives: int, soft_labels: int, without_text: int
    ) -> None:
        parts = [f"{positives:,} positive", f"{reviews - positives:,} negative"]
        if soft_labels:
            parts.append(f"{soft_labels:,} soft labels")
        if without_text:
            parts.append(_without_text(without_text))
        typer.echo(f"{name}: {reviews:,} reviews ({', '.join(parts)})")

    def loaded_unlabelled(self, name: str, reviews: int, without_text: int) -> None:
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
        found = "{:,} of {:,} labelled".format(*labelled)
        if unlabelled is not None:
            found += " and {:,} of {:,} unlabelled".format(*unlabelled)
        parts = [f"compared by {' and '.join(compared)}"]
        if unmatched:
            parts.append(f"{unmatched:,} rows without a review")
        if without_probability:
            parts.append(f"{without_probability:,} rows without probability")
        typer.echo(f"{name}: probabilities for {found} reviews ({', '.join(parts)})")

    def left_out(self, count: int) -> None:
        if count:
            typer.echo(f"{count:,} unlabelled reviews left out: held out or tested on")

    def encoded(self, words: int, sizes: Sequence[str]) -> None:
        typer.echo(f"vocabulary: {words:,} words")
        for line in sizes:
            typer.echo(line)

    def sample(self, words: str, label: int) -> None:
        typer.echo(f"\n[{LABELS[label]}] {words}")

    def network(self, summary: str) -> None:
        typer.echo(f"\n{summary}")

    def stage(self, name: str) -> None:
        typer.echo(f"\n{name}")

    def fold_begins(self, number: int, count: int) -> None:
        typer.echo(f"\nFold {number} of {count}")

    def fold_ends(self, number: int, *, loss: float, accuracy: float, epoch: int) -> None:
        typer.echo(f"Fold {number}: loss {loss:.4f}, accuracy {accuracy:.2%}, epoch {epoch}")

    def final_fit_begins(self, reviews: int, epochs: int | None) -> None:
        length = "" if epochs is None else f", epochs: {epochs}"
        typer.echo(f"\nFinal fit on all {reviews:,} reviews{length}")

    def warning(self, message: str) -> None:
        typer.echo(f"warning: {message}", err=True)


def show(result: TrainingResult) -> None:
    """Print how good the network is, why the fit ended, where it is, and what to do next."""
    path, metrics = one_line(str(result.run.path)), result.metrics
    rows = list(metric_rows(metrics))
    if metrics.calibration is not None:
        line = calibration_line(metrics.calibration)
        kind = "held-out" if metrics.folds is None else "cross-validated"
        note = f"; the {kind} scores are before it" if metrics.calibration.is_changed else ""
        rows.append(("calibration", line + note))
    rows.append(("training", result.ending))
    if metrics.seconds is not None:
        rows.append(("time", f"{metrics.seconds:.0f} s"))
    rows.append(("plots", f"{' and '.join(result.plots)}, in the run folder"))
    console = new_console()
    console.print()
    console.print(fact_table(rows))
    console.print(f"Written to {path}", soft_wrap=True)
    console.print(f"Next: toolkit export {path}", soft_wrap=True)


def _without_text(count: int) -> str:
    return f"{count:,} rows without text left out"
