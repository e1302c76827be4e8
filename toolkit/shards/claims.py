"""Claims: what a shard has done, and which parts hold it.

A folder beside the outputs has the plan, the parts and the claims. Each attempt to score a shard
writes its parts into a separate folder, and then tries to create the claim of the shard. Only one
attempt succeeds, even if several run at the same time; the others remove their parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from toolkit.errors import InputError, OutputError, UsageError
from toolkit.files import (
    check_kept,
    hidden_beside,
    is_there,
    place,
    remove_tree,
    reporting_failures,
)
from toolkit.model.typed_json import decode
from toolkit.progress import sealed, unsealed
from toolkit.records.options import STDIN
from toolkit.scoring.jobs import REJECTED_ENDING, Job, RejectsTo
from toolkit.scoring.journal import Journal, remove_parts_of
from toolkit.scoring.results import Checkpoint, FileResult, RecordCounts, Source
from toolkit.shards.plan import Plan
from toolkit.stores.paths import StorePath, is_in_store
from toolkit.stores.write import hidden_keys

FOLDER = "_shards"  # in the folder of the outputs; Spark and others ignore names with "_"
PLAN = "plan.json"
_ATTEMPT = re.compile("[0-9a-f]{12}")  # names of attempts, as `score_shard` makes them
_NAME_CHARACTERS = 40  # characters of the output's name in the name of a part
_READERS = 16  # threads that read claims


@dataclass(frozen=True)
class Claim:
    """The record of a finished shard."""

    shard: int
    attempt: str
    job_id: str
    done: tuple[Checkpoint, ...]  # of each piece, in order
    is_new: bool = field(default=False, compare=False)  # made by this call

    @property
    def summary(self) -> RecordCounts:
        """The counts of the shard."""
        return sum((each.summary for each in self.done), RecordCounts())

    def as_json(self) -> bytes:
        """Return the claim as JSON, sealed: outputs are joined from it."""
        content = {**asdict(self), "is_new": False}
        return (json.dumps(sealed(content), indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read the result of `as_json`; raise errors such as `ValueError` for anything else."""
        return decode(cls, unsealed(json.loads(content)))


@dataclass(frozen=True)
class ShardedJob:
    """A job in shards: its plan, and the folder with the plan, the parts and the claims."""

    target: Path  # of the outputs: a folder, or the only output
    folder: Path  # of the shards
    plan: Plan

    @classmethod
    def at(cls, target: Path) -> Self:
        """Find the job of some outputs; raise `UsageError` if it does not exist."""
        for is_folder in (True, False) if target.name else (True,):
            folder = folder_of(target, is_folder=is_folder)
            if (plan := read_plan(folder)) is not None:
                return cls(target, folder, plan)
            if not is_in_store(folder):
                remove_tree(hidden_beside(folder, "removed"))  # by a process that was killed
        raise UsageError(
            f"{target}: no unfinished shards are found. Name the --output that the shards were "
            "given. If the job is finished already, nothing is left to do."
        )

    @staticmethod
    def clean(target: Path) -> list[str]:
        """Remove leftovers of killed runs, and return them; raise `UsageError` during a run."""
        found: list[Path] = []
        for is_folder in (True, False) if target.name else (True,):
            folder = folder_of(target, is_folder=is_folder)
            if read_plan(folder) is not None:
                raise UsageError(f"{folder}: has shards to join. Leave out --clean.")
            if not isinstance(target, StorePath):
                found += filter(is_there, [hidden_beside(folder, "removed")])
                continue
            found += remove_parts_of(folder)
            parts = StorePath(folder).objects()
            found += (each for each in parts if _ATTEMPT.fullmatch(each.parent.name[-12:]))
            for key, output, _ in hidden_keys(target.location, below=is_folder):
                written = replace(key, key=output.removesuffix(REJECTED_ENDING))
                Journal(Job.of(STDIN, StorePath(written))).check_free()
                found.append(StorePath(key))
        for path in found:
            remove_tree(path)
        return [*map(str, found)]

    @property
    def outputs(self) -> Path:
        """The folder of all outputs."""
        return self.folder.parent

    def jobs(self, shard: int, attempt: str) -> Iterator[Job]:
        """Return the jobs of an attempt to score a shard: each scores a piece into a part."""
        for number, piece in enumerate(self.plan.shards[shard]):
            planned = self.plan.files[piece.file].job(self.outputs)
            # The ending names the format. A long name is cut to make room for the number.
            name = f"{number:05}.{planned.output.name[-_NAME_CHARACTERS:]}"
            job = Job.of(planned.input, self.parts_folder(shard, attempt) / name)
            if planned.rejects_file is None:
                job = replace(job, rejected=RejectsTo.NOWHERE)
            # An output that is joined is the one of a run without shards.
            says = f"{shard}/{self.plan.count}" if self.plan.keep_parts else None
            yield replace(job, is_named=planned.is_named, file_range=piece.file_range, shard=says)

    def results(self, claim: Claim) -> list[FileResult]:
        """Return the results of the pieces of a shard."""
        jobs = self.jobs(claim.shard, claim.attempt)
        return [
            FileResult(job, source=Source(size=job.file_range.size)).complete(done)
            for job, done in zip(jobs, claim.done, strict=True)
        ]

    def parts_folder(self, shard: int, attempt: str) -> Path:
        """Return the folder into which an attempt to score a shard writes its parts."""
        return self.folder / f"{shard:05}.{attempt}"

    def claim_path(self, shard: int) -> Path:
        """Return the path of the claim of a shard; claims of other jobs have other names."""
        plan = self.plan
        return self.folder / f"{shard:05}-of-{plan.count:05}.{plan.digest[:8]}.json"

    def read_claim(self, shard: int) -> Claim | None:
        """Read the claim of a shard, or return None; raise `InputError` if it is damaged."""
        path = self.claim_path(shard)
        content = _content_of(path)
        if content is None:
            return None
        try:
            claim = Claim.from_json(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"{path}: this claim is damaged. Remove it, and score the shard again."
            ) from None
        mine = (self.plan.job_id, shard, len(self.plan.shards[shard]))
        if (claim.job_id, claim.shard, len(claim.done)) != mine:
            raise InputError(
                f"{path}: this claim is of another job. Remove it, and score the shard again."
            )
        if _ATTEMPT.fullmatch(claim.attempt) is None:  # it is in the path of the parts
            raise InputError(
                f"{path}: this claim has the attempt {claim.attempt!r}, expected 12 hexadecimal "
                "digits. Remove it, and score the shard again."
            )
        return claim

    def read_claims(self) -> list[Claim | None]:
        """Read the claims of all shards, in order; None for a shard that is not done."""
        there = {path.name for path in self.folder.iterdir()}  # most may be missing
        wanted = range(self.plan.count)
        is_done = [self.claim_path(shard).name in there for shard in wanted]
        with ThreadPoolExecutor(_READERS) as pool:  # an object store answers slowly
            return [*pool.map(lambda n: self.read_claim(n) if is_done[n] else None, wanted)]

    def create_claim(self, claim: Claim) -> bool:
        """Write the claim of a shard unless there is one; return whether it was written.

        Raises `UsageError` if the job is gone.
        """
        if _content_of(self.folder / PLAN) != self.plan.as_json():
            raise UsageError(
                f"{self.folder}: the job was finished, or dropped with --force, while this shard "
                "was scored. What this attempt has written is removed."
            )
        path = self.claim_path(claim.shard)
        with reporting_failures(path):
            try:
                place(claim.as_json(), path, follow=False)
            except FileExistsError:
                return False
        return True

    def forget(self, shard: int, attempt: str) -> None:
        """Remove the files of an attempt, and the folders if the job has ended meanwhile."""
        remove_tree(self.parts_folder(shard, attempt))
        if not is_in_store(self.folder):
            with suppress(OSError):  # the folder is not empty: the job still exists
                self.folder.rmdir()


def files_of(part: FileResult) -> list[Path]:
    """Return the files of a part: the output, and the file of rejects if there is one."""
    rejects = part.job.rejects_file if part.summary.rejected else None
    return [part.job.output, *([] if rejects is None else [rejects])]


def folder_of(target: Path, *, is_folder: bool) -> Path:
    """Return the folder of the shards: in the folder of the outputs, or beside the only output."""
    return target / FOLDER if is_folder else target.with_name(f"_{target.name}.shards")


def read_plan(folder: Path) -> Plan | None:
    """Read the plan in a folder of shards; None if it does not exist."""
    content = _content_of(folder / PLAN)
    return None if content is None else Plan.from_json(content, str(folder / PLAN))


def _content_of(path: Path) -> bytes | None:
    """Read a plan or a claim, or return None; raise an error for a link or a pipe."""
    check_kept(path.parent, is_folder=True)
    check_kept(path)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def write_plan(plan: Plan, folder: Path, *, force: bool) -> None:
    """Write a plan, unless the same plan is there already.

    Raises `UsageError` if the plan of another job is there; `force` removes that job.
    """
    check_kept(folder, is_folder=True)
    path = folder / PLAN
    for _ in range(5):  # another process may write or remove a plan at the same moment
        with reporting_failures(path):
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError, FileNotFoundError):
                place(plan.as_json(), path, follow=False)
                return
        there = _content_of(path)
        if there is None:
            continue
        try:
            plan.check_same(Plan.from_json(there, str(path)), str(path))
        except UsageError:
            if not force:
                raise
            if _content_of(path) == there:  # otherwise another process has just replaced it
                remove_shards(folder)
        else:
            return
    raise OutputError(
        f"{path}: other processes keep replacing it. Run only one process with this output."
    )


def remove_shards(folder: Path) -> None:
    """Remove a folder of shards atomically, even if this process is killed.

    In a store, which cannot do that, the plan and the claims are removed first.
    """
    if is_in_store(folder):
        names = [path for path in folder.iterdir() if path.suffix == ".json"]
        for path in sorted(names, key=lambda path: path.name != PLAN):
            path.unlink(missing_ok=True)
        remove_tree(folder)
        remove_parts_of(folder)
        return
    removed = hidden_beside(folder, "removed")
    remove_tree(removed)
    with reporting_failures(folder), suppress(FileNotFoundError):
        folder.rename(removed)
    remove_tree(removed)
