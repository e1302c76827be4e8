"""Begin a job in shards, and score one of them: a part for each piece, and then the claim."""

from __future__ import annotations

import math
import platform
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from toolkit.errors import InputError, OutputError, ToolkitError, UsageError
from toolkit.files import is_a_folder, is_there, resolved
from toolkit.model.scorer import Scorer
from toolkit.records.archives import file_of
from toolkit.scoring.identity import settings_of
from toolkit.scoring.jobs import Jobs, check_absent, check_job, check_not_input, check_outputs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult
from toolkit.scoring.run import OnFile, OnResult, OnWarning, score_files
from toolkit.shards.claims import PLAN, Claim, ShardedJob, folder_of, read_plan, write_plan
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
    """Plan the shards of a job, or find that another process has done so.

    Parameters
    ----------
    scorer : Scorer
        The model.
    jobs : Jobs
        The files and their outputs.
    options : ScoringOptions
        How they are scored; with ``force``, another job at the same place is dropped.
    count : int
        The number of shards.
    target : Path
        The folder of the outputs, or the only output.
    keep_parts : bool
        Whether the outputs stay in parts.

    Returns
    -------
    ShardedJob
        The job; its plan is written.

    Raises
    ------
    UsageError
        If the options do not go together, outputs exist, or another job is at this place.
    """
    is_in_folder = jobs.folder is not None or is_a_folder(target)
    if keep_parts and not is_in_folder:
        raise UsageError(
            f"{target}: --keep-parts writes several files. Name a folder with --output, with a "
            "slash at its end."
        )
    folder = folder_of(target, is_folder=is_in_folder)
    earlier: Plan | None = None
    with suppress(UsageError):  # a damaged one, of which `write_plan` tells
        earlier = read_plan(folder)
    plan = make_plan(
        scorer, jobs, options, count, folder.parent, keep_parts=keep_parts, earlier=earlier
    )
    _check_inputs_stay(jobs, target, keep_parts=keep_parts)
    if not options.force and not is_there(folder / PLAN):
        _check_outputs(jobs, target, is_in_folder=is_in_folder, keep_parts=keep_parts)
    write_plan(plan, folder, force=options.force)
    return ShardedJob(target, folder, plan)


def target_of(jobs: Jobs, output: Path | None) -> Path:
    """Say where the outputs go: a folder, or the only output."""
    if jobs.folder is not None:
        return jobs.folder
    if output is not None and is_a_folder(output):
        return output
    return jobs.files[0].output


def _check_inputs_stay(jobs: Jobs, target: Path, *, keep_parts: bool) -> None:
    """Raise `UsageError` if what is written would replace an input, which no option allows."""
    check_outputs(jobs.files)
    if keep_parts:
        sources = {resolved(file_of(job.source)) for job in jobs.files}
        for path in [target / SUCCESS, target / ALL_REJECTS, *parts_in(target)]:
            if resolved(path) in sources:
                raise UsageError(
                    f"{path}: is an input, which a part may replace. Choose another folder with "
                    "--output."
                )
    else:
        for job in jobs.files:
            check_not_input(job)


def _check_outputs(jobs: Jobs, target: Path, *, is_in_folder: bool, keep_parts: bool) -> None:
    if keep_parts:
        check_absent([target / SUCCESS, *parts_in(target)])
    elif is_in_folder:
        check_absent([job.output for job in jobs.files])
    else:
        for job in jobs.files:
            check_job(job, force=False)


def score_shard(
    scorer: Scorer,
    job: ShardedJob,
    shard: int,
    options: ScoringOptions,
    on_file: OnFile = lambda _: nullcontext(),
    on_start: OnResult = lambda _: None,
    on_warning: OnWarning = lambda _, __: None,
) -> Claim:
    """Score a shard, unless that is done; many processes may try it at the same time.

    Parameters
    ----------
    scorer : Scorer
        The model of the plan.
    job : ShardedJob
        The job.
    shard : int
        The number of the shard, from 0.
    options : ScoringOptions
        Those of the plan.
    on_file : OnFile
        As in `score_files`, like the two that follow.
    on_start : OnResult
        Gets the result of each piece before it is known.
    on_warning : OnWarning
        Gets what may be wrong with a piece.

    Returns
    -------
    Claim
        What became of the shard; `is_new` if this call has scored it.

    Raises
    ------
    InputError
        If an input has changed, or cannot be read.
    UsageError
        If this machine has another model or version, or the job is not there any more.
    OutputError
        If the parts or the claim cannot be written.
    """
    if (earlier := job.read_claim(shard)) is not None:
        return earlier
    attempt = uuid4().hex[:12]
    try:
        results = _score(scorer, job, shard, attempt, options, on_file, on_start, on_warning)
        done = [result.done for result in results if result.done is not None]
        claim = Claim(shard, attempt, job.plan.job_id, done, platform.node(), is_new=True)
        is_first = job.create_claim(claim)
    except BaseException as error:
        if _is_lost(job, shard, attempt):
            job.forget(shard, attempt)
        getattr(error, "__notes__", []).clear()  # which say that --resume continues the parts
        raise
    if is_first:
        return claim
    job.forget(shard, attempt)
    if (earlier := job.read_claim(shard)) is None:
        raise OutputError(f"{job.folder}: the claim of shard {shard} is gone again.")
    return earlier


def _is_lost(job: ShardedJob, shard: int, attempt: str) -> bool:
    """Whether an attempt has surely not claimed its shard, so that nobody needs its parts.

    It may have, where the answer of a store did not come, or a signal came right after the claim.
    """
    try:
        claim = job.read_claim(shard)
    except (ToolkitError, OSError):
        return False
    return claim is None or claim.attempt != attempt


def _score(
    scorer: Scorer,
    job: ShardedJob,
    shard: int,
    attempt: str,
    options: ScoringOptions,
    *callbacks: Any,
) -> list[FileResult]:
    """Write the parts of a shard into a folder."""
    _check_same_program(scorer, job.plan, options)
    for number in {piece.file for piece in job.plan.shards[shard]}:
        job.plan.files[number].check()
    most = options.max_rejected  # a share is of the whole file
    options = replace(
        options,
        force=False,
        resume=False,
        checkpoint_seconds=math.inf,
        max_rejected=None if most is None or most.count is None else most,
    )
    jobs = Jobs([*job.jobs(shard, attempt)], job.parts_folder(shard, attempt), is_shard=True)
    results = score_files(scorer, jobs, options, *callbacks) if jobs.files else []
    if errors := [result.error for result in results if result.error is not None]:
        raise InputError(" ".join(errors))
    return results


def _check_same_program(scorer: Scorer, plan: Plan, options: ScoringOptions) -> None:
    """Raise `UsageError` if the outputs may differ from those of other shards.

    Such as on a machine of a cluster that has another version, or another file for the model.
    """
    mine = settings_of(scorer, options)
    changed = [name for name in plan.settings if plan.settings[name] != mine.get(name)]
    if changed:
        raise UsageError(
            f"{platform.node()}: this machine would not score as planned: this differs: "
            f"{', '.join(changed)}. Install the same toolkit and model on all machines."
        )
