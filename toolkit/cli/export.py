"""`toolkit export`: a run folder becomes one file that takes raw text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import options as o
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.export.export import ExportResult

_SMALLER = "A smaller file"


def export(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run folder of `toolkit train`.", show_default=False),
    ],
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Probability from which a review is positive, 0 to 1.",
            show_default="0.5",
        ),
    ] = None,
    optimize: Annotated[
        str | None,
        typer.Option(
            metavar="GOAL",
            help="Choose the threshold on the held-out reviews of the run instead. GOAL is "
            "accuracy, f1, or a target such as precision=0.95 or recall=0.9.",
            show_default=False,
        ),
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE",
            help="Store large weights as int8 or float16. The file is written only if labelled "
            "reviews lose at most 0.1 percentage points of accuracy.",
            show_default="float32",
            rich_help_panel=_SMALLER,
        ),
    ] = None,
    reviews: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Labelled reviews to measure --quantize on: {o.FILES}.",
            show_default="up to 2,000 of the run",
            rich_help_panel=_SMALLER,
        ),
    ] = None,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Model file to write, ending in .onnx.",
            show_default="RUN/PRESET.onnx",
            rich_help_panel=o.WRITING,
        ),
    ] = None,
    force: o.Force = False,
    golden: Annotated[
        bool,
        typer.Option(
            "--golden",
            help="Also write NAME.golden.jsonl: token ids, probability and label of about 200 "
            "texts, to test other runtimes.",
            rich_help_panel=o.WRITING,
        ),
    ] = False,
) -> None:
    """Export a trained model to one ONNX file that takes raw text.

    Writes NAME.onnx (raw text in), NAME.ids.onnx (token ids in) and NAME.vocabulary.txt. Nothing is
    written unless Keras and ONNX agree: the same labels, and probabilities within 1e-5.

    Example: `toolkit export runs/conv1d -o sentiment.onnx`
    """
    from toolkit.evaluation.options import EvaluationColumns
    from toolkit.export.export import export as run_export
    from toolkit.export.quantization_loss import QuantizationOptions

    if reviews is None and (text_column or label_column):
        raise UsageError(
            "--text-column and --label-column: are columns of --reviews, which is not given."
        )
    if quantize is None and reviews is not None:
        raise UsageError("--reviews: is for --quantize, which is not given.")
    columns = EvaluationColumns(text_column, label_column)
    quantization = None if quantize is None else QuantizationOptions(quantize, reviews, columns)
    _show(
        run_export(
            run,
            output,
            force=force,
            threshold=threshold,
            optimize=optimize,
            golden=golden,
            quantization=quantization,
        )
    )


def _show(result: ExportResult) -> None:
    from rich.console import Console
    from rich.table import Table

    from toolkit.model.fact_lines import quantization_line, threshold_line

    console = Console(highlight=False, markup=False)
    parity = result.parity
    table = Table(title=f"Keras against ONNX on {parity.reviews + parity.edge_texts:,} texts")
    table.add_column("execution")
    table.add_column("largest difference", justify="right")
    for name, difference in parity.differences.items():
        table.add_row(name.replace("_", " "), f"{difference:.2e}")
    console.print(table)
    console.print(
        f"{parity.reviews:,} reviews and {parity.edge_texts} edge texts: "
        f"{parity.label_flips} label flips, {parity.token_id_differences} rows with other token ids"
    )
    if (cost := result.quantization) is not None:
        console.print(quantization_line(cost))
    console.print(f"threshold {threshold_line(result.threshold.value, result.threshold.choice)}")
    for note in result.notes:
        console.print(note)
    for path in filter(None, (result.model, result.twin, result.vocabulary, result.golden)):
        console.print(f"{path}  {path.stat().st_size / 1e6:.2f} MB", soft_wrap=True)
