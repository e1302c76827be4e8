"""`toolkit finish`: join the shards of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console as messages
from toolkit.cli import options as o
from toolkit.cli import score_options as s
from toolkit.cli.score_report import RunReport
from toolkit.errors import counted

_TARGET = "What --output of the shards names: a folder, or a file."
Target = Annotated[Path, o.argument("OUTPUT", _TARGET)]


def finish(
    context: typer.Context,
    target: Target,
    force: o.Force = False,
    report: s.Report = None,
    log_format: s.LogFormat = "text",
    quiet: o.Quiet = False,
) -> None:
    """Join the shards of a job to what one run would write.

    Refuses unless all shards are done and their counts add up to the job. Then it writes each
    output, with its rejects beside it, and removes the parts. With --keep-parts of the shards, they
    stay: part-00000.csv and so on, all rejects in one file, and _SUCCESS with the counts.

    It may be interrupted, and run again.

    Examples: `toolkit finish scored/`, after

    - `toolkit score reviews.csv -o scored/ --shard 0/2`
    - `toolkit score reviews.csv -o scored/ --shard 1/2`
    """
    messages.use_json(log_format == "json")
    with RunReport(report, context) as run:
        from toolkit.cli.score_view import exit_with, show, warn_of
        from toolkit.scoring.jobs import Jobs
        from toolkit.scoring.options import ScoringOptions
        from toolkit.scoring.results import total
        from toolkit.shards import ShardedJob, finish_job

        job = ShardedJob.at(target)
        plan = job.plan
        planned = [file.job(job.outputs) for file in plan.files]
        jobs = Jobs(planned, None if planned[0].output == target else target)
        run.allow(jobs, None, force=force, resume=True)
        run.scorer, run.job_id = plan.model, plan.job_id
        run.results = finish_job(job, force=force)
        if not quiet:
            warn_of(run.results)
            shards = counted(plan.count, "shard")
            time = f"{run.seconds:.2f} s to join; {total(run.results).seconds:.2f} s in {shards}"
            show(run.results, jobs, ScoringOptions(), run, time=time)
        exit_with(run, run.results)
