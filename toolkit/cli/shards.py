"""Jobs in shards: planned, scored and joined by `toolkit score` and `toolkit finish`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from toolkit.cli import console as messages
from toolkit.cli import options as o
from toolkit.cli import score_options as s
from toolkit.cli.console import one_line, progress_of
from toolkit.cli.score_options import Sharding
from toolkit.cli.score_report import RunReport
from toolkit.cli.score_view import exit_with, say_removed, show, warn, warn_of
from toolkit.errors import InputError, ToolkitError, UsageError, counted, is_wrong_call
from toolkit.files import is_a_folder, is_there
from toolkit.model.scorer import Scorer
from toolkit.progress import unfinished
from toolkit.records.inputs import Input
from toolkit.records.options import STDIN
from toolkit.scoring.file_run import Progress
from toolkit.scoring.jobs import Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.results import FileResult, RecordCounts, Source, total
from toolkit.shards.claims import PLAN, Claim, ShardedJob, folder_of, read_plan, remove_shards
from toolkit.shards.finish import finish_job
from toolkit.shards.ray import connected, score_on_ray, shards_for
from toolkit.shards.score import begin_job, score_shard, target_of


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
    """Plan a job in shards, score one of its shards, or score all of them on Ray.

    A shard with rejects ends with exit code 0, so that a scheduler does not repeat it. `toolkit
    finish` reports the rejects, and fails if no record at all is scored.
    """
    call = _Call(
        run=run,
        scorer=scorer,
        jobs=jobs,
        options=options,
        sharding=sharding,
        target=target_of(jobs, output),
        quiet=quiet,
    )
    number, count = sharding.number_and_count()
    if sharding.engine == "ray":
        call.score_on_ray()
        return
    assert count is not None
    job = call.begin(count)
    if number is not None:
        call.score_shard(job, number)
    elif not quiet:
        _show_plan(job)


@dataclass(frozen=True)
class _Call:
    """A job that is scored in shards, and how."""

    run: RunReport
    scorer: Scorer
    jobs: Jobs
    options: ScoringOptions
    sharding: Sharding
    target: Path  # of the outputs: a folder, or the only output
    quiet: bool

    def begin(self, count: int) -> ShardedJob:
        """Plan the shards, or read their plan."""
        job = begin_job(
            scorer=self.scorer,
            jobs=self.jobs,
            options=self.options,
            count=count,
            target=self.target,
            keep_parts=self.sharding.keep_parts,
        )
        self.run.job_id = job.plan.job_id
        return job

    def score_shard(self, job: ShardedJob, number: int) -> None:
        """Score one shard, and show its results."""
        run = self.run
        run.shard = f"{number}/{job.plan.count}"
        claim = score_shard(
            scorer=self.scorer,
            job=job,
            shard=number,
            options=self.options,
            on_file=lambda each: progress_of(each.source, quiet=self.quiet),
            on_start=run.results.append,
            on_warning=(lambda _, __: None) if self.quiet else warn,
        )
        run.results[:] = job.results(claim)
        if self.quiet:
            return
        if claim.is_new:
            self._show_shard(job)
        else:
            messages.say(
                f"{one_line(str(job.target))}: shard {run.shard} is done already.",
                "done already",
                output=str(job.target),
                shard=run.shard,
            )

    def _show_shard(self, job: ShardedJob) -> None:
        """Show the results of a shard."""
        show(
            results=self.run.results,
            jobs=Jobs(self.jobs.files, job.target, is_shard=True),
            options=self.options,
            run=self.run,
            where=f"{job.target}, shard {self.run.shard}",
        )

    def score_on_ray(self) -> None:
        """Score all shards on a Ray cluster, and join them."""
        run = self.run
        jobs = self.jobs
        target = self.target
        folder = folder_of(target, is_folder=jobs.folder is not None or is_a_folder(target))
        _check_unfinished(folder, self.options)
        with messages.only_own_messages(), connected() as cpus, _saved_shards_noted(folder):
            sources = [
                Source.of(each.input, self.options.reading.format, each.input.known_facts())
                for each in jobs.files
            ]
            job = self.begin(self._count(sources, folder, cpus))
            run.results = [
                FileResult(each, source=source)
                for each, source in zip(jobs.files, sources, strict=True)
            ]  # so that an interrupted run can still report them
            failed = self._score(job)
            if not failed:
                run.results = finish_job(job, force=self.options.force)
        if failed:
            _raise_failed(failed, job.plan.count)
        if not self.quiet:
            warn_of(run.results)
            jobs = replace(jobs, folder=jobs.folder or (target if is_a_folder(target) else None))
            show(results=run.results, jobs=jobs, options=self.options, run=run)
        exit_with(run, run.results, self.options.max_rejected)

    def _count(self, sources: Sequence[Source], folder: Path, cpus: int) -> int:
        """Return how many shards the user, an earlier run or the cluster asks for."""
        if self.sharding.shards:
            return self.sharding.shards
        earlier = read_plan(folder)
        if earlier is not None:
            return earlier.count
        return shards_for(sum(source.size or 0 for source in sources), cpus)

    def _score(self, job: ShardedJob) -> dict[int, ToolkitError]:
        """Score the shards on the cluster, show the progress, and return failed shards."""
        so_far = RecordCounts()
        done = 0
        sizes = [
            sum(piece.file_range.size or job.plan.files[piece.file].facts.size for piece in shard)
            for shard in job.plan.shards
        ]
        with progress_of(job.target, quiet=self.quiet) as on_progress:

            def on_claim(claim: Claim) -> None:
                nonlocal so_far, done
                so_far = so_far + claim.summary
                done = done + sizes[claim.shard]
                if on_progress is not None:
                    on_progress(
                        Progress(
                            records=so_far.records,
                            bytes_done=done,
                            bytes_in_all=sum(sizes),
                            resumed=0,
                            accuracy=so_far.accuracy,
                        )
                    )

            return score_on_ray(
                job=job, scorer=self.scorer, options=self.options, on_claim=on_claim
            )


def _show_plan(job: ShardedJob) -> None:
    """Report the plan, and the next commands."""
    plan = job.plan
    path = str(job.folder / PLAN)
    pieces = [piece for shard in plan.shards for piece in shard]
    unused = sum(not shard for shard in plan.shards)
    text = (
        f"{one_line(path)}: {counted(plan.count, 'shard')} of "
        f"{counted(len(plan.files), 'file')} in {counted(len(pieces), 'piece')}"
        f"{f', {unused:,} of them with nothing to do' if unused else ''}. "
        f"Score each with --shard 0/{plan.count} to {plan.count - 1}/{plan.count} and the same "
        "options, and join them with toolkit finish."
    )
    messages.say(
        text,
        "plan",
        plan=path,
        job_id=plan.job_id,
        shards=plan.count,
        files=len(plan.files),
        pieces=len(pieces),
    )


_SAVED = (
    "Finished shards are kept. Run the same command with --resume to continue, or with --force to "
    "start over."
)


@contextmanager
def _saved_shards_noted(folder: Path) -> Iterator[None]:
    """If the job ends early, note that its finished shards are kept."""
    try:
        yield
    except BaseException as error:
        if not is_wrong_call(error) and is_there(folder / PLAN):
            error.add_note(_SAVED)
        raise


def _check_unfinished(folder: Path, options: ScoringOptions) -> None:
    """Drop an unfinished run with --force; raise `UsageError` without --resume and --force."""
    if not is_there(folder / PLAN):
        return
    if options.force and not options.resume:
        remove_shards(folder)
    elif not options.resume:
        raise unfinished(folder)


def _raise_failed(failed: dict[int, ToolkitError], count: int) -> NoReturn:
    """Raise the error of the first failed shard; print the others."""
    (first, error), *others = failed.items()
    for shard, other in others:
        messages.error(f"shard {shard}/{count}: {one_line(str(other))}", 1)
    kind = UsageError if isinstance(error, UsageError) else InputError
    failure = kind(f"shard {first}/{count}: {error}")
    failure.add_note(_SAVED)
    raise failure


_CLEAN = "Remove unfinished outputs of killed runs, instead of joining."
_TARGET = "Output folder or file, as given to the shards."
Target = Annotated[Path, o.argument("OUTPUT", _TARGET)]


def finish(
    context: typer.Context,
    target: Target,
    clean: Annotated[bool, o.flag("--clean", _CLEAN)] = False,
    force: o.Force = False,
    report: s.Report = None,
    log_format: s.LogFormat = "text",
    quiet: o.Quiet = False,
) -> None:
    """Join the shards of a job into one output.

    Fails unless all shards are done and their counts add up to the job. Otherwise it writes each
    output, with its rejects beside it, and removes the parts. If the shards were scored with
    --keep-parts, the parts stay: part-00000.csv and so on, all rejects in one file, and an empty
    _SUCCESS.

    The command can be interrupted and repeated.

    Examples: `toolkit finish scored/`, after

    - `toolkit score reviews.csv -o scored/ --shard 0/2`
    - `toolkit score reviews.csv -o scored/ --shard 1/2`
    """
    messages.use_json(log_format == "json")
    with RunReport(report, context) as run:
        if clean:
            run.allow_early()
            run.removed = ShardedJob.clean(target)
            if not quiet:
                say_removed(run.removed)
                if not run.removed:
                    messages.say(f"{one_line(str(target))}: nothing to remove.", "nothing left")
            return
        job = ShardedJob.at(target)
        plan = job.plan
        planned = [file.job(job.outputs) for file in plan.files]
        jobs = Jobs(planned, None if planned[0].output == target else target)
        # Inputs are not written, and may be named as from another folder.
        outputs = replace(jobs, files=[replace(each, input=Input.of(STDIN)) for each in planned])
        run.allow(outputs, None, force=force)
        run.scorer = plan.model
        run.job_id = plan.job_id
        run.results = finish_job(job, force=force)
        if not quiet:
            warn_of(run.results)
            shards = counted(plan.count, "shard")
            time = f"{run.seconds:.2f} s to join; {total(run.results).seconds:.2f} s in {shards}"
            show(results=run.results, jobs=jobs, options=ScoringOptions(), run=run, time=time)
        exit_with(run, run.results, plan.max_rejected)
