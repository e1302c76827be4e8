"""Score one shard of a plan: a part for each piece, and then the claim."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from toolkit.errors import InputError, OutputError, ToolkitError, UsageError
from toolkit.files import reporting_failures
from toolkit.model.scorer import Scorer
from toolkit.scoring.file_scorer import OnFile, OnResult, OnWarning
from toolkit.scoring.identity import settings_of
from toolkit.scoring.inputs.jobs import NOT_KEPT, Job, Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult, Source
from toolkit.scoring.run import score_files
from toolkit.shards.claim import Claim, Part
from toolkit.shards.claims import ShardFolder
from toolkit.shards.plan import Plan

_NAME_CHARACTERS = 40  # of an output in the name of a part


def score_shard(
    scorer: Scorer,
    folder: ShardFolder,
    plan: Plan,
    shard: int,
    options: ScoringOptions,
    on_file: OnFile | None = None,
    on_start: OnResult = lambda _: None,
    on_warning: OnWarning = lambda _, __: None,
) -> Claim:
    """Score a shard, unless that is done; many processes may try it at the same time.

    Parameters
    ----------
    scorer : Scorer
        The model of the plan.
    folder : ShardFolder
        Where the plan is.
    plan : Plan
        All shards.
    shard : int
        The number of this one, from 0.
    options : ScoringOptions
        Those of the plan.
    on_file : OnFile | None
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
    if (done := folder.read_claim(shard, plan)) is not None:
        return done
    attempt = uuid4().hex[:12]
    parts = folder.path / f"{shard:05}.{attempt}"
    callbacks = {"on_start": on_start, "on_warning": on_warning}
    if on_file is not None:
        callbacks["on_file"] = on_file
    try:
        claim = _scored(scorer, folder, plan, shard, options, parts, callbacks)
        is_first = folder.create_claim(claim, plan)
    except BaseException as error:
        if _is_lost(folder, plan, shard, attempt):
            folder.forget(parts)
        getattr(error, "__notes__", []).clear()  # which say that --resume continues the parts
        raise
    if not is_first:
        folder.forget(parts)
        if (done := folder.read_claim(shard, plan)) is None:
            raise OutputError(f"{folder.path}: the claim of shard {shard} is gone again.")
        return done
    return claim


def _is_lost(folder: ShardFolder, plan: Plan, shard: int, attempt: str) -> bool:
    """Whether an attempt has surely not claimed its shard, so that nobody needs its parts.

    It may have, where the answer of a store did not come, or a signal came right after the claim.
    """
    try:
        claim = folder.read_claim(shard, plan)
    except (ToolkitError, OSError):
        return False
    return claim is None or claim.attempt != attempt


def _scored(
    scorer: Scorer,
    folder: ShardFolder,
    plan: Plan,
    shard: int,
    options: ScoringOptions,
    parts: Path,
    callbacks: dict[str, Any],
) -> Claim:
    """Write the parts of a shard into a folder, and say what they are."""
    started, began = datetime.now(UTC), time.monotonic()
    _check_same_program(scorer, plan, options)
    for number in {piece.file for piece in plan.shards[shard]}:
        plan.files[number].check()
    jobs = [*_jobs(plan, shard, parts)]
    most = options.max_rejected  # a share is of the whole file
    single = replace(
        options,
        force=False,
        resume=False,
        checkpoint_seconds=math.inf,
        max_rejected=None if most is None or most.count is None else most,
    )
    results = (
        score_files(scorer, Jobs(jobs, parts, is_part=True), single, **callbacks) if jobs else []
    )
    if errors := [result.error for result in results if result.error is not None]:
        raise InputError(" ".join(errors))
    return Claim(
        shard,
        parts.suffix[1:],
        plan.job_id,
        [_part(result, folder.path) for result in results],
        platform.node(),
        round(time.monotonic() - began, 3),
        started.isoformat(timespec="milliseconds"),
        is_new=True,
    )


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


def results_of(claim: Claim, plan: Plan, folder: ShardFolder) -> list[FileResult]:
    """Say what became of the pieces of a shard."""
    jobs = _jobs(plan, claim.shard, folder.path / f"{claim.shard:05}.{claim.attempt}")
    return [
        FileResult(
            job,
            part.summary,
            is_done=True,
            source=Source(size=job.stretch.size),
            columns=part.columns,
            job_id=part.job_id,
            warnings=part.warnings,
        )
        for job, part in zip(jobs, claim.parts, strict=True)
    ]


def _jobs(plan: Plan, shard: int, parts: Path) -> Iterator[Job]:
    for number, piece in enumerate(plan.shards[shard]):
        planned = plan.files[piece.file].job()
        # Its end says the format; a name that is as long as can be leaves no room for the number.
        output = parts / f"{number:05}.{planned.output.name[-_NAME_CHARACTERS:]}"
        job = replace(Job.of(planned.source, output), is_named=planned.is_named)
        if planned.rejects_file is None:
            job = replace(job, rejected=NOT_KEPT)
        # An output that is joined is the one of a run without shards.
        name = f"{shard}/{plan.count}" if plan.keep_parts else None
        yield replace(job, stretch=piece.stretch, shard=name)


def _part(result: FileResult, folder: Path) -> Part:
    job, rejects = result.job, result.job.rejects_file
    has_rejects = rejects is not None and result.summary.rejected > 0
    with reporting_failures(job.output):
        size = job.output.stat().st_size
    return Part(
        job.output.relative_to(folder).as_posix(),
        size,
        result.frame,
        rejects.relative_to(folder).as_posix() if has_rejects and rejects is not None else None,
        result.job_id,
        result.summary.as_dict(),
        result.reached,
        dict(result.columns),
        result.warnings,
    )
