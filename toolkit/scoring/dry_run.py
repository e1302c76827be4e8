"""How files would be read and scored, without writing anything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from toolkit.errors import InputError, OutputError, StoreError, UsageError
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of
from toolkit.records.columns import Columns, option_of
from toolkit.records.formats import format_called, open_reviews
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.blocks import SelectedBlock, run_blocks
from toolkit.scoring.jobs import Job, Jobs, check_call, check_job
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.output import output_form
from toolkit.scoring.progress import Journals
from toolkit.scoring.results import Source
from toolkit.scoring.score_block import BlockScorer

RECORDS_SHOWN = 3
_FIRST_BYTES = 1 << 16  # enough for the first records
_SECONDS_MEASURED = 2.0


@dataclass(frozen=True)
class Chosen:
    """A column that is read."""

    role: str
    name: str
    why: str


@dataclass
class Preview:
    """How a file would be read."""

    job: Job
    source: Source
    error: str | None = None  # why it could not be scored
    encoding: str | None = None  # of files of text
    delimiter: str | None = None  # of delimited files
    quote: str | None = None
    names: Sequence[str] = ()  # of all columns
    columns: list[Chosen] = field(default_factory=list)
    records: list[dict[str, str | None]] = field(default_factory=list)  # the first, by role
    rejects: list[str] = field(default_factory=list)  # among the first: where, and why
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Speed:
    """How fast files are scored, measured on the start of one."""

    bytes_per_second: float
    records_per_second: float

    def seconds(self, previews: Sequence[Preview], options: ScoringOptions) -> float | None:
        """Estimate the time for some files; None if a size is not known."""
        sizes = [preview.source.size for preview in previews if preview.error is None]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return None
        whole = [size / self.bytes_per_second for size in known]
        wanted = options.subset.limit or options.subset.sample
        if wanted is not None:
            whole = [min(seconds, wanted / self.records_per_second) for seconds in whole]
        return sum(whole)


def check_outputs_of(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` where the run itself would refuse its outputs."""
    check_call(jobs, options)
    journals = Journals(jobs, options)
    journals.check()
    for job in jobs.files:
        if job.error is not None or journals.is_left_out(job):
            continue
        if jobs.folder is None or job.output.parent.is_dir():  # else it is made
            check_job(job, force=options.force)


def preview(job: Job, options: ScoringOptions) -> Preview:
    """Open a file, and read its first records; raises the errors of `score_file`."""
    found = Preview(job, Source.of(job.source, options.reading))
    small = replace(options.reading, block_bytes=_FIRST_BYTES)
    with open_reviews(job.source, small) as reviews:
        output_form(reviews, job, options)
        options.subset.check(reviews)
        reviews.is_exact = True  # as texts are shown
        if found.source.format is not None:
            own = format_called(found.source.format)
            found.encoding = (reviews.options.encoding or "utf-8") if own.is_text else None
            if own.delimiter is not None:
                found.delimiter = reviews.delimiter
                found.quote = reviews.options.quote or "none"
        found.names, found.warnings = reviews.names, reviews.warnings
        found.columns = [
            Chosen(role, str(name), _why(role, str(name), options.reading.columns, reviews.names))
            for role, name in reviews.chosen.items()
        ]
        _read_first(reviews, found)
    return found


def previews(jobs: Jobs, options: ScoringOptions) -> Iterator[Preview]:
    """Look at each file; with several files, errors are in the results."""
    for job in jobs.files:
        error = job.error
        if error is None:
            try:
                yield preview(job, options)
                continue
            except (InputError, UsageError, OutputError, StoreError) as failed:
                if jobs.is_single:
                    raise
                error = str(failed)
        yield Preview(job, Source.of(job.source, options.reading), error)


def measure(scorer: Scorer, job: Job, options: ScoringOptions) -> Speed | None:
    """Score the start of a file, for two seconds; None if it has no records or is a stream."""
    if not job.source.is_file():
        return None
    with open_reviews(job.source, options.reading) as reviews:
        form = output_form(reviews, job, options)
        score = BlockScorer(scorer, reviews, form, compression_of(job.output)).score
        began, size, records = time.monotonic(), 0, 0
        for scored in run_blocks(reviews, score, workers=options.workers):
            records += scored.summary.records
            size = reviews.bytes_read
            if time.monotonic() - began > _SECONDS_MEASURED:
                break
        seconds = time.monotonic() - began
    if not records:
        return None
    return Speed(size / seconds, records / seconds)


def _why(role: str, name: str, columns: Columns, names: Sequence[str]) -> str:
    if getattr(columns, role, None):
        return f"named with {option_of(role)}"
    return "a usual name" if name in columns.of(role).names or len(names) > 1 else "the only column"


def _read_first(reviews: ReviewFile, found: Preview) -> None:
    for parsed in run_blocks(reviews, SelectedBlock.parse, workers=1):
        texts = parsed.texts.slice(0, RECORDS_SHOWN - len(found.records)).to_pylist()
        others = {role: values.slice(0, len(texts)) for role, values in parsed.fields.items()}
        for row, text in enumerate(texts):
            rest = {role: values[row].as_py() for role, values in others.items()}
            found.records.append({"text": text, **rest})
        for reject in parsed.rejects[: RECORDS_SHOWN - len(found.rejects)]:
            found.rejects.append(f"{reviews.counts} {reject.number:,}: {reject.reason}")
        if len(found.records) >= RECORDS_SHOWN or len(found.rejects) >= RECORDS_SHOWN:
            return
