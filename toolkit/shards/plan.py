"""The plan of a job in shards, as JSON: the pieces of files that each shard scores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Self

from toolkit import __version__
from toolkit.errors import EmptyInputError, InputError, UsageError
from toolkit.files import resolved
from toolkit.model.scorer import Scorer
from toolkit.model.typed_json import decode
from toolkit.progress import differences, digest_of
from toolkit.records.archives import compression_ending, format_ending
from toolkit.records.formats import open_reviews, output_format_of
from toolkit.records.inputs import FileFacts, Input
from toolkit.records.review_file import FileRange, SplitPoint
from toolkit.scoring.identity import settings_of
from toolkit.scoring.jobs import REJECTED_ENDING, Job, Jobs, RejectsTo
from toolkit.scoring.options import MaxRejected, MaxUnread, ScoringOptions
from toolkit.scoring.output import output_form
from toolkit.scoring.results import ScoringModel
from toolkit.stores.location import masked
from toolkit.stores.paths import path_of

FORMAT_VERSION = 4
MOST_SHARDS = 100_000
_SHOWN = 5  # differences in a message

# Names of outputs that stay in parts, beside part-00000.csv and so on.
SUCCESS = "_SUCCESS"  # an empty file, by which clusters know that an output is complete
ALL_REJECTS = f"_all{REJECTED_ENDING}"
_PART = re.compile(r"part-\d{5,}\.[^/]+", re.ASCII)


@dataclass(frozen=True)
class PlannedFile:
    """A file to score, and the name of its output."""

    input: str
    output: str  # path below the folder of the outputs
    rejected: str | None  # path of the rejects, below the same folder; None: they are only counted
    is_named: bool
    facts: FileFacts

    @classmethod
    def of(cls, job: Job, folder: Path) -> Self:
        """Plan the file of a job whose outputs are in a folder."""
        rejected = job.rejects_file
        return cls(
            input=str(job.source),
            output=_below(job.output, folder, "--output"),
            rejected=None if rejected is None else _below(rejected, folder, "--rejected"),
            is_named=job.is_named,
            facts=_planned_facts(job.input, job.input.known_facts()),
        )

    def job(self, folder: Path) -> Job:
        """Return the job of a run on one machine."""
        rejected = RejectsTo.NOWHERE if self.rejected is None else folder / self.rejected
        return Job(self.source, folder / self.output, rejected, is_named=self.is_named)

    @cached_property
    def source(self) -> Input:
        """The input, as this machine finds it."""
        return Input.of(path_of(self.input))

    @property
    def stays_in_folder(self) -> bool:
        """Whether both files are written into the folder; the plan may have been edited."""
        # Both as written and as this machine reads them: Windows has drives and backslashes.
        names = [
            kind(name)
            for name in (self.output, self.rejected)
            for kind in (PurePosixPath, PurePath)
            if name is not None
        ]
        return not any(each.anchor or {"..", ""} & {*each.parts, each.name} for each in names)

    def check(self) -> None:
        """Raise `InputError` if the file has changed since the plan."""
        with suppress(InputError):
            if _planned_facts(self.source, self.source.look()) == self.facts:
                return
        raise InputError(
            f"{self.input}: has changed since the shards were planned. Restore the file, or plan "
            "again with --force."
        )


def _planned_facts(source: Input, facts: FileFacts | None) -> FileFacts:
    """Return the facts of a file, without its inode, which differs between machines."""
    if facts is None:
        raise InputError(f"{source}: no such file")
    return facts if source.is_in_store else replace(facts, inode=0)


def _below(path: Path, folder: Path, option: str) -> str:
    """Return the path of a file below a folder; raise `UsageError` for a file elsewhere."""
    for one, other in ((path, folder), (resolved(path.parent) / path.name, resolved(folder))):
        if one.is_relative_to(other) and ".." not in one.relative_to(other).parts:
            return one.relative_to(other).as_posix()
    raise UsageError(
        f"{option} {path}: is not in the folder of the outputs, {folder}, as it has to be for "
        "shards."
    )


@dataclass(frozen=True)
class Piece:
    """A piece of a file that a shard scores."""

    file: int  # its number in the plan, from 0
    file_range: FileRange


@dataclass(frozen=True)
class Plan:
    """All shards of a job, and everything that their results depend on."""

    settings: dict[str, Any]  # as `toolkit.scoring.identity.settings_of`
    model: ScoringModel
    max_rejected: MaxRejected | None  # of each file
    max_unread: MaxUnread | None  # of each file
    # Whether the outputs stay in parts. Only then are files cut whose outputs cannot be joined,
    # such as Parquet files.
    keep_parts: bool
    files: tuple[PlannedFile, ...]
    # Some shards are empty if the inputs cannot be cut into that many pieces.
    shards: tuple[tuple[Piece, ...], ...]

    @property
    def count(self) -> int:
        """Number of shards."""
        return len(self.shards)

    @cached_property
    def job_id(self) -> str:
        """The id of the job: equal for equal settings and inputs."""
        return digest_of([self.settings, [asdict(file) for file in self.files]])[:32]

    @cached_property
    def digest(self) -> str:
        """The checksum of the plan."""
        return digest_of(asdict(self))

    @property
    def read_as(self) -> str | None:
        """The format of the inputs; None if it follows from their names."""
        reading, *_ = self.settings["the options"]
        return reading["format"]  # type: ignore[no-any-return]

    def as_json(self) -> bytes:
        """Write the plan as JSON; equal plans have equal bytes."""
        versions = {"format_version": FORMAT_VERSION, "toolkit_version": __version__}
        content = {**versions, "job_id": self.job_id, "digest": self.digest, **asdict(self)}
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, name: str) -> Self:
        """Read a plan from JSON; raise `UsageError`, which says the `name`, for anything else."""
        try:
            read: dict[str, Any] = json.loads(content)
            if read["format_version"] != FORMAT_VERSION:
                raise UsageError(
                    f"{name}: this plan was written by toolkit {read['toolkit_version']}. Use "
                    "that version, or plan again with --force."
                )
            plan = decode(cls, read)
            # The plan may have been edited, or forged to write elsewhere.
            if plan.digest != read["digest"] or not all(
                each.stays_in_folder for each in plan.files
            ):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UsageError(
                f"{name}: is not a plan of shards, or a damaged one. Plan again with --force."
            ) from None
        return plan

    def check_same(self, other: Plan, path: str) -> None:
        """Raise `UsageError` unless another plan, from a path, is the same."""
        if self == other:
            return
        mine = self._facts()
        its = other._facts()
        changed = [
            f"{name} (it was {its[name]:,})" if name.startswith("the number") else name
            for name in differences(its, mine, also=other.settings)
        ]
        more = f" and {len(changed) - _SHOWN:,} more" if changed[_SHOWN:] else ""
        raise UsageError(
            f"{path}: has the plan of another job, which differs in: "
            f"{', '.join(changed[:_SHOWN]) or 'the pieces'}{more}. Undo the change, finish the "
            "other job with toolkit finish, or drop its shards with --force."
        )

    def _facts(self) -> dict[str, Any]:
        """Return the facts in which two plans may differ, by the names that messages use."""
        return {
            **self.settings,
            "the number of inputs": len(self.files),
            **{f"the input {file.input}, or its output": file for file in self.files},
            "the number of shards": self.count,
            "--keep-parts": self.keep_parts,
            "--max-rejected": self.max_rejected,
            "--max-unread": self.max_unread,
        }


def part_name(number: int, output: Path) -> str:
    """Return the file name of one part of an output: ``part-00003.csv.gz``."""
    return f"part-{number:05}{format_ending(output)}{compression_ending(output)}"


def parts_in(folder: Path) -> list[Path]:
    """Return the parts of outputs that are in a folder."""
    with suppress(OSError):
        return sorted(each for each in folder.iterdir() if _PART.fullmatch(each.name))
    return []


def make_plan(
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions,
    count: int,
    folder: Path,
    *,
    keep_parts: bool,
    earlier: Plan | None = None,
) -> Plan:
    """Plan which pieces each shard scores, in order; together they cover every file once.

    The same inputs and options give the same plan. If ``earlier`` is the plan of the same call, it
    is returned, and the inputs are not read again. Raises `UsageError` if an input or an option
    cannot be used in shards, or an output is not below the folder, and `InputError` if an input
    cannot be read.
    """
    if not 1 <= count <= MOST_SHARDS:
        raise UsageError(f"--shard: expected 1 to {MOST_SHARDS:,} shards, received {count:,}")
    _check(jobs, options)
    scorer.check_gives(options.reading.columns.adds)
    model = ScoringModel.of(scorer)
    plan = Plan(
        settings=settings_of(scorer, options),
        model=replace(model, identity=_without_paths(model.identity)),
        max_rejected=options.max_rejected,
        max_unread=options.max_unread,
        keep_parts=keep_parts,
        files=tuple(PlannedFile.of(job, folder) for job in jobs.files),
        shards=earlier.shards if earlier is not None and earlier.count == count else (),
    )
    return (
        plan
        if plan == earlier
        else replace(
            plan,
            shards=_cut(
                plan=plan,
                jobs=jobs,
                options=options,
                count=count,
            ),
        )
    )


def _without_paths(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts of models without their paths, which may differ between machines."""
    found = {**identity, "path": None}
    if "second" in identity:
        found["second"] = {**identity["second"], "path": None}
    return found


def _check(jobs: Jobs, options: ScoringOptions) -> None:
    for job in jobs.files:
        if job.error is not None:
            raise UsageError(f"{job.error}. Leave this file out, or score without shards.")
        if job.input.is_stream:
            raise UsageError(
                f"{job.source}: only files can be divided into shards, not standard input or pipes."
            )
        if (shown := masked(f"{job.source}")) != str(job.source):
            raise UsageError(
                f"{shown}: has a password, a signature or a token in its name, and everybody who "
                "reads the plan could see it. Rename the file first."
            )
        if job.is_to_stdout or job.rejected is RejectsTo.STDOUT:
            raise UsageError("shards are written to files, not to standard output.")
    if options.subset:
        raise UsageError(
            "--limit and --sample do not work with shards. Score the sample in one run."
        )
    if options.skip_existing:
        raise UsageError("--skip-existing does not work with shards: they are scored once anyway.")


def _cut(
    plan: Plan, jobs: Jobs, options: ScoringOptions, count: int
) -> tuple[tuple[Piece, ...], ...]:
    """Cut the inputs into shards of about the same size, by their bytes."""
    shards: list[list[Piece]] = [[] for _ in range(count)]
    sizes = [file.facts.size for file in plan.files]
    total = max(sum(sizes), 1)
    before = 0
    for number, (job, size) in enumerate(zip(jobs.files, sizes, strict=True)):
        inner = _bounds(before=before, size=size, total=total, count=count)
        for file_range in _ranges(
            job=job,
            options=options,
            size=size,
            offsets=inner,
            keep_parts=plan.keep_parts,
        ):
            middle = before + file_range.first_byte + (file_range.size or size) // 2
            shards[min(middle * count // total, count - 1)].append(Piece(number, file_range))
        before += size
    return tuple(map(tuple, shards))


def _bounds(before: int, size: int, total: int, count: int) -> list[int]:
    """Return the bytes at which a file is cut, given the bytes of all files before it.

    A file no larger than a shard is not cut: finding the records of a CSV file takes a pass over
    it, which would be a pass over all inputs if there are many files.
    """
    if size * count <= total:
        return []
    near = range(before * count // total, min((before + size) * count // total + 1, count))
    bounds = {total * shard // count - before for shard in near}  # a set: few bytes repeat bounds
    return sorted(offset for offset in bounds if 0 < offset < size)


def _ranges(
    job: Job, options: ScoringOptions, size: int, offsets: Sequence[int], *, keep_parts: bool
) -> list[FileRange]:
    """Cut a file near some offsets, if possible."""
    whole = [FileRange()]
    asked = output_format_of(job.output, options.output_format, "--output-format")
    if not offsets or not (keep_parts or asked.is_text):
        return whole
    try:
        with open_reviews(job.input, options.reading) as reviews:
            output_form(reviews, job, options)
            cuts = reviews.split_points(offsets)
            return (
                _between(cuts, size, restarts_numbers=reviews.restarts_numbers) if cuts else whole
            )
    except EmptyInputError:  # the shard that scores the file reports it
        return whole


def _between(points: Sequence[SplitPoint], size: int, *, restarts_numbers: bool) -> list[FileRange]:
    bounds: list[SplitPoint] = [((), 0), *points, ((), size)]
    return [
        FileRange(
            start=start,
            stop=stop,
            first_byte=first,
            size=last - first,
            restarts_numbers=restarts_numbers and bool(start),
        )
        for (start, first), (stop, last) in pairwise(bounds)
    ]
