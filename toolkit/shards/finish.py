"""The end of a job in shards: the parts become the outputs that one run would have written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.files import (
    is_a_file,
    is_there,
    reporting_failures,
    resolved,
)
from toolkit.scoring.jobs import Job
from toolkit.scoring.options import check_rejected
from toolkit.scoring.output_names import default_rejected
from toolkit.scoring.results import FileResult, counts_warning
from toolkit.shards.claim import Claim
from toolkit.shards.claims import ShardFolder
from toolkit.shards.joining import PlannedPart, joined, rejects_of
from toolkit.shards.kept_parts import REJECTED, check_other_parts, part_name, write_success
from toolkit.shards.outputs import Contents, write_new
from toolkit.shards.plan import Plan

_SHOWN = 5  # shards in a message


def finish(
    folder: ShardFolder,
    plan: Plan,
    *,
    force: bool = False,
    on_joined: Callable[[int, int], None] = lambda _, __: None,
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
    on_joined : Callable[[int, int], None]
        Called with the bytes of the parts that are joined so far, and those of all parts.

    Returns
    -------
    list[FileResult]
        One for each file of the plan, in order.

    Raises
    ------
    UsageError
        If a shard is missing, an output is there that is not the joined one, or another process
        has finished the job meanwhile.
    InputError
        If a part is not as its shard has left it, or too many records are rejected.
    OutputError
        If an output cannot be written.
    """
    try:
        return _finish(folder, plan, on_joined, force=force)
    except (ToolkitError, OSError):
        if is_there(folder.plan_path):
            raise
        raise UsageError(
            f"{folder.path}: is gone: another process has finished the job meanwhile, or dropped "
            "it with --force."
        ) from None


def _finish(
    folder: ShardFolder, plan: Plan, on_joined: Callable[[int, int], None], *, force: bool
) -> list[FileResult]:
    claims = folder.read_claims(plan)
    _check_all(folder, plan, claims)
    parts = [[*each] for each in _parts_by_file(folder, plan, claims)]
    for part in (part for each in parts for part in each):
        part.check()
    results = [_result(folder, plan, number, each) for number, each in enumerate(parts)]
    for result in results:
        check_rejected(str(result.job.source), result.summary, plan.max_rejected)
    outputs = [*_outputs(folder, plan, results, parts)]
    if plan.keep_parts:
        check_other_parts(folder.outputs, {target for target, _ in outputs}, force=force)
    if force:
        _remove_rejects(results, {target for target, _ in outputs})
    size, done = sum(part.part.size for each in parts for part in each), 0

    def on_bytes(count: int) -> None:
        nonlocal done
        done = min(done + count, size)  # what is uploaded may be read twice
        on_joined(done, size)

    for target, contents in outputs:
        write_new(target, contents, folder.path, on_bytes, force=force)
    if plan.keep_parts:
        write_success(folder.outputs, plan, results)
    folder.remove()
    return results


def _outputs(
    folder: ShardFolder,
    plan: Plan,
    results: Sequence[FileResult],
    parts: Sequence[Sequence[PlannedPart]],
) -> Iterator[tuple[Path, Contents]]:
    """Give the files to write, each with a function that gives its contents."""
    if plan.keep_parts:
        every = [part for each in parts for part in each]
        for number, part in enumerate(every):
            yield folder.outputs / part_name(number, part.job.output), partial(joined, [part])
        rejects = results[0].job.rejects_file
        if rejects is not None and any(part.part.summary.rejected for part in every):
            yield rejects, partial(rejects_of, every)
        return
    for result, each in zip(results, parts, strict=True):
        yield result.job.output, partial(joined, each)
        rejects = result.job.rejects_file
        if result.summary.rejected and rejects is not None:
            yield rejects, partial(rejects_of, each)


def _remove_rejects(results: Sequence[FileResult], mine: Collection[Path]) -> None:
    """Remove the rejects of a job that is replaced, where this one has none."""
    for result in results:
        rejects = result.job.rejects_file
        if rejects is not None and rejects not in mine and is_a_file(rejects):
            with reporting_failures(rejects):
                resolved(rejects).unlink()


def _check_all(folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]) -> None:
    """Raise `UsageError` if shards are missing."""
    missing = [number for number, claim in enumerate(claims) if claim is None]
    if not missing:
        return
    shown = ", ".join(map(str, missing[:_SHOWN]))
    more = f" and {len(missing) - _SHOWN:,} more" if missing[_SHOWN:] else ""
    raise UsageError(
        f"{folder.path}: {len(missing):,} of {plan.count:,} shards are not done: {shown}{more}."
        f" Score them, such as with --shard {missing[0]}/{plan.count}, and finish then."
    )


def _parts_by_file(
    folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]
) -> list[list[PlannedPart]]:
    """Give the parts of each file in order; raises `InputError` if they are not all of it."""
    found: list[list[PlannedPart]] = [[] for _ in plan.files]
    for shard, (claim, pieces) in enumerate(zip(claims, plan.shards, strict=True)):
        assert claim is not None
        if len(claim.parts) != len(pieces):
            raise InputError(f"{folder.claim_path(shard, plan)}: has not all of its parts.")
        jobs = folder.jobs(plan, shard, claim.attempt)
        for part, piece, job in zip(claim.parts, pieces, jobs, strict=True):
            if not piece.stretch.ends_at(part.reached):
                raise InputError(
                    f"{folder.claim_path(shard, plan)}: its piece of {job.source} was not read to "
                    "its end. Remove this claim, and score the shard again."
                )
            found[piece.file].append(PlannedPart(part, piece, job))
    return found


def _result(
    folder: ShardFolder, plan: Plan, number: int, parts: Sequence[PlannedPart]
) -> FileResult:
    """Add up what became of a file."""
    file = plan.files[number]
    result = FileResult(_job(folder, plan, number), is_done=True, source=file.source(plan.read_as))
    for each in parts:
        result.summary += each.part.summary
        result.job_id = each.part.job_id
        result.columns = {**result.columns, **each.part.columns}
        result.warnings += [
            warning for warning in each.part.warnings if warning not in result.warnings
        ]
    column = result.columns.get("text")
    if warning := counts_warning(result.summary, column, is_single=not plan.files[1:]):
        result.warnings.append(warning)
    return result


def _job(folder: ShardFolder, plan: Plan, number: int) -> Job:
    """Say where the output of a file is: in parts, those of all files are together."""
    job = plan.files[number].job(folder.outputs)
    if not plan.keep_parts:
        return job
    if job.rejects_file == default_rejected(job.source, job.output):  # else named by the user
        job = replace(job, rejected=folder.outputs / REJECTED)
    return replace(job, output=folder.outputs)
