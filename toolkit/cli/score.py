"""`toolkit score`: add a score to every review of some files."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import options as o
from toolkit.cli.terminal import one_line
from toolkit.errors import UsageError
from toolkit.records.columns import Columns, option_of

if TYPE_CHECKING:
    from toolkit.scoring.run import FileResult

EXIT_REJECTED = 3  # done, but some records could not be read


class OnError(StrEnum):
    """What to do with a record that cannot be read."""

    reject = "reject"
    stop = "stop"


_FILES = (
    f"Files of reviews ({o.FILES}), folders, patterns such as 'data/*.csv', or - for standard "
    "input."
)
_OUTPUT = (
    "File to write, - for standard output, or a folder for several files; a slash at the end makes "
    "a new folder. The ending of the file name decides the format."
)
_OUTPUT_FORMAT = f"Format of the output: {o.FORMAT_NAMES}."
_NEUTRAL = "Reviews in the model's neutral range of probabilities get the label 'neutral'."
_NEUTRAL_RANGE = (
    "Probabilities from LOW to below HIGH get the label 'neutral', such as 0.4:0.6. The threshold "
    "must be between them."
)
_STARS = "Add a column with stars from 1 to 5, the mean of what such reviews give."
_BY_SENTENCE = (
    "Score each sentence, too: reviews whose sentences disagree get the label 'mixed', and two "
    "columns have the numbers of clearly positive and negative sentences."
)
_REJECTED = "File for the records that cannot be read."
_RESUME = "Continue an interrupted run of the same command."
_WORKERS = "Number of threads that score."
_CHECKPOINT = "Time between two checkpoints for --resume."
_ON_ERROR = "What to do with a record that cannot be read: reject it and continue, or stop."

Files = Annotated[list[str], typer.Argument(metavar="FILE", help=_FILES, show_default=False)]
# A Path would forget the slash at the end of a folder's name.
_BESIDE = "beside the input: reviews.scored.csv"
Output = Annotated[str | None, o.option("PATH", _OUTPUT, o.WRITING, _BESIDE, ("--output", "-o"))]
Neutral = Annotated[bool, o.option(None, _NEUTRAL, names=("--neutral",))]
NeutralRange = Annotated[str | None, o.option("LOW:HIGH", _NEUTRAL_RANGE)]
Stars = Annotated[bool, o.option(None, _STARS, names=("--stars",))]
BySentence = Annotated[bool, o.option(None, _BY_SENTENCE, names=("--by-sentence",))]
Error = Annotated[OnError, o.option("reject|stop", _ON_ERROR, o.READING, True)]
OutputFormat = Annotated[
    str | None, o.option("FORMAT", _OUTPUT_FORMAT, o.WRITING, "by the file name, else as the input")
]
Rejected = Annotated[Path | None, o.option("FILE", _REJECTED, o.WRITING, "OUTPUT.rejected.jsonl")]
Report = Annotated[Path | None, o.option("FILE", "File for the summary as JSON.", o.WRITING)]
Resume = Annotated[bool, o.option(None, _RESUME, o.RUNNING, names=("--resume",))]
Workers = Annotated[int | None, o.option("N", _WORKERS, o.RUNNING, "one per usable core", min=1)]
CheckpointSeconds = Annotated[float, o.option("SECONDS", _CHECKPOINT, o.RUNNING, True, min=0)]


def score(
    files: Files,
    model: o.Model = None,
    threshold: o.Threshold = None,
    neutral: Neutral = False,
    neutral_range: NeutralRange = None,
    stars: Stars = False,
    by_sentence: BySentence = False,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumnIfNamed = None,
    sentiment_column: o.AddedSentiment = None,
    probability_column: o.AddedProbability = None,
    stars_column: o.AddedStars = None,
    positive_sentences_column: o.AddedPositiveSentences = None,
    negative_sentences_column: o.AddedNegativeSentences = None,
    input_format: o.Format = None,
    delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
    no_header: o.NoHeader = False,
    sheet: o.Sheet = None,
    on_error: Error = OnError.reject,
    output: Output = None,
    output_format: OutputFormat = None,
    rejected: Rejected = None,
    report: Report = None,
    force: o.Force = False,
    resume: Resume = False,
    workers: Workers = None,
    checkpoint_seconds: CheckpointSeconds = 5.0,
    quiet: o.Quiet = False,
) -> None:
    """Score the reviews of files.

    Keeps every record as it is, in order, and adds two columns: predicted_sentiment (positive or
    negative) and positive_probability. Both are empty where a record has no text, or none with a
    word that the model knows, such as one in another script. Records that cannot be read go to
    OUTPUT.rejected.jsonl, and the exit code is 3.

    With --by-sentence, a sentence ends at . ! ? … or ;, at the end of a line, and before a word of
    contrast, such as "but". It is clearly positive from a probability of 0.8, clearly negative up
    to 0.2. A review is mixed if it has both, the fewer at least half as many as the others, and its
    own probability is from 0.05 to 0.95.

    Examples: `toolkit score reviews.csv`, or

    - `toolkit score reviews.csv --text-column body -o scored.parquet`
    - `toolkit score reviews.csv --stars --neutral --by-sentence`
    - `toolkit score 'data/*.jsonl.gz' -o scored/ --resume`
    """
    from toolkit.cli.progress import progress_of
    from toolkit.cli.score_view import show, write_report
    from toolkit.files import check_output_file
    from toolkit.model.neutral import parse_range
    from toolkit.model.scorer import Scorer
    from toolkit.model.shipped import find_model
    from toolkit.scoring.jobs import check_model, check_report, find_jobs
    from toolkit.scoring.journal import is_unfinished
    from toolkit.scoring.run import ScoringOptions, score_files

    if neutral and neutral_range is not None:
        raise UsageError("--neutral is the model's own range: leave out it or --neutral-range.")
    columns = Columns(
        text_column,
        label=label_column,
        sentiment=sentiment_column,
        probability=probability_column,
        stars=stars_column,
        positive_sentences=positive_sentences_column,
        negative_sentences=negative_sentences_column,
    )
    columns = _with_added(columns, stars=stars, by_sentence=by_sentence)
    reading = o.reading(columns, input_format, delimiter, encoding, no_header, sheet=sheet)
    options = ScoringOptions(
        reading=reading,
        output_format=output_format,
        stop_on_error=on_error is OnError.stop,
        workers=workers,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
    )
    jobs = find_jobs(files, output, output_format, rejected)
    check_model(find_model(model), jobs.files)
    if report is not None:
        check_report(report, jobs.files, find_model(model))
        replaces = force or (resume and is_unfinished(jobs))
        check_output_file(report, force=replaces, option="--report")
    named = None if neutral_range is None else parse_range(neutral_range)
    scorer = Scorer(model, threshold, True if neutral else named, by_sentence=by_sentence)
    results = score_files(scorer, jobs, options, lambda job: progress_of(job.source, quiet=quiet))
    if report is not None:
        write_report(report, scorer, results)
    if not quiet:
        show(results, jobs, scorer)
    _end(results)


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
    return replace(columns, adds=tuple(adds))


def _end(results: list[FileResult]) -> None:
    """Say what failed, and choose the exit code."""
    errors = [result.error for result in results if result.error is not None]
    for error in errors:
        typer.echo(f"error: {one_line(error)}", err=True)
    if 0 < len(errors) < len(results):
        typer.echo(
            "The other files are done. Score the failed ones again with --resume, or all of them "
            "with --force.",
            err=True,
        )
    if errors:
        raise typer.Exit(1)
    if any(result.summary.rejected for result in results):
        raise typer.Exit(EXIT_REJECTED)
