"""What `toolkit score` does for a job in shards: plan it, score one, or let a cluster score all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.cli import messages
from toolkit.cli.progress import progress_of
from toolkit.cli.score.report import RunReport
from toolkit.cli.score.sharding import Sharding
from toolkit.cli.score.view import show, warn
from toolkit.cli.terminal import one_line
from toolkit.errors import counted
from toolkit.model.scorer import Scorer
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult
from toolkit.shards.claim import Claim
from toolkit.shards.job import ShardedJob, target_of
from toolkit.shards.score_shard import results_of, score_shard


def score_in_shards(
    run: RunReport,
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions,
    sharding: Sharding,
    output: Path | None,
    *,
    quiet: bool,
) -> None:
    """Do what is asked for of a job in shards.

    A shard with rejects has done its work: that a scheduler takes as a success. `toolkit finish`
    tells of the rejects, as it does of a job of which no record is scored.
    """
    number, count = sharding.number_and_count()
    target = target_of(jobs, output)
    if sharding.engine == "ray":
        from toolkit.cli.score.ray import score_with_ray

        score_with_ray(run, scorer, jobs, options, sharding, target, quiet=quiet)
        return
    assert count is not None
    job = sharding.begin(scorer, jobs, options, count, target)
    run.job_id = job.plan.job_id
    if number is None:
        if not quiet:
            _show_plan(job)
        return
    run.shard = f"{number}/{count}"
    claim = score_shard(
        scorer,
        job.folder,
        job.plan,
        number,
        options,
        lambda each: progress_of(each.source, quiet=quiet),
        on_start=run.results.append,
        on_warning=(lambda _, __: None) if quiet else warn,
    )
    run.results[:] = results_of(claim, job.plan, job.folder)
    if not quiet:
        _show_shard(run, job, claim, jobs, options, run.results)


def _show_plan(job: ShardedJob) -> None:
    """Say what is planned, and what comes next."""
    plan = job.plan
    pieces = [*plan.pieces()]
    used = len({shard for shard, _, _ in pieces})
    text = (
        f"{one_line(str(job.folder.plan_path))}: {counted(plan.count, 'shard')} of "
        f"{counted(len(plan.files), 'file')} in {counted(len(pieces), 'piece')}"
        f"{'' if used == plan.count else f', {plan.count - used:,} of them with nothing to do'}. "
        f"Score each with --shard 0/{plan.count} to {plan.count - 1}/{plan.count} and the same "
        "options, and join them with toolkit finish."
    )
    messages.say(
        text, "plan", plan=str(job.folder.plan_path), job_id=plan.job_id, shards=plan.count,
        files=len(plan.files), pieces=len(pieces),
    )  # fmt: skip


def _show_shard(
    run: RunReport,
    job: ShardedJob,
    claim: Claim,
    jobs: Jobs,
    options: ScoringOptions,
    results: Sequence[FileResult],
) -> None:
    """Say what became of a shard."""
    if not claim.is_new:
        messages.say(
            f"{one_line(str(job.target))}: shard {run.shard} is done already.",
            "done already", output=str(job.target), shard=run.shard,
        )  # fmt: skip
        return
    where = f"{job.target}, shard {run.shard}"
    show(results, Jobs(jobs.files, job.target, is_part=True), options, run, where)
