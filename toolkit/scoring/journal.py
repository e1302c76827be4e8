"""Keep the progress of a run, so that a later run can continue it.

The progress of an output is a hidden folder beside it, or in the work folder for an object in a
store. The folder has the incomplete files of the output, and the file ``journal``: one line of JSON
per change, of which the last one counts. A line is written after the files that it describes are on
the disk, so the journal stays valid after any crash. The process that writes an output holds the
lock of its journal.

A run with --skip-existing or --resume leaves the last line of each journal in a hidden file beside
the output, the record. With it, a later run knows what the output was made of, and reports the
results of the first run. On this machine, any run leaves a record if it has more to report than
counts, such as rejected records or a warning.
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
from typing import IO, Any, NamedTuple

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
from toolkit.progress import START_OVER, check_unchanged, digest_of, sealed, unfinished, unsealed
from toolkit.records.inputs import FileFacts
from toolkit.records.options import STDIN
from toolkit.scoring.identity import (
    NOTHING,
    WatchedInput,
    changed_ns_of,
    changes,
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

# Names of the incomplete files.
OUTPUT = "output"
REJECTED = "rejected.jsonl"
SCORES = "scores"
_FILES = ("journal", OUTPUT, REJECTED, SCORES)

_SAVED = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over."
)


@dataclass(frozen=True)
class _Line:
    """A line of the journal."""

    version: int
    identity: dict[str, Any] | None  # of the input, settings and model; see `identity_of`
    checkpoint: Checkpoint | None


class _Comparison(NamedTuple):
    """How a complete output differs from what a run would write now."""

    changed: list[str] | None  # names of what has changed; None: unknown
    found: Checkpoint | None  # of the run that wrote the output, if known


_UNKNOWN = _Comparison(None, None)


def _line_of(data: bytes) -> _Line:
    """Read a line; raise `ValueError` if it is not valid."""
    line = decode(_Line, unsealed(parse_json(data, "the line")), "the line")
    point = line.checkpoint
    if line.version != VERSION or (point is not None and not {*point.files} <= {*_FILES}):
        raise ValueError(line)
    return line


def _written(identity: dict[str, Any] | None, point: Checkpoint | None) -> bytes:
    """Return the line for a checkpoint."""
    return json.dumps(sealed(asdict(_Line(VERSION, identity, point)))).encode() + b"\n"


class Journal:
    """The progress of one output, and its lock."""

    def __init__(
        self, job: Job, options: ScoringOptions | None = None, folder: Path | None = None
    ) -> None:
        self.job = job
        self.options = options or ScoringOptions()
        self.folder = folder or folder_beside(job.output)
        self.checkpoint: Checkpoint | None = None
        self.removed: list[str] = []  # removed leftovers of killed uploads
        self._identity: dict[str, Any] | None = None  # of the checkpoint
        self._placed_ns: int | None = None  # change time of the output in its place
        self._path = self.folder / "journal"
        self._lock: IO[bytes] | None = None

    @property
    def is_there(self) -> bool:
        """Whether an unfinished run has begun this output."""
        return is_there(self.folder)

    @property
    def _record(self) -> Path:  # computed only when needed: `resolved` follows links
        return hidden_beside(resolved(self.job.output), "done")

    def leaves_record(self, point: Checkpoint | None) -> bool:
        """Whether to leave a record for later runs.

        In a store, where a record costs a request, only with ``skip_existing``. ``point`` is the
        progress of the output.
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
        """Whether the output is complete, in its place, and unchanged."""
        complete = self.checkpoint and self.checkpoint.complete
        return complete is not None and FileFacts.at(self.job.output) == complete

    def open(self) -> None:
        """Lock the journal, and read the progress of an earlier run.

        Raises `UsageError` if another process has the lock, or if the progress cannot be read.
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
        """Open and lock the file; None: the file or its folder is new, so the caller tries again.

        Raises `UsageError` if the file, or one beside it, is a link or a pipe.
        """
        check_kept(self.folder, is_folder=True)
        for name in _FILES:
            check_kept(self.folder / name)
        try:
            file = self._path.open("ab", buffering=0)
        except FileNotFoundError:  # no folder yet, or another process has just removed it
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
        file.close()  # another process has just removed the folder of this file
        return None

    def _read(self, file: IO[bytes]) -> None:
        """Read the last line that is complete."""
        self.checkpoint = self._identity = None
        lines = self._path.read_bytes()
        end = lines.rfind(b"\n") + 1  # a killed process leaves an incomplete last line
        file.truncate(end)
        if not end:
            return
        try:
            line = _line_of(lines[:end].splitlines()[-1])
            self.checkpoint = line.checkpoint
            self._identity = line.identity
        except ValueError:
            if not self.options.force:
                raise UsageError(
                    f"{self.folder}: the progress is damaged, or of another version of the "
                    f"toolkit: {START_OVER}"
                ) from None
            file.truncate(0)

    def check_free(self) -> None:
        """Raise `UsageError` if another process is writing the output."""
        if self.is_there and (file := self._locked()) is not None:
            file.close()

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check_may_continue(self, settings: Mapping[str, Any] | None = None) -> None:
        """Raise `UsageError` if there is progress that is neither resumed nor dropped by force.

        Also raised if the output was started with another model or other options than ``settings``.
        """
        options = self.options
        if self.checkpoint is None or options.force:
            return
        if not options.resume:
            raise unfinished(self.job.output)
        self._check_identity(settings or {})

    def _check_identity(self, identity: Mapping[str, Any]) -> None:
        check_unchanged(self.job.output, changes(self._identity or {}, identity))

    def changes(self, settings: dict[str, Any], source: WatchedInput) -> _Comparison:
        """Compare the complete output with what a run would write now.

        Uses this journal, or the record of an earlier run.
        """
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):  # a forged record
            is_done = self.is_done
            if is_done:
                old = self._identity
                point = self.checkpoint
            else:
                line = self._recorded()
                old = line.identity
                point = line.checkpoint
            if old is None or point is None or point.complete is None:
                return _UNKNOWN
            is_unchanged = True if is_done else self._is_as_written(point)
            if is_unchanged is None:
                return _UNKNOWN
            if not is_unchanged:
                return _Comparison(["the output itself"], point)
            is_clear = not (point.warnings or point.summary.rejected)
            identity = identity_of(settings, source) or {}
            found = outdated(
                old, identity, source=self.job.input, columns=point.columns, is_clear=is_clear
            )
            changed_ns = point.source_changed_ns
            if not found and point.source is not None and changed_ns is not None:
                found = [] if source.has_content(point.source, changed_ns) else ["the input"]
            return _Comparison(found, point)
        return _UNKNOWN

    def _recorded(self) -> _Line:
        """Read the record; raise `OSError` or `ValueError` if it is missing or invalid."""
        if not is_in_store(self._record) and not stat.S_ISREG(self._record.lstat().st_mode):
            raise ValueError(self._record)  # a pipe or a link, which no run creates
        with self._record.open("rb") as file:
            return _line_of(file.read(LONGEST_JSON + 1))

    def _is_as_written(self, point: Checkpoint) -> bool | None:
        """Whether the output has the content that the run wrote, even if it was copied since.

        None if unknown: the size is the same, but the content is not recorded. The file is read
        unless its change time is the same: an edited file can have its other times restored.
        """
        found = FileFacts.at(self.job.output)
        if found is None or point.complete is None:
            return None
        is_same = found == point.complete
        if is_same and changed_ns_of(self.job.output) == point.output_changed_ns:
            return True
        if found.size != point.complete.size:
            return False
        if point.content is None or is_in_store(self.job.output):
            return True if is_same else None
        return sum_of(self.job.output) == point.content

    def continued(
        self, identity: dict[str, Any] | None, source: WatchedInput | None
    ) -> Checkpoint | None:
        """Return the checkpoint to continue from, or None to start from the beginning.

        Raises `UsageError` if the files or their identity have changed; with force, returns None.
        """
        point = self.checkpoint
        if point is None or identity is None or source is None or not self.options.resume:
            return None
        try:
            self._check_identity(identity)
            if point.source is not None and source.read_so_far(point.source[0]) != point.source:
                check_unchanged(self.job.output, ["the input"])
            return self._checked(point)
        except UsageError:
            if self.options.force:
                return None
            raise

    def _checked(self, point: Checkpoint) -> Checkpoint | None:
        """Return the checkpoint if its files are unchanged; else raise `UsageError`."""
        for name, (size, crc) in point.files.items():
            path = self.folder / name
            if not is_there(path) or path.stat().st_size < size:
                raise UsageError(f"{path}: is shorter than it was: {START_OVER}")
            with path.open("rb", buffering=0) as file:
                if extended(NOTHING, size, file) != (size, crc):
                    raise UsageError(f"{path}: was changed: {START_OVER}")
        if point.complete is None or self.is_done:
            return point
        found = FileFacts.at(self.folder / OUTPUT)
        if found is None:  # the output was moved to its place, and is gone or replaced
            return None
        if found != point.complete:
            raise UsageError(f"{self.folder / OUTPUT}: was changed: {START_OVER}")
        return point

    def begin(self, identity: dict[str, Any] | None, *, keep: bool) -> None:
        """Start to write the output; drop its earlier progress unless `keep`."""
        if not keep:
            self.drop()
        self._identity = identity

    def add(self, point: Checkpoint | None) -> None:
        """Write a line for a checkpoint whose files are on the disk, completely or not at all.

        Without an identity, as for an input that is not a file, nothing is written: such a run
        cannot be continued.
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
            self.checkpoint = point  # before the signals that are held back

    def note_end(self, run: str | None) -> None:
        """Record that a run is complete, before its other journals are removed; None: it is not."""
        if self.checkpoint is not None:
            self.add(replace(self.checkpoint, done_run=run))

    def drop(self) -> None:
        """Remove the progress."""
        self._identity = None
        if self.checkpoint is not None:
            self.remove_leftovers(self.folder / OUTPUT, self.job.output)
            if self.job.rejects_file is not None:
                self.remove_leftovers(self.folder / REJECTED, self.job.rejects_file)
            self.add(None)
        self.drop_files()

    def remove_leftovers(self, source: Path, target: Path) -> None:
        """Remove leftovers of killed uploads of a file from the store."""
        if isinstance(target, StorePath) and is_there(source):
            self.removed += remove_leftovers(target.location, source.stat().st_size, source)

    def note_place(self) -> None:
        """Remember the change time of the output that was just moved to its place."""
        with suppress(OSError):
            self._placed_ns = changed_ns_of(self.job.output)

    def _leave_record(self) -> None:
        """Write the record for later runs, or remove an old record.

        In a store, where each check is a request, an old record is removed only with ``force``.
        """
        record = self._record
        point = self.checkpoint
        if point is not None and self.leaves_record(point):
            # Unknown if an earlier process has placed the output: then later runs read it.
            point = replace(point, output_changed_ns=self._placed_ns)
            place(_written(self._identity, point), record, force=True, follow=False)
            limit_rights(record, self.job.input.file)
        elif self.options.force or not is_in_store(record):
            record.unlink(missing_ok=True)

    def drop_files(self) -> None:
        """Remove the incomplete files of the output."""
        for name in (OUTPUT, REJECTED, SCORES):
            with suppress(OSError):
                (self.folder / name).unlink()

    def remove(self) -> None:
        """Remove everything, the journal last: without it, another process may start.

        Other files in the folder stay, and then the folder stays, too.
        """
        self.open()
        with suppress(ToolkitError, OSError):  # without a record, later runs compare times
            # `is_done` is a request to a store.
            concerns_record = self.leaves_record(self.checkpoint) or self.options.force
            if (concerns_record or not is_in_store(self.job.output)) and self.is_done:
                self._leave_record()
        self.drop_files()
        if os.name == "nt":
            self.close()  # Windows does not remove open files
        with suppress(OSError):
            self._path.unlink()
            self.folder.rmdir()
        self.close()
        self.checkpoint = None


def folder_beside(output: Path) -> Path:
    """Return the hidden folder of an output; for an object, it is in the work folder.

    The name of a folder for an object has a digest of the folder two above the object: for a
    part of a sharded job, this is the folder of the shards.
    """
    output = resolved(output)
    if is_in_store(output):
        digests = _short_digest(output.parent.parent) + _short_digest(output)
        return work_folder() / f"{output.name[:50]}.{digests}.unfinished"
    return hidden_beside(output, "unfinished")


def _short_digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]


def remove_parts_of(shards: Path) -> list[Path]:
    """Remove leftovers of killed processes that scored shards in a store; return their folders.

    A folder that is not locked is a leftover, or its part is in the store already.
    """
    removed: list[Path] = []
    if fcntl is None or not is_in_store(shards):  # without locks, it could be in use
        return removed
    for folder in work_folder().glob(f"*.{_short_digest(shards)}{'?' * 16}.unfinished"):
        with suppress(ToolkitError, OSError):
            Journal(Job.of(STDIN, STDIN), ScoringOptions(force=True), folder).remove()
            removed.append(folder)
    return removed


class Journals:
    """The journals of all outputs of a run; the journal of the current output is locked.

    A journal stays locked until the next one is, so a concurrent run over the same outputs always
    meets a lock.
    """

    def __init__(self, jobs: Jobs, options: ScoringOptions) -> None:
        self._folder = jobs.folder
        self._outputs = [str(job.output).removeprefix(str(jobs.folder)) for job in jobs.files]
        self._options = options
        self._journals = {
            job: Journal(job, options)
            for job in jobs.files
            if job.error is None and not job.is_to_stdout
        }
        self._noted: dict[Job, Journal] = {}  # journals that exist
        self._held: Journal | None = None
        # A run over the same outputs is complete; it was killed while it removed its journals.
        self._is_ended = False
        self.has_seen_none = False  # whether no output existed when the run began
        self.found_before: dict[Job, Checkpoint] = {}  # results of earlier runs, for kept outputs
        self.compared_by_time: set[Job] = set()  # outputs without a record

    def check(self, settings: Mapping[str, Any] | None = None) -> None:
        """Check the progress of earlier runs; raise errors as `open_journals` does."""
        options = self._options
        self._note_existing()
        for journal in self._noted.values():
            self._look_for_end(journal)
            if not (options.skip_existing and journal.is_done and not options.resume):
                journal.check_may_continue(settings)
        if self._folder is not None and not (
            options.force or options.resume or options.skip_existing
        ):
            check_absent([job.output for job in self._journals])
            self.has_seen_none = True

    def _note_existing(self) -> None:
        """Read the journals that earlier runs have left."""
        for job, journal in self._journals.items():
            if journal.is_there:
                journal.open()
                self._noted[job] = journal  # only after `open`: another process may remove its own
                journal.close()

    def _look_for_end(self, journal: Journal) -> None:
        """Note if a journal says that a run over the same outputs is complete; not with force."""
        point = journal.checkpoint
        if point is None or point.done_run is None:
            return
        if self._options.force:
            journal.note_end(None)
            journal.close()
        else:
            self._is_ended |= point.done_run == digest_of(self._outputs)

    def hold_first(self) -> None:
        """Lock the first output that is not done, against a concurrent run of the same command.

        Raises `UsageError` if another process has the lock.
        """
        for job, journal in self._journals.items():
            if not self.is_done(job):
                # Errors such as a name that is too long concern one file, and are reported later.
                with suppress(OSError, OutputError):
                    job.output.parent.mkdir(parents=True, exist_ok=True)
                    self.hold(journal)
                return

    def is_done(self, job: Job) -> bool:
        """Whether the output exists, and the run that wrote it has completed it."""
        journal = self._noted.get(job)
        return is_a_file(job.output) and (journal is None or journal.is_done)

    def is_up_to_date(self, job: Job, settings: dict[str, Any]) -> bool:
        """Whether to keep an existing output, for ``skip_existing`` or ``resume`` of a done run.

        An output is kept if it was made of the same input, settings and model; then `found_before`
        gets the results of the earlier run. Without a record of it, ``skip_existing`` keeps an
        output that is newer than its input. Raises `UsageError` for any other output,
        unless ``force``.
        """
        options = self._options
        if self._is_ended and options.resume and job not in self._noted:
            return self.is_done(job)
        if not self._may_be_kept(job):
            return False
        source = WatchedInput.open(job.input)
        if source is None:  # the input is missing, or is not a file
            return options.skip_existing
        with closing(source):
            changed, found = self._journals[job].changes(settings, source)
        if changed is None:
            if not options.skip_existing:
                return False
            changed = self._changed_by_time(job, source)
        elif found is not None and not changed:
            self.found_before[job] = found
        if changed and not options.force:
            way_out = "--skip-existing --force" if options.skip_existing else "--force"
            raise UsageError(
                f"{job.output}: is out of date. Since it was written from {job.source}, this has "
                f"changed: {', '.join(changed)}. Replace it with {way_out}, or move it away."
            )
        return not changed

    def _may_be_kept(self, job: Job) -> bool:
        """Whether the output is complete, and the options ask to keep it if nothing has changed."""
        options = self._options
        is_of_done_run = options.resume and not options.force and job not in self._noted
        return (options.skip_existing or is_of_done_run) and self.is_done(job)

    def _changed_by_time(self, job: Job, source: WatchedInput) -> list[str]:
        """Return what has changed since an output without a record was written, by its time."""
        self.compared_by_time.add(job)
        output = FileFacts.at(job.output)
        is_older = output is not None and output.mtime_ns < source.facts.mtime_ns
        return ["the input"] if is_older else []

    def is_resumed(self, job: Job) -> bool:
        """Whether the run to resume has completed this output."""
        is_known = job in self._noted or self._is_ended
        return self._options.resume and is_known and self.is_done(job)

    def of(self, job: Job) -> Journal | None:
        """Return the journal of an output, locked if it exists; None for standard output."""
        journal = self._journals.get(job)
        if journal is not None and journal.is_there:
            self.hold(journal)
        return journal

    def hold(self, journal: Journal) -> None:
        """Lock the journal of the next output, and release the one before it."""
        if self._held is journal:
            return
        journal.open()
        self._noted[journal.job] = journal
        journal.check_may_continue()  # another run may have left progress since `check`
        if self._held is not None:
            self._held.close()
        self._held = journal

    @property
    def have_progress(self) -> bool:
        """Whether a later run can continue something."""
        return any(journal.checkpoint is not None for journal in self._noted.values())

    def end(self, *, is_done: bool) -> None:
        """Remove journals that no later run needs, all if the run is done; release the lock."""
        journals = sorted(self._noted.values(), key=lambda each: each.checkpoint is not None)
        if is_done and journals[1:]:
            with suppress(ToolkitError, OSError):
                journals[-1].note_end(digest_of(self._outputs))
        if is_done and any(each.leaves_record(each.checkpoint) for each in journals):
            for journal in journals:  # a repeated run has the same summary only with all of them
                journal.options = replace(journal.options, leaves_record=True)
        for journal in journals:
            if is_done or journal.checkpoint is None:
                with suppress(ToolkitError, OSError):  # another process may have locked it
                    if journal.is_there:
                        journal.remove()
                del self._noted[journal.job]
        if self._held is not None:
            self._held.close()


@contextmanager
def open_journals(
    jobs: Jobs, options: ScoringOptions, settings: Mapping[str, Any]
) -> Iterator[Journals]:
    """Open the journals of a run; they are kept if the run is interrupted.

    Raises `UsageError` if there is progress that is neither resumed nor dropped by ``force``, that
    cannot be read, or that has other settings; if another process is writing an output; or if an
    output in a folder exists, and no option says whether to replace it.
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
