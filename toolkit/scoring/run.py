"""Score files of reviews: blocks of records in, the same records with added fields out."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime as ort

from toolkit import __version__
from toolkit.errors import InputError, OutputError, UsageError
from toolkit.files import reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.records.formats import format_of, open_reviews, output_of
from toolkit.records.read_options import STDIN, ReadOptions, is_stream
from toolkit.records.review_file import Output, ReviewFile
from toolkit.records.zip_members import file_of
from toolkit.scoring.blocks import BlockScorer
from toolkit.scoring.jobs import Job, Jobs, check_absent, check_job, check_outputs
from toolkit.scoring.journal import Journal, open_journal
from toolkit.scoring.output import ScoredOutput, open_output, publish
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.workers import in_order, usable_cores

OnProgress = Callable[[Progress], None]
OnFile = Callable[[Job], AbstractContextManager[OnProgress | None]]


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """How to score files."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    output_format: str | None = None  # None: by the ending of the output, or as the input
    stop_on_error: bool = False  # end at the first record that cannot be read
    workers: int | None = None  # None: as many as there are usable cores
    force: bool = False  # replace existing outputs, and drop the progress of an earlier run
    resume: bool = False  # continue an earlier run, if there is one; force starts over
    checkpoint_seconds: float = 5.0  # between two checkpoints


@dataclass(frozen=True)
class FileResult:
    """What became of a file."""

    job: Job
    summary: Summary = field(default_factory=Summary)
    error: str | None = None  # why it could not be scored


def score_file(
    scorer: Scorer,
    source: Path,
    output: Path,
    options: ScoringOptions | None = None,
    on_progress: OnProgress | None = None,
    rejected: Path | None = None,
) -> Summary:
    """Score the reviews of a file, in order, in bounded memory.

    Parameters
    ----------
    scorer : Scorer
        The model.
    source : Path
        A file of a known format (`toolkit.records.formats`); ``-`` is standard input.
    output : Path
        The file to write; ``-`` is standard output. It appears when it is complete.
    options : ScoringOptions | None
        Columns, workers, what to do with bad records and with files that exist already.
    on_progress : OnProgress | None
        Called after each block, in the calling thread.
    rejected : Path | None
        File of the records that cannot be read; None is ``OUTPUT.rejected.jsonl``.

    Returns
    -------
    Summary
        What became of the records.

    Raises
    ------
    InputError
        If the file cannot be read, or not to its end; there is no output then.
    OutputError
        If the output cannot be written. What is written so far stays, for ``resume``.
    UsageError
        If a column is missing or taken, or the output exists or cannot be made.
    """
    jobs = Jobs([Job.of(source, output, rejected)], is_single=True)
    (result,) = score_files(scorer, jobs, options, lambda _: nullcontext(on_progress))
    return result.summary


def score_files(
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> list[FileResult]:
    """Score files one after the other, each with all workers.

    ``on_file`` is entered while a file is scored, and gives what to call with its progress. The
    results are in the order of the jobs, with those that an earlier run has scored. Where files go
    into a folder, one that fails does not stop the others, and a later run with ``resume`` scores
    those that failed. Raises the errors of `score_file`; those of the input only for a single file.
    """
    options = options or ScoringOptions()
    scorer.check_gives(options.reading.columns.adds)
    resume = options.resume and not options.force
    files = [job for job in jobs.files if job.error is None]
    if resume and any(job.output == STDIN or is_stream(job.source) for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if jobs.folder is not None:
        check_outputs(files)
    with open_journal(jobs, force=options.force, resume=resume) as journal:
        if jobs.folder is not None:
            if not jobs.is_single:  # which is made when its file is found to be good
                with reporting_failures(jobs.folder):
                    jobs.folder.mkdir(parents=True, exist_ok=True)
                    journal.lines.open()
            check_absent([job.output for job in files if not journal.may_replace(job)])
            journal.note_replaced(files)  # also where the run ends before it comes to them
        run = _Run(scorer, journal, options, on_file, jobs)
        results = [run.result(job) for job in jobs.files]
        failed = sum(result.error is not None for result in results)
        if not failed or (failed == len(results) and not journal.has_checkpoint(files)):
            journal.end(files)
    return results


@dataclass(frozen=True)
class _Run:
    scorer: Scorer
    journal: Journal
    options: ScoringOptions
    on_file: OnFile
    jobs: Jobs

    def result(self, job: Job) -> FileResult:
        """Score a file."""
        if job.error is not None:
            return FileResult(job, error=job.error)
        try:
            return FileResult(job, self._score(job))
        except (InputError, UsageError, OutputError) as error:
            # Other failures, such as a full disk, concern the other files, too.
            is_name_too_long = getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG
            if self.jobs.is_single or (isinstance(error, OutputError) and not is_name_too_long):
                raise
            return FileResult(job, error=str(error))

    def _score(self, job: Job) -> Summary:
        """Score a file, or what an earlier run has left of it."""
        options, journal = self.options, self.journal
        identity = _identity(self.scorer, job.source, options)
        checkpoint = journal.checkpoint(job, identity)
        if checkpoint is not None and checkpoint.complete:
            summary = Summary.from_dict(checkpoint.counts)
            with reporting_failures(job.output), journal.reserved(job):
                publish(job, journal.folder(job), summary)
            return summary
        with self.on_file(job) as on_progress, open_reviews(job.source, options.reading) as reviews:
            form = _form(reviews, job, options)
            with reporting_failures(job.output):
                if self.jobs.folder is not None:
                    job.output.parent.mkdir(parents=True, exist_ok=True)
            check_job(job, may_replace=journal.may_replace(job))
            journal.note_replaced([job])
            seconds = options.checkpoint_seconds
            with open_output(job, form, journal, identity, checkpoint, seconds) as output:
                blocks = BlockScorer(self.scorer, reviews, form, job, output.saved)
                self._score_blocks(blocks, output, on_progress)
                output.finish()
                return output.summary

    def _score_blocks(
        self, blocks: BlockScorer, output: ScoredOutput, on_progress: OnProgress | None
    ) -> None:
        reviews, resumed = blocks.reviews, output.summary.records
        for scored in in_order(
            blocks.score,
            enumerate(reviews.blocks(output.start)),
            self.options.workers or usable_cores(),
            size=lambda numbered: numbered[1].size,
            is_waiting=lambda: reviews.is_waiting,
        ):
            if scored.first_reject and self.options.stop_on_error:
                reviews.fail(*scored.first_reject)
            output.append(scored)
            if on_progress is not None:
                done = output.summary
                on_progress(
                    Progress(done.records, reviews.bytes_read, reviews.size, resumed, done.accuracy)
                )
            del scored  # which may be large, before the next block is read


def _form(reviews: ReviewFile, job: Job, options: ScoringOptions) -> Output:
    """Choose the format of the output, by its name where none is asked for."""
    own = format_of(job.source, options.reading.format)
    same = own.name if own.can_write else "csv"
    asked = options.output_format or (same if job.output == STDIN else None)
    target = format_of(job.output, asked, "--output-format")
    if options.reading.delimiter is not None and own.delimiter is target.delimiter is None:
        raise UsageError("--delimiter: neither the input nor the output is a delimited file")
    return output_of(reviews, own, target, options.reading.delimiter)


def _identity(scorer: Scorer, source: Path, options: ScoringOptions) -> dict[str, Any] | None:
    """Say what the bytes of an output depend on, for JSON; None for an input that is not a file.

    Taken before the input is opened, so that a file that takes its name meanwhile is noticed.
    """
    if is_stream(source):
        return None
    try:
        facts = file_of(source).stat()
    except OSError:  # opening it says what is wrong
        return None
    reading = options.reading
    # The same, whether they are named or not.
    columns = asdict(reading.columns) | {
        column.role: column.name for column in reading.columns.added
    }
    identity = {
        "toolkit": __version__,
        "ONNX Runtime": ort.__version__,
        "the model": scorer.sha256,
        "the threshold": float(scorer.threshold),
        "the neutral range": scorer.neutral,
        "the scoring by sentence": scorer.by_sentence,
        "the input": [str(source.resolve()), facts.st_size, facts.st_mtime_ns],
        "the options": [
            {**asdict(reading), "columns": columns},
            options.output_format,
            options.stop_on_error,
        ],
    }
    return json.loads(json.dumps(identity))  # type: ignore[no-any-return]  # as it is read again
