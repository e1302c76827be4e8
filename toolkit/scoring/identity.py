"""What the bytes of an output depend on: the input, the settings of the run, and the model."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, Self
from uuid import UUID, uuid5

import onnxruntime as ort

from toolkit import __version__
from toolkit.errors import InputError, ToolkitError
from toolkit.model.scorer import Scorer
from toolkit.progress import Identity, differences
from toolkit.records.columns import TEXT_COLUMNS, Columns
from toolkit.records.formats import format_of
from toolkit.records.inputs import FileFacts, Input, PathKind
from toolkit.records.review_file import METADATA_PREFIX
from toolkit.scoring.options import ScoringOptions
from toolkit.stores.location import masked
from toolkit.stores.paths import StorePath, is_in_store

_JOBS = UUID("5d1c4c52-7c0f-4f5e-9a43-7f6b0b0f3c11")  # the namespace of the ids of jobs

# Options of reading that change summaries or the speed, but not the output. The column of labels
# is another one.
_NOT_IN_OUTPUTS = ("labels", "block_bytes")

# Options of scoring that do not change the output. New options count as changing it.
_OF_THE_RUN = (
    "workers",
    "force",
    "resume",
    "skip_existing",
    "checkpoint_seconds",
    "max_rejected",
    "max_unread",
    "leaves_record",
)

_OF_OUTPUTS = [
    each.name for each in fields(ScoringOptions) if each.name not in ("reading", *_OF_THE_RUN)
]

# Entries that `outdated` does not compare. Another version may write other bytes, but a finished
# output stays valid; the options are compared one by one.
_NOT_COMPARED = ("toolkit", "ONNX Runtime", "the options")
# Entries of a run with a second model; others have none of them.
_OF_SECOND = (
    "the second model",
    "the name of the second model",
    "the range of the second model",
    "the mean of both models",
)
_FORMAT = "the option format"
_TEXT = "the option text column"
_QUOTE = "the option quote is sure"

_READ_BYTES = 1 << 17  # small enough to stay in a core's cache between read and checksum


class TouchedError(InputError):
    """The input was touched, but the part read up to the last checkpoint is unchanged."""


Prefix = tuple[int, int]  # the first bytes of a file: how many, and their CRC-32
NOTHING: Prefix = (0, 0)


def extended(prefix: Prefix, size: int, file: IO[bytes]) -> Prefix:
    """Extend the checksum of the first bytes of a file to the first `size` bytes, or to its end."""
    done, crc = prefix
    file.seek(done)
    piece = memoryview(bytearray(_READ_BYTES))
    while done < size:
        count = file.readinto(piece[: size - done])  # type: ignore[attr-defined]
        if not count:
            break
        crc = zlib.crc32(piece[:count], crc)
        done += count
    return done, crc


def sum_of(path: Path) -> Prefix:
    """Return size and checksum of a file; for an object in a store, which never changes, 0."""
    size = path.stat().st_size
    if is_in_store(path):
        return size, 0
    with path.open("rb", buffering=0) as file:
        return extended(NOTHING, size, file)


def changed_ns_of(path: Path) -> int | None:
    """Return the change time of a file, which nobody can set back; None for an object in a store.

    On Windows, it is the creation time.
    """
    return None if is_in_store(path) else path.stat().st_ctime_ns


class WatchedInput:
    """The input, watched beside its reader to detect changes during the run.

    For an object in a store, its facts are enough: its tag changes with its content, and each
    request that reads it names the tag. So the object is not read a second time.
    """

    def __init__(self, source: Input, facts: FileFacts, file: IO[bytes] | None) -> None:
        self.input = source
        self.facts = facts
        self._file = file  # None for an object
        self._changed_ns = self._last_change()
        self._sum = NOTHING

    @classmethod
    def open(cls, source: Input, facts: FileFacts | None = None) -> Self | None:
        """Open an input; None if it is not a file or unreadable, which its reader reports.

        ``facts`` are the facts of an object, if they are known.
        """
        if source.is_stream or source.kind in (PathKind.FOLDER, PathKind.SPECIAL):
            return None
        with suppress(OSError, ValueError):  # ValueError: a name with a null byte
            if isinstance(source.file, StorePath):
                return cls(source, facts or FileFacts.of(source.file.stat_object()), None)
            # If the file has been replaced by a pipe, this does not wait for a writer.
            file = open(source.file, "rb", buffering=0, opener=_open_at_once)  # noqa: SIM115
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                return cls(source, FileFacts.of(status), file)
            file.close()
        return None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _opened_facts(self) -> FileFacts:
        """Look at the file that is read, wherever its name leads to meanwhile."""
        return self.facts if self._file is None else FileFacts.of(os.fstat(self._file.fileno()))

    def _last_change(self) -> int:
        """Return the change time, which nobody can set back; on Windows, the creation time."""
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_ctime_ns

    def check(self) -> None:
        """Raise `InputError` if the file has changed, or another file has its name now."""
        now = self.input.look()
        if self._opened_facts() == now == self.facts and self._last_change() == self._changed_ns:
            return
        if now is None:
            what = "it is gone"
        elif now.inode != self.facts.inode:
            what = f"another {'file' if self._file else 'object'} has its name now"
        elif now.size != self.facts.size:
            what = f"it had {self.facts.size:,} bytes, and has {now.size:,}"
        elif now != self.facts:
            what = "it was written to"
        else:
            what = "it was written to, or its rights or links were changed"
            read = self._sum
            if self._file and read != NOTHING and extended(NOTHING, read[0], self._file) == read:
                message = f"{self.input}: has changed while it was scored: {what}"
                raise TouchedError(f"{message}. Progress is saved. Continue it with --resume.")
        raise InputError(
            f"{self.input}: has changed while it was scored: {what}. Nothing of it is kept. Score "
            "it again when nothing else writes to it."
        )

    @property
    def changed_ns(self) -> int | None:
        """The time of the last change, for a later run; None if the content cannot be compared.

        For a member of an archive, the whole archive would be read again for each member.
        """
        return None if self._file is None or self.input.archive is not None else self._changed_ns

    def has_content(self, content: Prefix, changed_ns: int) -> bool:
        """Whether an earlier run read the same content; reads the file if it may have changed."""
        if self.changed_ns in (None, changed_ns):
            return True
        return self.read_so_far(self.facts.size) == content

    def read_so_far(self, size: int) -> Prefix:
        """Return the checksum of the bytes read so far; for an archive, of all its bytes."""
        if self._file is None:
            return size, zlib.crc32(str(self.facts.inode).encode())
        wanted = size if self.input.archive is None else self.facts.size
        self._sum = extended(self._sum, wanted, self._file)
        self.check()  # otherwise the checksum may be of other content than was scored
        return self._sum


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def identity_of(settings: dict[str, Any], source: WatchedInput | None) -> dict[str, Any] | None:
    """Return what the bytes of an output depend on, as JSON; None if the input is not a file."""
    if source is None:
        return None
    path = str(source.input.real_path)
    if masked(path) != path:  # such as of a file that was downloaded with a signed URL
        path = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
    facts = [path, source.facts.size, source.facts.mtime_ns]
    return {**settings, "the input": facts}


def outdated(
    old: dict[str, Any],
    new: dict[str, Any],
    source: Input,
    columns: Mapping[str, str],
    *,
    is_clear: bool,
) -> list[str]:
    """Return the names of what has changed since a complete output was written.

    An option that names the value that is chosen without it is not a change. ``columns`` are the
    columns that were chosen; if the output ``is_clear``, no quote was doubtful. Anything but an
    identity raises the errors of Python.
    """
    before = _by_name(old)
    now = _by_name(new)
    with suppress(ToolkitError, OSError):
        usual = format_of(source).name
        before[_FORMAT] = before[_FORMAT] or usual
        now[_FORMAT] = now[_FORMAT] or usual
    if now[_TEXT] is None and before[_TEXT] == TEXT_COLUMNS[0] == columns.get("text"):
        now[_TEXT] = before[_TEXT]
    elif now[_TEXT] is not None:
        before[_TEXT] = before[_TEXT] or columns.get("text")
    if is_clear:
        before[_QUOTE] = now[_QUOTE]
    return changes(before, now)


def changes(old: Identity, new: Identity) -> list[str]:
    """Return the names of what differs; nothing if ``new`` is empty, or unknown."""
    return differences(old, new, also=_OF_SECOND if new else ())


def _by_name(identity: dict[str, Any]) -> dict[str, Any]:
    """Return an identity with one entry per option; options of newer versions have defaults."""
    usual = json.loads(json.dumps(asdict(ScoringOptions())))
    usual["reading"]["columns"] = json.loads(json.dumps(Columns().settings()))
    reading, *others = identity["the options"]
    options = {name: usual[name] for name in _OF_OUTPUTS} | usual["reading"] | reading
    options |= dict(zip(_OF_OUTPUTS, others, strict=False))
    columns = usual["reading"]["columns"] | options.pop("columns") | {"label": None}
    options |= {f"{role} column": name for role, name in columns.items()}
    path, *facts = identity["the input"]
    return {
        **{name: value for name, value in identity.items() if name not in _NOT_COMPARED},
        **{
            f"the option {name.replace('_', ' ')}": value
            for name, value in options.items()
            if name not in _NOT_IN_OUTPUTS
        },
        "the input": [Path(path).name, *facts],
    }


def job_id_of(settings: dict[str, Any], source: WatchedInput | None) -> str:
    """Return a UUID of the settings and of the name and size of the input, if it is a file.

    It is the same on all machines and in all runs, as it is written into the output.
    """
    facts = None if source is None else [source.input.path.name, source.facts.size]
    reading, *others = settings["the options"]
    reading = {name: value for name, value in reading.items() if name not in _NOT_IN_OUTPUTS}
    reading["columns"] = {**reading["columns"], "label": None}
    settings = {**settings, "the options": [reading, *others]}
    return str(uuid5(_JOBS, json.dumps([settings, facts], sort_keys=True)))


def settings_of(scorer: Scorer, options: ScoringOptions) -> dict[str, Any]:
    """Return what the bytes of all outputs of a run depend on, as JSON values."""
    reading = options.reading
    others = asdict(options)
    # Added columns by their names, whether the user has chosen the names or not.
    columns = reading.columns.settings() | {
        column.role: column.name for column in reading.columns.added
    }
    settings = {
        "toolkit": __version__,
        "ONNX Runtime": ort.__version__,
        "the model": scorer.sha256,
        "the name of the model": scorer.identity()["name"],
        **scorer.in_use.settings(has_classes=scorer.facts.has_classes),
        **_settings_of_second(scorer),
        "the options": [
            {**asdict(reading), "columns": columns},
            *(others[name] for name in _OF_OUTPUTS),
        ],
    }
    return json.loads(json.dumps(settings))  # type: ignore[no-any-return]  # as it is read again


def _settings_of_second(scorer: Scorer) -> dict[str, Any]:
    if scorer.second is None:
        return {}
    known = scorer.second.identity()
    values = (known["sha256"], known["name"], known["unsure"], known["mean"])
    return dict(zip(_OF_SECOND, values, strict=True))


def metadata_of(scorer: Scorer, job_id: str, shard: str | None = None) -> dict[str, str]:
    """Return the metadata for an output: model, options and job; the same on all machines.

    ``shard``: such as 3/16, if the output is a part of a job. Unused options have no key.
    """
    known = scorer.identity()
    values = {
        "version": __version__,
        "model": known["name"],
        "model_version": known["version"],
        "model_sha256": known["sha256"],
        "threshold": None if known["threshold"] is None else str(known["threshold"]),
        "neutral_range": scorer.neutral and ":".join(str(round(end, 7)) for end in scorer.neutral),
        "by_sentence": str(scorer.by_sentence).lower(),
        "prior": None if scorer.prior is None else f"{scorer.prior:.6g}",
        "job_id": job_id,
        "shard": shard,
        **_metadata_of_second(scorer),
    }
    # A file may have a name that is not UTF-8.
    return {
        METADATA_PREFIX + key: value.encode("utf-8", "backslashreplace").decode()
        for key, value in values.items()
        if value is not None
    }


def _metadata_of_second(scorer: Scorer) -> dict[str, str]:
    if scorer.second is None:
        return {}
    known = scorer.second.identity()
    return {
        "second_model": known["name"],
        "second_model_sha256": known["sha256"],
        "second_unsure": ":".join(map(str, known["unsure"])),
        "second_mean": str(known["mean"]).lower(),
    }
