"""The summary of `toolkit score`: on the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from toolkit import __version__
from toolkit.cli.terminal import one_line
from toolkit.files import atomic_file
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import STDIN
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.run import FileResult
from toolkit.scoring.summary import Summary

Row = tuple[str, str]  # a name and what to say of it


def total(results: Sequence[FileResult]) -> Summary:
    """Add up the files."""
    return sum((result.summary for result in results), Summary())


def show(results: Sequence[FileResult], jobs: Jobs, scorer: Scorer) -> None:
    """Print the summary on standard error."""
    where = jobs.folder or jobs.files[0].output
    title = "standard output" if where == STDIN else one_line(str(where))
    typer.secho(title, bold=True, err=True)
    for name, value in _rows(results, jobs, scorer):
        typer.echo(f"  {name:<13} {one_line(value)}", err=True)
    for result in results:
        for warning in result.warnings:
            typer.echo(one_line(f"warning: {result.job.source}: {warning}"), err=True)


def _rows(results: Sequence[FileResult], jobs: Jobs, scorer: Scorer) -> Iterator[Row]:
    if jobs.folder is not None:
        failed = sum(result.error is not None for result in results)
        yield "files", f"{len(results):,}" + (f", {failed:,} failed" if failed else "")
    if jobs.ignored:
        yield "ignored", f"{jobs.ignored:,} files of unknown format"
    if jobs.links:
        yield "not followed", f"{len(jobs.links):,} links to folders, such as {jobs.links[0]}"
    summary = total(results)
    yield "records", f"{summary.records:,}"
    yield "scored", f"{summary.scored:,}"
    yield from _labels(summary, scorer)
    if summary.labelled + summary.unreadable_labels:
        yield "accuracy", _accuracy(summary)
    yield "without text", f"{summary.without_text:,}"
    yield from _reading(summary, scorer)
    yield "rejected", _rejected(results)
    yield "time", f"{summary.seconds:.2f} s ({summary.rate:,.0f} reviews/s)"


def _reading(summary: Summary, scorer: Scorer) -> Iterator[Row]:
    """Say how many texts were not read, or not wholly."""
    if summary.without_known_words:
        yield "no known word", f"{summary.without_known_words:,}"
    if summary.few_known_words:
        yield "few known", f"{summary.few_known_words:,} (the model knows few of their words)"
    if summary.cut_to_length:
        read = f"the model reads the last {scorer.facts.max_tokens:,} tokens"
        yield "cut to length", f"{summary.cut_to_length:,} ({read})"
    if summary.cut_at_nul:
        yield "cut at a NUL", f"{summary.cut_at_nul:,} (a text is read up to its first NUL)"


def _labels(summary: Summary, scorer: Scorer) -> Iterator[Row]:
    yield "positive", _share(summary.positive, summary.scored)
    if scorer.neutral is not None:
        yield "neutral", _share(summary.neutral, summary.scored)
    if scorer.by_sentence:
        yield "mixed", _share(summary.mixed, summary.scored)


def _share(count: int, scored: int) -> str:
    return f"{count:,} ({count / scored if scored else 0:.1%} of scored)"


def _accuracy(summary: Summary) -> str:
    """Such as ``90.00% of 20 labelled records, 3 called neutral left out``."""
    value = f"of {summary.answered:,} labelled records"
    if summary.accuracy is not None:
        value = f"{summary.accuracy:.2%} {value}"
    if summary.labelled_neutral:
        value += f", {summary.labelled_neutral:,} called neutral left out"
    if summary.labelled_mixed:
        value += f", {summary.labelled_mixed:,} called mixed left out"
    if summary.unreadable_labels:
        value += f", {summary.unreadable_labels:,} without a readable label"
    if summary.unreadable_labels > summary.labelled:
        value += " (for stars, three classes or names of your own: toolkit evaluate)"
    return value


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
        "model": scorer.identity(),
        "neutral_range": scorer.neutral and [round(end, 7) for end in scorer.neutral],
        "by_sentence": scorer.by_sentence,
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
    return {
        **names,
        "columns": dict(result.columns),
        "rejected_file": rejected,
        "warnings": result.warnings,
        **result.summary.as_dict(),
    }
