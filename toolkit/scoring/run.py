"""Score files of reviews, one after the other, with progress, checkpoints and warnings."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.errors import (
    EmptyInputError,
    InputError,
    OutputError,
    StoreError,
    ToolkitError,
    UsageError,
)
from toolkit.files import is_there, reporting_failures
from toolkit.model.prior import share_of
from toolkit.model.scorer import Scorer
from toolkit.records.archives import compression_of
from toolkit.records.inputs import FileFacts
from toolkit.records.review_file import Output, ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.block_scorer import BlockScorer, ScoredBlock
from toolkit.scoring.file_output import FileAppearedError, open_file_output, publish
from toolkit.scoring.file_prior import prior_of_file
from toolkit.scoring.file_run import (
    FileVisit,
    OnFile,
    OnProgress,
    Progress,
    RunOptions,
    Visitor,
    run_files,
)
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
from toolkit.scoring.output import (
    WARNING_OF_EMPTY,
    ScoredOutput,
    StandardOutput,
    empty_form,
    output_form,
)
from toolkit.scoring.results import (
    Checkpoint,
    FileResult,
    RecordCounts,
    Source,
    check_rejected,
    check_unread,
    counts_warning,
    values_warning,
)
from toolkit.stores.paths import is_in_store

_MOST_ATTEMPTS = 100  # at a file whose rights or links keep changing

OnResult = Callable[[FileResult], None]
OnWarning = Callable[[Job, str], None]


def score_file(
    scorer: Scorer,
    source: Path,
    output: Path,
    options: ScoringOptions | None = None,
    on_progress: OnProgress | None = None,
    rejected: Path | None = None,
) -> RecordCounts:
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
    RecordCounts
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
    on_file: OnFile[Job] = lambda _: nullcontext(),
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
        scoring = _Scoring(
            scorer=scorer,
            jobs=jobs,
            options=options,
            settings=settings,
            journals=journals,
            on_start=on_start,
            on_warning=on_warning,
        )
        reading = options.reading.in_blocks_of(scorer.block_bytes)
        how = RunOptions(reading=reading, subset=options.subset, workers=options.workers)
        run_files(jobs.files, scoring, how, on_file)
        if all(result.error is None for result in scoring.results):
            journals.end(is_done=True)
    return scoring.results


@dataclass(eq=False)
class _ScoredFile:
    """The file that is scored at the moment: its result, what that depends on, and its output."""

    result: FileResult
    facts: FileFacts | None = None  # if they are known
    is_begun: bool = False  # not kept as it is
    source: WatchedInput | None = None  # None: the input is not a file
    identity: dict[str, Any] | None = None
    journal: Journal | None = None  # None: standard output
    checkpoint: Checkpoint | None = None  # of an earlier run or attempt
    output: ScoredOutput = field(init=False)
    blocks: BlockScorer = field(init=False)
    values: int = 0  # texts that look like values
    texts: int = 0  # that were checked for it


@dataclass(eq=False)
class _Scoring(Visitor[Job, ScoredBlock]):
    """Scores the files of a run into their outputs, with journals and warnings."""

    scorer: Scorer
    jobs: Jobs
    options: ScoringOptions
    settings: dict[str, Any]  # see `settings_of`
    journals: Journals
    on_start: OnResult
    on_warning: OnWarning
    results: list[FileResult] = field(default_factory=list)
    file: _ScoredFile = field(init=False)

    def begin(self, visit: FileVisit[Job]) -> bool:
        """Return whether to score a file; move an output that is complete to its place."""
        job = visit.file
        if not visit.attempt and not self._is_to_be_scored(job):
            return False
        file = self.file
        file.is_begun = True
        file.values = 0
        file.texts = 0
        file.source = WatchedInput.open(job.input, file.facts)
        if file.source is not None:
            visit.closing.callback(file.source.close)
        file.identity = identity_of(self.settings, file.source)
        journal = self.journals.of(job)
        file.journal = journal
        file.checkpoint = None if journal is None else journal.continued(file.identity, file.source)
        file.result.removed = [] if journal is None else journal.removed
        if journal is not None and file.checkpoint is not None and file.checkpoint.complete:
            self._publish(journal, file.checkpoint)
            return False
        visit.file_range = job.file_range
        return True

    def _is_to_be_scored(self, job: Job) -> bool:
        """Add the result of a file; return whether its output is missing, or out of date."""
        result = FileResult(job, error=job.error)
        self.results.append(result)
        self.file = _ScoredFile(result)
        facts = job.input.known_facts()  # each check of an object is a request
        self.file.facts = facts
        result.source = Source.of(job.input, self.options.reading.format, facts)
        self.on_start(result)
        if job.error is not None:
            return False
        if not self.journals.is_up_to_date(job, self.settings):
            return True
        if (found := self.journals.found_before.get(job)) is not None:
            self._answer_as(found, result)
        result.is_skipped = True
        result.is_skipped_by_time = job in self.journals.compared_by_time
        return False

    def _answer_as(self, found: Checkpoint, result: FileResult) -> None:
        """Report the results of the run that wrote a kept output, with the limits of this run."""
        job = result.job
        for warning in found.warnings:
            self.on_warning(job, warning)
        self._check_limits_of(found)
        result.answered_by(found)
        rejects = job.rejects_file
        if found.summary.rejected and rejects is not None and (what := _change(rejects, found)):
            self._warn(
                f"the file of its rejected records, {rejects}, {what}. To write it again, score "
                "with --force."
            )

    def _publish(self, journal: Journal, done: Checkpoint) -> None:
        """Move a complete output to its place, after the limits of this run are checked."""
        self._check_limits_of(done)
        with reporting_failures(journal.job.output):
            publish(journal, done.summary)
        self.file.result.complete(done)

    def _check_limits_of(self, done: Checkpoint) -> None:
        """Raise `InputError` if more records of a complete output failed than this run allows."""
        name = str(self.file.result.job.source)
        check_rejected(name, done.summary, self.options.max_rejected)
        check_unread(name, done.summary, self.options.max_unread)

    def opened(self, visit: FileVisit[Job]) -> None:
        """Choose how to write the output, and start or continue it."""
        result = self.file.result
        reviews = visit.reviews
        result.columns = reviews.chosen
        form = output_form(reviews, visit.file, self.options)
        self._warn_of_file(reviews)  # after `output_form`, which may add warnings
        result.job_id = job_id_of(self.settings, self.file.source)
        scorer = self._with_prior(visit.file) if self.options.estimates_prior else self.scorer
        output = self._start(visit, scorer=scorer, form=form, reviews=reviews)
        visit.resume(output.start, output.summary.records, output.summary.rejected)
        self.file.blocks = BlockScorer(
            scorer=scorer,
            reviews=reviews,
            form=form,
            compression=compression_of(visit.file.output),
            saved=output.saved,
        )

    def empty(self, visit: FileVisit[Job], error: EmptyInputError) -> None:
        """Write an output without records, unless the user has named the file."""
        if visit.file.is_named:
            raise error
        self._warn(WARNING_OF_EMPTY)
        form = empty_form(visit.file, self.options)
        self.file.result.job_id = job_id_of(self.settings, self.file.source)
        self._start(visit, scorer=self.scorer, form=form, reviews=None)
        self._finish()

    def _with_prior(self, job: Job) -> Scorer:
        """Return a scorer with the prior of a file, from the checkpoint or estimated."""
        checkpoint = self.file.checkpoint
        known = None if checkpoint is None else checkpoint.prior
        prior = known or prior_of_file(
            self.scorer, job, reading=self.options.reading, workers=self.options.workers
        )
        self.file.result.prior = prior
        if prior.warning is not None:
            self._warn(prior.warning)
        return self.scorer.with_prior(prior.share)

    def _start(
        self, visit: FileVisit[Job], *, scorer: Scorer, form: Output, reviews: ReviewFile | None
    ) -> ScoredOutput:
        """Start or continue an output; ``reviews`` is None if the file is empty."""
        file = self.file
        job = visit.file
        assert file.result.job_id is not None
        form = replace(form, metadata=metadata_of(scorer, file.result.job_id, job.shard))
        self._prepare(job)
        if file.journal is None:
            force = self.options.force
            file.output = StandardOutput(job, form, file.source, files=visit.closing, force=force)
        else:
            self._begin(file.journal)
            file.output = visit.closing.enter_context(
                open_file_output(
                    file.journal,
                    form,
                    checkpoint=file.checkpoint,
                    source=file.source,
                    reviews=reviews,
                    seconds=self.options.checkpoint_seconds,
                )
            )
        file.output.prior = file.result.prior
        return file.output

    def _prepare(self, job: Job) -> None:
        """Create the folder of the output, and check that the output can be written."""
        if self.jobs.folder is not None:
            with reporting_failures(job.output):
                job.output.parent.mkdir(parents=True, exist_ok=True)
        absent = job.output if self.journals.has_seen_none else None
        check_job(job, force=self.options.force, absent=absent)

    def _begin(self, journal: Journal) -> None:
        """Lock the journal of the next output; drop its progress without a checkpoint."""
        with reporting_failures(journal.job.output):
            self.journals.hold(journal)
            journal.begin(self.file.identity, keep=self.file.checkpoint is not None)

    def work(self, visit: FileVisit[Job], block: SelectedBlock) -> ScoredBlock:  # noqa: ARG002
        """Score a block."""
        return self.file.blocks.score(block)

    def add(self, visit: FileVisit[Job], result: ScoredBlock) -> None:
        """Write a scored block, and check the limits of the run."""
        reject = visit.first_reject
        if reject is not None and self.options.stop_on_error:
            visit.reviews.fail(reject.number, reject.reason)
        file = self.file
        file.values += result.values.values
        file.texts += result.values.texts
        file.output.append(result)
        self._check_limits(visit, at_end=False)

    def progress(self, visit: FileVisit[Job]) -> Progress:
        """Return how far the run has come in the file, and the accuracy so far."""
        return replace(visit.progress(), accuracy=self.file.output.summary.accuracy)

    def _check_limits(self, visit: FileVisit[Job], *, at_end: bool) -> None:
        """Raise `InputError` if more records are rejected or unread than allowed."""
        name = visit.reviews.name
        counts = self.file.output.summary
        first = visit.first_error
        check_rejected(name, counts, self.options.max_rejected, first=first, at_end=at_end)
        check_unread(name, counts, self.options.max_unread, at_end=at_end)

    def end(self, visit: FileVisit[Job]) -> None:
        """Check the limits and warn of the file; write the end of the output, and publish it."""
        file = self.file
        self._check_limits(visit, at_end=True)
        column = visit.reviews.chosen.get("text")
        if warning := values_warning(file.values, file.texts, column):
            self._warn(warning)
        self._warn_of_file(visit.reviews)
        self._finish()

    def _finish(self) -> None:
        result = self.file.result
        output = self.file.output
        self._warn_of_counts(output.summary)
        result.complete(output.finish(result))

    def failed(self, visit: FileVisit[Job], error: ToolkitError) -> bool:
        """Note the error of a file, or raise it; continue if rights or links alone have changed."""
        if self._may_continue(visit, error):
            return True
        self.file.result.error = str(error)
        # Most other failures, such as a full disk, concern the other files, too.
        is_name_too_long = getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG
        concerns_one = is_name_too_long or isinstance(error, FileAppearedError)
        is_of_output = isinstance(error, OutputError | StoreError)
        if self.jobs.is_single or (is_of_output and not concerns_one):
            raise error
        return False

    def _may_continue(self, visit: FileVisit[Job], error: ToolkitError) -> bool:
        """Return whether to continue a file from its last checkpoint; drop it if it is no use."""
        journal = self.file.journal
        if not self.file.is_begun or journal is None:
            return False
        if isinstance(error, TouchedError):
            if journal.checkpoint is None or visit.attempt + 1 >= _MOST_ATTEMPTS:
                return False
            journal.options = replace(journal.options, resume=True)
            return True
        if visit.attempt and isinstance(error, InputError | UsageError):
            journal.drop()  # its content has changed, too
        return False

    def _warn_of_file(self, reviews: ReviewFile) -> None:
        for warning in reviews.warnings:
            if warning not in self.file.result.warnings:
                self._warn(warning)

    def _warn_of_counts(self, summary: RecordCounts) -> None:
        """Warn of unusual counts; a shard does not, as its job will."""
        if self.jobs.is_shard:
            return
        result = self.file.result
        column = result.columns.get("text")
        if warning := counts_warning(summary, column, is_single=self.jobs.is_single):
            self._warn(warning)
        if warning := summary.labels_warning(result.columns.get("label")):
            self._warn(warning)
        if result.prior is not None:
            found = share_of(summary.levels, self.scorer.base)
            if warning := result.prior.warning_of_all(found):
                self._warn(warning)

    def _warn(self, warning: str) -> None:
        self.file.result.warnings.append(warning)
        self.on_warning(self.file.result.job, warning)


def _change(rejects: Path, done: Checkpoint) -> str | None:
    """Return what happened to a file of rejects since a run wrote it; None: nothing is known."""
    if not is_there(rejects):
        return "is gone"
    if done.rejects is None or is_in_store(rejects):
        return None
    with suppress(OSError):
        return None if sum_of(rejects) == done.rejects else "was changed since it was written"
    return "cannot be read"
