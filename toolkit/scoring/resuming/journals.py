"""The journals of the outputs of one run: who may write what, and what is left at its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.errors import OutputError, ToolkitError, is_wrong_call
from toolkit.files import is_in_store, is_there
from toolkit.records.read_options import STDIN
from toolkit.scoring.inputs.job_checks import check_absent
from toolkit.scoring.inputs.jobs import Job, Jobs
from toolkit.scoring.resuming.checkpoints import Entry
from toolkit.scoring.resuming.journal import Journal, made_by_older

_SAVED = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over."
)
# Of the versions that had one journal for all outputs in a folder.
_OLD_JOURNAL = ".toolkit-score.unfinished"


def is_unfinished(jobs: Jobs) -> bool:
    """Whether an earlier run has left progress that can be resumed."""
    for job in jobs.files:
        journal = Journal(job)
        if job.output != STDIN and journal.is_there:
            with suppress(ToolkitError, OSError):
                journal.open()
                journal.close()
                if journal.entry != Entry():
                    return True
    return False


@contextmanager
def open_journals(
    jobs: Jobs, *, force: bool, resume: bool, skip_existing: bool = False
) -> Iterator[Journals]:
    """Give the journals of a run, which are kept if the run does not come to its end.

    Raises `UsageError` if there is progress that is neither resumed nor dropped by ``force``, if it
    cannot be read, if another process is writing an output, or if one in a folder exists and no
    option says what becomes of it.
    """
    journals = Journals(jobs, force=force, resume=resume)
    try:
        journals.check(skip_existing=skip_existing)
        yield journals
    except BaseException as error:
        if not is_wrong_call(error) and journals.have_progress:
            error.add_note(_SAVED)
        raise
    finally:
        journals.close()


class Journals:
    """One journal for each output; that of the output that is written is locked.

    Each stays locked until the next one is, so that a second run over the same outputs finds a lock
    wherever the first one has come to.
    """

    def __init__(self, jobs: Jobs, *, force: bool, resume: bool) -> None:
        self._folder = jobs.folder
        self._jobs = [job for job in jobs.files if job.error is None and job.output != STDIN]
        self._force, self._resume = force, resume
        self._is_stale = force and not resume  # what is noted, until the first output is begun
        self._journals: dict[Job, Journal] = {}
        self._noted: dict[Job, Journal] = {}  # those that are there
        self._held: Journal | None = None

    def check(self, *, skip_existing: bool) -> None:
        """Look at what earlier runs have left; raises as `open_journals`."""
        if self._older is not None and not self._force:
            raise made_by_older(self._older.parent)
        for job in self._jobs:
            journal = self.of(job)
            if journal.is_there:
                self._noted[job] = journal
                journal.open()
                journal.close()
        for journal in self._noted.values():
            if not (skip_existing and journal.is_done):
                journal.check_may_go_on()
        if self._folder is not None and not (self._force or self._resume or skip_existing):
            check_absent([job.output for job in self._jobs])

    def hold_first(self) -> None:
        """Lock the first output that is not done, against the same run at the same time.

        Raises `UsageError` if another process has the lock.
        """
        for job in self._jobs:
            if not self.is_done(job):
                # A name that is too long, say, is a failure of one file only.
                with suppress(OSError, OutputError):
                    job.output.parent.mkdir(parents=True, exist_ok=True)
                    self._hold(self.of(job))
                return

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Raise `UsageError` if an output that is continued was begun with other settings."""
        if self._resume and not self._force:
            for journal in self._noted.values():
                journal.check_settings(settings)

    @property
    def _older(self) -> Path | None:
        """What an older version has left."""
        if self._folder is None or is_in_store(self._folder):
            return None
        if is_there(old := self._folder / _OLD_JOURNAL):
            return old
        return None

    def of(self, job: Job) -> Journal:
        """Give the journal of an output."""
        if job not in self._journals:
            self._journals[job] = Journal(job, force=self._force, resume=self._resume)
        return self._journals[job]

    def is_done(self, job: Job) -> bool:
        """Whether there is a file at the output, of a run that has ended with it."""
        journal = self._noted.get(job)
        return is_there(job.output) and (journal is None or journal.is_done)

    def load(self, job: Job) -> Journal:
        """Give the journal of an output, locked if there is one already."""
        journal = self.of(job)
        if journal.is_there:
            self._hold(journal)
        return journal

    def begin(self, journal: Journal, *, keep: bool) -> None:
        """Lock a journal to write its output; drop what is written, unless it is kept."""
        self._hold(journal)
        if self._force and self._older is not None:
            with suppress(OSError):
                self._older.unlink() if self._older.is_file() else shutil.rmtree(self._older)
        if self._is_stale:
            self._is_stale = False
            self._drop_all()
        if not keep:
            journal.drop()
        if self._force and not keep:
            journal.note_replaced()
        journal.add_files()

    def note_replaced(self) -> None:
        """Note what force replaces, also where the run ends before it comes to that."""
        for job in self._jobs if self._force else ():
            if any(is_there(path) for path, _ in job.written()):
                journal = self._noted.setdefault(job, self.of(job))
                journal.open()
                journal.note_replaced()
                journal.close()

    def forget(self, job: Job) -> None:
        """Remove what is noted of an output."""
        if job in self._noted:
            self._remove(self._noted[job])

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

    @property
    def have_progress(self) -> bool:
        """Whether a later run has something to continue."""
        return any(journal.has_progress for journal in self._noted.values())

    @property
    def have_checkpoints(self) -> bool:
        """Whether something of the outputs is written."""
        return any(journal.entry.checkpoint is not None for journal in self._noted.values())

    def _hold(self, journal: Journal) -> None:
        self._noted[journal.job] = journal
        if self._held is journal:
            return
        journal.open()
        journal.check_may_go_on()  # of a run that has come and gone since the first look
        if self._held is not None:
            self._held.close()
        self._held = journal

    def _drop_all(self) -> None:
        for journal in self._noted.values():
            if journal.is_open:
                journal.drop()
            elif journal.entry.checkpoint is not None:
                journal.open()
                journal.drop()
                journal.close()

    def _remove(self, journal: Journal) -> None:
        with suppress(ToolkitError, OSError):  # another process has it now
            if journal.is_there:
                journal.remove()
        self._noted.pop(journal.job, None)
