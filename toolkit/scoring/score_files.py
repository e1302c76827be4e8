"""Score several files into a folder; one that fails does not stop the others."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, OutputError, UsageError
from toolkit.files import is_there, reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.scoring.inputs import Job, Jobs
from toolkit.scoring.run_notes import NAME, RunNotes
from toolkit.scoring.score_file import ScoringOptions, default_rejected, identity, score_file
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.target import Places
from toolkit.scoring.unfinished import GO_ON, Unfinished

OnFile = Callable[[Job], AbstractContextManager[Callable[[Progress], None] | None]]


@dataclass(frozen=True)
class FileResult:
    """What became of a file."""

    job: Job
    rejected: Path  # where its rejects are, if it has any
    summary: Summary = field(default_factory=Summary)
    error: str | None = None  # why it could not be scored


def is_unfinished(jobs: Jobs) -> bool:
    """Whether there is something of an earlier run to go on from."""
    if jobs.folder is not None:
        return (jobs.folder / NAME).exists()
    return Unfinished(jobs.files[0].output).exists()


def score_files(
    scorer: Scorer, jobs: Jobs, options: ScoringOptions, on_file: OnFile
) -> list[FileResult]:
    """Score files one after the other, each with all workers.

    Parameters
    ----------
    scorer : Scorer
        The model.
    jobs : Jobs
        Several files, and the folder of the outputs.
    options : ScoringOptions
        For every file.
    on_file : OnFile
        Entered while a file is scored; gives what to call with its progress.

    Returns
    -------
    list[FileResult]
        For each file, in order, those of an earlier run that is gone on with included. Where some
        failed and others did not, the run is still unfinished: a later one can score the former.

    Raises
    ------
    OutputError
        If an output cannot be written.
    UsageError
        If a run is unfinished and neither resumed nor forced, or an output exists already.
    """
    assert jobs.folder is not None
    if options.rejected is not None:
        raise UsageError("--rejected: is for one file; those of several stand beside each output")
    notes = RunNotes(jobs.folder, force=options.force, resume=options.resume)
    _check_outputs(jobs, notes, options)
    notes.open()
    try:
        if options.force:  # for all, also where the run ends before it comes to them
            for job in jobs.files:
                notes.begin(job)
        results = [_score(scorer, job, notes, options, on_file) for job in jobs.files]
    except BaseException as error:
        if notes.interrupted(jobs.files) and not hasattr(error, "__notes__"):
            error.add_note(GO_ON)
        raise
    if len({result.error is None for result in results}) < 2:  # all are done, or all failed
        notes.close(jobs.files)
    return results


def _score(
    scorer: Scorer, job: Job, notes: RunNotes, options: ScoringOptions, on_file: OnFile
) -> FileResult:
    rejected = default_rejected(job.source, job.output)
    try:
        return FileResult(job, rejected, _summary(scorer, job, notes, options, on_file))
    except (InputError, UsageError) as error:
        return FileResult(job, rejected, error=str(error))
    except OutputError as error:
        # Other failures, such as a full disk, concern the other files, too.
        if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
            raise
        return FileResult(job, rejected, error=str(error))


def _summary(
    scorer: Scorer, job: Job, notes: RunNotes, options: ScoringOptions, on_file: OnFile
) -> Summary:
    """Score a file, unless an earlier run has done it."""
    facts = _existing_identity(scorer, job, options)
    if (before := notes.summary_of(job, facts)) is not None:
        return before
    with reporting_failures(job.output):
        job.output.parent.mkdir(parents=True, exist_ok=True)
    force = options.force
    if not (options.resume and Unfinished(job.output).exists()):
        force |= notes.may_replace(job)
        # Before they are noted as files that may be replaced.
        places = Places(job.output, default_rejected(job.source, job.output))
        places.check(job.source, force=force, resume=False)
    notes.begin(job)
    with on_file(job) as on_progress:
        summary = score_file(
            scorer, job.source, job.output, replace(options, force=force), on_progress
        )
    notes.done(job, facts, summary)
    return summary


def _existing_identity(scorer: Scorer, job: Job, options: ScoringOptions) -> dict[str, Any]:
    try:
        return identity(scorer, job.source, options)
    except FileNotFoundError:
        raise InputError(f"{job.source}: no such file") from None
    except OSError as error:
        raise InputError(f"{job.source}: cannot be read: {error.strerror}") from None


def _check_outputs(jobs: Jobs, notes: RunNotes, options: ScoringOptions) -> None:
    """Find out before the work that there are outputs already which no such run has begun."""
    if options.force:
        return
    there = [
        job.output
        for job in jobs.files
        if is_there(job.output)
        and not (notes.is_done(job) or notes.may_replace(job))
        and not (options.resume and Unfinished(job.output).exists())
    ]
    if there:
        raise UsageError(
            f"{there[0]}: exists already{f', and {len(there) - 1:,} more' if there[1:] else ''}. "
            "Choose another folder with --output, or replace them with --force."
        )
