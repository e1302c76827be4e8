"""Begin a job in shards, and score a shard: write a part for each piece, then the claim."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from toolkit.errors import InputError, OutputError, ToolkitError, UsageError
from toolkit.files import is_a_folder, is_there
from toolkit.model.scorer import Scorer
from toolkit.progress import differences
from toolkit.scoring.file_run import OnFile
from toolkit.scoring.identity import settings_of, sum_of
from toolkit.scoring.jobs import (
    STDOUT,
    Job,
    Jobs,
    RejectsTo,
    check_absent,
    check_apart,
    check_job,
)
from toolkit.scoring.journal import remove_parts_of
from toolkit.scoring.options import Limit, ScoringOptions
from toolkit.scoring.results import FileResult
from toolkit.scoring.run import OnResult, OnWarning, score_files
from toolkit.shards.claims import (
    PLAN,
    Claim,
    ShardedJob,
    files_of,
    folder_of,
    read_plan,
    write_plan,
)
from toolkit.shards.plan import ALL_REJECTS, SUCCESS, Plan, make_plan, parts_in


def begin_job(
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions,
    count: int,
    target: Path,
    *,
    keep_parts: bool = False,
) -> ShardedJob:
    """Plan the shards of a job and write the plan, or read the plan of another process.

    `target` is the folder of the outputs, or the only output; with `keep_parts`, the outputs stay
    in parts. `options.force` replaces another job at the same place. Raises `UsageError` if the
    options do not go together, if outputs exist, or if another job is at this place.
    """
    is_in_folder = jobs.folder is not None or is_a_folder(target)
    if keep_parts and not is_in_folder:
        raise UsageError(
            f"{target}: --keep-parts writes several files. Name a folder with --output, with a "
            "slash at its end."
        )
    folder = folder_of(target, is_folder=is_in_folder)
    earlier: Plan | None = None
    with suppress(UsageError):  # of a damaged plan: `write_plan` reports it
        earlier = read_plan(folder)
    plan = make_plan(
        scorer=scorer,
        jobs=jobs,
        options=options,
        count=count,
        folder=folder.parent,
        keep_parts=keep_parts,
        earlier=earlier,
    )
    check_apart(jobs.files)
    outputs = [job.output for job in jobs.files]
    if keep_parts:
        outputs = [target / SUCCESS, *parts_in(target)]
        # Even with --force, none of these may replace an input.
        parts = [*outputs, target / ALL_REJECTS]
        inputs = [replace(job, output=STDOUT, rejected=RejectsTo.NOWHERE) for job in jobs.files]
        check_apart([*inputs, *(replace(inputs[0], output=path) for path in parts)])
    if not options.force and not is_there(folder / PLAN):
        if is_in_folder:
            check_absent(outputs)
        else:
            check_job(jobs.files[0], force=False)
    write_plan(plan, folder, force=options.force)
    return ShardedJob(target, folder, plan)


def target_of(jobs: Jobs, output: Path | None) -> Path:
    """Return where the outputs go: a folder, or the only output."""
    if jobs.folder is not None:
        return jobs.folder
    if output is not None and is_a_folder(output):
        return output
    return jobs.files[0].output


def score_shard(
    scorer: Scorer,
    job: ShardedJob,
    shard: int,
    options: ScoringOptions,
    on_file: OnFile[Job] = lambda _: nullcontext(),
    on_start: OnResult = lambda _: None,
    on_warning: OnWarning = lambda _, __: None,
) -> Claim:
    """Score a shard, unless it is done; several processes may try at the same time.

    The model and the options must be the same as in the plan. The callbacks are called as by
    `score_files`, with pieces instead of files. `is_new` of the claim says whether this call has
    scored the shard. Raises `InputError` if an input has changed or cannot be read, `UsageError` if
    this machine has another model or version or the job is gone, and `OutputError` if the parts or
    the claim cannot be written.
    """
    if (earlier := job.read_claim(shard)) is not None:
        return earlier
    remove_parts_of(job.folder)
    attempt = uuid4().hex[:12]
    with _forgotten_on_error(job, shard, attempt):
        results = _score(
            scorer=scorer,
            job=job,
            shard=shard,
            attempt=attempt,
            options=options,
            on_file=on_file,
            on_start=on_start,
            on_warning=on_warning,
        )
        done = tuple(
            replace(part.done, files={path.name: sum_of(path) for path in files_of(part)})
            for part in results
            if part.done is not None  # each part that has been scored has it
        )
        claim = Claim(shard=shard, attempt=attempt, job_id=job.plan.job_id, done=done, is_new=True)
        if job.create_claim(claim):
            return claim
    job.forget(shard, attempt)
    if (earlier := job.read_claim(shard)) is None:
        raise OutputError(
            f"{job.folder}: the claim of shard {shard} was removed. Score the shard again."
        )
    return earlier


@contextmanager
def _forgotten_on_error(job: ShardedJob, shard: int, attempt: str) -> Iterator[None]:
    """If an attempt to score a shard fails, remove its files, unless the shard is claimed."""
    try:
        yield
    except BaseException as error:
        # If the store's reply was lost, the claim may exist anyway.
        with suppress(ToolkitError, OSError):
            earlier = job.read_claim(shard)
            if earlier is None or earlier.attempt != attempt:
                job.forget(shard, attempt)
        # The notes say that --resume continues: it does not continue the parts of a shard.
        getattr(error, "__notes__", []).clear()
        raise


def _score(
    scorer: Scorer,
    job: ShardedJob,
    shard: int,
    attempt: str,
    options: ScoringOptions,
    on_file: OnFile[Job],
    on_start: OnResult,
    on_warning: OnWarning,
) -> list[FileResult]:
    """Write the parts of a shard into a folder of its own."""
    _check_same_program(scorer, job.plan, options)
    for number in {piece.file for piece in job.plan.shards[shard]}:
        job.plan.files[number].check()
    options = replace(
        options,
        force=False,
        resume=False,
        checkpoint_seconds=math.inf,
        max_rejected=_of_a_part(options.max_rejected),
        max_unread=_of_a_part(options.max_unread),
    )
    jobs = Jobs([*job.jobs(shard, attempt)], job.parts_folder(shard, attempt), is_shard=True)
    if not jobs.files:
        return []
    results = score_files(
        scorer=scorer,
        jobs=jobs,
        options=options,
        on_file=on_file,
        on_start=on_start,
        on_warning=on_warning,
    )
    if errors := [result.error for result in results if result.error is not None]:
        raise InputError(" ".join(errors))
    return results


_Limit = TypeVar("_Limit", bound=Limit)


def _of_a_part(most: _Limit | None) -> _Limit | None:
    """Return the limit of rejects for a part; None for a share, which applies to whole files."""
    return None if most is None or most.count is None else most


def _check_same_program(scorer: Scorer, plan: Plan, options: ScoringOptions) -> None:
    """Raise `UsageError` if this machine has another version or model file than the plan."""
    mine = settings_of(scorer, options)
    if changed := differences(mine, plan.settings, also=mine):
        raise UsageError(
            f"{platform.node()}: this machine differs from the plan in: {', '.join(changed)}. "
            "Install the same toolkit and model on all machines."
        )
