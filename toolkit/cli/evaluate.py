"""`toolkit evaluate`: how well models judge labelled reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED

_DATA = "Data"
_OUTPUTS = "What is written"


def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL... DATA",
            help="Model files of `toolkit export`, or shipped models by their names: "
            f"{', '.join(SHIPPED)} (without any, {DEFAULT_MODEL}); and behind them the labelled "
            "reviews: a .csv, .tsv, .jsonl, .ndjson or .parquet file.",
            show_default=False,
        ),
    ],
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            help="Probabilities of another model, to be compared: a file with a row for each row "
            "of DATA, in the same order. May be given several times.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a review is positive, 0 to 1; by default each model's "
            "own, and 0.5 for predictions.",
            show_default=False,
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="How many confident mistakes of each model to look into.")
    ] = 10,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the texts.",
            show_default="text, else review",
            rich_help_panel=_DATA,
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the labels: 0 or 1, neg or pos, negative or positive.",
            show_default="label, else sentiment",
            rich_help_panel=_DATA,
        ),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="A column, such as the film or the product, to show the largest and the weakest "
            "groups of.",
            show_default=False,
            rich_help_panel=_DATA,
        ),
    ] = None,
    stars_column: Annotated[
        str | None,
        typer.Option(
            help="A column with star ratings, to show the accuracy by them.",
            show_default="stars or rating, where there is one",
            rich_help_panel=_DATA,
        ),
    ] = None,
    probability_column: Annotated[
        str,
        typer.Option(
            help="The column of --predictions with the probability of positive.",
            rich_help_panel=_DATA,
        ),
    ] = "positive_probability",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Page to write, with plots and the mistakes; it needs no other file.",
            show_default=False,
            rich_help_panel=_OUTPUTS,
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File for everything as JSON; - for standard output, instead of the tables.",
            show_default=False,
            rich_help_panel=_OUTPUTS,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace existing outputs.", rich_help_panel=_OUTPUTS)
    ] = False,
) -> None:
    """Judge models on labelled reviews, and compare them.

    Shows accuracy and its 95 % interval, AUC, F1, log loss, calibration and more; by length, stars
    and group; how accurate the surest answers are; and the most confident mistakes, with the words
    that misled. Several models are compared pair by pair on the same reviews.

    Examples: `toolkit evaluate sentiment.onnx reviews.csv --report report.html`, or

    - `toolkit evaluate ngram-cnn b.onnx reviews.parquet --group-column film`
    - `toolkit evaluate a.onnx reviews.csv --predictions fasttext.csv --json -`
    """
    from toolkit.cli.evaluation_outputs import Outputs, parted
    from toolkit.cli.evaluation_tables import show
    from toolkit.evaluation import EvaluationColumns, EvaluationOptions
    from toolkit.evaluation import evaluate as run_evaluation

    models, data = parted(files)
    others = predictions or []
    outputs = Outputs(report, json, force)
    outputs.check([*models, *others, data])
    evaluation = run_evaluation(
        data,
        models,
        others,
        EvaluationOptions(
            EvaluationColumns(text_column, label_column, group_column, stars_column),
            threshold,
            probability_column,
            examples,
        ),
    )
    outputs.write(evaluation)
    if not outputs.takes_standard_output:
        show(evaluation, outputs.written)
