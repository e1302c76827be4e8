"""`toolkit score`: a score beside every review of some files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer
    from toolkit.scoring.inputs import Jobs
    from toolkit.scoring.score_file import ScoringOptions
    from toolkit.scoring.score_files import FileResult

EXIT_REJECTED = 3  # done, but some records could not be read


class FormatName(StrEnum):
    """The formats, as `toolkit.records.formats.FORMATS` has them; a test compares the two."""

    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    parquet = "parquet"


class OnError(StrEnum):
    """What to do with a record that cannot be read."""

    reject = "reject"
    stop = "stop"


INPUT, OUTPUT, SPEED = "How files are read", "What is written", "How it runs"


def score(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files of reviews (.csv, .tsv, .jsonl, .ndjson, also with .gz or .zst, or "
            ".parquet), folders, patterns such as 'data/*.csv', or - for standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,  # a Path would forget the slash at the end of a folder's name
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="File to write, - for standard output, or a folder for several files; by default "
            "beside the input: reviews.scored.csv. Its ending tells its format.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="Model file of `toolkit export`, or a shipped model by its name: "
            f"{', '.join(SHIPPED)}.",
            show_default=DEFAULT_MODEL,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a review is positive, 0 to 1; by default the model's.",
            show_default=False,
        ),
    ] = None,
    uncertain: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH",
            help="Probabilities from LOW to below HIGH get the label 'uncertain', such as 0.4:0.6; "
            "the threshold lies within.",
            show_default=False,
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="Column with the reviews; by default 'text', or else 'review'. In JSON Lines and "
            "Parquet also within objects: review.body. Without a header, its number.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="Column with the true label (0 or 1, neg or pos, negative or positive), to show "
            "the accuracy; named as --text-column. What is written does not depend on it.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    input_format: Annotated[
        FormatName | None,
        typer.Option(
            "--format",
            help="Format of the input; by default as its name says.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            help="Character between fields of a CSV file; by default a comma.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="Encoding of the input, such as latin-1 or utf-16; by default UTF-8, which is "
            "what is written in any case.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    header: Annotated[
        bool,
        typer.Option(
            " /--no-header",
            help="CSV files have no line with the names of the columns.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = True,
    on_error: Annotated[
        OnError,
        typer.Option(
            help="Whether a record that cannot be read is put aside, or ends the run.",
            rich_help_panel=INPUT,
        ),
    ] = OnError.reject,
    output_format: Annotated[
        FormatName | None,
        typer.Option(
            help="Format of the output; by default as its name says, or as the input.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    sentiment_column: Annotated[
        str, typer.Option(help="Name of the added column with the label.", rich_help_panel=OUTPUT)
    ] = "predicted_sentiment",
    probability_column: Annotated[
        str,
        typer.Option(help="Name of the added column with the probability.", rich_help_panel=OUTPUT),
    ] = "positive_probability",
    rejected: Annotated[
        Path | None,
        typer.Option(
            help="File for the records that cannot be read; by default OUTPUT.rejected.jsonl.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="File for the summary as JSON.", show_default=False, rich_help_panel=OUTPUT
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace existing outputs.", rich_help_panel=OUTPUT)
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on where an interrupted run of the same call has stopped.",
            rich_help_panel=SPEED,
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that score; by default one a usable core.",
            show_default=False,
            rich_help_panel=SPEED,
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            min=0, help="Time between two checkpoints for --resume.", rich_help_panel=SPEED
        ),
    ] = 5.0,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Say nothing unless it fails.", rich_help_panel=SPEED),
    ] = False,
) -> None:
    """Score the reviews of files.

    Every record stays as it is, in order, with two columns added: predicted_sentiment (positive or
    negative) and positive_probability. Both are empty where a record has no text. Records that
    cannot be read go to OUTPUT.rejected.jsonl; the exit code is 3 then.

    Example: `toolkit score reviews.csv --text-column body -o scored.csv`
    """
    from toolkit.cli.score_report import show, write_report
    from toolkit.files import check_output_file
    from toolkit.model.scorer import Scorer
    from toolkit.model.uncertain import parse_range
    from toolkit.records.columns import Columns
    from toolkit.records.review_file import ReadOptions
    from toolkit.scoring.collisions import check_report
    from toolkit.scoring.inputs import find_jobs
    from toolkit.scoring.score_file import ScoringOptions
    from toolkit.scoring.score_files import is_unfinished

    reading = ReadOptions(
        Columns(text_column, sentiment_column, probability_column, label_column),
        input_format and input_format.value,
        "\t" if delimiter == r"\t" else delimiter,
        encoding,
        header,
    )
    options = ScoringOptions(
        reading,
        output_format and output_format.value,
        rejected,
        on_error is OnError.stop,
        workers,
        force,
        resume,
        checkpoint_seconds,
    )
    jobs = find_jobs(files, output, options.output_format)
    if report is not None:
        check_report(report, jobs.files, rejected, model)
        replaces = force or (resume and is_unfinished(jobs))
        check_output_file(report, force=replaces, option="--report")
    scorer = Scorer(model, threshold, None if uncertain is None else parse_range(uncertain))
    results = _score(scorer, jobs, options, quiet=quiet)
    if report is not None:
        write_report(report, scorer, results)
    if not quiet:
        show(results, jobs, scorer)
    _end(results)


def _end(results: list[FileResult]) -> None:
    """Say what failed, and choose the exit code."""
    from toolkit.cli.messages import one_line

    errors = [result.error for result in results if result.error is not None]
    for error in errors:
        typer.echo(f"error: {one_line(error)}", err=True)
    if 0 < len(errors) < len(results):
        typer.echo(
            "The other files are done: score those that failed again with --resume, or all with "
            "--force.",
            err=True,
        )
    if errors:
        raise typer.Exit(1)
    if any(result.summary.rejected for result in results):
        raise typer.Exit(EXIT_REJECTED)


def _score(scorer: Scorer, jobs: Jobs, options: ScoringOptions, *, quiet: bool) -> list[FileResult]:
    from toolkit.cli.progress_lines import progress_of
    from toolkit.scoring.score_file import default_rejected, score_file
    from toolkit.scoring.score_files import FileResult, score_files

    if jobs.folder is not None:
        return score_files(scorer, jobs, options, lambda job: progress_of(job.source, quiet=quiet))
    (job,) = jobs.files
    with progress_of(job.source, quiet=quiet) as on_progress:
        summary = score_file(scorer, job.source, job.output, options, on_progress)
    return [FileResult(job, options.rejected or default_rejected(job.source, job.output), summary)]
