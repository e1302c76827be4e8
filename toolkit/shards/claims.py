"""What is known of a shard that is done, as JSON.

Folders of shards that disappear as a whole.

What shards have done: for each a claim, which says where its parts are and what they hold.

Beside the outputs is a folder with the plan, the parts and the claims. Each attempt to score a
shard writes its parts into a folder of its own, and then tries to create the claim of the shard.
That succeeds once, whatever else runs at the same time; who comes later removes its parts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from toolkit.errors import InputError, OutputError, UsageError
from toolkit.files import is_there, place, prefix_of, remove_tree, reporting_failures
from toolkit.records.review_file import Offset
from toolkit.scoring.jobs import NOT_KEPT, Job
from toolkit.scoring.results import Frame
from toolkit.scoring.summary import Summary
from toolkit.shards.plan import Plan
from toolkit.stores.paths import is_in_store

ATTEMPT = "[0-9a-f]{12}"  # which names a folder
_CHECK = "checksum"  # of the rest: what an output is put together from must be as it was written


@dataclass(frozen=True)
class Part:
    """What a shard has written of a piece."""

    size: int  # in bytes
    frame: Frame | None  # None where parts cannot be joined
    job_id: str | None  # as the report has it of the file
    counts: dict[str, Any]  # as `Summary.as_dict`
    reached: Offset  # in the input
    columns: dict[str, str]
    warnings: list[str]

    @property
    def summary(self) -> Summary:
        """The counts of the piece."""
        return Summary.from_dict(self.counts)

    @classmethod
    def from_dict(cls, part: dict[str, Any]) -> Self:
        """Read what `Claim.as_json` gives of it."""
        frame = part.pop("frame")
        if frame is not None:
            frame = Frame(frame["header"], frame["trailer"], bytes.fromhex(frame["separator"]))
        return cls(frame=frame, reached=tuple(part.pop("reached")), **part)


@dataclass(frozen=True)
class Claim:
    """What is known of a shard that is done."""

    shard: int
    attempt: str
    job_id: str
    parts: Sequence[Part]
    host: str
    seconds: float
    started: str
    is_new: bool = field(default=False, compare=False)  # made by this call

    @property
    def summary(self) -> Summary:
        """The counts of the shard."""
        return sum((part.summary for part in self.parts), Summary())

    def as_json(self) -> bytes:
        """Write it."""
        content = asdict(self)
        content.pop("is_new")
        for part in content["parts"]:
            if part["frame"] is not None:
                part["frame"]["separator"] = part["frame"]["separator"].hex()
        content = {**content, _CHECK: _digest(content)}
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Read what `as_json` gives; `ValueError` or the like if it is something else."""
        read = json.loads(content)
        if read.pop(_CHECK) != _digest(read) or not re.fullmatch(ATTEMPT, read["attempt"]):
            raise ValueError
        parts = [Part.from_dict(part) for part in read.pop("parts")]
        return cls(parts=parts, **read)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_ENDING = ".removed"


def remove_at_once(path: Path) -> None:
    """Remove a folder, which is there as a whole or not at all, also where this is killed."""
    with reporting_failures(path), suppress(FileNotFoundError):
        path.rename(path.with_name(f"{prefix_of(path)}{uuid4().hex[:12]}{_ENDING}"))
    remove_leftovers(path)


def remove_leftovers(path: Path) -> None:
    """Remove what is left of a folder where `remove_at_once` was killed."""
    with suppress(OSError):
        for each in path.parent.iterdir():
            if each.name.startswith(prefix_of(path)) and each.name.endswith(_ENDING):
                remove_tree(each)


FOLDER = "_shards"  # in the folder of the outputs; hidden from those who look for files of reviews
PLAN = "plan.json"
_NAME_CHARACTERS = 40  # of an output in the name of a part
_READERS = 16  # of claims, at the same time


@dataclass(frozen=True)
class ShardFolder:
    """The folder with plan, parts and claims of a job."""

    path: Path

    @classmethod
    def of(cls, target: Path, *, is_folder: bool) -> Self:
        """Name it: in the folder of the outputs, or beside the only output."""
        if is_folder:
            return cls(target / FOLDER)
        return cls(target.with_name(f"_{target.name}.shards"))

    @classmethod
    def at(cls, target: Path) -> Self:
        """Find the one of some outputs; raises `UsageError` if there is none."""
        for is_folder in (True, False) if target.name else (True,):
            found = cls.of(target, is_folder=is_folder)
            if is_there(found.path / PLAN):
                return found
            if not is_in_store(found.path):
                remove_leftovers(found.path)
        raise UsageError(
            f"{target}: has no shards to finish. Name the --output of the shards; if they are "
            "finished already, there is nothing left to do."
        )

    @property
    def outputs(self) -> Path:
        """The folder that all outputs are in."""
        return self.path.parent

    @property
    def plan_path(self) -> Path:
        """Where the plan is."""
        return self.path / PLAN

    def read_plan(self) -> Plan | None:
        """Read the plan; None if there is none."""
        content = self._plan_content()
        return None if content is None else Plan.from_json(content, str(self.plan_path))

    def _plan_content(self) -> bytes | None:
        try:
            return self.plan_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{self.plan_path}: cannot be read: {error.strerror}") from None

    def keep_plan(self, plan: Plan, *, force: bool) -> None:
        """Write the plan, or find that it is there; `UsageError` if that is of another job.

        With force, another plan and what was done for it are removed.
        """
        for _ in range(5):  # another process may write or remove one at the same moment
            with reporting_failures(self.plan_path):
                self.path.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError, FileNotFoundError):
                    place(plan.as_json(), self.plan_path)
                    return
            there = self._plan_content()
            if there is None:
                continue
            try:
                found = Plan.from_json(there, str(self.plan_path))
                plan.check_same(found, str(self.plan_path))
            except UsageError:
                if not force:
                    raise
                if self._plan_content() == there:  # not what another process has just written
                    self.remove()
            else:
                return
        raise OutputError(f"{self.plan_path}: other processes replace it all the time.")

    def is_of(self, plan: Plan) -> bool:
        """Whether the job is still there: it may be finished, or dropped for another one."""
        return self._plan_content() == plan.as_json()

    def claim_path(self, shard: int, plan: Plan) -> Path:
        """Where the claim of a shard is; those of another job have other names."""
        return self.path / f"{shard:05}-of-{plan.count:05}.{plan.digest[:8]}.json"

    def parts_folder(self, shard: int, attempt: str) -> Path:
        """Where an attempt to score a shard writes its parts."""
        return self.path / f"{shard:05}.{attempt}"

    def jobs(self, plan: Plan, shard: int, attempt: str) -> Iterator[Job]:
        """Give what an attempt scores: a piece of a file each, into a part."""
        for number, piece in enumerate(plan.shards[shard]):
            planned = plan.files[piece.file].job(self.outputs)
            # Its end says the format; a name as long as can be leaves no room for the number.
            name = f"{number:05}.{planned.output.name[-_NAME_CHARACTERS:]}"
            job = Job.of(planned.source, self.parts_folder(shard, attempt) / name)
            if planned.rejects_file is None:
                job = replace(job, rejected=NOT_KEPT)
            # An output that is joined is the one of a run without shards.
            says = f"{shard}/{plan.count}" if plan.keep_parts else None
            yield replace(job, is_named=planned.is_named, file_range=piece.file_range, shard=says)

    def read_claim(self, shard: int, plan: Plan) -> Claim | None:
        """Read the claim of a shard; None if there is none, `InputError` if it is damaged."""
        path = self.claim_path(shard, plan)
        try:
            claim = Claim.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path}: is damaged. Remove it, and score the shard again.") from None
        if claim.job_id != plan.job_id or claim.shard != shard:
            raise InputError(f"{path}: is of another job. Remove it, and score the shard again.")
        return claim

    def read_claims(self, plan: Plan) -> list[Claim | None]:
        """Read the claims of all shards, in order; None where a shard is not done."""
        there = {path.name for path in self.path.iterdir()}  # most may be missing
        wanted = range(plan.count)
        is_done = [self.claim_path(shard, plan).name in there for shard in wanted]
        with ThreadPoolExecutor(_READERS) as pool:  # an object store answers late
            found = pool.map(
                lambda shard: self.read_claim(shard, plan) if is_done[shard] else None, wanted
            )
            return [*found]

    def create_claim(self, claim: Claim, plan: Plan) -> bool:
        """Write the claim of a shard; tell whether it is the first one, else it is not written."""
        path = self.claim_path(claim.shard, plan)
        self.check_is_of(plan)
        with reporting_failures(path):
            try:
                place(claim.as_json(), path)
            except FileExistsError:
                return False
        return True

    def check_is_of(self, plan: Plan) -> None:
        """Raise `UsageError` if the job is not there any more."""
        if not self.is_of(plan):
            raise UsageError(
                f"{self.path}: the job was finished, or dropped with --force, while this shard was "
                "scored. What this attempt has written is removed."
            )

    def forget(self, parts: Path) -> None:
        """Remove what an attempt has written, and folders that it has made for a job that ended."""
        remove_tree(parts)
        if not is_in_store(self.path):
            with suppress(OSError):  # it is not empty, as of a job that is there
                self.path.rmdir()

    def remove(self) -> None:
        """Remove the folder at once; in a store, what others count on goes first."""
        if is_in_store(self.path):
            names = [path for path in self.path.iterdir() if path.suffix == ".json"]
            for path in sorted(names, key=lambda path: path.name != PLAN):
                path.unlink(missing_ok=True)
            remove_tree(self.path)
        else:
            remove_at_once(self.path)
