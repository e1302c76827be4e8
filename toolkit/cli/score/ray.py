"""`toolkit score --engine ray`: a cluster scores the shards of a job, and then they are joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit.cli import messages
from toolkit.cli.progress import progress_of, progress_of_joining
from toolkit.cli.score.ending import exit_with
from toolkit.cli.score.report import RunReport
from toolkit.cli.score.sharding import Sharding
from toolkit.cli.score.view import show, warn_of
from toolkit.cli.terminal import one_line
from toolkit.errors import InputError, ToolkitError, UsageError, is_wrong_call
from toolkit.files import is_a_folder, is_there
from toolkit.model.scorer import Scorer
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult, Source
from toolkit.scoring.summary import Progress, Summary
from toolkit.shards.claim import Claim
from toolkit.shards.claims import ShardFolder
from toolkit.shards.finish import finish
from toolkit.shards.job import ShardedJob
from toolkit.shards.ray_cluster import Failed, connected, score_on_ray, shards_for

_SAVED = (
    "The shards that are done are kept. Run the same command with --resume to continue, or with "
    "--force to start over."
)


def score_with_ray(
    run: RunReport,
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions,
    sharding: Sharding,
    target: Path,
    *,
    quiet: bool,
) -> None:
    """Score a job on a cluster."""
    folder = ShardFolder.of(target, is_folder=jobs.folder is not None or is_a_folder(target))
    _check_unfinished(folder, options)
    with messages.only_own_messages(threads="ray_"), connected() as cpus:
        try:
            size = sum(Source.of(job.source, options.reading).size or 0 for job in jobs.files)
            count = sharding.shards or _earlier_count(folder) or shards_for(size, cpus)
            job = sharding.begin(scorer, jobs, options, count, target)
            run.job_id = job.plan.job_id
            run.results = [
                FileResult(each, source=Source.of(each.source, options.reading))
                for each in jobs.files
            ]  # for a report of a run that does not come to its end
            failed = _score(job, scorer, options, cpus, quiet=quiet)
            if not failed:
                with progress_of_joining(target, quiet=quiet) as on_joined:
                    run.results = finish(
                        job.folder, job.plan, force=options.force, on_joined=on_joined
                    )
        except BaseException as error:
            if not is_wrong_call(error) and is_there(folder.plan_path):
                error.add_note(_SAVED)
            raise
    if failed:
        _say_failed(failed, job.plan.count)
    if not quiet:
        warn_of(run.results)
        jobs = replace(jobs, folder=jobs.folder or (target if is_a_folder(target) else None))
        show(run.results, jobs, options, run)
    exit_with(run, run.results)


def _check_unfinished(folder: ShardFolder, options: ScoringOptions) -> None:
    """Continue or drop what an earlier run has left, as the options say."""
    if not is_there(folder.plan_path):
        return
    if options.force and not options.resume:
        folder.remove()
    elif not options.resume:
        raise UsageError(
            f"{folder.path}: an earlier run is unfinished. Continue it with --resume, or start "
            "over with --force."
        )


def _earlier_count(folder: ShardFolder) -> int | None:
    """Give the number of shards of a run that is continued."""
    plan = folder.read_plan()
    return None if plan is None else plan.count


def _score(
    job: ShardedJob, scorer: Scorer, options: ScoringOptions, cpus: int, *, quiet: bool
) -> list[Failed]:
    """Let the cluster score, and show how far the whole job is."""
    so_far, done = Summary(), 0
    sizes = [
        sum(piece.stretch.size or job.plan.files[piece.file].size for piece in shard)
        for shard in job.plan.shards
    ]
    with progress_of(job.target, quiet=quiet) as on_progress:

        def on_claim(claim: Claim) -> None:
            nonlocal so_far, done
            so_far, done = so_far + claim.summary, done + sizes[claim.shard]
            if on_progress is not None:
                on_progress(Progress(so_far.records, done, sum(sizes), 0, so_far.accuracy))

        return score_on_ray(job, scorer, options, cpus, on_claim)


def _say_failed(failed: list[Failed], count: int) -> None:
    """End the run of which some shards cannot be scored."""
    for each in failed[1:]:
        messages.error(f"shard {each.shard}/{count}: {one_line(each.message)}", 1)
    first = failed[0]
    kind: type[ToolkitError] = UsageError if first.is_usage else InputError
    error = kind(f"shard {first.shard}/{count}: {first.message}")
    error.add_note(_SAVED)
    raise error
