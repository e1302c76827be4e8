"""The progress of a run, kept until everything is done, so that a later run can resume it.

It is a hidden folder beside the output of a single file, or in the folder of several outputs, with
a folder for each output that is not complete, and the file ``journal``: a line of JSON for each
change of an output, of which the last counts. A line is written when the files that it describes
are on the disk, so the journal is true whatever ends the process.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError, is_wrong_call
from toolkit.files import flush_to_disk, is_there, reporting_failures, resolved
from toolkit.scoring.append_log import AppendLog
from toolkit.scoring.checkpoints import VERSION, Checkpoint, Entry, read_entries
from toolkit.scoring.jobs import Job, Jobs

_START_OVER = "start over with --force."
_SAVED = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over."
)


def is_unfinished(jobs: Jobs) -> bool:
    """Whether an earlier run has left progress that can be resumed."""
    try:
        return bool(read_entries(Journal(jobs, force=False).lines.read()))
    except (OSError, ValueError):
        return False


@contextmanager
def open_journal(jobs: Jobs, *, force: bool, resume: bool) -> Iterator[Journal]:
    """Give the journal of a run, which is kept if the run does not come to its end.

    Raises `UsageError` if there is progress that is neither resumed nor dropped by ``force``, if it
    cannot be read, or if another process is writing the same outputs.
    """
    journal = Journal(jobs, force=force)
    with closing(journal.lines):
        journal.load(resume=resume)
        try:
            yield journal
        except BaseException as error:
            if not is_wrong_call(error) and journal.has_progress(jobs.files):
                error.add_note(_SAVED)
            raise
        finally:
            journal.remove_if_empty()


class Journal:
    """What a run has written, and what it may replace."""

    def __init__(self, jobs: Jobs, *, force: bool) -> None:
        self._force = force
        self._stale: Iterable[Job] = jobs.files if force else ()  # until the first output is begun
        self._outputs = jobs.folder if not jobs.is_single else None  # their folder
        self._place = jobs.folder or jobs.files[0].output  # as messages call it
        self.lines = AppendLog(_folder_of(jobs), self._place)
        self._folder = self.lines.folder
        self._entries: dict[str, Entry] = {}

    def load(self, *, resume: bool) -> None:
        """Read what an earlier run has left; raises as `open_journal`."""
        if not is_there(self._folder):
            return
        old = self._folder if self._folder.is_file() else self._folder / "checkpoint.json"
        if is_there(old):
            if not self._force:
                raise UsageError(
                    f"{self._place}: an older version of the toolkit has left this run unfinished, "
                    f"and this version cannot continue it: {_START_OVER}"
                )
            old.unlink()
        with reporting_failures(self._place):
            file = self.lines.open()
        try:
            entries = read_entries(self.lines.read())
        except ValueError:
            if not self._force:
                damaged = f"{self._folder}: the progress is damaged: {_START_OVER}"
                raise UsageError(damaged) from None
            file.truncate(0)
            entries = {}
        if entries and not (resume or self._force):
            raise UsageError(
                f"{self._place}: an earlier run is unfinished. Continue it with --resume, or "
                f"{_START_OVER}"
            )
        self._entries = entries

    def checkpoint(self, job: Job, identity: dict[str, Any] | None) -> Checkpoint | None:
        """Give how much of an output is written; `UsageError` if files or ``identity`` differ."""
        entry = self._entry(job)
        if entry.checkpoint is None or identity is None or self._force:
            return None  # with force, it is dropped when the first output is begun
        changed = [name for name in identity if (entry.identity or {}).get(name) != identity[name]]
        if changed:
            raise UsageError(
                f"{job.output}: cannot be continued, because this has changed: "
                f"{', '.join(changed)}. Undo that, or {_START_OVER}"
            )
        folder = self.folder(job)
        if entry.checkpoint.complete:  # its files may be in their places, and gone from there
            return entry.checkpoint if is_there(folder) or is_there(job.output) else None
        for name, length in entry.checkpoint.lengths.items():
            if not is_there(folder / name) or (folder / name).stat().st_size < length:
                raise UsageError(f"{folder / name}: is shorter than it was: {_START_OVER}")
        return entry.checkpoint

    def may_replace(self, job: Job) -> bool:
        """The one rule for files that are there: they stay, unless forced or of this run."""
        return self._force or self._may_continue(job)

    def note_replaced(self, jobs: Iterable[Job]) -> None:
        """Note what is there, and is replaced by force, so that a later run may replace it, too."""
        if self._force:
            self._add({
                job: replace(self._entry(job), replaces_for=str(resolved(job.source)))
                for job in jobs
                if any(is_there(path) for path, _ in job.written())
                and self._entry(job).replaces_for != str(resolved(job.source))
            })  # fmt: skip

    def folder(self, job: Job) -> Path:
        """Give the folder for the files of an output that is not complete."""
        return self._folder / _short(self._key(job))

    @contextmanager
    def reserved(self, job: Job) -> Iterator[None]:
        """Keep out a process that writes this output in a call of its own, while it is written."""
        own = AppendLog(_folder_beside(job.output), job.output)
        if own.folder == self._folder:  # which is locked
            yield
            return
        with closing(own):
            file = own.open()
            try:
                yield
            finally:
                if not os.fstat(file.fileno()).st_size:  # nobody has progress there
                    shutil.rmtree(own.folder, ignore_errors=True)

    def make_folder(self, job: Job, *, keep: bool) -> None:
        """Make that folder, and drop what is in it, unless it is kept."""
        self.lines.open()
        self._drop(self._stale)
        self._stale = ()
        self.abandon(job, keep=keep)
        self.folder(job).mkdir(exist_ok=True)

    def save(self, job: Job, identity: dict[str, Any], checkpoint: Checkpoint) -> None:
        """Note how much is written, when that is on the disk."""
        for name in checkpoint.lengths:
            flush_to_disk(self.folder(job) / name)
        self._add({job: replace(self._entry(job), identity=identity, checkpoint=checkpoint)})

    def abandon(self, job: Job, *, keep: bool) -> None:
        """Drop what is written of an output, unless it is kept, and there is a checkpoint of it."""
        if not self.lines.is_open or (keep and self._entry(job).checkpoint is not None):
            return  # where it is not open, the files are those of another process
        self._drop([job])

    def _drop(self, jobs: Iterable[Job]) -> None:
        entries = {job: self._entry(job) for job in jobs}
        written = {job: entry for job, entry in entries.items() if entry.checkpoint is not None}
        self._add({job: Entry(entry.replaces_for) for job, entry in written.items()})
        for job in entries:
            shutil.rmtree(self.folder(job), ignore_errors=True)

    def end(self, jobs: Iterable[Job]) -> None:
        """Drop everything about the outputs of a run that is done."""
        done = {self._key(job): job for job in jobs}
        if any(map(self._is_needed, self._entries.keys() - done.keys())):  # by other runs
            self._add({done[key]: Entry() for key in self._entries.keys() & done.keys()})
        else:
            self._entries.clear()  # without a wait for the disk: everything is removed

    def has_progress(self, jobs: Iterable[Job]) -> bool:
        """Whether a later run of some jobs has something to continue."""
        return any(self._is_needed(self._key(job)) for job in jobs)

    def has_checkpoint(self, jobs: Iterable[Job]) -> bool:
        """Whether something of the outputs of some jobs is written."""
        return any(self._entry(job).checkpoint is not None for job in jobs)

    def remove_if_empty(self) -> None:
        """Remove the journal if no later run needs it."""
        if self.lines.is_open and not any(map(self._is_needed, self._entries)):
            shutil.rmtree(self._folder, ignore_errors=True)

    def _key(self, job: Job) -> str:
        """Name an output below its folder, wherever that is seen from."""
        if self._outputs is None:
            return resolved(job.output).name
        return str(job.output.relative_to(self._outputs))

    def _may_continue(self, job: Job) -> bool:
        """Whether the output is of this run, or was to be replaced by it."""
        entry = self._entry(job)
        is_complete = entry.checkpoint is not None and entry.checkpoint.complete
        return is_complete or entry.replaces_for == str(resolved(job.source))

    def _entry(self, job: Job) -> Entry:
        return self._entries.get(self._key(job), Entry())

    def _is_needed(self, key: str) -> bool:
        entry = self._entries.get(key, Entry())
        if is_there((self._outputs or self._folder.parent) / key):
            return entry != Entry()
        return entry.checkpoint is not None and is_there(self._folder / _short(key))

    def _add(self, entries: dict[Job, Entry]) -> None:
        """Add lines, and wait until they are on the disk."""
        named = {self._key(job): entry for job, entry in entries.items()}
        with reporting_failures(self._place):
            self.lines.append(
                {"version": VERSION, "output": key, **asdict(entry)} for key, entry in named.items()
            )
        self._entries |= named


def _folder_of(jobs: Jobs) -> Path:
    if not jobs.is_single and jobs.folder is not None:
        return jobs.folder / ".toolkit-score.unfinished"
    return _folder_beside(jobs.files[0].output)


def _folder_beside(output: Path) -> Path:
    output = resolved(output)
    return output.parent / f".{_short(output.name)}.unfinished"


def _short(name: str) -> str:
    """Shorten a name or a path: a name may have 255 bytes, and a character four."""
    digest = zlib.crc32(name.encode("utf-8", "surrogateescape"))
    return f"{Path(name).name[:50]}.{digest:08x}"
