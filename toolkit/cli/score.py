"""`toolkit score`: add sentiment and probability to the reviews of files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from toolkit.cli import console as messages
from toolkit.cli import options as o
from toolkit.cli import score_options as s
from toolkit.cli.process import check_memory
from toolkit.cli.score_options import Sharding
from toolkit.cli.score_report import RunReport
from toolkit.errors import UsageError
from toolkit.records.columns import Columns
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.model.scorer import Scorer
    from toolkit.scoring.jobs import Jobs
    from toolkit.scoring.options import ScoringOptions


def score(
    context: typer.Context,
    files: s.Files,
    common: s.CommonOptions,
    labels: s.ScoreOptions,
    reading: o.ReadingOptions,
    subset: o.SubsetOptions,
    rejects: s.RejectOptions,
    output: s.OutputOptions,
    running: s.RunningOptions,
    sharding: Sharding,
) -> None:
    """Add sentiment and probability to the reviews of files.

    Examples: `toolkit score reviews.csv`, or

    - `toolkit score reviews.csv --text-column body -o scored.parquet`
    - `toolkit score reviews.csv --stars --neutral --by-sentence`
    - `toolkit score 'data/*.jsonl.gz' -o scored/ --resume`
    - `toolkit score reviews.csv --aspects hotels --aspect pets=dog*,cat,cats`
    - `toolkit score reviews.csv --reasons 3`
    - `toolkit score reviews.csv --prior auto`
    - `toolkit score reviews.csv --names sentiment=label,probability=p`
    """
    messages.use_json(output.log_format == "json")
    with RunReport(None if common.dry_run else output.report, context) as run:
        run.allow_early(common.output, rejects.rejected)
        check_memory()
        if sharding.is_wanted:
            sharding.number_and_count()
        asked = labels.scorer_options(common)
        columns = None if labels.names_classes else labels.columns(common)
        options = _options(
            columns=columns,
            common=common,
            labels=labels,
            reading=reading,
            subset=subset,
            rejects=rejects,
            output=output,
            running=running,
        )

        from toolkit.model import find_model
        from toolkit.model.scorer import Scorer
        from toolkit.scoring.input_files import find_jobs
        from toolkit.scoring.results import ScoringModel

        jobs = find_jobs(
            files,
            common.output,
            output.output_format,
            rejects.path,
            output.report,
            reading.input_format,
        )
        model = find_model(common.model)
        run.allow(jobs, model, force=common.force)
        if output.page is not None:
            if reading.no_header:
                raise UsageError("--page: needs names of columns, and --no-header leaves none.")
            _check_page(output.page, jobs, sharding, force=common.force, dry_run=common.dry_run)
        scorer = Scorer.of(asked)
        if scorer.answers is not None:
            _check_has_no_page(output.page)
            columns = labels.columns_of_classes(common, scorer.answers)
        elif columns is None:
            columns = labels.columns(common)
        options = replace(options, reading=replace(options.reading, columns=columns))
        run.scorer = ScoringModel.of(scorer)
        if common.dry_run:
            from toolkit.cli.dry_run import show_preview

            show_preview(scorer, jobs, options)
        elif sharding.is_wanted:
            from toolkit.cli.shards import score_in_shards

            score_in_shards(
                run=run,
                scorer=scorer,
                jobs=jobs,
                options=options,
                sharding=sharding,
                output=None if common.output is None else path_of(common.output),
                quiet=common.quiet,
            )
        else:
            _score(
                run=run,
                scorer=scorer,
                jobs=jobs,
                options=options,
                page=output.page,
                model=common.model,
                quiet=common.quiet,
            )


def _options(
    columns: Columns | None,
    common: s.CommonOptions,
    labels: s.ScoreOptions,
    reading: o.ReadingOptions,
    subset: o.SubsetOptions,
    rejects: s.RejectOptions,
    output: s.OutputOptions,
    running: s.RunningOptions,
) -> ScoringOptions:
    """Return the options of scoring; columns are None if they depend on the model."""
    read_options = reading.options(columns or Columns())
    from toolkit.scoring.options import MaxRejected, MaxUnread, ScoringOptions, Subset

    most = rejects.max_rejected
    unread = rejects.max_unread
    return ScoringOptions(
        reading=read_options,
        output_format=output.output_format,
        stop_on_error=rejects.on_error == "stop",
        workers=running.workers,
        force=common.force,
        resume=common.resume,
        skip_existing=output.skip_existing,
        leaves_record=common.resume,
        checkpoint_seconds=running.checkpoint_seconds,
        max_rejected=None if most is None else MaxRejected.parse(most),
        max_unread=None if unread is None else MaxUnread.parse(unread),
        subset=Subset(subset.limit, subset.sample),
        estimates_prior=labels.prior is not None and labels.chosen_prior is None,
    )


def _score(
    run: RunReport,
    scorer: Scorer,
    jobs: Jobs,
    options: ScoringOptions,
    page: Path | None,
    model: Path | None,
    *,
    quiet: bool,
) -> None:
    """Score the files, print the summary, write the page, and choose the exit code."""
    from toolkit.cli.console import progress_of
    from toolkit.cli.score_view import exit_with, show, warn
    from toolkit.scoring.run import score_files

    results = score_files(
        scorer=scorer,
        jobs=jobs,
        options=options,
        on_file=lambda job: progress_of(job.source, quiet=quiet),
        on_start=run.results.append,
        on_warning=(lambda _, __: None) if quiet else warn,
    )
    if not quiet:
        show(results=results, jobs=jobs, options=options, run=run)
    if page is not None and any(result.summary.scored or result.is_skipped for result in results):
        outputs = [str(result.job.output) for result in results if result.error is None]
        adjusts = scorer.prior is None and not options.estimates_prior
        _write_page(page, outputs, options=options, model=model, adjusts=adjusts)
        if not quiet:
            messages.say(f"Written to {messages.one_line(str(page))}", "page", path=str(page))
    exit_with(run, results, options.max_rejected)


def _write_page(
    page: Path, outputs: list[str], *, options: ScoringOptions, model: Path | None, adjusts: bool
) -> None:
    """Summarize scored files as a page."""
    from toolkit.cli.summarize import run as summarize
    from toolkit.evaluation.summarize_files import SummaryOptions
    from toolkit.records.formats import beside

    # A named column of stars is one that scoring has added, not one of reviewers.
    columns = replace(options.reading.columns, stars=None, label=None)
    reading = beside(path_of(outputs[0]), replace(options.reading, columns=columns))
    summarize(
        files=outputs,
        options=SummaryOptions(reading, model, force=options.force, adjusts=adjusts),
        page=page,
        report=None,
        json=False,
        quiet=True,
    )


def _check_has_no_page(page: Path | None) -> None:
    """Raise `UsageError` if a page is wanted: there is none for models of classes."""
    if page is not None:
        raise UsageError(
            "--page: for models that tell negative from positive, and this one has classes of its "
            "own. Leave it out."
        )


def _check_page(page: Path, jobs: Jobs, sharding: Sharding, *, force: bool, dry_run: bool) -> None:
    """Raise `ToolkitError` if the page could not be written at the end."""
    from toolkit.cli.summarize import check_outputs
    from toolkit.records.options import STDIN

    files = [path for job in jobs.files for path in (job.source, job.output)]
    if sharding.is_wanted or dry_run or STDIN in [job.output for job in jobs.files]:
        raise UsageError(
            "--page: needs scored files, and cannot be combined with shards, --dry-run or an "
            "output on standard output. Use toolkit summarize on the output."
        )
    check_outputs(page, None, files, force=force)
