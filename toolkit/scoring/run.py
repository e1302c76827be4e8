"""Score files of reviews, one after the other, with progress, checkpoints and warnings."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import EmptyInputError, InputError, OutputError, StoreError, UsageError
from toolkit.files import is_there, reporting_failures
from toolkit.model.prior import share_of
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import FileFacts
from toolkit.records.review_file import Output, Reject, ReviewFile
from toolkit.scoring.block_loop import run_blocks
from toolkit.scoring.block_scorer import BlockScorer, reading_for
from toolkit.scoring.file_output import FileAppearedError, open_file_output, publish
from toolkit.scoring.file_prior import prior_of_file
from toolkit.scoring.identity import (
    TouchedError,
    WatchedInput,
    identity_of,
    job_id_of,
    metadata_of,
    settings_of,
    sum_of,
)
from toolkit.scoring.jobs import Job, Jobs, check_call, check_job
from toolkit.scoring.journal import Journal, Journals, open_journals
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

_MOST_ATTEMPTS = 100  # at a file whose rights or links keep changing

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
        The scorer.
    source : Path
        A file of a known format (`toolkit.records.formats`); ``-``: standard input.
    output : Path
        The file to write; it appears when it is complete. ``-``: standard output.
    options : ScoringOptions | None
        Columns, workers, and what to do with bad records and existing files.
    on_progress : OnProgress | None
        Called after each block, in the calling thread.
    rejected : Path | None
        File for records that cannot be read; None: ``OUTPUT.rejected.jsonl``.

    Returns
    -------
    Summary
        The counts of records.

    Raises
    ------
    InputError
        If the file cannot be read to its end. Then nothing is written.
    OutputError
        If the output cannot be written. The part written so far is kept, for ``resume``.
    UsageError
        If a column is missing, the name of an added column is taken, or the output exists or
        cannot be created.
    """
    jobs = Jobs([Job.of(source, output, rejected)], is_single=True)
    (result,) = score_files(scorer, jobs, options, on_file=lambda _: nullcontext(on_progress))
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

    ``on_file`` returns a context that is open while a file is scored; it yields a function that
    receives the progress. ``on_start`` receives each file's result object before scoring, so that
    an interrupted run can still report it. ``on_warning`` receives warnings about a file as soon
    as they are found.

    The results are in the order of the jobs, including files that an earlier run has scored. In a
    run over a folder, a file that fails does not stop the others, and a later run with ``resume``
    scores the failed ones. Raises the errors of `score_file`; errors of the input only for a
    single file.
    """
    options = options or ScoringOptions()
    scorer.check_gives(options.reading.columns.adds)
    check_call(jobs, options)
    settings = settings_of(scorer, options)
    with open_journals(jobs, options, settings) as journals:
        if jobs.folder is not None and not jobs.is_single:  # a single file is checked first
            with reporting_failures(jobs.folder):
                jobs.folder.mkdir(parents=True, exist_ok=True)
            journals.hold_first()
        run = _Run(
            scorer=scorer,
            jobs=jobs,
            options=options,
            settings=settings,
            journals=journals,
            on_file=on_file,
            on_start=on_start,
            on_warning=on_warning,
        )
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
    settings: dict[str, Any]  # see `settings_of`
    journals: Journals
    on_file: OnFile
    on_start: OnResult
    on_warning: OnWarning

    def result(self, job: Job) -> FileResult:
        """Score a file."""
        facts = job.input.known_facts()  # each check of an object is a request
        source = Source.of(job.input, self.options.reading.format, facts)
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
            # Most other failures, such as a full disk, concern the other files, too.
            is_name_too_long = getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG
            concerns_one = is_name_too_long or isinstance(error, FileAppearedError)
            is_of_output = isinstance(error, OutputError | StoreError)
            if self.jobs.is_single or (is_of_output and not concerns_one):
                raise
        return result

    def _answer_as(self, found: Checkpoint, result: FileResult) -> None:
        """Report the results of the run that wrote a kept output, with the limits of this run."""
        job = result.job
        for warning in found.warnings:
            self.on_warning(job, warning)
        check_rejected(str(job.source), found.summary, self.options.max_rejected)
        check_unread(str(job.source), found.summary, self.options.max_unread)
        result.answered_by(found)
        rejects = job.rejects_file
        if found.summary.rejected and rejects is not None and (what := _change(rejects, found)):
            self._warn(
                result,
                f"the file of its rejected records, {rejects}, {what}. To write it again, score "
                "with --force.",
            )

    def _score_to_end(self, result: FileResult, facts: FileFacts | None) -> None:
        """Score a file; continue from the last checkpoint if its rights or links change."""
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
                if journal is not None:  # its content has changed, too
                    journal.drop()
                raise

    def _score(self, result: FileResult, facts: FileFacts | None) -> None:
        """Score a file, or the rest of it after an earlier run."""
        job = result.job
        with ExitStack() as opened:
            source = WatchedInput.open(job.input, facts)
            if source is not None:
                opened.callback(source.close)
            identity = identity_of(self.settings, source)
            journal = self.journals.of(job)
            checkpoint = None if journal is None else journal.continued(identity, source)
            result.removed = [] if journal is None else journal.removed
            if journal is not None and checkpoint is not None and checkpoint.complete:
                self._publish(journal, checkpoint, result)
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
            output: ScoredOutput
            if journal is None:
                output = StandardOutput(job, form, source, files=opened, force=self.options.force)
            else:
                self._begin(journal, identity, checkpoint)
                in_file = open_file_output(
                    journal,
                    form,
                    checkpoint=checkpoint,
                    source=source,
                    reviews=reviews,
                    seconds=self.options.checkpoint_seconds,
                )
                output = opened.enter_context(in_file)
            output.prior = result.prior
            if reviews is not None:
                self._score_blocks(
                    scorer,
                    reviews,
                    form=form,
                    output=output,
                    result=result,
                    on_progress=on_progress,
                )
                self._warn_of_file(reviews, result)
            self._warn_of_counts(output.summary, result)
            result.complete(output.finish(result))

    def _begin(
        self, journal: Journal, identity: dict[str, Any] | None, checkpoint: Checkpoint | None
    ) -> None:
        """Lock the journal of the next output; drop its progress without a checkpoint."""
        with reporting_failures(journal.job.output):
            self.journals.hold(journal)
            journal.begin(identity, keep=checkpoint is not None)

    def _publish(self, journal: Journal, done: Checkpoint, result: FileResult) -> None:
        """Move a complete output to its place, after the limits of this run are checked."""
        name = str(result.job.source)
        check_rejected(name, done.summary, self.options.max_rejected)
        check_unread(name, done.summary, self.options.max_unread)
        with reporting_failures(result.job.output):
            publish(journal, done.summary)
        result.complete(done)

    def _opened(self, result: FileResult, opened: ExitStack) -> tuple[ReviewFile | None, Output]:
        """Open the input, choose how to write the output, and warn of problems."""
        job = result.job
        options = self.options
        try:
            reviews = opened.enter_context(
                open_reviews(job.input, reading_for(self.scorer, options.reading))
            )
            result.columns = reviews.chosen
            form = output_form(reviews, job, options)
            options.subset.check(reviews)
            self._warn_of_file(reviews, result)  # after `output_form`, which may add warnings
        except EmptyInputError:
            if job.is_named:
                raise
            self._warn(result, "nothing is in this file, nor in its output.")
            return None, empty_form(job, options)
        return reviews, form

    def _with_prior(self, result: FileResult, checkpoint: Checkpoint | None) -> Scorer:
        """Return a scorer with the prior of a file, from the checkpoint or estimated."""
        known = None if checkpoint is None else checkpoint.prior
        result.prior = known or prior_of_file(
            self.scorer,
            result.job.input,
            reading=self.options.reading,
            workers=self.options.workers,
        )
        if result.prior.warning is not None:
            self._warn(result, result.prior.warning)
        return self.scorer.with_prior(result.prior.share)

    def _prepare(self, job: Job) -> None:
        """Create the folder of the output, and check that the output can be written."""
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
        """Warn of unusual counts; a shard does not, as its job will."""
        if self.jobs.is_shard:
            return
        column = result.columns.get("text")
        if warning := counts_warning(summary, column, is_single=self.jobs.is_single):
            self._warn(result, warning)
        if warning := summary.labels_warning(result.columns.get("label")):
            self._warn(result, warning)
        if result.prior is not None:
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
        *,
        form: Output,
        output: ScoredOutput,
        result: FileResult,
        on_progress: OnProgress | None,
    ) -> None:
        """Score the blocks of a file into an output; check limits and report the progress."""
        file_range = result.job.file_range
        resumed = output.summary.records
        size = reviews.size if file_range.size is None else file_range.size
        values = 0
        texts = 0
        first: Reject | None = None  # None if an earlier run has found the first one
        scoring = BlockScorer(
            scorer=scorer,
            reviews=reviews,
            form=form,
            compression=compression_of(result.job.output),
            saved=output.saved,
        )
        for scored in run_blocks(
            reviews,
            scoring.score,
            self.options.subset,
            workers=self.options.workers,
            file_range=file_range,
            start=output.start,
            done=resumed,
        ):
            if scored.first_reject is not None:
                if self.options.stop_on_error:
                    reviews.fail(scored.first_reject.number, scored.first_reject.reason)
                if not output.summary.rejected:
                    first = scored.first_reject
            values += scored.values.values
            texts += scored.values.texts
            output.append(scored)
            self._check_limits(reviews, output.summary, first, at_end=False)
            if on_progress is not None:
                bytes_done = reviews.bytes_read - file_range.first_byte
                on_progress(_progress(output.summary, bytes_done, size=size, resumed=resumed))
            del scored  # large blocks are freed before the next one is read
        self._check_limits(reviews, output.summary, first, at_end=True)
        if warning := values_warning(values, texts, reviews.chosen.get("text")):
            self._warn(result, warning)

    def _check_limits(
        self, reviews: ReviewFile, counts: Summary, reject: Reject | None, *, at_end: bool
    ) -> None:
        """Raise `InputError` if more records are rejected or unread than allowed."""
        first = None if reject is None else f"{reviews.counts} {reject.number:,}: {reject.reason}"
        check_rejected(reviews.name, counts, self.options.max_rejected, first=first, at_end=at_end)
        check_unread(reviews.name, counts, self.options.max_unread, at_end=at_end)


def _change(rejects: Path, done: Checkpoint) -> str | None:
    """Return what happened to a file of rejects since a run wrote it; None: nothing is known."""
    if not is_there(rejects):
        return "is gone"
    if done.rejects is None or is_in_store(rejects):
        return None
    with suppress(OSError):
        return None if sum_of(rejects) == done.rejects else "was changed since it was written"
    return "cannot be read"


def _progress(counts: Summary, bytes_done: int, *, size: int | None, resumed: int) -> Progress:
    return Progress(
        records=counts.records,
        bytes_done=bytes_done,
        bytes_in_all=size,
        resumed=resumed,
        accuracy=counts.accuracy,
    )
