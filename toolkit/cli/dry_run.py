"""`toolkit score --dry-run`: print how files would be read, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import typer

from toolkit.cli import console as messages
from toolkit.cli.console import one_line, shortened
from toolkit.cli.process import EXIT_REJECTED
from toolkit.errors import InputError, OutputError, StoreError, UsageError
from toolkit.model.description import megabytes
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of
from toolkit.records.formats import format_called, open_reviews
from toolkit.records.inputs import Kind
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.block_loop import SelectedBlock, run_blocks
from toolkit.scoring.block_scorer import BlockScorer
from toolkit.scoring.identity import settings_of
from toolkit.scoring.jobs import Job, Jobs, RejectsTo, check_call, check_job
from toolkit.scoring.journal import Journals
from toolkit.scoring.options import ScoringOptions, Subset
from toolkit.scoring.output import output_form
from toolkit.scoring.results import Source

_FILES_SHOWN = 5
_RECORDS_SHOWN = 3
_LETTERS_SHOWN = 60
_NAMES_SHOWN = 10
_FIRST_BYTES = 1 << 16  # enough for the first records
_SECONDS_MEASURED = 2.0
_MARKS = {"\t": "tab", ",": "comma", ";": "semicolon", " ": "space", '"': '"'}

_SEVERAL = ("record", "rejected", "warning")  # rows that may be repeated

Row = tuple[str, str]  # a name and its value


def show_preview(scorer: Scorer, jobs: Jobs, options: ScoringOptions) -> None:
    """Print how the files would be read: to standard output, or to standard error as JSON.

    The exit code is 1 if a file cannot be read, and 3 if one of its first records is rejected.
    """
    check_call(jobs, options)
    journals = Journals(jobs, options)
    settings = settings_of(scorer, options)
    journals.check(settings)
    good: list[tuple[Job, int | None]] = []  # with the size
    rejects: list[str] = []
    has_failed = False
    for number, job in enumerate(jobs.files):
        try:
            if (rows := _why_skipped(job, journals, settings)) is None:
                rows, size = _looked_at(job, jobs, options)
                good.append((job, size))
        except (InputError, UsageError, OutputError, StoreError) as error:
            if jobs.is_single:
                raise
            messages.error(str(error), 1)
            has_failed = True
            continue
        rejects += _rejects_in(rows)
        if number < _FILES_SHOWN or messages.is_json():
            _show(_title(job), rows, "preview", file=str(job.source), output=str(job.output))
    _show_more(len(jobs.files) - _FILES_SHOWN)
    _show("Nothing is written.", _estimate(scorer, good, options), "estimate")
    if has_failed:
        raise typer.Exit(1)
    if rejects and options.max_rejected is None:
        raise typer.Exit(EXIT_REJECTED)


def _show_more(count: int) -> None:
    if count > 0 and not messages.is_json():
        typer.echo(f"and {count:,} more files (also checked)")


def _rejects_in(rows: Iterable[Row]) -> list[str]:
    return [value for name, value in rows if name == "rejected"]


def _why_skipped(job: Job, journals: Journals, settings: dict[str, Any]) -> list[Row] | None:
    """Return why a file would be skipped, or None; raise what the run itself would raise."""
    if job.error is not None:
        raise InputError(job.error)
    is_kept = journals.is_up_to_date(job, settings)
    if not (is_kept or journals.is_resumed(job)):
        return None
    is_by_time = is_kept and job in journals.compared_by_time
    what = "newer than the input" if is_by_time else "up to date"
    return [("skipped", f"the output is there, and {what}")]


def _looked_at(job: Job, jobs: Jobs, options: ScoringOptions) -> tuple[list[Row], int | None]:
    """Return how a file is read, and its size; raise what the run itself would raise."""
    if jobs.folder is None or job.output.parent.is_dir():  # else it is made
        check_job(job, force=options.force)
    source = Source.of(job.input, options.reading.format, job.input.known_facts())
    rows = [*_rows(job, source, options)]
    if options.stop_on_error and (rejects := _rejects_in(rows)):
        raise InputError(f"{job.source}: {rejects[0]}.")
    return rows, source.size


def _show(title: str, rows: Iterable[Row], event: str, **files: Any) -> None:
    if not messages.is_json():
        typer.secho(title, bold=True)
        typer.echo(messages.fact_lines(rows))
        return
    facts: dict[str, str | list[str]] = {}
    for name, value in rows:
        kind = name.rstrip(" 123")  # of a record
        if kind in _SEVERAL:
            facts[kind] = [*facts.get(kind, ()), value]
        else:
            facts[name] = value
    messages.say(title, event, **files, facts=facts)


def _title(job: Job) -> str:
    output = "standard output" if job.is_to_stdout else str(job.output)
    return one_line(f"{job.input.name} → {output}")


def _rows(job: Job, source: Source, options: ScoringOptions) -> Iterator[Row]:
    """Open a file; yield how it is read, and its first records."""
    small = replace(options.reading, block_bytes=_FIRST_BYTES)
    with open_reviews(job.input, small) as reviews:
        output_form(reviews, job, options)
        options.subset.check(reviews)
        reviews.is_exact = True  # as texts are shown
        yield from _layout(reviews, source)
        chosen = {role: str(name) for role, name in reviews.chosen.items()}
        yield from ((role, f"column {name!r}") for role, name in chosen.items())
        if "text" not in chosen:
            yield "text", "no column found so far"
        yield from _first_records(reviews, options.subset)
        yield from (("warning", warning) for warning in reviews.warnings)
    if job.rejected is RejectsTo.NOWHERE:
        yield "rejects", "only counted"
    elif job.rejects_file is None:
        yield "rejects", "to standard output"
    else:
        yield "rejects", f"to {job.rejects_file}, if any"


def _layout(reviews: ReviewFile, source: Source) -> Iterator[Row]:
    packed = "" if source.compression is None else f", compressed with {source.compression}"
    size = ""
    if source.size is not None:
        small = source.size < 100_000
        size = f", {source.size:,} bytes" if small else f", {megabytes(source.size)}"
    yield "format", f"{source.format}{packed}{size}"
    if source.format is not None:
        own = format_called(source.format)
        if own.is_text:
            yield "encoding", reviews.options.encoding or "utf-8"
        if own.delimiter is not None and reviews.delimiter is not None:
            yield "delimiter", _MARKS.get(reviews.delimiter, reviews.delimiter)
            yield "quote", reviews.options.quote or "none"
    if reviews.names:
        shown = ", ".join(map(_short, reviews.names[:_NAMES_SHOWN]))
        more = len(reviews.names) - _NAMES_SHOWN
        yield "columns", shown + (f", and {more:,} more" if more > 0 else "")


def _first_records(reviews: ReviewFile, subset: Subset) -> Iterator[Row]:
    records: list[str] = []
    rejects: list[str] = []
    for parsed in run_blocks(reviews, SelectedBlock.parse, subset, workers=1):
        texts = parsed.texts.slice(0, _RECORDS_SHOWN - len(records)).to_pylist()
        for row, text in enumerate(texts):
            others = ((role, values[row].as_py()) for role, values in parsed.fields.items())
            shown = (f"{role} {_short(value)}" for role, value in others)
            records.append("; ".join([_short(text), *shown]))
        rejects += [
            f"{reviews.counts} {reject.number:,}: {reject.reason}"
            for reject in parsed.rejects[: _RECORDS_SHOWN - len(rejects)]
        ]
        if max(len(records), len(rejects)) >= _RECORDS_SHOWN:
            break
    yield from ((f"record {number}", record) for number, record in enumerate(records, 1))
    yield from (("rejected", reject) for reject in rejects)


def _short(text: str | None) -> str:
    return shortened(text, _LETTERS_SHOWN) if text else "(empty)"


def _estimate(
    scorer: Scorer, good: Sequence[tuple[Job, int | None]], options: ScoringOptions
) -> Iterator[Row]:
    """Yield the estimated time for all files, by the start of the largest file."""
    if options.subset:
        yield "a part", str(options.subset)
    if not good:
        yield "time", "nothing to score"
        return
    largest = max(good, key=lambda each: each[1] or 0, default=None)
    speed = None if largest is None else _speed(scorer, largest[0], options)
    sizes = [size for _, size in good if size is not None]
    if speed is None or len(sizes) < len(good):
        yield "time", "unknown: no file has a known size"
        return
    bytes_per_second, records_per_second = speed
    most = options.subset.limit or options.subset.sample
    each = [size / bytes_per_second for size in sizes]
    if most is not None:
        each = [min(seconds, most / records_per_second) for seconds in each]
    if sum(each) < 1:  # a speed that is measured in so short a time is not exact
        yield "time", "less than 1 s"
    else:
        yield "time", f"about {_duration(sum(each))} ({records_per_second:,.0f} reviews/s)"


def _speed(scorer: Scorer, job: Job, options: ScoringOptions) -> tuple[float, float] | None:
    """Score the start of a file; return bytes and records per second, or None without records."""
    if job.input.kind is not Kind.FILE or job.input.archive is not None:
        return None
    with open_reviews(job.input, options.reading) as reviews:
        form = output_form(reviews, job, options)
        score = BlockScorer(
            scorer=scorer,
            reviews=reviews,
            form=form,
            compression=compression_of(job.output),
        ).score
        began = time.monotonic()
        size = 0
        records = 0
        for scored in run_blocks(reviews, score, workers=options.workers):
            records += scored.summary.records
            size = reviews.bytes_read
            if time.monotonic() - began > _SECONDS_MEASURED:
                break
        seconds = time.monotonic() - began
    return (size / seconds, records / seconds) if records else None


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
