"""`toolkit score --dry-run`: print how files would be read, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from toolkit.cli import console as messages
from toolkit.cli.console import one_line, shortened
from toolkit.cli.process import EXIT_REJECTED
from toolkit.errors import EmptyInputError, InputError, ToolkitError
from toolkit.model.description import megabytes
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of
from toolkit.records.formats import format_called
from toolkit.records.inputs import PathKind
from toolkit.records.review_file import Parsed, ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.block_scorer import BlockScorer, ScoredBlock
from toolkit.scoring.file_run import FileVisit, RunOptions, Visitor, run_files
from toolkit.scoring.identity import settings_of
from toolkit.scoring.jobs import Job, Jobs, RejectsTo, check_call, check_job
from toolkit.scoring.journal import Journals
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.output import WARNING_OF_EMPTY, empty_form, output_form
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
    preview = _Preview(jobs=jobs, options=options, settings=settings, journals=journals)
    small = options.reading.in_blocks_of(_FIRST_BYTES)
    run_files(jobs.files, preview, RunOptions(reading=small, subset=options.subset, workers=1))
    _show_more(len(jobs.files) - _FILES_SHOWN)
    _show("Nothing is written.", _estimate(scorer, preview.good, options), "estimate")
    if preview.has_failed:
        raise typer.Exit(1)
    if preview.has_rejects and options.max_rejected is None:
        raise typer.Exit(EXIT_REJECTED)


def _show_more(count: int) -> None:
    if count > 0 and not messages.is_json():
        typer.echo(f"and {count:,} more files (also checked)")


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


@dataclass(eq=False)
class _LookedAt:
    """What is known of the file that is looked at."""

    source: Source = field(default_factory=Source)
    rows: list[Row] = field(default_factory=list)  # to show
    records: list[str] = field(default_factory=list)  # the first ones
    rejects: list[str] = field(default_factory=list)  # the first ones


@dataclass(eq=False)
class _Preview(Visitor[Job, Parsed]):
    """Shows how files would be read, and their first records; raises what the run itself would."""

    jobs: Jobs
    options: ScoringOptions
    settings: dict[str, Any]  # see `settings_of`
    journals: Journals
    good: list[tuple[Job, int | None]] = field(default_factory=list)  # files to score, with sizes
    has_rejects: bool = False  # among the first records
    has_failed: bool = False
    file: _LookedAt = field(default_factory=_LookedAt)

    def begin(self, visit: FileVisit[Job]) -> bool:
        """Return whether to look at a file; show why it would be skipped."""
        job = visit.file
        self.file = _LookedAt()
        if job.error is not None:
            raise InputError(job.error)
        is_kept = self.journals.is_up_to_date(job, self.settings)
        if is_kept or self.journals.is_resumed(job):
            is_by_time = is_kept and job in self.journals.compared_by_time
            what = "newer than the input" if is_by_time else "up to date"
            self.file.rows.append(("skipped", f"the output is there, and {what}"))
            self._show(visit)
            return False
        if self.jobs.folder is None or job.output.parent.is_dir():  # else it is made
            check_job(job, force=self.options.force)
        reading = self.options.reading
        self.file.source = Source.of(job.input, reading.format, job.input.known_facts())
        return True

    def opened(self, visit: FileVisit[Job]) -> None:
        """Add how the file is read."""
        reviews = visit.reviews
        output_form(reviews, visit.file, self.options)
        reviews.is_exact = True  # as texts are shown
        rows = self.file.rows
        rows += _layout(reviews, self.file.source)
        rows += ((role, f"column {str(name)!r}") for role, name in reviews.chosen.items())
        if "text" not in reviews.chosen:
            rows.append(("text", "no column found so far"))

    def empty(self, visit: FileVisit[Job], error: EmptyInputError) -> None:
        """Show a file without content that gives an output without records."""
        job = visit.file
        if job.is_named:
            raise error
        empty_form(job, self.options)
        self.file.rows.append(("warning", WARNING_OF_EMPTY))
        self._show(visit)

    def work(self, visit: FileVisit[Job], block: SelectedBlock) -> Parsed:  # noqa: ARG002
        """Return the records of a block."""
        return block.parse()

    def add(self, visit: FileVisit[Job], result: Parsed) -> None:
        """Add the first records and rejects of the file; stop when there are enough."""
        file = self.file
        texts = result.texts.slice(0, _RECORDS_SHOWN - len(file.records)).to_pylist()
        for row, text in enumerate(texts):
            others = ((role, values[row].as_py()) for role, values in result.fields.items())
            shown = (f"{role} {_short(value)}" for role, value in others)
            file.records.append("; ".join([_short(text), *shown]))
        file.rejects += [
            f"{visit.reviews.counts} {reject.number:,}: {reject.reason}"
            for reject in result.rejects[: _RECORDS_SHOWN - len(file.rejects)]
        ]
        if max(len(file.records), len(file.rejects)) >= _RECORDS_SHOWN:
            visit.stop()

    def end(self, visit: FileVisit[Job]) -> None:
        """Show how a file is read, its first records, and its warnings."""
        job = visit.file
        file = self.file
        rows = file.rows
        rows += ((f"record {number}", record) for number, record in enumerate(file.records, 1))
        rows += (("rejected", reject) for reject in file.rejects)
        rows += (("warning", warning) for warning in visit.reviews.warnings)
        rows.append(("rejects", _place_of_rejects(job)))
        if self.options.stop_on_error and file.rejects:
            raise InputError(f"{job.source}: {file.rejects[0]}.")
        self.good.append((job, file.source.size))
        self.has_rejects |= bool(file.rejects)
        self._show(visit)

    def failed(self, visit: FileVisit[Job], error: ToolkitError) -> None:  # noqa: ARG002
        """Print the error of one of several files."""
        if self.jobs.is_single:
            raise error
        messages.error(str(error), 1)
        self.has_failed = True

    def _show(self, visit: FileVisit[Job]) -> None:
        job = visit.file
        if visit.number < _FILES_SHOWN or messages.is_json():
            files = {"file": str(job.source), "output": str(job.output)}
            _show(_title(job), self.file.rows, "preview", **files)


def _place_of_rejects(job: Job) -> str:
    if job.rejected is RejectsTo.NOWHERE:
        return "only counted"
    if job.rejects_file is None:
        return "to standard output"
    return f"to {job.rejects_file}, if any"


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
    sizes = [size for job, size in good if size is not None and _can_be_read_again(job)]
    if len(sizes) < len(good):
        yield "time", f"unknown: {'not every' if sizes else 'no'} file has a known size"
        return
    largest, _ = max(good, key=lambda each: each[1] or 0)
    speed = _speed(scorer, largest, options)
    if speed is None:
        what = "nothing to score: the file" if len(good) == 1 else "unknown: the largest file"
        yield "time", f"{what} has no record"
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


def _can_be_read_again(job: Job) -> bool:
    return job.input.kind is PathKind.FILE and job.input.archive is None


def _speed(scorer: Scorer, job: Job, options: ScoringOptions) -> tuple[float, float] | None:
    """Score the start of a file; return bytes and records per second, or None without records."""
    measured = _Measured(scorer, options)
    reading = options.reading.in_blocks_of(scorer.block_bytes)
    run_files([job], measured, RunOptions(reading=reading, workers=options.workers))
    if not measured.records:
        return None
    return measured.size / measured.seconds, measured.records / measured.seconds


@dataclass(eq=False)
class _Measured(Visitor[Job, ScoredBlock]):
    """Scores the start of a file, and measures how long that takes."""

    scorer: Scorer
    options: ScoringOptions
    size: int = 0  # bytes that were read
    records: int = 0
    seconds: float = 0.0
    blocks: BlockScorer = field(init=False)
    began: float = field(init=False)

    def opened(self, visit: FileVisit[Job]) -> None:
        """Begin to measure."""
        self.blocks = BlockScorer(
            scorer=self.scorer,
            reviews=visit.reviews,
            form=output_form(visit.reviews, visit.file, self.options),
            compression=compression_of(visit.file.output),
        )
        self.began = time.monotonic()

    def work(self, visit: FileVisit[Job], block: SelectedBlock) -> ScoredBlock:  # noqa: ARG002
        """Score a block."""
        return self.blocks.score(block)

    def add(self, visit: FileVisit[Job], result: ScoredBlock) -> None:
        """Count the records of a block; stop when the time is enough for a speed."""
        self.records += result.summary.records
        self.size = visit.reviews.bytes_read
        self.seconds = time.monotonic() - self.began
        if self.seconds > _SECONDS_MEASURED:
            visit.stop()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
