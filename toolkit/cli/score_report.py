"""What `toolkit score` says at its end: on the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from toolkit import __version__
from toolkit.files import atomic_file
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import STDIN
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.run import FileResult
from toolkit.scoring.summary import Summary


def total(results: Sequence[FileResult]) -> Summary:
    """Add up the files."""
    return sum((result.summary for result in results), Summary())


def show(results: Sequence[FileResult], jobs: Jobs, scorer: Scorer) -> None:
    """Print the summary on standard error."""
    where = jobs.folder or jobs.files[0].output
    title = "standard output" if where == STDIN else str(where)
    typer.secho(title, bold=True, err=True)
    for name, value in _rows(results, jobs, scorer):
        typer.echo(f"  {name:<13} {value}", err=True)


def _rows(results: Sequence[FileResult], jobs: Jobs, scorer: Scorer) -> list[tuple[str, str]]:
    summary = total(results)
    rows = []
    if jobs.folder is not None:
        failed = sum(result.error is not None for result in results)
        rows.append(("files", f"{len(results):,}" + (f", {failed:,} failed" if failed else "")))
    if jobs.ignored:
        rows.append(("ignored", f"{jobs.ignored:,} files of no known format"))
    if jobs.links:
        rows.append(
            ("not followed", f"{len(jobs.links):,} links to folders, such as {jobs.links[0]}")
        )
    rows += [
        ("records", f"{summary.records:,}"),
        ("scored", f"{summary.scored:,}"),
        ("positive", f"{summary.positive:,} ({summary.positive_share:.1%} of the scored)"),
        *_uncertain(summary, scorer),
        *_accuracy(summary),
        ("without text", f"{summary.without_text:,}"),
        ("rejected", _rejected(results)),
        ("time", f"{summary.seconds:.2f} s ({summary.rate:,.0f} reviews/s)"),
    ]
    return rows


def _uncertain(summary: Summary, scorer: Scorer) -> Iterator[tuple[str, str]]:
    if scorer.uncertain is not None:
        share = summary.uncertain / summary.scored if summary.scored else 0.0
        yield "uncertain", f"{summary.uncertain:,} ({share:.1%} of the scored)"


def _accuracy(summary: Summary) -> Iterator[tuple[str, str]]:
    """The accuracy, and the labels that do not count in it."""
    if not summary.labelled + summary.unreadable_labels:
        return
    answered = summary.labelled - summary.labelled_uncertain
    value = f"of {answered:,} labelled records"
    if summary.accuracy is not None:
        value = f"{summary.accuracy:.2%} {value}"
    if summary.labelled_uncertain:
        value += f", {summary.labelled_uncertain:,} uncertain ones left out"
    if summary.unreadable_labels:
        value += f", {summary.unreadable_labels:,} without a label that can be read"
    yield "accuracy", value


def _rejected(results: Sequence[FileResult]) -> str:
    files = [result for result in results if result.summary.rejected]
    count = f"{total(results).rejected:,}"
    if not files:
        return count
    more = f" and {len(files) - 1:,} more" if files[1:] else ""
    return f"{count} → {files[0].job.rejected}{more}"


def write_report(path: Path, scorer: Scorer, results: Sequence[FileResult]) -> None:
    """Write the summary as JSON: the sums, and each file."""
    content: dict[str, Any] = {
        **total(results).as_dict(),
        "model": scorer.facts.preset,
        "model_sha256": scorer.sha256,
        "threshold": round(float(scorer.threshold), 7),
        "uncertain_range": scorer.uncertain and [round(end, 7) for end in scorer.uncertain],
        "toolkit_version": __version__,
        "files": [_file(result) for result in results],
    }
    with atomic_file(path, force=True) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _file(result: FileResult) -> dict[str, Any]:
    names = {"input": str(result.job.source), "output": str(result.job.output)}
    if result.error is not None:
        return {**names, "error": result.error}
    rejected = str(result.job.rejected) if result.summary.rejected else None
    return {**names, "rejected_file": rejected, **result.summary.as_dict()}
