"""What `toolkit train` prints."""

# ruff: noqa: D102 (`TrainingObserver` says what the methods are for)

from __future__ import annotations

import sys

import typer

from toolkit.cli.console import fact_table, new_console, one_line
from toolkit.model.fact_lines import calibration_line, metric_rows, star_rows
from toolkit.training.data import Progress, TrainingObserver
from toolkit.training.result import TrainingResult


class TerminalObserver(TrainingObserver):
    """Prints the steps, with Keras' progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def say(self, line: str) -> None:
        typer.echo(one_line(line))

    def stage(self, name: str) -> None:
        typer.echo(f"\n{one_line(name)}")

    def hint(self, message: str) -> None:
        typer.echo(f"hint: {message}", err=True)

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
    rows += star_rows(result.stars, result.neutral)
    rows.append(("training", result.ending))
    if metrics.seconds is not None:
        rows.append(("time", f"{metrics.seconds:.0f} s"))
    if result.plots:
        rows.append(("plots", f"{' and '.join(result.plots)}, in the run folder"))
    console = new_console()
    console.print()
    console.print(fact_table(rows))
    console.print(f"Written to {path}", soft_wrap=True)
    console.print(f"Next: toolkit export {path}", soft_wrap=True)
