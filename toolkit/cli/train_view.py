"""What `toolkit train` prints."""

# ruff: noqa: D102 (`TrainingObserver` says what the methods are for)

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from toolkit.cli.console import fact_table, new_console, one_line
from toolkit.errors import counted
from toolkit.evaluation.metrics import Metrics
from toolkit.model.fact_lines import calibration_line, metric_rows, star_rows
from toolkit.model.run_folder import LABELS
from toolkit.training.data import Progress, TrainingObserver
from toolkit.training.result import TrainingResult
from toolkit.training.reviews import Reviews, UnlabelledReviews
from toolkit.training.teacher import Matches


class TerminalObserver(TrainingObserver):
    """Prints the steps, with Keras' progress bar on a terminal, in plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def loaded(self, reviews: Reviews | UnlabelledReviews) -> None:
        parts = []
        if isinstance(reviews, Reviews):
            parts.append(f"{reviews.positives:,} positive")
            parts.append(f"{len(reviews) - reviews.positives:,} negative")
            if reviews.soft_count:
                parts.append(counted(reviews.soft_count, "soft label"))
        if reviews.without_text:
            parts.append(counted(reviews.without_text, "row") + " without text left out")
        kind = "reviews" if isinstance(reviews, Reviews) else "unlabelled reviews"
        details = f" ({', '.join(parts)})" if parts else ""
        typer.echo(f"{reviews.name}: {len(reviews):,} {kind}{details}")
        if isinstance(reviews, Reviews) and reviews.label_meaning:
            typer.echo(f"  labels: {one_line(reviews.label_meaning)}")
        if isinstance(reviews, Reviews) and reviews.stars_meaning:
            typer.echo(f"  stars: {one_line(reviews.stars_meaning)}")

    def matched_teacher(self, matches: Matches, labelled: int, unlabelled: int | None) -> None:
        found = f"{matches.labelled:,} of {labelled:,} labelled"
        if unlabelled is not None:
            found += f" and {matches.unlabelled:,} of {unlabelled:,} unlabelled"
        parts = [f"compared by {' and '.join(matches.compared)}"]
        if matches.unmatched:
            parts.append(counted(matches.unmatched, "row") + " without a review")
        if empty := matches.teacher.without_probability:
            parts.append(counted(empty, "row") + " without probability")
        name = matches.teacher.path.name
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

    def fold_ends(self, number: int, metrics: Metrics, epoch: int) -> None:
        balanced = metrics.balanced_accuracy
        shares = f"{metrics.accuracy.value:.2%}"
        shares += "" if balanced is None else f" (balanced {balanced:.2%})"
        typer.echo(f"Fold {number}: loss {metrics.log_loss:.4f}, accuracy {shares}, epoch {epoch}")

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
