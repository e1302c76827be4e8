"""`toolkit evaluate`: how good models are on labelled reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as o


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="[MODEL]... DATA",
            help=f"Labelled reviews: {o.FILES}. Models to compare come before them, each named as "
            "for --model.",
            show_default=False,
        ),
    ],
    model: o.Model = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Probabilities of another model to compare with: a file with one row per row of "
            "DATA, in the same order. Their threshold is 0.5 by default. May be given several "
            "times.",
            show_default=False,
        ),
    ] = None,
    threshold: o.Threshold = None,
    examples: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Number of confident mistakes to explain for each model."
        ),
    ] = 10,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    group_column: o.GroupColumn = None,
    stars_column: o.StarsColumn = None,
    probability_column: o.ProbabilityColumn = None,
    input_format: o.Format = None,
    delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
    no_header: o.NoHeader = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Report to write: FILE.html is a page with plots and the mistakes, FILE.json has "
            "every number. May be given several times.",
            show_default=False,
            rich_help_panel=o.WRITING,
        ),
    ] = None,
    json: o.Json = False,
    force: o.Force = False,
) -> None:
    """Measure models on labelled reviews, and compare them.

    Shows accuracy with its 95 % interval, AUC, F1, log loss, calibration and more; the same by
    length, stars and group; and the most confident mistakes, with the words that caused them.
    Several models are compared in pairs on the same reviews.

    Examples: `toolkit evaluate reviews.csv`, or

    - `toolkit evaluate sentiment.onnx reviews.csv --report report.html`
    - `toolkit evaluate ngram-cnn runs/mine reviews.parquet --group-column film`
    - `toolkit evaluate reviews.csv --predictions fasttext.csv --json`
    """
    from toolkit.cli.evaluate_view import show
    from toolkit.cli.evaluation_outputs import Outputs, split_files
    from toolkit.evaluation import EvaluationOptions
    from toolkit.evaluation import evaluate as run_evaluation
    from toolkit.records.columns import Columns

    reading = o.reading(
        Columns(
            text_column,
            label=label_column,
            group=group_column,
            stars=stars_column,
            probability=probability_column,
        ),
        input_format,
        delimiter,
        encoding,
        no_header,
    )

    models, data = split_files(files, model)
    others = predictions or []
    outputs = Outputs(tuple(report or ()), json, force)
    outputs.check([*models, *others, data])
    evaluation = run_evaluation(
        data,
        models,
        others,
        EvaluationOptions(reading, threshold, examples),
    )
    outputs.write(evaluation)
    if not json:
        show(evaluation, outputs.reports)
