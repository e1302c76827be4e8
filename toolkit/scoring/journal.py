"""The progress of an output, kept until its run is done, so that a later run can continue it.

It is a hidden folder beside the output, or in the work folder if that is an object in a store. It
has the files of the output while they are not complete, and the file ``journal``: a line of JSON
for each change, of which the last counts. A line is written when the files that it describes are on
the disk, so the journal is true whatever ends the process. Who writes an output has its journal
locked.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from toolkit.errors import UsageError
from toolkit.files import is_there, reporting_failures, resolved, work_folder
from toolkit.scoring.identity import FileFacts, PrefixSum, WatchedInput
from toolkit.scoring.jobs import Job
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import Checkpoint
from toolkit.stores.paths import is_in_store

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

VERSION = 5  # of the lines

# Names of the files while they are not complete. The last one takes some room, which the journal
# gets when the disk is full.
OUTPUT, REJECTED, SCORES, ROOM = "output", "rejected.jsonl", "scores", "room"
_FILES = (OUTPUT, REJECTED, SCORES, ROOM)
_ROOM_BYTES = 1 << 16  # a journal of a long run takes as much in some minutes

_START_OVER = "start over with --force."


class Journal:
    """What runs have written of one output, and the lock of the run that writes it."""

    def __init__(self, job: Job, options: ScoringOptions | None = None) -> None:
        self.job = job
        self.folder = folder_beside(job.output)
        self.checkpoint: Checkpoint | None = None
        self._options = options or ScoringOptions()
        self._identity: dict[str, Any] | None = None  # what the checkpoint depends on
        self._sums: defaultdict[str, PrefixSum] = defaultdict(PrefixSum)  # of the files, by name
        self._path = self.folder / "journal"
        self._lock: IO[bytes] | None = None
        self._has_files = False  # beside the journal

    @property
    def may_replace(self) -> bool:
        """The one rule for files that are there: they stay, unless forced."""
        return self._options.force

    @property
    def is_there(self) -> bool:
        """Whether a run has begun this output, and has not ended."""
        return is_there(self.folder)

    @property
    def is_done(self) -> bool:
        """Whether the output is complete, in its place, and as it was written."""
        point = self.checkpoint
        return (
            point is not None
            and point.complete is not None
            and not is_there(self.folder / OUTPUT)
            and FileFacts.at(self.job.output) == (point.placed or point.complete)
        )

    @property
    def has_progress(self) -> bool:
        """Whether a later run has something to continue."""
        return self.checkpoint is not None and (
            self.is_done or any(is_there(self.folder / name) for name in _FILES)
        )

    def open(self) -> None:
        """Lock it, and read what an earlier run has left.

        Raises `UsageError` if another process has the lock, or what is left cannot be read.
        """
        if self._lock is not None:
            return
        self._has_files = self.is_there
        with reporting_failures(self.job.output):
            while self._lock is None:
                self._lock = self._locked()
        try:
            self._read(self._lock)
        except BaseException:
            self.close()
            raise

    def _locked(self) -> IO[bytes] | None:
        """Open and lock the file; None if it, or its folder, has to be made first."""
        try:
            file = self._path.open("ab", buffering=0)
        except FileNotFoundError:  # or the other process has just removed the folder
            self.folder.mkdir(exist_ok=True)
            return None
        except IsADirectoryError:
            raise UsageError(
                f"{self._path}: is not a file with progress of a run. Remove it."
            ) from None
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
        lines = self._path.read_bytes()
        file.truncate(lines.rfind(b"\n") + 1)  # the last line may be cut off
        self.checkpoint = self._identity = None
        try:
            for line in lines.split(b"\n")[:-1]:
                self._understand(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            if not self._options.force:
                raise UsageError(
                    f"{self.folder}: the progress is damaged, or of another version of the "
                    f"toolkit: {_START_OVER}"
                ) from None
            self.checkpoint = self._identity = None
            file.truncate(0)

    def _understand(self, line: dict[str, Any]) -> None:
        if line["version"] != VERSION or not isinstance(line["identity"], dict | None):
            raise ValueError(line)
        self._identity, point = line["identity"], line["checkpoint"]
        self.checkpoint = point and Checkpoint.from_json(point)

    def close(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check_may_continue(self) -> None:
        """Raise `UsageError` if there is progress that is neither resumed nor dropped by force."""
        options = self._options
        if self.checkpoint is not None and not (options.resume or options.force):
            raise UsageError(
                f"{self.job.output}: an earlier run is unfinished. Continue it with --resume, or "
                f"{_START_OVER}"
            )

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raise `UsageError` if the output was begun with a model or options that differ."""
        old = self._identity or {}
        self._refuse([name for name in settings if old and old.get(name) != settings[name]])

    def continued(
        self, identity: dict[str, Any] | None, source: WatchedInput | None
    ) -> Checkpoint | None:
        """Give what a run continues; `UsageError` if files, or what they depend on, differ.

        With force, there is nothing to continue where something differs.
        """
        point = self.checkpoint
        if point is None or identity is None or source is None or not self._options.resume:
            return None
        try:
            return self._checked(point, identity, source)
        except UsageError:
            if self._options.force:
                return None
            raise

    def _refuse(self, changed: list[str]) -> None:
        if changed:
            raise UsageError(
                f"{self.job.output}: cannot be continued, because this has changed: "
                f"{', '.join(changed)}. Undo that, or {_START_OVER}"
            )

    def _checked(
        self, point: Checkpoint, identity: dict[str, Any], source: WatchedInput
    ) -> Checkpoint | None:
        old = self._identity or {}
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
            raise UsageError(f"{self.folder / OUTPUT}: was changed: {_START_OVER}")
        return point

    def _check_files(self, point: Checkpoint) -> None:
        """Raise `UsageError` if a file of the output is not as it was at a checkpoint."""
        for name, prefix in point.files.items():
            path = self.folder / name
            if not is_there(path) or path.stat().st_size < prefix[0]:
                raise UsageError(f"{path}: is shorter than it was: {_START_OVER}")
            with path.open("rb", buffering=0) as file:
                if self._sums[name].up_to(prefix[0], file) != prefix:
                    raise UsageError(f"{path}: was changed: {_START_OVER}")

    def begin(self, identity: dict[str, Any] | None, *, keep: bool) -> None:
        """Say that the output is written now; drop what is there of it, unless it is kept."""
        if not keep:
            self.drop()
        self._identity = identity
        self._has_files = True

    def save(
        self, point: Checkpoint, lengths: Mapping[str, int], source: WatchedInput, read: int | None
    ) -> None:
        """Note what is done, when that is on the disk.

        Parameters
        ----------
        point : Checkpoint
            What is done.
        lengths : Mapping[str, int]
            Bytes of the files that it is in; none where it is complete.
        source : WatchedInput
            The input.
        read : int | None
            Bytes that were read of it, which a later run has to find again.
        """
        if self._identity is None:  # nothing can be continued
            return
        with ExitStack() as opened:
            written = {
                name: opened.enter_context((self.folder / name).open("rb", buffering=0))
                for name in lengths
            }
            # The sums are made while a thread waits for the disk, so they hardly take time.
            with _flushing([*written.values()]):
                files = {
                    name: self._sums[name].up_to(lengths[name], file)
                    for name, file in written.items()
                }
                begins = None if read is None else source.read_so_far(read)
        self._add(replace(point, files=files, source=begins))

    def note_placed(self) -> None:
        """Note what the store says of the output, before the file that was uploaded is removed."""
        if self.checkpoint is not None:
            self._add(replace(self.checkpoint, placed=FileFacts.at(self.job.output)))

    def _add(self, point: Checkpoint | None) -> None:
        """Add a line as a whole or not at all, and wait until it is on the disk."""
        content = {
            "version": VERSION,
            "identity": self._identity,
            "checkpoint": point and point.as_json(),
        }
        rest = memoryview(json.dumps(content).encode() + b"\n")
        self.open()
        file = self._lock
        assert file is not None
        with reporting_failures(self.job.output):
            length = os.fstat(file.fileno()).st_size
            try:
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.truncate(length)
                raise
        self.checkpoint = point

    def reserve_room(self) -> None:
        """Take some room of the disk, so that progress can be saved when the rest is used up."""
        with suppress(OSError, AttributeError), (self.folder / ROOM).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM_BYTES)

    def make_room(self, lengths: Mapping[str, int]) -> None:
        """Give up what was reserved, and what was written of a block that is not complete."""
        (self.folder / ROOM).unlink(missing_ok=True)
        for name, length in lengths.items():
            os.truncate(self.folder / name, length)

    def drop(self) -> None:
        """Forget what is written."""
        self._identity = None
        if self.checkpoint is not None:
            self._add(None)
        self._sums.clear()
        self.drop_files()

    def drop_files(self) -> None:
        """Remove the files of the output that are not in their places."""
        for name in _FILES if self._has_files else ():
            with suppress(OSError):
                (self.folder / name).unlink()
        self._has_files = False

    def remove(self) -> None:
        """Remove everything, the journal last: without it, another process may come.

        What else is in the folder, and so the folder itself, stays.
        """
        self.open()
        self.drop_files()
        if os.name == "nt":
            self.close()  # else it could not be removed
        with suppress(OSError):
            self._path.unlink()
            self.folder.rmdir()
        self.close()
        self.checkpoint = None


def folder_beside(output: Path) -> Path:
    """Name the hidden folder of an output; that of an object is in the work folder."""
    output = resolved(output)
    if is_in_store(output):
        whole = hashlib.sha256(str(output).encode()).hexdigest()[:32]
        return work_folder() / f"{output.name[:50]}.{whole}.unfinished"
    # A name may have 255 bytes, and a character four.
    digest = zlib.crc32(output.name.encode("utf-8", "surrogateescape"))
    return output.parent / f".{output.name[:50]}.{digest:08x}.unfinished"


@contextmanager
def _flushing(files: Sequence[IO[bytes]]) -> Iterator[None]:
    """Wait until files are on the disk, while the block is done."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(os.fsync, file.fileno()) for file in files]
        yield
        for each in waiting:
            each.result()
