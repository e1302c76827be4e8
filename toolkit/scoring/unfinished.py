"""The folder of an output that is being written, from which a later run can go on.

It stands beside the output under a hidden name and holds the output and the rejects as far as they
are written, and a checkpoint that says how far they are complete. Whatever ends the process, the
checkpoint is one that was true: it is written when the files it speaks of are on the disk, and
replaced in one step.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from toolkit.errors import UsageError
from toolkit.files import resolved
from toolkit.records.review_file import Place
from toolkit.scoring.summary import Summary

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT_VERSION = 1

GO_ON = "What is done is kept: go on with --resume, or start anew with --force."


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come."""

    place: Place  # in the input, where the next block starts
    lengths: dict[str, int]  # of the files, in bytes, as far as they are complete
    counts: dict[str, Any]  # as in `Summary.as_dict`
    complete: bool = False  # the files only have to be moved to their places

    @property
    def summary(self) -> Summary:
        """The counts up to here."""
        return Summary.from_dict(self.counts)


class Unfinished:
    """The folder of an unfinished output.

    Parameters
    ----------
    output : Path
        The output; where it is a link, the folder stands beside the file itself.
    """

    def __init__(self, output: Path) -> None:
        output = resolved(output)
        # A name may have 255 bytes, and a character four.
        digest = zlib.crc32(output.name.encode("utf-8", "surrogateescape"))
        self.folder = output.parent / f".{output.name[:50]}.{digest:08x}.unfinished"
        self._lock: IO[bytes] | None = None

    def file(self, name: str) -> Path:
        """Give the path of a file in the folder."""
        return self.folder / name

    def exists(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self.file("checkpoint.json").is_file()

    def lock(self) -> None:
        """Make the folder, and keep other processes out of it.

        Raises
        ------
        UsageError
            If another process is writing the same output.
        """
        path = self.file("lock")
        while True:
            self.folder.mkdir(exist_ok=True)
            self._lock = path.open("wb")
            try:
                if fcntl is not None:
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._lock.close()
                raise UsageError(
                    f"{self.folder}: another process is writing this output at the moment."
                ) from None
            if path.exists() and os.path.samestat(path.stat(), os.fstat(self._lock.fileno())):
                return
            self._lock.close()  # of a folder that the other process has just removed

    def unlock(self) -> None:
        """Let other processes in."""
        if self._lock is not None:
            self._lock.close()

    def load(self, identity: dict[str, Any]) -> Checkpoint:
        """Read the checkpoint.

        Parameters
        ----------
        identity : dict[str, Any]
            What the result depends on, as given to `save`.

        Returns
        -------
        Checkpoint
            The last one.

        Raises
        ------
        UsageError
            If it is damaged, or something that the result depends on has changed.
        """
        anew = "Start anew with --force."
        try:
            stored = json.loads(self.file("checkpoint.json").read_bytes())
            before = stored["identity"]
            changed = [name for name in identity if before.get(name) != identity[name]]
            point = stored["checkpoint"]
            checkpoint = Checkpoint(**{**point, "place": tuple(point["place"])})
            whole = checkpoint.complete or all(
                self.file(name).stat().st_size >= size for name, size in checkpoint.lengths.items()
            )
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            raise UsageError(f"{self.folder}: the checkpoint is damaged. {anew}") from None
        if changed:
            raise UsageError(
                f"{self.folder}: cannot go on, for this has changed since: "
                f"{', '.join(changed)}. {anew}"
            )
        if not whole:
            raise UsageError(f"{self.folder}: a file is shorter than the checkpoint says. {anew}")
        return checkpoint

    def save(self, checkpoint: Checkpoint, identity: dict[str, Any]) -> None:
        """Write a checkpoint when the files that it speaks of are on the disk."""
        for name in checkpoint.lengths:
            flush_to_disk(self.file(name))
        content = {
            "version": FORMAT_VERSION,
            "identity": identity,
            "checkpoint": asdict(checkpoint),
        }
        partial = self.file("checkpoint.partial")
        partial.write_text(json.dumps(content), encoding="utf-8")
        flush_to_disk(partial)
        partial.replace(self.file("checkpoint.json"))

    def forget(self) -> None:
        """Remove the checkpoint, if there is one."""
        self.file("checkpoint.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
