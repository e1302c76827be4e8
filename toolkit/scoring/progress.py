"""The progress of a run over files: who may write which output, and what is left at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from toolkit.errors import OutputError, ToolkitError, is_wrong_call
from toolkit.files import is_there
from toolkit.records.options import STDIN
from toolkit.scoring.jobs import Job, Jobs, check_absent
from toolkit.scoring.journal import Journal
from toolkit.scoring.options import ScoringOptions

_SAVED = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over."
)


class Journals:
    """The journals of the outputs of a run; that of the output that is written is locked.

    Each stays locked until the next one is, so that a second run over the same outputs finds a lock
    wherever the first one has come to.
    """

    def __init__(self, jobs: Jobs, options: ScoringOptions) -> None:
        self._folder = jobs.folder
        self._options = options
        self._journals = {
            job: Journal(job, options)
            for job in jobs.files
            if job.error is None and job.output != STDIN
        }
        self._noted: dict[Job, Journal] = {}  # those that are there
        self._held: Journal | None = None

    def check(self, settings: Mapping[str, Any] | None = None) -> None:
        """Look at what earlier runs have left; raises as `open_journals`."""
        options = self._options
        for job, journal in self._journals.items():
            if journal.is_there:
                self._noted[job] = journal
                journal.open()
                journal.close()
        for journal in self._noted.values():
            if not (options.skip_existing and journal.is_done):
                journal.check_may_continue()
        if self._folder is not None and not (
            options.force or options.resume or options.skip_existing
        ):
            check_absent([job.output for job in self._journals])
        if settings is not None and options.resume and not options.force:
            for journal in self._noted.values():
                journal.check_settings(settings)

    def hold_first(self) -> None:
        """Lock the first output that is not done, against the same run at the same time.

        Raises `UsageError` if another process has the lock.
        """
        for job, journal in self._journals.items():
            if not self.is_done(job):
                # A name that is too long, say, is a failure of one file only.
                with suppress(OSError, OutputError):
                    job.output.parent.mkdir(parents=True, exist_ok=True)
                    self.hold(journal)
                return

    def is_done(self, job: Job) -> bool:
        """Whether there is a file at the output, of a run that has ended with it."""
        journal = self._noted.get(job)
        return is_there(job.output) and (journal is None or journal.is_done)

    def is_left_out(self, job: Job) -> bool:
        """Whether nothing is scored for an output, as it is there and complete."""
        if not self.is_done(job):
            return False
        return self._options.skip_existing or (self._options.resume and job in self._noted)

    def of(self, job: Job) -> Journal | None:
        """Give the journal of an output, locked if there is one already; None without a file."""
        journal = self._journals.get(job)
        if journal is not None and journal.is_there:
            self.hold(journal)
        return journal

    def hold(self, journal: Journal) -> None:
        """Lock the journal of the output that is written next."""
        self._noted[journal.job] = journal
        if self._held is journal:
            return
        journal.open()
        journal.check_may_continue()  # of a run that has come and gone since the first look
        if self._held is not None:
            self._held.close()
        self._held = journal

    def end(self) -> None:
        """Drop everything about the outputs of a run that is done."""
        for journal in [*self._noted.values()]:
            self._remove(journal)

    def close(self) -> None:
        """Remove what no later run needs, and let other processes in."""
        for journal in [*self._noted.values()]:
            if not journal.has_progress:
                self._remove(journal)
        if self._held is not None:
            self._held.close()

    def say_saved(self, error: BaseException) -> None:
        """Tell with an error that a later run has something to continue, if it has."""
        if not is_wrong_call(error) and any(each.has_progress for each in self._noted.values()):
            error.add_note(_SAVED)

    def _remove(self, journal: Journal) -> None:
        with suppress(ToolkitError, OSError):  # another process has it now
            if journal.is_there:
                journal.remove()
        self._noted.pop(journal.job, None)


@contextmanager
def open_journals(
    jobs: Jobs, options: ScoringOptions, settings: Mapping[str, Any]
) -> Iterator[Journals]:
    """Give the journals of a run, which are kept if the run does not come to its end.

    Raises `UsageError` if there is progress that is neither resumed nor dropped by ``force``, if it
    cannot be read or was begun with other settings, if another process is writing an output, or if
    one in a folder exists and no option says what becomes of it.
    """
    journals = Journals(jobs, options)
    try:
        journals.check(settings)
        yield journals
    except BaseException as error:
        journals.say_saved(error)
        raise
    finally:
        journals.close()


def is_unfinished(jobs: Jobs) -> bool:
    """Whether an earlier run has left progress that can be resumed."""
    for job in jobs.files:
        journal = Journal(job)
        if job.output != STDIN and journal.is_there:
            with suppress(ToolkitError, OSError):
                journal.open()
                journal.close()
                if journal.checkpoint is not None:
                    return True
    return False
