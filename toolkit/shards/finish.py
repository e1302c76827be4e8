"""The end of a job in shards: the parts become the outputs that one run would have written."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

from toolkit.errors import InputError, UsageError
from toolkit.files import (
    check_output_file,
    flush_to_disk,
    is_there,
    path_of,
    rename_to_new,
    reporting_failures,
    resolved,
)
from toolkit.scoring.inputs.jobs import Job
from toolkit.scoring.inputs.output_names import default_rejected
from toolkit.scoring.limits import check_rejected
from toolkit.scoring.outputs.publishing import copy_to
from toolkit.scoring.results import FileResult
from toolkit.scoring.unread import counts_warning
from toolkit.shards.claims import Claim, ShardFolder
from toolkit.shards.joining import PlannedPart, Range, content_of, copy, joined, rejects_of
from toolkit.shards.kept_parts import REJECTED, check_other_parts, part_name, write_success
from toolkit.shards.plan import Plan
from toolkit.signals import held_back

_SHOWN = 5  # shards in a message

Contents = Callable[[], Iterator[Range | bytes]]


def read_claims(folder: ShardFolder, plan: Plan) -> list[Claim | None]:
    """Read the claims of all shards, in order; None where a shard is not done."""
    return [folder.read_claim(shard, plan) for shard in range(plan.count)]


def finish(
    folder: ShardFolder,
    plan: Plan,
    *,
    force: bool = False,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> list[FileResult]:
    """Join the parts of all shards, and remove them.

    Parameters
    ----------
    folder : ShardFolder
        Where the plan is.
    plan : Plan
        All shards.
    force : bool
        Whether outputs that are there are replaced.
    on_bytes : Callable[[int], None]
        Called with the bytes that were just written.

    Returns
    -------
    list[FileResult]
        One for each file of the plan, in order.

    Raises
    ------
    UsageError
        If a shard is missing, or an output is there that is not the joined one.
    InputError
        If a part is not as its shard has left it, or too many records are rejected.
    OutputError
        If an output cannot be written.
    """
    claims = read_claims(folder, plan)
    _check_all(folder, plan, claims)
    parts = [[*each] for each in _parts_by_file(folder, plan, claims)]
    for part in (part for each in parts for part in each):
        part.check()
    results = [_result(plan, number, each) for number, each in enumerate(parts)]
    for result in results:
        check_rejected(str(result.job.source), result.summary, plan.max_rejected)
    outputs = [*_outputs(plan, results, parts)]
    if plan.keep_parts:
        check_other_parts(plan, {target for target, _ in outputs}, force=force)
    for target, contents in outputs:
        _write_new(target, contents, folder, on_bytes, force=force)
    if plan.keep_parts:
        write_success(plan, results)
    folder.remove()
    return results


def _outputs(
    plan: Plan, results: Sequence[FileResult], parts: Sequence[Sequence[PlannedPart]]
) -> Iterator[tuple[Path, Contents]]:
    """Give the files to write, each with a function that gives its contents."""
    if plan.keep_parts:
        every = [part for each in parts for part in each]
        folder = path_of(plan.target)
        for number, part in enumerate(every):
            yield folder / part_name(number, part.output), partial(joined, [part])
        rejects = results[0].job.rejects_file
        if rejects is not None and any(part.part.rejected for part in every):
            yield rejects, partial(rejects_of, every)
        return
    for result, each in zip(results, parts, strict=True):
        yield result.job.output, partial(joined, each)
        rejects = result.job.rejects_file
        if result.summary.rejected and rejects is not None:
            yield rejects, partial(rejects_of, each)


def _check_all(folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]) -> None:
    """Raise `UsageError` if shards are missing; say why they failed, if that is known."""
    missing = [number for number, claim in enumerate(claims) if claim is None]
    if not missing:
        return
    shown = ", ".join(map(str, missing[:_SHOWN]))
    more = f" and {len(missing) - _SHOWN:,} more" if missing[_SHOWN:] else ""
    failures = [folder.read_failure(number, plan) for number in missing[:_SHOWN]]
    why = "".join(f" Shard {failure}" for failure in failures if failure)
    raise UsageError(
        f"{folder.path}: {len(missing):,} of {plan.count:,} shards are not done: {shown}{more}."
        f"{why} Score them, such as with --shard {missing[0]}/{plan.count}, and finish then."
    )


def _parts_by_file(
    folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]
) -> list[list[PlannedPart]]:
    """Give the parts of each file in order; raises `InputError` if they are not all of it."""
    found: list[list[PlannedPart]] = [[] for _ in plan.files]
    for shard, position, piece in plan.pieces():
        claim = claims[shard]
        assert claim is not None
        if len(claim.parts) != len(plan.shards[shard]):
            raise InputError(f"{folder.claim_path(shard, plan.count)}: has not all of its parts.")
        part = claim.parts[position]
        if not piece.stretch.ends_at(part.reached):
            raise InputError(
                f"{folder.claim_path(shard, plan.count)}: its piece of "
                f"{plan.files[piece.file].input} was not read to its end. Remove this claim, and "
                "score the shard again."
            )
        found[piece.file].append(PlannedPart(part, piece, folder.path))
    return found


def _result(plan: Plan, number: int, parts: Sequence[PlannedPart]) -> FileResult:
    """Add up what became of a file."""
    file = plan.files[number]
    result = FileResult(_job(plan, number), is_done=True, source=file.source(plan.read_as))
    for each in parts:
        result.summary += each.part.summary
        result.columns = {**result.columns, **each.part.columns}
        result.warnings += [
            warning for warning in each.part.warnings if warning not in result.warnings
        ]
    column = result.columns.get("text")
    if warning := counts_warning(result.summary, column, is_single=not plan.files[1:]):
        result.warnings.append(warning)
    return result


def _job(plan: Plan, number: int) -> Job:
    """Say where the output of a file is: in parts, those of all files are together."""
    job, target = plan.files[number].job(), path_of(plan.target)
    if not plan.keep_parts:
        return job
    if job.rejects_file == default_rejected(job.source, job.output):  # else named by the user
        job = replace(job, rejected=target / REJECTED)
    return replace(job, output=target)


def _write_new(
    target: Path,
    contents: Contents,
    folder: ShardFolder,
    on_bytes: Callable[[int], None],
    *,
    force: bool,
) -> None:
    """Write a file that appears complete, or find that it is there already."""
    if not force and is_there(target):
        if not _has(target, content_of(contents())):
            raise UsageError(
                f"{target}: exists already, and is not what the shards give. Move it away, or "
                "replace it with --force."
            )
        return
    unfinished = folder.path / f"{uuid4().hex[:12]}.joined"  # where it is removed with the rest
    with reporting_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        check_output_file(target, force=force)
        with unfinished.open("xb") as file:
            for each in contents():
                on_bytes(copy(each, file))
        flush_to_disk(unfinished)
        _place(unfinished, target, force=force)


def _place(unfinished: Path, target: Path, *, force: bool) -> None:
    """Give a complete file its name, or copy it to another file system."""
    try:
        with held_back():
            if force:
                unfinished.replace(resolved(target))
            else:
                rename_to_new(unfinished, resolved(target))
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with unfinished.open("rb") as file:
            copy_to(file, target, force=force)


def _has(target: Path, content: Iterable[bytes]) -> bool:
    """Whether a file has some content."""
    with target.open("rb") as file:
        return all(file.read(len(data)) == data for data in content) and not file.read(1)
