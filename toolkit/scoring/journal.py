"""The progress of outputs, kept until their run is done, so that a later run can continue it.

That of an output is a hidden folder beside it, or in the work folder if it is an object in a store.
It has the files of the output while they are not complete, and the file ``journal``: a line of JSON
for each change, of which the last counts. A line is written when the files that it describes are on
the disk, so the journal is true whatever ends the process. Who writes an output has its journal
locked.

A run with --skip-existing or --resume leaves the last line of each journal in a hidden file beside
the output: a later one can tell what the output was made of, and gives the answer of the first.
On this machine, any run leaves it if its answer is more than counts, such as rejected records or a
warning.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from toolkit.errors import OutputError, ToolkitError, UsageError, held_back, is_wrong_call
from toolkit.files import (
    check_kept,
    hidden_beside,
    is_a_file,
    is_there,
    limit_rights,
    place,
    reporting_failures,
    resolved,
    work_folder,
)
from toolkit.model.typed_json import LONGEST_JSON, decode, parse_json
from toolkit.records.archives import file_of
from toolkit.records.options import STDIN
from toolkit.scoring.identity import (
    NOTHING,
    FileFacts,
    WatchedInput,
    differences,
    digest_of,
    extended,
    identity_of,
    outdated,
    sum_of,
)
from toolkit.scoring.jobs import Job, Jobs, check_absent
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import Checkpoint
from toolkit.stores.paths import StorePath, is_in_store
from toolkit.stores.write import remove_leftovers

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

VERSION = 7  # of the lines
_CHECK = "checksum"  # of the rest of a line: an edited one would lose or repeat records

# Names of the files while they are not complete.
OUTPUT, REJECTED, SCORES = "output", "rejected.jsonl", "scores"
_FILES = ("journal", OUTPUT, REJECTED, SCORES)

_START_OVER = "start over with --force."
_SAVED = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over."
)


@dataclass(frozen=True)
class _Line:
    """A line of the file."""

    version: int
    identity: dict[str, Any] | None  # what the checkpoint depends on
    checkpoint: Checkpoint | None


def _line_of(data: bytes) -> _Line:
    """Read a line; raises `ValueError` for what is not one."""
    read = parse_json(data, "the line")
    if not isinstance(read, dict) or read.pop(_CHECK, None) != digest_of(read):
        raise ValueError(data)
    line = decode(_Line, read, "the line")
    point = line.checkpoint
    if line.version != VERSION or (point is not None and not {*point.files} <= {*_FILES}):
        raise ValueError(line)
    return line


def _written(identity: dict[str, Any] | None, point: Checkpoint | None) -> bytes:
    """Write a line."""
    content = asdict(_Line(VERSION, identity, point))
    return json.dumps({**content, _CHECK: digest_of(content)}).encode() + b"\n"


class Journal:
    """What runs have written of one output, and the lock of the run that writes it."""

    def __init__(
        self, job: Job, options: ScoringOptions | None = None, folder: Path | None = None
    ) -> None:
        self.job = job
        self.options = options or ScoringOptions()
        self.folder = folder or folder_beside(job.output)
        self.checkpoint: Checkpoint | None = None
        self.removed: list[str] = []  # what killed uploads had left
        self._identity: dict[str, Any] | None = None  # what that depends on
        self._path = self.folder / "journal"
        self._lock: IO[bytes] | None = None

    @property
    def is_there(self) -> bool:
        """Whether a run has begun this output, and has not ended."""
        return is_there(self.folder)

    @property
    def _record(self) -> Path:  # which few runs ask for, and links are followed for
        return hidden_beside(resolved(self.job.output), "done")

    def leaves_record(self, point: Checkpoint | None) -> bool:
        """Whether a later run is told what the output was made of, and what was found.

        In a store, where each record is a request, only if ``skip_existing`` asks for it. ``point``
        is what is done of the output.
        """
        options = self.options
        if options.skip_existing or is_in_store(self.job.output):
            return options.skip_existing
        if options.leaves_record:
            return True
        # Without a record, a repeated run would turn such an answer into a plain success.
        return point is not None and self.job.shard is None and not point.is_clean

    @property
    def is_done(self) -> bool:
        """Whether the output is complete, in its place, and as it was written."""
        complete = self.checkpoint and self.checkpoint.complete
        return complete is not None and FileFacts.at(self.job.output) == complete

    def open(self) -> None:
        """Lock it, and read what an earlier run has left.

        Raises `UsageError` if another process has the lock, or what is left cannot be read.
        """
        if self._lock is not None:
            return
        with reporting_failures(self.job.output):
            while self._lock is None:
                self._lock = self._locked()
        try:
            self._read(self._lock)
        except BaseException:
            self.close()
            raise

    def _locked(self) -> IO[bytes] | None:
        """Open and lock the file; None if it, or its folder, has to be made first.

        Raises `UsageError` if it, or a file beside it, is a link or a pipe.
        """
        check_kept(self.folder, is_folder=True)
        for name in _FILES:
            check_kept(self.folder / name)
        try:
            file = self._path.open("ab", buffering=0)
        except FileNotFoundError:  # or the other process has just removed the folder
            self.folder.mkdir(mode=0o700, exist_ok=True)
            return None
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise UsageError(
                f"{self.job.output}: another process is writing this output at the moment. Wait "
                "for it, or choose another with --output."
            ) from None
        with suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(file.fileno())):
                return file
        file.close()  # of a folder that the other process has just removed
        return None

    def _read(self, file: IO[bytes]) -> None:
        self.checkpoint = self._identity = None
        lines = self._path.read_bytes()
        end = lines.rfind(b"\n") + 1  # the last line may be cut off
        file.truncate(end)
        if not end:
            return
        try:
            line = _line_of(lines[:end].splitlines()[-1])
            self.checkpoint, self._identity = line.checkpoint, line.identity
        except ValueError:
            if not self.options.force:
                raise UsageError(
                    f"{self.folder}: the progress is damaged, or of another version of the "
                    f"toolkit: {_START_OVER}"
                ) from None
            file.truncate(0)

    def check_free(self) -> None:
        """Raise `UsageError` if another process is writing the output."""
        if self.is_there and (file := self._locked()) is not None:
            file.close()

    def close(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check_may_continue(self, settings: Mapping[str, Any] | None = None) -> None:
        """Raise `UsageError` if there is progress that is neither resumed nor dropped by force.

        So it is if the output was begun with a model or options that differ from ``settings``.
        """
        options = self.options
        if self.checkpoint is None or options.force:
            return
        if not options.resume:
            raise UsageError(
                f"{self.job.output}: an earlier run is unfinished. Continue it with --resume, or "
                f"{_START_OVER}"
            )
        self._check_identity(settings or {})

    def _check_identity(self, identity: Mapping[str, Any]) -> None:
        self._refuse(differences(self._identity or {}, identity))

    def changes(
        self, settings: dict[str, Any], source: WatchedInput
    ) -> tuple[list[str] | None, Checkpoint | None]:
        """Name what differs from what the complete output was made of; None if that is not known.

        Known is what this journal says, or the record of an earlier run that left one. The
        checkpoint says what that run has found, where it is known.
        """
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # a forged record
            if self.is_done:
                old, point, is_whole = self._identity, self.checkpoint, True
            else:
                line = self._recorded()
                old, point, is_whole = line.identity, line.checkpoint, None
            if old is None or point is None or point.complete is None:
                return None, None
            if is_whole is None:
                is_whole = self._is_as_written(point)
            if is_whole is None:
                return None, None
            if not is_whole:
                return ["the output itself"], point
            is_clear = not (point.warnings or point.summary.rejected)
            identity = identity_of(settings, source) or {}
            found = outdated(old, identity, self.job.source, point.columns, is_clear=is_clear)
            changed_ns = point.source_changed_ns
            if not found and point.source is not None and changed_ns is not None:
                found = [] if source.has_content(point.source, changed_ns) else ["the input"]
            return found, point
        return None, None

    def _recorded(self) -> _Line:
        """Read the record; `OSError` or `ValueError` if there is none that a run has written."""
        if not is_in_store(self._record) and not stat.S_ISREG(self._record.lstat().st_mode):
            raise ValueError(self._record)  # made by somebody, such as a pipe or a link
        with self._record.open("rb") as file:
            return _line_of(file.read(LONGEST_JSON + 1))

    def _is_as_written(self, point: Checkpoint) -> bool | None:
        """Whether the output is what a run has written, if it may have been copied since.

        None if that is not known: its content is not recorded, and its size is the same.
        """
        found = FileFacts.at(self.job.output)
        if found is None or point.complete is None:
            return None
        if found == point.complete:
            return True
        if found.size != point.complete.size:
            return False
        if point.content is None or is_in_store(self.job.output):
            return None
        return sum_of(self.job.output) == point.content

    def _refuse(self, changed: list[str]) -> None:
        if changed:
            raise UsageError(
                f"{self.job.output}: cannot be continued, because this has changed: "
                f"{', '.join(changed)}. Undo that, or {_START_OVER}"
            )

    def continued(
        self, identity: dict[str, Any] | None, source: WatchedInput | None
    ) -> Checkpoint | None:
        """Give what a run continues; `UsageError` if files, or what they depend on, differ.

        With force, there is nothing to continue where something differs.
        """
        point = self.checkpoint
        if point is None or identity is None or source is None or not self.options.resume:
            return None
        try:
            self._check_identity(identity)
            if point.source is not None and source.read_so_far(point.source[0]) != point.source:
                self._refuse(["the input"])
            return self._checked(point)
        except UsageError:
            if self.options.force:
                return None
            raise

    def _checked(self, point: Checkpoint) -> Checkpoint | None:
        """Give a checkpoint whose files are as they were; `UsageError` if they are not."""
        for name, (size, crc) in point.files.items():
            path = self.folder / name
            if not is_there(path) or path.stat().st_size < size:
                raise UsageError(f"{path}: is shorter than it was: {_START_OVER}")
            with path.open("rb", buffering=0) as file:
                if extended(NOTHING, size, file) != (size, crc):
                    raise UsageError(f"{path}: was changed: {_START_OVER}")
        if point.complete is None or self.is_done:
            return point
        found = FileFacts.at(self.folder / OUTPUT)
        if found is None:  # it had its name already, which another file has now, or none
            return None
        if found != point.complete:
            raise UsageError(f"{self.folder / OUTPUT}: was changed: {_START_OVER}")
        return point

    def begin(self, identity: dict[str, Any] | None, *, keep: bool) -> None:
        """Say that the output is written now; drop what is there of it, unless it is kept."""
        if not keep:
            self.drop()
        self._identity = identity

    def add(self, point: Checkpoint | None) -> None:
        """Note what is done, and is on the disk: a line as a whole or not at all.

        Nothing is noted where nothing can be continued, as of an input that is not a file.
        """
        if point is not None and self._identity is None:
            return
        rest = memoryview(_written(self._identity, point))
        self.open()
        file = self._lock
        assert file is not None
        with reporting_failures(self.job.output), held_back():
            length = os.fstat(file.fileno()).st_size
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.truncate(length)
                raise
            self.checkpoint = point  # before a signal that was held back

    def note_end(self, run: str | None) -> None:
        """Note which run is done, as this journal is removed after its others; None forgets it."""
        if self.checkpoint is not None:
            self.add(replace(self.checkpoint, done_run=run))

    def drop(self) -> None:
        """Forget what is written."""
        self._identity = None
        if self.checkpoint is not None:
            self.remove_leftovers(self.folder / OUTPUT, self.job.output)
            self.remove_leftovers(self.folder / REJECTED, self.job.rejected)
            self.add(None)
        self.drop_files()

    def remove_leftovers(self, source: Path, target: Path) -> None:
        """Remove what killed uploads of a file of the output have left in a store."""
        if isinstance(target, StorePath) and is_there(source):
            self.removed += remove_leftovers(target.location, source.stat().st_size, source)

    def _leave_record(self) -> None:
        """Write what the output was made of for a later run, or remove what an earlier one wrote.

        In a store, where each look is a request, an old record is removed only with ``force``.
        """
        record = self._record
        if self.leaves_record(self.checkpoint):
            place(_written(self._identity, self.checkpoint), record, force=True, follow=False)
            limit_rights(record, file_of(self.job.source))
        elif self.options.force or not is_in_store(record):
            record.unlink(missing_ok=True)

    def drop_files(self) -> None:
        """Remove the files of the output that are not in their places."""
        for name in (OUTPUT, REJECTED, SCORES):
            with suppress(OSError):
                (self.folder / name).unlink()

    def remove(self) -> None:
        """Remove everything, the journal last: without it, another process may come.

        What else is in the folder, and so the folder itself, stays.
        """
        self.open()
        with suppress(ToolkitError, OSError):  # without the record, times are compared
            # To ask a store whether it is done is a request.
            concerns_record = self.leaves_record(self.checkpoint) or self.options.force
            if (concerns_record or not is_in_store(self.job.output)) and self.is_done:
                self._leave_record()
        self.drop_files()
        if os.name == "nt":
            self.close()  # else it could not be removed
        with suppress(OSError):
            self._path.unlink()
            self.folder.rmdir()
        self.close()
        self.checkpoint = None


def folder_beside(output: Path) -> Path:
    """Name the hidden folder of an output; that of an object is in the work folder.

    There, the name says which shards it is of, if it is a part: theirs is the folder two above.
    """
    output = resolved(output)
    if is_in_store(output):
        digests = _short_digest(output.parent.parent) + _short_digest(output)
        return work_folder() / f"{output.name[:50]}.{digests}.unfinished"
    return hidden_beside(output, "unfinished")


def _short_digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]


def remove_parts_of(shards: Path) -> list[Path]:
    """Remove from the work folder what killed attempts at shards in a store have left; name it.

    What nobody has locked is left by a killed process, or is in the store already.
    """
    removed: list[Path] = []
    if fcntl is None or not is_in_store(shards):  # without locks, it may be written at the moment
        return removed
    for folder in work_folder().glob(f"*.{_short_digest(shards)}{'?' * 16}.unfinished"):
        with suppress(ToolkitError, OSError):
            Journal(Job.of(STDIN, STDIN), ScoringOptions(force=True), folder).remove()
            removed.append(folder)
    return removed


class Journals:
    """The journals of the outputs of a run; that of the output that is written is locked.

    Each stays locked until the next one is, so that a second run over the same outputs finds a lock
    wherever the first one has come to.
    """

    def __init__(self, jobs: Jobs, options: ScoringOptions) -> None:
        self._folder = jobs.folder
        self._outputs = [str(job.output).removeprefix(str(jobs.folder)) for job in jobs.files]
        self._options = options
        self._journals = {
            job: Journal(job, options)
            for job in jobs.files
            if job.error is None and job.output != STDIN
        }
        self._noted: dict[Job, Journal] = {}  # those that are there
        self._held: Journal | None = None
        self._is_ended = False  # that of the same outputs: some of its journals may be gone
        self.has_seen_none = False  # of the outputs, in a folder where none may be
        self.found_before: dict[Job, Checkpoint] = {}  # by the runs whose outputs are kept
        self.compared_by_time: set[Job] = set()  # as nothing says what their outputs are made of

    def check(self, settings: Mapping[str, Any] | None = None) -> None:
        """Look at what earlier runs have left; raises as `open_journals`."""
        options = self._options
        for job, journal in self._journals.items():
            if journal.is_there:
                journal.open()
                self._noted[job] = journal  # not what another process has, which may end with it
                journal.close()
        for journal in self._noted.values():
            if (point := journal.checkpoint) is not None and point.done_run is not None:
                self._is_ended |= point.done_run == digest_of(self._outputs) and not options.force
                if options.force:
                    journal.note_end(None)
                    journal.close()
            if not (options.skip_existing and journal.is_done and not options.resume):
                journal.check_may_continue(settings)
        if self._folder is not None and not (
            options.force or options.resume or options.skip_existing
        ):
            check_absent([job.output for job in self._journals])
            self.has_seen_none = True

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
        return is_a_file(job.output) and (journal is None or journal.is_done)

    def is_up_to_date(self, job: Job, settings: dict[str, Any]) -> bool:
        """Whether there is an output that ``skip_existing``, or ``resume`` of a done run, keeps.

        It is made of what the run has, or it is not known of what, and newer than its input; with
        ``resume`` alone, it has to be known. `found_before` then has what the earlier run found.
        Without ``force``, raises `UsageError` if there is another one.
        """
        options = self._options
        if self._is_ended and options.resume and job not in self._noted:
            return self.is_done(job)
        is_ended = options.resume and not options.force and job not in self._noted
        if not ((options.skip_existing or is_ended) and self.is_done(job)):
            return False
        source = WatchedInput.open(job.source)
        if source is None:  # it is not there, or no file
            return options.skip_existing
        with closing(source):
            changed, found = self._journals[job].changes(settings, source)
        if changed is None:
            if not options.skip_existing:
                return False
            self.compared_by_time.add(job)
            output = FileFacts.at(job.output)
            is_older = output is not None and output.mtime_ns < source.facts.mtime_ns
            changed = ["the input"] if is_older else []
        elif found is not None and not changed:
            self.found_before[job] = found
        if changed and not options.force:
            way_out = "--skip-existing --force" if options.skip_existing else "--force"
            raise UsageError(
                f"{job.output}: is not what {job.source} would give now: since it was written, "
                f"this has changed: {', '.join(changed)}. Replace it with {way_out}, or move it "
                "away."
            )
        return not changed

    def is_resumed(self, job: Job) -> bool:
        """Whether a run that is continued has ended with this output."""
        is_known = job in self._noted or self._is_ended
        return self._options.resume and is_known and self.is_done(job)

    def of(self, job: Job) -> Journal | None:
        """Give the journal of an output, locked if there is one already; None without a file."""
        journal = self._journals.get(job)
        if journal is not None and journal.is_there:
            self.hold(journal)
        return journal

    def hold(self, journal: Journal) -> None:
        """Lock the journal of the output that is written next."""
        if self._held is journal:
            return
        journal.open()
        self._noted[journal.job] = journal
        journal.check_may_continue()  # of a run that has come and gone since the first look
        if self._held is not None:
            self._held.close()
        self._held = journal

    @property
    def have_progress(self) -> bool:
        """Whether a later run has something to continue."""
        return any(journal.checkpoint is not None for journal in self._noted.values())

    def end(self, *, is_done: bool) -> None:
        """Remove what no later run needs: all if the run is done; and let other processes in."""
        journals = sorted(self._noted.values(), key=lambda each: each.checkpoint is not None)
        if is_done and journals[1:]:
            with suppress(ToolkitError, OSError):
                journals[-1].note_end(digest_of(self._outputs))
        if is_done and any(each.leaves_record(each.checkpoint) for each in journals):
            for journal in journals:  # a repeated run has the same summary only with all of them
                journal.options = replace(journal.options, leaves_record=True)
        for journal in journals:
            if is_done or journal.checkpoint is None:
                with suppress(ToolkitError, OSError):  # another process has it now
                    if journal.is_there:
                        journal.remove()
                del self._noted[journal.job]
        if self._held is not None:
            self._held.close()


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
        if not is_wrong_call(error) and journals.have_progress:
            error.add_note(_SAVED)
        raise
    finally:
        journals.end(is_done=False)
