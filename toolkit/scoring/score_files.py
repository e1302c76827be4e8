"""Score several files into a folder; one that fails does not stop the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, UsageError
from toolkit.files import reporting_failures
from toolkit.scoring.inputs import Job, Jobs
from toolkit.scoring.score_file import ScoringOptions, default_rejected, identity, score_file
from toolkit.scoring.scorer import Scorer
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.unfinished import GO_ON, Unfinished

# In the folder of the outputs while the run is unfinished: a line of JSON for each file done.
DONE = ".toolkit-score.unfinished"

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
        return (jobs.folder / DONE).exists()
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
        For each file, in order, those of an earlier run that is gone on with included.

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
    done = _Done(jobs.folder / DONE, options)
    _check_outputs(jobs, done, options)
    try:
        done.begin()
        results = [_score(scorer, job, done, options, on_file) for job in jobs.files]
    except BaseException as error:
        if not hasattr(error, "__notes__"):
            error.add_note(GO_ON)
        raise
    done.remove()
    return results


def _score(
    scorer: Scorer, job: Job, done: _Done, options: ScoringOptions, on_file: OnFile
) -> FileResult:
    rejected = default_rejected(job.source, job.output)
    try:
        facts = _existing_identity(scorer, job, options)
        if (before := done.summary_of(job, facts)) is not None:
            return FileResult(job, rejected, before)
        with reporting_failures(job.output):
            job.output.parent.mkdir(parents=True, exist_ok=True)
        # An output of this run that was not noted any more is made again.
        force = options.force or (done.is_resumed and not Unfinished(job.output).exists())
        options = replace(options, force=force)
        with on_file(job) as on_progress:
            summary = score_file(scorer, job.source, job.output, options, on_progress)
    except (InputError, UsageError) as error:
        return FileResult(job, rejected, error=str(error))
    done.add(job, facts, summary)
    return FileResult(job, rejected, summary)


def _existing_identity(scorer: Scorer, job: Job, options: ScoringOptions) -> dict[str, Any]:
    try:
        return identity(scorer, job.source, options)
    except FileNotFoundError:
        raise InputError(f"{job.source}: no such file") from None
    except OSError as error:
        raise InputError(f"{job.source}: cannot be read: {error.strerror}") from None


def _check_outputs(jobs: Jobs, done: _Done, options: ScoringOptions) -> None:
    """Find out before the work that outputs are there already."""
    there = [job.output for job in jobs.files if job.output.exists() and not done.has(job)]
    if there and not (options.force or done.is_resumed):
        raise UsageError(
            f"{there[0]}: exists already{f', and {len(there) - 1:,} more' if there[1:] else ''}. "
            "Choose another folder with --output, or replace them with --force."
        )


class _Done:
    """The files that are done, kept until all are."""

    def __init__(self, path: Path, options: ScoringOptions) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self.is_resumed = options.resume and not options.force and path.exists()
        if options.force:
            path.unlink(missing_ok=True)
        elif path.exists() and not options.resume:
            raise UsageError(
                f"{path.parent}: a run that was interrupted is still unfinished. Go on with "
                "--resume, or start anew with --force."
            )
        elif path.exists():
            for line in path.read_bytes().split(b"\n"):
                try:
                    entry = json.loads(line)
                    self._entries[entry["output"]] = entry
                except (ValueError, KeyError, TypeError):
                    continue  # cut off by the interruption: that file is scored again

    def begin(self) -> None:
        """Note that there is a run."""
        with reporting_failures(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()

    def has(self, job: Job) -> bool:
        """Whether a file is done."""
        return str(job.output) in self._entries and job.output.exists()

    def summary_of(self, job: Job, facts: dict[str, Any]) -> Summary | None:
        """Give the counts of a file that is done; `UsageError` if it has changed since."""
        if not self.has(job):
            return None
        entry = self._entries[str(job.output)]
        changed = [name for name in facts if entry["identity"].get(name) != facts[name]]
        if changed:
            raise UsageError(
                f"{job.output}: done already, but this has changed since: {', '.join(changed)}. "
                "Start anew with --force."
            )
        return Summary.from_dict(entry["counts"])

    def add(self, job: Job, facts: dict[str, Any], summary: Summary) -> None:
        """Note that a file is done."""
        entry = {"output": str(job.output), "identity": facts, "counts": summary.as_dict()}
        with reporting_failures(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def remove(self) -> None:
        """Forget everything: the run is done."""
        self._path.unlink(missing_ok=True)
