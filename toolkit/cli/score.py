"""`toolkit score`: add sentiment and probability to the reviews of files."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    - `toolkit score reviews.csv -m reviews-small --second reviews --unsure 0.2:0.8`
    - `toolkit score reviews.csv --names sentiment=label,probability=p`
    """
    messages.use_json(output.log_format == "json")
    call = _Call(
        files=files,
        common=common,
        labels=labels,
        reading=reading,
        subset=subset,
        rejects=rejects,
        output=output,
        running=running,
        sharding=sharding,
    )
    with RunReport(None if common.dry_run else output.report, context) as run:
        run.allow_early(common.output, rejects.rejected)
        check_memory()
        call.run(run)


@dataclass(frozen=True)
class _Call:
    """All that the user has asked for."""

    files: list[str]
    common: s.CommonOptions
    labels: s.ScoreOptions
    reading: o.ReadingOptions
    subset: o.SubsetOptions
    rejects: s.RejectOptions
    output: s.OutputOptions
    running: s.RunningOptions
    sharding: Sharding

    def run(self, run: RunReport) -> None:
        """Check everything, then score the files, show what would be done, or score shards."""
        if self.sharding.is_wanted:
            self.sharding.number_and_count()
        asked = self.labels.scorer_options(self.common)
        # The columns of a model of classes are known when it is loaded.
        columns = None if self.labels.names_classes else self.labels.columns(self.common)
        options = self._options(columns or Columns())
        jobs = self._jobs(run)
        from toolkit.model.scorer import Scorer
        from toolkit.scoring.results import ScoringModel

        scorer = Scorer.of(asked)
        columns = self._columns(scorer)
        options = replace(options, reading=replace(options.reading, columns=columns))
        run.scorer = ScoringModel.of(scorer)
        if self.common.dry_run:
            from toolkit.cli.dry_run import show_preview

            show_preview(scorer, jobs, options)
        elif self.sharding.is_wanted:
            from toolkit.cli.shards import score_in_shards

            score_in_shards(
                run=run,
                scorer=scorer,
                jobs=jobs,
                options=options,
                sharding=self.sharding,
                output=None if self.common.output is None else path_of(self.common.output),
                quiet=self.common.quiet,
            )
        else:
            _score(
                run=run,
                scorer=scorer,
                jobs=jobs,
                options=options,
                page=self.output.page,
                model=self.common.model,
                quiet=self.common.quiet,
            )

    def _options(self, columns: Columns) -> ScoringOptions:
        """Return how the files are scored."""
        read_options = self.reading.options(columns)
        from toolkit.scoring.options import MaxRejected, MaxUnread, ScoringOptions, Subset

        rejects = self.rejects
        most = rejects.max_rejected
        unread = rejects.max_unread
        return ScoringOptions(
            reading=read_options,
            output_format=self.output.output_format,
            stop_on_error=rejects.on_error == "stop",
            workers=self.running.workers,
            force=self.common.force,
            resume=self.common.resume,
            skip_existing=self.output.skip_existing,
            leaves_record=self.common.resume,
            checkpoint_seconds=self.running.checkpoint_seconds,
            max_rejected=None if most is None else MaxRejected.parse(most),
            max_unread=None if unread is None else MaxUnread.parse(unread),
            subset=Subset(self.subset.limit, self.subset.sample),
            estimates_prior=self.labels.prior is not None and self.labels.chosen_prior is None,
        )

    def _jobs(self, run: RunReport) -> Jobs:
        """Find the files; raise `ToolkitError` if they, the model and the report are not apart."""
        from toolkit.model import find_model
        from toolkit.scoring.input_files import find_jobs
        from toolkit.scoring.jobs import check_apart

        common = self.common
        output = self.output
        jobs = find_jobs(
            self.files,
            common.output,
            output_format=output.output_format,
            rejected=self.rejects.target,
            report=output.report,
            input_format=self.reading.input_format,
        )
        if self.labels.second is not None:
            check_apart(jobs.files, find_model(self.labels.second))
        run.allow(jobs, find_model(common.model), force=common.force)
        if output.page is not None:
            if self.reading.no_header:
                raise UsageError(
                    "--page: needs column names, but with --no-header there are "
                    "none. Leave one of the two out."
                )
            _check_page(
                output.page, jobs, self.sharding, force=common.force, dry_run=common.dry_run
            )
        return jobs

    def _columns(self, scorer: Scorer) -> Columns:
        """Return the columns that this kind of model reads and adds."""
        if scorer.answers is None:
            return self.labels.columns(self.common)
        scorer.check_options_of_sentiment(
            {
                "--page": self.output.page is not None,
                "--stars": self.common.stars,
                "--aspect-probability": self.labels.aspect_probability,
                "--prior": self.labels.prior is not None,
                "--answered-by": self.labels.answered_by,
            }
        )
        return self.labels.columns_of_classes(self.common, scorer.answers)


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
        reader = model if scorer.has_words else None  # whose words are counted
        _write_page(page, outputs, options=options, model=reader, adjusts=adjusts)
        if not quiet:
            messages.say(f"Written to {messages.one_line(str(page))}", "page", path=str(page))
    exit_with(run, results, options.max_rejected)


def _write_page(
    page: Path, outputs: list[str], *, options: ScoringOptions, model: Path | None, adjusts: bool
) -> None:
    """Summarize scored files as a page."""
    from toolkit.cli.summarize import run as summarize
    from toolkit.evaluation.scored_files import ScoredFiles, SummaryOptions
    from toolkit.records.formats import beside

    # A named column of stars is one that scoring has added, not one of reviewers.
    columns = replace(options.reading.columns, stars=None, label=None)
    reading = beside(path_of(outputs[0]), replace(options.reading, columns=columns))
    summarize(
        ScoredFiles.find(outputs),
        options=SummaryOptions(reading, model, force=options.force, adjusts=adjusts),
        page=page,
        report=None,
        json=False,
        quiet=True,
    )


def _check_page(page: Path, jobs: Jobs, sharding: Sharding, *, force: bool, dry_run: bool) -> None:
    """Raise `ToolkitError` if the page could not be written at the end."""
    from toolkit.cli.summarize import check_outputs

    files = [path for job in jobs.files for path in (job.source, job.output)]
    if sharding.is_wanted or dry_run or any(job.is_to_stdout for job in jobs.files):
        raise UsageError(
            "--page: needs scored files, and cannot be combined with shards, --dry-run or an "
            "output on standard output. Use toolkit summarize on the output."
        )
    check_outputs(page, None, files, force=force)
