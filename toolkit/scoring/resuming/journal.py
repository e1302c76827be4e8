"""The progress of an output, kept until its run is done, so that a later run can resume it.

It is a hidden folder beside the output, or in the work folder if that is an object in a store. It
has the files of the output while they are not complete, and the file ``journal``: a line of JSON
for each change, of which the last counts. A line is written when the files that it describes are on
the disk, so the journal is true whatever ends the process. Who writes an output has its journal
locked.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.files import is_there, reporting_failures, resolved
from toolkit.scoring.inputs.jobs import Job
from toolkit.scoring.resuming.append_log import AppendLog
from toolkit.scoring.resuming.checkpoints import Checkpoint, Entry, FileFacts, PrefixSum, is_older
from toolkit.scoring.resuming.journal_folder import folder_beside
from toolkit.scoring.resuming.watched_input import WatchedInput

# Names of the files while they are not complete. The last one takes some room, which the journal
# gets when the disk is full.
OUTPUT, REJECTED, SCORES, ROOM = "output", "rejected.jsonl", "scores", "room"
_FILES = (OUTPUT, REJECTED, SCORES, ROOM)

START_OVER = "start over with --force."


class Journal:
    """What a run has written of an output, and what it may replace."""

    def __init__(self, job: Job, *, force: bool = False, resume: bool = False) -> None:
        self.job = job
        self.folder = folder_beside(job.output)
        self.entry = Entry()
        self.sums: defaultdict[str, PrefixSum] = defaultdict(PrefixSum)  # of the files, by name
        self._log = AppendLog(self.folder, job.output)
        self._force, self._resume = force, resume
        self._has_files = False  # beside the journal

    @property
    def is_there(self) -> bool:
        """Whether a run has begun this output, or is about to replace it, and has not ended."""
        return is_there(self.folder)

    @property
    def is_open(self) -> bool:
        """Whether this process has the lock."""
        return self._log.is_open

    def open(self) -> None:
        """Lock it, and read what an earlier run has left.

        Raises `UsageError` if another process has the lock, or what is left cannot be read.
        """
        if self.is_open:
            return
        self._has_files = self.is_there
        if self._has_files:
            self._remove_older()
        with reporting_failures(self.job.output):
            file = self._log.open()
        try:
            self.entry = self._read()
        except ValueError:
            if not self._force:
                self.close()
                damaged = f"{self.folder}: the progress is damaged: {START_OVER}"
                raise UsageError(damaged) from None
            file.truncate(0)
            self.entry = Entry()
        except BaseException:
            self.close()
            raise

    def check_may_go_on(self) -> None:
        """Raise `UsageError` if there is progress that is neither resumed nor dropped by force."""
        if self.entry != Entry() and not (self._resume or self._force):
            raise UsageError(
                f"{self.job.output}: an earlier run is unfinished. Continue it with --resume, or "
                f"{START_OVER}"
            )

    def _read(self) -> Entry:
        lines = self._log.read()
        if is_older(lines) and not self._force:
            raise made_by_older(self.job.output)
        entries = [Entry.from_line(line) for line in lines]
        return entries[-1] if entries else Entry()

    def _remove_older(self) -> None:
        """Look for what the first version has left, which is the folder itself or a file in it."""
        old = self.folder if self.folder.is_file() else self.folder / "checkpoint.json"
        if is_there(old):
            if not self._force:
                raise made_by_older(self.job.output)
            old.unlink()

    def close(self) -> None:
        """Let other processes in."""
        self._log.close()

    @property
    def is_done(self) -> bool:
        """Whether the output is complete, in its place, and as it was written."""
        point = self.entry.checkpoint
        return (
            point is not None
            and point.complete is not None
            and not is_there(self.folder / OUTPUT)
            and FileFacts.at(self.job.output) == (point.placed or point.complete)
        )

    @property
    def has_progress(self) -> bool:
        """Whether a later run has something to continue, or to replace."""
        if self.entry.checkpoint is None:
            return bool(self.entry.replaces) and is_there(self.job.output)
        return self.is_done or any(is_there(self.folder / name) for name in _FILES)

    def checkpoint(
        self, identity: dict[str, Any] | None, source: WatchedInput | None
    ) -> Checkpoint | None:
        """Give how much is written; `UsageError` if the files or what they depend on differ.

        With force, there is nothing to continue where something differs.
        """
        point = self.entry.checkpoint
        if point is None or identity is None or source is None or not self._resume:
            return None
        try:
            return self._checked(point, identity, source)
        except UsageError:
            if self._force:
                return None
            raise

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Raise `UsageError` if the output was begun with a model or options that differ."""
        old = self.entry.identity or {}
        self._refuse([name for name in settings if old and old.get(name) != settings[name]])

    def _refuse(self, changed: list[str]) -> None:
        if changed:
            raise UsageError(
                f"{self.job.output}: cannot be continued, because this has changed: "
                f"{', '.join(changed)}. Undo that, or {START_OVER}"
            )

    def _checked(
        self, point: Checkpoint, identity: dict[str, Any], source: WatchedInput
    ) -> Checkpoint | None:
        old = self.entry.identity or {}
        changed = [name for name in identity if old.get(name) != identity[name]]
        if not changed and point.source is not None and not source.begins_with(point.source):
            changed = ["the input"]
        self._refuse(changed)
        if point.complete is None:
            self._check_files(point)
            return point
        found = FileFacts.at(self.folder / OUTPUT)
        if found is None:  # it has its name already, unless that is another file
            return point if self.is_done else None
        if found != point.complete:
            raise UsageError(f"{self.folder / OUTPUT}: was changed: {START_OVER}")
        return point

    def _check_files(self, point: Checkpoint) -> None:
        """Raise `UsageError` if a file of the output is not as it was at a checkpoint."""
        for name, prefix in point.files.items():
            path = self.folder / name
            if not is_there(path) or path.stat().st_size < prefix.size:
                raise UsageError(f"{path}: is shorter than it was: {START_OVER}")
            with path.open("rb", buffering=0) as file:
                if self.sums[name].up_to(prefix.size, file) != prefix:
                    raise UsageError(f"{path}: was changed: {START_OVER}")

    def may_replace(self, path: Path) -> bool:
        """The one rule for files that are there: they stay, unless forced."""
        if self._force:
            return True
        facts = FileFacts.at(path)
        if facts is None or not self.entry.replaces:
            return False
        is_of_this_run = self.entry.replaces_for == str(resolved(self.job.source))
        return is_of_this_run and facts == self.entry.replaces.get(str(resolved(path)))

    def note_replaced(self) -> None:
        """Note what is there, and is replaced by force, so that a later run may replace it, too.

        This does not wait for the disk: the worst is that the later run asks for force again.
        """
        found = {path: FileFacts.at(path) for path, _ in self.job.written()}
        replaces = {str(resolved(path)): facts for path, facts in found.items() if facts}
        if replaces:
            name = str(resolved(self.job.source))
            self._add(replace(self.entry, replaces_for=name, replaces=replaces), sync=False)

    def note_placed(self) -> None:
        """Note what the store says of the output, before the file that was uploaded is removed."""
        if self.entry.checkpoint is not None:
            placed = FileFacts.at(self.job.output)
            self._add(replace(self.entry, checkpoint=replace(self.entry.checkpoint, placed=placed)))

    def save(self, identity: dict[str, Any], checkpoint: Checkpoint) -> None:
        """Note how much is written, when that is on the disk."""
        self._add(replace(self.entry, identity=identity, checkpoint=checkpoint))

    def drop(self) -> None:
        """Forget what is written, but not what may be replaced."""
        if self.entry.checkpoint is not None:
            self._add(replace(self.entry, identity=None, checkpoint=None))
        self.sums.clear()
        self.drop_files()

    def drop_files(self) -> None:
        """Remove the files of the output that are not in their places."""
        for name in _FILES if self._has_files else ():
            with suppress(OSError):
                (self.folder / name).unlink()
        self._has_files = False

    def add_files(self) -> None:
        """Say that there will be files of the output."""
        self._has_files = True

    def remove(self) -> None:
        """Remove everything."""
        self._log.open()
        self._log.remove(_FILES if self._has_files else ())
        self.entry = Entry()

    def _add(self, entry: Entry, *, sync: bool = True) -> None:
        with reporting_failures(self.job.output):
            self._log.append(entry.as_line(), sync=sync)
        self.entry = entry


def made_by_older(place: Path) -> UsageError:
    """Say that only force helps."""
    return UsageError(
        f"{place}: an older version of the toolkit has left this run unfinished, and this version "
        f"cannot continue it: {START_OVER}"
    )
