"""Score files of reviews, one after the other: blocks of records in, the same records out."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import EmptyInputError, InputError, OutputError, StoreError, UsageError
from toolkit.files import is_there, reporting_failures
from toolkit.model.prior import share_of
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of, file_of
from toolkit.records.formats import open_reviews
from toolkit.records.review_file import Output, ReviewFile
from toolkit.scoring.block_loop import run_blocks
from toolkit.scoring.block_scorer import BlockScorer
from toolkit.scoring.file_output import FileAppearedError, open_file_output, publish
from toolkit.scoring.file_prior import prior_of_file
from toolkit.scoring.identity import (
    FileFacts,
    TouchedError,
    WatchedInput,
    identity_of,
    job_id_of,
    metadata_of,
    settings_of,
)
from toolkit.scoring.jobs import Job, Jobs, check_call, check_job
from toolkit.scoring.journal import Journals, open_journals
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.output import ScoredOutput, StandardOutput, empty_form, output_form
from toolkit.scoring.results import (
    Checkpoint,
    FileResult,
    Progress,
    Source,
    Summary,
    check_rejected,
    check_unread,
    counts_warning,
    values_warning,
)
from toolkit.stores.paths import is_in_store

_MOST_ATTEMPTS = 100  # to score a file whose rights or links change again and again

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
    settings = settings_of(scorer, options)
    with open_journals(jobs, options, settings) as journals:
        if jobs.folder is not None and not jobs.is_single:  # else when its file is found to be good
            with reporting_failures(jobs.folder):
                jobs.folder.mkdir(parents=True, exist_ok=True)
            journals.hold_first()
        run = _Run(scorer, jobs, options, settings, journals, on_file, on_start, on_warning)
        results = [run.result(job) for job in jobs.files]
        if all(result.error is None for result in results):
            journals.end(is_done=True)
    return results


@dataclass(frozen=True)
class _Run:
    """Scores the files of a run, one at a time."""

    scorer: Scorer
    jobs: Jobs
    options: ScoringOptions
    settings: dict[str, Any]  # what the bytes of all outputs depend on
    journals: Journals
    on_file: OnFile
    on_start: OnResult
    on_warning: OnWarning

    def result(self, job: Job) -> FileResult:
        """Score a file."""
        # Each look at an object is a request.
        facts = FileFacts.at(file_of(job.source)) if is_in_store(job.source) else None
        source = Source.of(job.source, self.options.reading.format, facts)
        result = FileResult(job, error=job.error, source=source)
        self.on_start(result)
        if job.error is not None:
            return result
        try:
            if self.journals.is_up_to_date(job, self.settings):
                if (found := self.journals.found_before.get(job)) is not None:
                    self._answer_as(found, result)
                result.is_skipped = True
                result.is_skipped_by_time = job in self.journals.compared_by_time
            else:
                self._score_to_end(result, facts)
        except (InputError, UsageError, OutputError, StoreError) as error:
            result.error = str(error)
            # Other failures, such as a full disk, concern the other files, too.
            is_name_too_long = getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG
            is_of_one = is_name_too_long or isinstance(error, FileAppearedError)
            may_pass = isinstance(error, OutputError | StoreError)
            if self.jobs.is_single or (may_pass and not is_of_one):
                raise
        return result

    def _answer_as(self, found: Checkpoint, result: FileResult) -> None:
        """Answer as the run that wrote an output which is kept, by the limits of this one."""
        job = result.job
        for warning in found.warnings:
            self.on_warning(job, warning)
        check_rejected(str(job.source), found.summary, self.options.max_rejected)
        check_unread(str(job.source), found.summary, self.options.max_unread)
        result.answered_by(found)
        rejects = job.rejects_file
        if found.summary.rejected and rejects is not None and not is_there(rejects):
            self._warn(
                result,
                f"the file of its rejected records, {rejects}, is gone. To write it again, score "
                "with --force.",
            )

    def _score_to_end(self, result: FileResult, facts: FileFacts | None) -> None:
        """Score a file; again from its last checkpoint, if only its rights or links change."""
        journal = None
        for left in reversed(range(_MOST_ATTEMPTS)):
            try:
                self._score(result, facts)
                return
            except TouchedError:
                journal = self.journals.of(result.job)
                if journal is None or journal.checkpoint is None or not left:
                    raise
                journal.options = replace(journal.options, resume=True)
            except (InputError, UsageError):
                if journal is not None:  # it was more than rights and links
                    journal.drop()
                raise

    def _score(self, result: FileResult, facts: FileFacts | None) -> None:
        """Score a file, or what an earlier run has left of it."""
        job = result.job
        with ExitStack() as opened:
            source = WatchedInput.open(job.source, facts)
            if source is not None:
                opened.callback(source.close)
            identity = identity_of(self.settings, source)
            journal = self.journals.of(job)
            checkpoint = None if journal is None else journal.continued(identity, source)
            result.removed = [] if journal is None else journal.removed
            if journal is not None and checkpoint is not None and checkpoint.complete:
                name, most = str(job.source), self.options.max_rejected
                check_rejected(name, checkpoint.summary, most)
                check_unread(name, checkpoint.summary, self.options.max_unread)
                with reporting_failures(job.output):
                    publish(journal, checkpoint.summary)  # what is left to do of it
                result.complete(checkpoint)
                return
            on_progress = opened.enter_context(self.on_file(job))
            reviews, form = self._opened(result, opened)
            result.job_id = job_id_of(self.settings, source)
            scorer = self.scorer
            if reviews is not None and self.options.estimates_prior:
                scorer = self._with_prior(result, checkpoint)
            metadata = metadata_of(scorer, result.job_id, job.shard)
            form = replace(form, metadata=metadata)
            self._prepare(job)
            if journal is None:
                output: ScoredOutput = StandardOutput(
                    job, form, source, opened, force=self.options.force
                )
            else:
                with reporting_failures(job.output):
                    self.journals.hold(journal)
                    journal.begin(identity, keep=checkpoint is not None)
                inputs, seconds = (source, reviews), self.options.checkpoint_seconds
                output = opened.enter_context(
                    open_file_output(journal, form, checkpoint, inputs, seconds)
                )
            output.prior = result.prior
            if reviews is not None:
                self._score_blocks(scorer, reviews, form, output, result, on_progress)
                self._warn_of_file(reviews, result)
            self._warn_of_counts(output.summary, result)
            result.complete(output.finish(result))

    def _opened(self, result: FileResult, opened: ExitStack) -> tuple[ReviewFile | None, Output]:
        """Open the input, and choose how the output is written; say what may be wrong with it."""
        job, options = result.job, self.options
        try:
            reviews = opened.enter_context(open_reviews(job.source, options.reading))
            result.columns = reviews.chosen
            form = output_form(reviews, job, options)
            options.subset.check(reviews)
            self._warn_of_file(reviews, result)  # also of what the output cannot keep
        except EmptyInputError:
            if job.is_named:
                raise
            self._warn(result, "nothing is in this file, nor in its output.")
            return None, empty_form(job, options)
        return reviews, form

    def _with_prior(self, result: FileResult, checkpoint: Checkpoint | None) -> Scorer:
        """Estimate the prior of a file, unless an earlier run has done so, and score by it."""
        known = None if checkpoint is None else checkpoint.prior
        workers, reading = self.options.workers, self.options.reading
        result.prior = known or prior_of_file(self.scorer, result.job.source, reading, workers)
        if result.prior.warning is not None:
            self._warn(result, result.prior.warning)
        return self.scorer.with_prior(result.prior.share)

    def _prepare(self, job: Job) -> None:
        """Make the folder of the output, and check that it can be written."""
        if self.jobs.folder is not None:
            with reporting_failures(job.output):
                job.output.parent.mkdir(parents=True, exist_ok=True)
        absent = job.output if self.journals.has_seen_none else None
        check_job(job, force=self.options.force, absent=absent)

    def _warn_of_file(self, reviews: ReviewFile, result: FileResult) -> None:
        for warning in reviews.warnings:
            if warning not in result.warnings:
                self._warn(result, warning)

    def _warn_of_counts(self, summary: Summary, result: FileResult) -> None:
        column, is_single = result.columns.get("text"), self.jobs.is_single
        if not self.jobs.is_shard and (
            warning := counts_warning(summary, column, is_single=is_single)
        ):
            self._warn(result, warning)
        if not self.jobs.is_shard and (
            warning := summary.labels_warning(result.columns.get("label"))
        ):
            self._warn(result, warning)
        if result.prior is not None and not self.jobs.is_shard:
            found = share_of(summary.levels, self.scorer.base)
            if warning := result.prior.warning_of_all(found):
                self._warn(result, warning)

    def _warn(self, result: FileResult, warning: str) -> None:
        result.warnings.append(warning)
        self.on_warning(result.job, warning)

    def _score_blocks(
        self,
        scorer: Scorer,
        reviews: ReviewFile,
        form: Output,
        output: ScoredOutput,
        result: FileResult,
        on_progress: OnProgress | None,
    ) -> None:
        job = result.job
        options, file_range, resumed = self.options, job.file_range, output.summary.records
        size = reviews.size if file_range.size is None else file_range.size

        values = texts = 0
        first: str | None = None  # reject, unless an earlier run has met it

        def check(*, at_end: bool) -> None:
            most = options.max_rejected
            check_rejected(reviews.name, output.summary, most, first, at_end=at_end)
            check_unread(reviews.name, output.summary, options.max_unread, at_end=at_end)

        for scored in run_blocks(
            reviews,
            BlockScorer(scorer, reviews, form, compression_of(job.output), output.saved).score,
            options.subset,
            workers=options.workers,
            file_range=file_range,
            start=output.start,
            done=resumed,
        ):
            if scored.first_reject is not None:
                if options.stop_on_error:
                    reviews.fail(scored.first_reject.number, scored.first_reject.reason)
                if not output.summary.rejected:
                    reject = scored.first_reject
                    first = f"{reviews.counts} {reject.number:,}: {reject.reason}"
            values += scored.values.values
            texts += scored.values.texts
            output.append(scored)
            check(at_end=False)
            if on_progress is not None:
                done, read = output.summary, reviews.bytes_read - file_range.first_byte
                on_progress(Progress(done.records, read, size, resumed, done.accuracy))
            del scored  # which may be large, before the next block is read
        check(at_end=True)
        if warning := values_warning(values, texts, reviews.chosen.get("text")):
            self._warn(result, warning)
