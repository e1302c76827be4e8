"""The summary, the warnings and the errors of `toolkit score`, and its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import typer

from toolkit.classes import MIXED, NEGATIVE, NEUTRAL, POSITIVE
from toolkit.cli import console as messages
from toolkit.cli.console import not_read, one_line
from toolkit.cli.process import EXIT_REJECTED
from toolkit.cli.score_report import RunReport
from toolkit.scoring.file_prior import FIRST_RECORDS
from toolkit.scoring.jobs import STDOUT, Job, Jobs, RejectsTo
from toolkit.scoring.options import MaxRejected, ScoringOptions
from toolkit.scoring.results import (
    FileResult,
    RecordCounts,
    ScoringModel,
    total,
    unsure_warning,
    why_none_is_scored,
)

_CLASSES_SHOWN = 12
Row = tuple[str, str]  # a name and its value


def warn(job: Job, warning: str) -> None:
    """Print a warning about a file."""
    messages.warning(f"{job.source}: {warning}", file=str(job.source))


def warn_of(results: Sequence[FileResult]) -> None:
    """Print the warnings of files that other processes have scored."""
    for result in results:
        for warning in result.warnings:
            warn(result.job, warning)


def say_removed(removed: Iterable[str]) -> None:
    """Report leftovers of killed processes that were removed."""
    for each in removed:
        messages.say(
            f"{one_line(each)}: removed, as a leftover of a killed run.", "removed", path=each
        )


def show(
    results: Sequence[FileResult],
    jobs: Jobs,
    options: ScoringOptions,
    run: RunReport,
    where: str | None = None,
    time: str | None = None,
) -> None:
    """Print the summary; `where` and `time` replace the usual title and duration."""
    place = jobs.folder or jobs.files[0].output
    where = where or ("standard output" if place == STDOUT else str(place))
    title = one_line(where)
    assert run.scorer is not None
    if not jobs.is_shard and (warning := unsure_warning(total(results), run.scorer)):
        messages.warning(warning)
    say_removed(each for result in results for each in result.removed)
    rows = [*_rows(results=results, jobs=jobs, scorer=run.scorer, options=options)]
    has_skipped = any(result.is_skipped for result in results)
    took = _time(
        summary=total(results),
        jobs=jobs,
        options=options,
        seconds=run.seconds,
        has_skipped=has_skipped,
    )
    rows.append(("time", time or took))
    if not messages.is_json():
        messages.say(title, "summary", bold=True)
        messages.say(messages.fact_lines(rows), "summary")
        return
    failed = sum(result.error is not None for result in results)
    adjusted = {"adjusted_share": run.scorer.adjusted_share(total(results))}
    facts = {**total(results).as_dict(), **adjusted, "seconds": round(run.seconds, 3)}
    messages.say(
        title, "summary", output=str(place) if place == STDOUT else where, run_id=run.run_id,
        files=len(results), failed=failed,
        skipped=sum(result.is_skipped for result in results),
        **facts,
    )  # fmt: skip


def _rows(
    results: Sequence[FileResult], jobs: Jobs, scorer: ScoringModel, options: ScoringOptions
) -> Iterator[Row]:
    yield from _files(results, jobs)
    summary = total(results)
    if options.subset:
        yield "a part", str(options.subset)
    yield "records", f"{summary.records:,}"
    yield "scored", f"{summary.scored:,}"
    if scorer.has_classes:
        yield from _classes(summary)
    else:
        yield from _positive(results, summary, scorer)
    if (second := scorer.identity.get("second")) is not None:
        name = one_line(second["name"])
        yield "second model", f"{name}: {_share(summary.answered_by_second, summary.scored)}"
    if scorer.neutral is not None:
        yield "neutral", _share(summary.neutral, summary.scored)
    if scorer.by_sentence:
        yield "mixed", _share(summary.mixed, summary.scored)
    if summary.labelled + summary.unreadable_labels + summary.neutral_labels:
        meanings = dict.fromkeys(each.label_meaning for each in results if each.label_meaning)
        yield from (("labels", meaning) for meaning in meanings)
        yield "accuracy", _accuracy(summary)
    yield "without text", f"{summary.without_text:,}"
    yield from _reading(summary, scorer)
    yield "rejected", _rejected(results)
    yield from _aspects(summary)


def _classes(summary: RecordCounts) -> Iterator[Row]:
    """Yield the number of texts of each class, the most frequent first."""
    ordered = sorted(summary.classes.items(), key=lambda each: -each[1])
    for label, count in ordered[:_CLASSES_SHOWN]:
        yield one_line(label), _share(count, summary.scored)
    if more := ordered[_CLASSES_SHOWN:]:
        yield f"{len(more):,} other classes", _share(sum(n for _, n in more), summary.scored)
    if unlikely := summary.scored - sum(summary.classes.values()):
        yield "no likely class", _share(unlikely, summary.scored)


def _positive(
    results: Sequence[FileResult], summary: RecordCounts, scorer: ScoringModel
) -> Iterator[Row]:
    """Yield the number of positive reviews, and the prior."""
    yield "positive", _share(summary.positive, summary.scored)
    if (adjusted := scorer.adjusted_share(summary)) is not None:
        yield "adjusted", f"{adjusted:.1%} positive, by all scores together"
    yield from _prior(results, scorer)


def _prior(results: Sequence[FileResult], scorer: ScoringModel) -> Iterator[Row]:
    """Yield the share of positive reviews by which the scores were adjusted."""
    if scorer.prior is not None:
        yield "prior", f"{scorer.prior:.6g}"
    found = [result.prior for result in results if result.prior is not None]
    shares = sorted({each.share for each in found if each.share is not None})
    if not found:
        return
    without = sum(each.share is None for each in found)
    lowest_and_highest = dict.fromkeys((*shares[:1], *shares[-1:]))
    shown = " to ".join(f"{share:.1%}" for share in lowest_and_highest)
    if not shares:
        yield "prior", "none: it cannot be estimated"
        return
    of_some = f"; none for {without:,} of {len(found):,} files" if without else ""
    yield "prior", f"{shown} positive, by the first {FIRST_RECORDS:,} records of a file{of_some}"


def _aspects(summary: RecordCounts) -> Iterator[Row]:
    """Yield the numbers of reviews by aspect and label."""
    if not summary.aspects:
        return
    order = (POSITIVE, NEGATIVE, MIXED, NEUTRAL)
    counts = [[f"{found[label]:,}" for label in order] for found in summary.aspects.values()]
    widths = [max(map(len, column)) for column in zip(order, *counts, strict=True)]
    for name, row in zip(("aspect", *summary.aspects), (order, *counts), strict=True):
        yield name, "  ".join(each.rjust(width) for each, width in zip(row, widths, strict=True))


def _reading(summary: RecordCounts, scorer: ScoringModel) -> Iterator[Row]:
    """Yield the numbers of texts that were not read, or only in part."""
    if summary.without_known_words:
        yield "no known word", f"{summary.without_known_words:,}"
    if summary.other_language:
        yield "not English", f"{summary.other_language:,} (probably: no label)"
    if summary.few_known_words:
        yield "few known", f"{summary.few_known_words:,} (the model knows few of their words)"
    if summary.cut_to_length:
        end = "first" if scorer.reads_start else "last"
        read = f"the model reads the {end} {scorer.max_tokens:,} tokens"
        yield "cut to length", f"{summary.cut_to_length:,} ({read})"
    if summary.cut_at_nul:
        yield "cut at a NUL", f"{summary.cut_at_nul:,} (a text is read up to its first NUL)"


def _files(results: Sequence[FileResult], jobs: Jobs) -> Iterator[Row]:
    if jobs.folder is not None:
        failed = sum(result.error is not None for result in results)
        name = "pieces" if jobs.is_shard else "files"
        yield name, f"{len(results):,}" + (f", {failed:,} failed" if failed else "")
    if skipped := sum(result.is_skipped for result in results):
        by_time = sum(result.is_skipped_by_time for result in results)
        how = (
            f" ({by_time:,} compared by file time only: no record of how they were made)"
            if by_time
            else ""
        )
        yield "skipped", f"{skipped:,} with an output that exists{how}"
    yield from not_read(jobs.ignored, jobs.links)


def _share(count: int, scored: int) -> str:
    return f"{count:,} ({count / scored if scored else 0:.1%} of scored)"


def _accuracy(summary: RecordCounts) -> str:
    """Return the accuracy, such as ``90.00% of 20 labelled records``, and what is left out."""
    value = f"of {summary.answered:,} labelled records"
    if summary.accuracy is not None:
        value = f"{summary.accuracy:.2%} {value}"
    if summary.labelled_neutral:
        value += f", {summary.labelled_neutral:,} scored as neutral left out"
    if summary.labelled_mixed:
        value += f", {summary.labelled_mixed:,} scored as mixed left out"
    if summary.neutral_labels:
        value += f", {summary.neutral_labels:,} with a neutral label left out"
    if summary.unreadable_labels:
        value += f", {summary.unreadable_labels:,} without a readable label"
    if summary.unreadable_labels > summary.labelled:
        value += " (for other labels: toolkit evaluate)"
    return value


def _time(
    summary: RecordCounts, jobs: Jobs, options: ScoringOptions, seconds: float, *, has_skipped: bool
) -> str:
    """Return the duration, such as ``2.00 s (1,000 reviews/s)``: of one file, or of the run."""
    if has_skipped:
        return f"{seconds:.2f} s"
    if jobs.folder is None:
        return f"{summary.seconds:.2f} s ({summary.rate:,.0f} reviews/s)"
    if options.resume:  # an earlier run has scored some of the records
        return f"{seconds:.2f} s"
    return f"{seconds:.2f} s ({summary.records / seconds:,.0f} reviews/s)"


def _rejected(results: Sequence[FileResult]) -> str:
    files = [result for result in results if result.summary.rejected]
    count = f"{total(results).rejected:,}"
    if not files:
        return count
    job = files[0].job
    if job.rejects_file is None:
        is_shown = job.rejected is RejectsTo.STDOUT
        return f"{count} → standard output" if is_shown else f"{count}, not kept"
    others = {str(result.job.rejects_file) for result in files[1:]} - {str(job.rejects_file)}
    more = f" and {len(others):,} more" if others else ""
    return f"{count} → {job.rejects_file}{more}"


def exit_with(
    run: RunReport, results: Sequence[FileResult], max_rejected: MaxRejected | None
) -> None:
    """Print the errors, and end with the exit code of failures or rejects.

    Rejects within the user's limit are a success.
    """
    failed = [result for result in results if result.error is not None]
    run.errors = [str(result.error) for result in failed]
    if why := why_none_is_scored(total(results)):
        run.errors.append(_none_is_scored(results, why))
    for error in run.errors:
        messages.error(error, 1)
    if 0 < len(failed) < len(results):
        again = "--resume --force" if run.options.get("force") else "--resume"
        again = f"Score the failed files again with {again}, or all files with --force."
        if run.options.get("skip_existing"):
            again = "To score the failed files again, run the same command with --force."
        hint = f"The other files are done. {again}"
        messages.say(hint, "hint", message=hint)
    if run.errors:
        raise typer.Exit(1)
    if max_rejected is None and any(result.summary.rejected for result in results):
        raise typer.Exit(EXIT_REJECTED)


def _none_is_scored(results: Sequence[FileResult], why: str) -> str:
    """Return the message of a run that has scored nothing: why, and which option may help."""
    first = results[0]
    where = f"{first.job.source}" if len(results) == 1 else f"{len(results):,} files"
    text = first.columns.get("text")
    column = "" if text is None else f" The texts are from the column {text!r}."
    rejects = next((result.job.rejects_file for result in results if result.summary.rejected), None)
    more = "" if rejects is None else f" The rejects are in {rejects}."
    return (
        f"{where}: no record is scored: {why}.{column}{more} Choose the column with "
        "--text-column, or set --format, --delimiter or --encoding."
    )
