"""Score one file: blocks of records in, the same records with added fields out."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

from toolkit.errors import EmptyInputError, InputError, OutputError, StoreError, UsageError
from toolkit.files import is_a_file, reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.records.formats import format_of, open_reviews, output_of
from toolkit.records.read_options import STDIN
from toolkit.records.record_blocks import Output
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.blocks import BlockScorer
from toolkit.scoring.identity import identity_of
from toolkit.scoring.inputs.job_checks import check_job
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
from toolkit.scoring.resuming.journals import Journals
from toolkit.scoring.resuming.watched_input import WatchedInput
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.unread import counts_warning
from toolkit.scoring.workers import in_order, usable_cores

OnProgress = Callable[[Progress], None]
OnFile = Callable[[Job], AbstractContextManager[OnProgress | None]]
OnResult = Callable[[FileResult], None]
OnWarning = Callable[[Job, str], None]


@dataclass(frozen=True)
class FileScorer:
    """Scores the files of a run, one at a time."""

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
