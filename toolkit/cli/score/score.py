"""`toolkit score`: add a score to every review of some files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from toolkit.cli import messages
from toolkit.cli import options as o
from toolkit.cli.process import check_memory
from toolkit.cli.reading import AS_USUAL, Reading, with_reading
from toolkit.cli.score import options as s
from toolkit.cli.score.ending import exit_with
from toolkit.cli.score.report import RunReport
from toolkit.cli.score.sharding import AS_ONE, Sharding, with_sharding
from toolkit.errors import UsageError
from toolkit.files import path_of
from toolkit.records.columns import Columns, option_of

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer
    from toolkit.scoring.inputs.jobs import Jobs
    from toolkit.scoring.options import ScoringOptions


@with_sharding
@with_reading
def score(
    context: typer.Context,
    files: s.Files,
    output: s.Output = None,
    model: o.Model = None,
    force: s.Force = False,
    resume: s.Resume = False,
    skip_existing: s.SkipExisting = False,
    dry_run: s.DryRun = False,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumnIfNamed = None,
    threshold: s.Threshold = None,
    neutral: s.Neutral = False,
    neutral_range: s.NeutralRange = None,
    stars: s.Stars = False,
    by_sentence: s.BySentence = False,
    reading: Reading = AS_USUAL,
    on_error: s.Error = s.OnError.reject,
    max_rejected: s.MaxRejected = None,
    rejected: s.Rejected = None,
    limit: s.Limit = None,
    sample: s.Sample = None,
    output_format: s.OutputFormat = None,
    report: s.Report = None,
    log_format: s.Log = s.LogFormat.text,
    quiet: o.Quiet = False,
    workers: s.Workers = None,
    checkpoint_seconds: s.CheckpointSeconds = 5.0,
    sharding: Sharding = AS_ONE,
    sentiment_column: o.AddedSentiment = None,
    probability_column: o.AddedProbability = None,
    stars_column: o.AddedStars = None,
    positive_sentences_column: o.AddedPositiveSentences = None,
    negative_sentences_column: o.AddedNegativeSentences = None,
    model_column: o.AddedModel = None,
) -> None:
    """Score the reviews of files.

    Keeps every record as it is, in order, and adds two columns: predicted_sentiment (positive or
    negative) and positive_probability. Both are empty where a record has no text, or none with a
    word that the model knows, such as one in another script. Records that cannot be read go to
    OUTPUT.rejected.jsonl, and the exit code is 3. It is 1 if no record at all is scored.

    With --by-sentence, a sentence ends at . ! ? … or ;, at the end of a line, and before a word of
    contrast, such as "but". It is clearly positive from a probability of 0.8, clearly negative up
    to 0.2. A review is mixed if it has both, the fewer at least half as many as the others, and its
    own probability is from 0.05 to 0.95.

    Examples: `toolkit score reviews.csv`, or

    - `toolkit score reviews.csv --text-column body -o scored.parquet`
    - `toolkit score reviews.csv --stars --neutral --by-sentence`
    - `toolkit score 'data/*.jsonl.gz' -o scored/ --resume`
    """
    messages.use_json(log_format is s.LogFormat.json)
    with RunReport(None if dry_run else report, context) as run:
        run.allow_early(output, rejected)
        check_memory()
        if neutral and neutral_range is not None:
            raise UsageError("--neutral is the model's own range: leave out it or --neutral-range.")
        if sharding.is_wanted:
            sharding.number_and_count()
        columns = Columns(
            o.text_columns(text_column),
            label=label_column,
            sentiment=sentiment_column,
            probability=probability_column,
            stars=stars_column,
            positive_sentences=positive_sentences_column,
            negative_sentences=negative_sentences_column,
            model=model_column,
        )
        columns = _with_added(columns, stars=stars, by_sentence=by_sentence)
        read_options = reading.options(columns)
        from toolkit.model.inference.neutral import parse_range
        from toolkit.model.scorer import Scorer
        from toolkit.model.shipped import find_model
        from toolkit.scoring.inputs.job_checks import check_model
        from toolkit.scoring.inputs.jobs import find_jobs
        from toolkit.scoring.limits import MaxRejected
        from toolkit.scoring.options import ScoringOptions
        from toolkit.scoring.results import ScoringModel
        from toolkit.scoring.selection import Part

        options = ScoringOptions(
            reading=read_options,
            output_format=output_format,
            stop_on_error=on_error is s.OnError.stop,
            workers=workers,
            force=force,
            resume=resume,
            skip_existing=skip_existing,
            checkpoint_seconds=checkpoint_seconds,
            max_rejected=None if max_rejected is None else MaxRejected.parse(max_rejected),
            part=Part(limit, sample),
        )
        jobs = find_jobs(files, output, output_format, _rejects(rejected), report)
        check_model(find_model(model), jobs.files)
        run.allow(jobs, find_model(model), force=force, resume=resume or skip_existing)
        named = None if neutral_range is None else parse_range(neutral_range)
        scorer = Scorer(model, threshold, True if neutral else named, by_sentence=by_sentence)
        run.scorer = ScoringModel.of(scorer)
        if sharding.is_wanted and not dry_run:
            from toolkit.cli.score.shards import score_in_shards

            where = None if output is None else path_of(output)
            score_in_shards(run, scorer, jobs, options, sharding, where, quiet=quiet)
            return
        if dry_run:
            from toolkit.cli.score.preview import show_preview

            show_preview(scorer, jobs, options)
            return
        _score(run, scorer, jobs, options, quiet=quiet)


def _score(
    run: RunReport, scorer: Scorer, jobs: Jobs, options: ScoringOptions, *, quiet: bool
) -> None:
    """Score the files, say what became of them, and choose the exit code."""
    from toolkit.cli.progress import progress_of
    from toolkit.cli.score.view import show, warn
    from toolkit.scoring.run import score_files

    results = score_files(
        scorer,
        jobs,
        options,
        lambda job: progress_of(job.source, quiet=quiet),
        on_start=run.results.append,
        on_warning=(lambda _, __: None) if quiet else warn,
    )
    if not quiet:
        show(results, jobs, options, run)
    exit_with(run, results)


def _rejects(named: str | None) -> Path | None:
    """Give the path for rejects, which has a name for nothing."""
    from toolkit.scoring.inputs.jobs import NOT_KEPT

    return NOT_KEPT if named == "none" else None if named is None else path_of(named)


def _with_added(columns: Columns, *, stars: bool, by_sentence: bool) -> Columns:
    """Say which columns are added; `UsageError` if one is named that is not."""
    adds = list(columns.adds)
    for option, roles, is_given in (
        ("--stars", ["stars"], stars),
        ("--by-sentence", ["positive_sentences", "negative_sentences"], by_sentence),
    ):
        adds += roles if is_given else []
        for role in roles:
            if not is_given and getattr(columns, role) is not None:
                raise UsageError(
                    f"{option_of(role)} names a column that {option} adds: give {option}, too."
                )
    if columns.model is not None:
        adds.append("model")
    return replace(columns, adds=tuple(adds))
