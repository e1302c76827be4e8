"""`toolkit summarize`: report what customers praise and complain about in scored files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli import options as o
from toolkit.cli.process import EXIT_REJECTED
from toolkit.errors import MissingExtraError, UsageError
from toolkit.files import check_is_no_input, check_output_file, write_texts
from toolkit.model import find_model
from toolkit.records.columns import LABEL, LABEL_PROBABILITY, Columns, key_of
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from toolkit.evaluation.scored_files import ScoredFiles, SummaryOptions

_MORE = "Compare, correct"

Files = Annotated[
    list[str],
    o.argument(
        "SCORED",
        "Files that `toolkit score` wrote, folders or patterns; others are scored with --model.",
    ),
]
By = Annotated[
    list[str] | None, o.option("NAME", "Column to group by, such as city. Repeat it for more.")
]
DateColumn = Annotated[
    str | None, o.option("NAME", "Column with dates, to show changes over time.")
]
DateFormat = Annotated[
    str | None,
    o.option(
        "FORM",
        "Format of the dates, such as %d/%m/%Y. 2026-03-31, 31.03.2026, 03/31/2026 and March 31, "
        "2026 are recognized.",
        "detected",
        panel=o.COLUMNS,
    ),
]
Period = Annotated[
    Literal["day", "week", "month"] | None,
    o.option("day|week|month", "Step of time.", "the shortest with 100 rows a step"),
]
Show = Annotated[int, o.option("N", "Number of words and example rows to show.", True, min=1)]
Names = Annotated[
    list[str] | None,
    o.option(
        "KEY=NAME",
        "Name of a column that score has added, as given to score --names.",
        panel=o.COLUMNS,
    ),
]
StarsColumn = Annotated[
    str | None,
    o.option(
        "NAME", "Column with the stars that reviewers gave.", "stars or rating", panel=o.COLUMNS
    ),
]
Since = Annotated[
    list[str] | None,
    o.option(
        "FILE|DATE",
        "Earlier scored files, or the first date of the later rows, to show which shares have "
        "changed beyond chance. Repeat it for more files.",
        panel=_MORE,
    ),
]
CorrectedBy = Annotated[
    str | None,
    o.option(
        "FILE",
        "Scored and labelled rows: the share of positive reviews is corrected by how often the "
        "model is right on them.",
        names=("--corrected",),
        panel=_MORE,
    ),
]
Title = Annotated[
    str | None, o.option("TEXT", "Title of the page.", "name of the file", panel=o.WRITING)
]
Page = Annotated[
    Path | None,
    o.option(
        "FILE",
        "Write the summary as a web page (.html), which loads nothing else.",
        panel=o.WRITING,
    ),
]
Report = Annotated[
    Path | None, o.option("FILE", "Write the summary to a JSON file.", panel=o.WRITING)
]


def summarize(
    files: Files,
    by: By = None,
    date_column: DateColumn = None,
    period: Period = None,
    show: Show = 10,
    model: o.Model = None,
    text_column: o.TextColumn = None,
    names: Names = None,
    stars_column: StarsColumn = None,
    date_format: DateFormat = None,
    *,
    labels: o.LabelOptions,
    reading: o.ReadingOptions,
    since: Since = None,
    corrected: CorrectedBy = None,
    page: Page = None,
    title: Title = None,
    report: Report = None,
    json: o.Json = False,
    force: o.Force = False,
    quiet: o.Quiet = False,
) -> None:
    """Report what customers praise and complain about, from scored files.

    It counts labels by group and over time, finds themes with quotes, and shows what has changed.

    Examples: `toolkit summarize scored.csv`, or

    - `toolkit summarize scored.csv --by city --date-column date --page page.html`
    - `toolkit summarize march.csv --since february.csv`
    - `toolkit summarize scored.csv --date-column date --since 2026-03-01`
    """
    named = o.names_of_added(names)
    known = ("sentiment", "probability", "model", "aspect", LABEL, LABEL_PROBABILITY)
    if others := [role for role in named if key_of(role) not in known]:
        raise UsageError(
            "--names: expected sentiment, probability, model or aspect_NAME (of classes: "
            f"{LABEL} or {LABEL_PROBABILITY}), received {min(others)!r}"
        )
    columns = Columns(
        o.text_columns(text_column),
        label=labels.label_column,
        stars=stars_column,
    ).with_names(named)
    read_options = reading.options(columns, labels.names)
    if date_format is not None and date_column is None:
        raise UsageError("--date-format: needs --date-column NAME.")
    if period is not None and date_column is None:
        raise UsageError("--period: needs --date-column NAME.")
    if corrected is None and labels != o.LabelOptions():
        raise UsageError("Options for labels need --corrected FILE. Add it, or leave them out.")
    if date_format is not None and "%" not in date_format:
        raise UsageError(
            f"--date-format: expected a format such as %d.%m.%Y, received {date_format!r}"
        )
    from toolkit.evaluation.scored_files import ScoredFiles, SummaryOptions

    options = SummaryOptions(
        reading=read_options,
        model=model,
        by=tuple(by or ()),
        date_column=date_column,
        date_form=date_format,
        period=period,
        show=show,
        since=tuple(since or ()),
        corrected=corrected,
        title=title or "",
        force=force,
    )
    if title is not None and page is None:
        raise UsageError("--title: needs --page FILE.html.")
    found = ScoredFiles.find(files, options.since)
    inputs = [find_model(model), *found.paths, path_of(corrected or "")]
    check_outputs(page, report, inputs, force=force)
    run(found, options=options, page=page, report=report, json=json, quiet=quiet)


def check_outputs(
    page: Path | None, report: Path | None, inputs: list[Path], *, force: bool
) -> None:
    """Raise `ToolkitError` for files that could not be written at the end."""
    if page is not None:
        MissingExtraError.check("evaluate", "jinja2")
    for option, path, endings in (
        ("--page", page, (".html", ".htm")),
        ("--report", report, (".json",)),
    ):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise UsageError(f"{option} {path}: expected a name that ends in {endings[0]}.")
        check_is_no_input(path, inputs, option)
        check_output_file(path, force=force, option=option)


def run(
    files: ScoredFiles,
    options: SummaryOptions,
    page: Path | None,
    report: Path | None,
    *,
    json: bool,
    quiet: bool,
) -> None:
    """Summarize scored files, and write and print it; `toolkit score --page` calls this too."""
    from json import dumps

    from toolkit.cli.console import for_json, progress_of
    from toolkit.evaluation.class_summarize import are_of_classes, summarize_classes
    from toolkit.evaluation.summarize_files import summarize_found
    from toolkit.evaluation.summary import Summary, summary_as_dict

    run_any = summarize_classes if are_of_classes(files, options) else summarize_found
    found = run_any(files, options, lambda path: progress_of(path, quiet=quiet or json))
    texts = {}
    as_json = ""
    if json or report is not None:
        as_dict = summary_as_dict(found) if isinstance(found, Summary) else found.as_dict()
        as_json = dumps(for_json(as_dict), indent=2) + "\n"
    if page is not None:
        from toolkit.evaluation.page import class_summary_page, summary_page

        texts[page] = (
            summary_page(found) if isinstance(found, Summary) else class_summary_page(found)
        )
    if report is not None:
        texts[report] = as_json
    write_texts(texts, force=options.force)
    if json:
        sys.stdout.write(as_json)
    elif not quiet:
        from toolkit.cli.summarize_view import show, show_classes

        if isinstance(found, Summary):
            show(found, options.show, [*texts])
        else:
            show_classes(found, [*texts])
    if found.rejected:
        raise typer.Exit(EXIT_REJECTED)
