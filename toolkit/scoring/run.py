"""Score files of reviews: blocks of records in, the same records with added fields out."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import EmptyInputError, InputError, OutputError, StoreError, UsageError
from toolkit.files import is_a_file, reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.records.formats import format_of, open_reviews, output_of
from toolkit.records.read_options import STDIN, is_stream
from toolkit.records.review_file import Output, ReviewFile
from toolkit.scoring.blocks import BlockScorer
from toolkit.scoring.identity import identity_of, settings_of
from toolkit.scoring.inputs.job_checks import check_job, check_not_input, check_outputs
from toolkit.scoring.inputs.jobs import Job, Jobs
from toolkit.scoring.limits import check_rejected
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.outputs.compared_output import compare_output
from toolkit.scoring.outputs.empty_input import empty_output
from toolkit.scoring.outputs.file_output import Work
from toolkit.scoring.outputs.output import open_output
from toolkit.scoring.outputs.publishing import FileAppearedError, publish
from toolkit.scoring.outputs.scored_output import ScoredOutput
from toolkit.scoring.provenance import Provenance
from toolkit.scoring.results import FileResult, Source
from toolkit.scoring.resuming.journal import Journal
from toolkit.scoring.resuming.journals import Journals, open_journals
from toolkit.scoring.resuming.watched_input import WatchedInput
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.unread import counts_warning
from toolkit.scoring.workers import in_order, usable_cores

OnProgress = Callable[[Progress], None]
OnFile = Callable[[Job], AbstractContextManager[OnProgress | None]]
OnResult = Callable[[FileResult], None]
OnWarning = Callable[[Job, str], None]


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
    on_start: OnResult = lambda _: None,
    on_warning: OnWarning = lambda _, __: None,
) -> list[FileResult]:
    """Score files one after the other, each with all workers.

    ``on_file`` is entered while a file is scored, and gives what to call with its progress.
    ``on_start`` gets the result of each file before it is known, for a run that does not come to
    its end; ``on_warning`` what may be wrong with a file, as soon as it is found. The results are
    in the order of the jobs, with those that an earlier run has scored. Where files go into a
    folder, one that fails does not stop the others, and a later run with ``resume`` scores those
    that failed. Raises the errors of `score_file`; those of the input only for a single file.
    """
    options = options or ScoringOptions()
    scorer.check_gives(options.reading.columns.adds)
    check_call(jobs, options)
    with open_journals(
        jobs, force=options.force, resume=options.resume, skip_existing=options.skip_existing
    ) as journals:
        settings = settings_of(scorer, options)
        journals.check_settings(settings)
        if jobs.folder is not None and not jobs.is_single:  # else when its file is found to be good
            with reporting_failures(jobs.folder):
                jobs.folder.mkdir(parents=True, exist_ok=True)
            journals.note_replaced()
            journals.hold_first()
        run = _Run(scorer, journals, options, settings, on_file, jobs, on_start, on_warning)
        results = [run.result(job) for job in jobs.files]
        failed = sum(result.error is not None for result in results)
        if not failed or (failed == len(results) and not journals.have_checkpoints):
            journals.end()
    return results


def check_call(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` if the options do not go together, or outputs would replace files."""
    files = [job for job in jobs.files if job.error is None]
    if options.resume and any(job.output == STDIN or is_stream(job.source) for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if options.skip_existing and any(job.output == STDIN for job in files):
        raise UsageError("--skip-existing does not work with standard output.")
    if options.skip_existing and options.force:
        raise UsageError("--skip-existing keeps what is there: leave out it or --force.")
    if jobs.folder is not None:
        check_outputs(files)
    for job in files if jobs.is_single else ():
        check_not_input(job)


@dataclass(frozen=True)
class _Run:
    scorer: Scorer
    journals: Journals
    options: ScoringOptions
    settings: dict[str, Any]  # what the bytes of all outputs depend on
    on_file: OnFile
    jobs: Jobs
    on_start: OnResult
    on_warning: OnWarning

    def result(self, job: Job) -> FileResult:
        """Score a file."""
        source = Source.of(job.source, self.options.reading)
        result = FileResult(job, error=job.error, source=source)
        self.on_start(result)
        if job.error is not None:
            return result
        if self.options.skip_existing and self.journals.is_done(job):
            self.journals.forget(job)
            result.is_skipped = True
            return result
        try:
            result.summary = self._score(job, result)
            result.is_done = True
        except (InputError, UsageError, OutputError, StoreError) as error:
            result.error = str(error)
            # Other failures, such as a full disk, concern the other files, too.
            is_name_too_long = getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG
            is_of_one = is_name_too_long or isinstance(error, FileAppearedError)
            may_pass = isinstance(error, OutputError | StoreError)
            if self.jobs.is_single or (may_pass and not is_of_one):
                raise
        return result

    def _score(self, job: Job, result: FileResult) -> Summary:
        """Score a file, or what an earlier run has left of it."""
        options = self.options
        with ExitStack() as opened:
            source = WatchedInput.open(job.source)
            if source is not None:
                opened.callback(source.close)
            identity = identity_of(self.settings, source)
            provenance = Provenance.of(self.scorer, self.settings, source, job.shard)
            journal = self.journals.load(job)
            checkpoint = journal.checkpoint(identity, source)
            if checkpoint is not None and checkpoint.complete:
                result.job_id = provenance.job_id
                summary = Summary.from_dict(checkpoint.counts)
                check_rejected(str(job.source), summary, options.max_rejected)
                with reporting_failures(job.output):
                    publish(journal, summary)
                return summary
            on_progress = opened.enter_context(self.on_file(job))
            reviews = None
            try:
                reviews = opened.enter_context(open_reviews(job.source, options.reading))
                form = self._form(reviews, result)
            except EmptyInputError:
                if job.is_named:
                    raise
                form = empty_output(job, options.reading, options.output_format)
                self._warn(result, "nothing is in this file, nor in its output.")
            form = replace(form, metadata=provenance.as_metadata())
            result.job_id = provenance.job_id
            if options.resume and checkpoint is None and _is_foreign(journal):
                output = opened.enter_context(compare_output(job, form))
            else:
                self._prepare(job, journal)
                seconds = options.checkpoint_seconds
                work = Work(self.journals, journal, source, reviews, identity, seconds)
                output = opened.enter_context(open_output(work, form, checkpoint))
            if reviews is not None:
                blocks = BlockScorer(self.scorer, reviews, form, job, output.saved)
                self._score_blocks(blocks, output, on_progress)
                self._warn_of_file(reviews, result)
            output.finish()
            result.reached, result.frame = output.reached, output.frame
            column = result.columns.get("text")
            is_single = self.jobs.is_single
            if not self.jobs.is_part and (
                warning := counts_warning(output.summary, column, is_single=is_single)
            ):
                self._warn(result, warning)
            return output.summary

    def _form(self, reviews: ReviewFile, result: FileResult) -> Output:
        """Choose how the output is written; say what may be wrong with the input."""
        result.columns = reviews.chosen
        form = output_form(reviews, result.job, self.options)
        self.options.part.check(reviews)
        self._warn_of_file(reviews, result)  # also of what the output cannot keep
        return form

    def _warn_of_file(self, reviews: ReviewFile, result: FileResult) -> None:
        for warning in reviews.warnings:
            if warning not in result.warnings:
                self._warn(result, warning)

    def _prepare(self, job: Job, journal: Journal) -> None:
        """Make the folder of the output, and check that it can be written."""
        if self.jobs.folder is not None:
            with reporting_failures(job.output):
                job.output.parent.mkdir(parents=True, exist_ok=True)
        check_job(job, journal.may_replace)

    def _warn(self, result: FileResult, warning: str) -> None:
        result.warnings.append(warning)
        self.on_warning(result.job, warning)

    def _score_blocks(
        self, blocks: BlockScorer, output: ScoredOutput, on_progress: OnProgress | None
    ) -> None:
        reviews, resumed = blocks.reviews, output.summary.records
        workers = self.options.workers or usable_cores()
        stretch = blocks.job.stretch
        size = reviews.size if stretch.size is None else stretch.size

        def check(*, at_end: bool) -> None:
            most = self.options.max_rejected
            check_rejected(reviews.name, output.summary, most, output.first_reject, at_end=at_end)

        for scored in in_order(
            blocks.score,
            enumerate(self.options.part.blocks(reviews, output.start, resumed, workers, stretch)),
            workers,
            size=lambda numbered: numbered[1].block.size,
            is_waiting=lambda: reviews.is_waiting,
        ):
            if scored.first_reject and self.options.stop_on_error:
                reviews.fail(*scored.first_reject)
            output.append(scored)
            check(at_end=False)
            if on_progress is not None:
                done, read = output.summary, reviews.bytes_read - stretch.first_byte
                on_progress(Progress(done.records, read, size, resumed, done.accuracy))
            del scored  # which may be large, before the next block is read
        check(at_end=True)


def _is_foreign(journal: Journal) -> bool:
    """Whether something is at the output that this run does not know of."""
    output = journal.job.output
    return is_a_file(output) and not journal.may_replace(output)


def output_form(reviews: ReviewFile, job: Job, options: ScoringOptions) -> Output:
    """Choose the format of the output, by its name where none is asked for."""
    own = format_of(job.source, options.reading.format)
    same = own.name if own.can_write else "csv"
    asked = options.output_format or (same if job.output == STDIN else None)
    target = format_of(job.output, asked, "--output-format")
    if options.reading.delimiter is not None and own.delimiter is target.delimiter is None:
        raise UsageError("--delimiter: neither the input nor the output is a delimited file")
    return output_of(reviews, own, target, options.reading.delimiter)
