"""`toolkit export`: a run folder becomes one file that takes raw text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import options as o
from toolkit.cli.reading import AS_USUAL, Reading, with_reading
from toolkit.errors import UsageError
from toolkit.model.facts.release_facts import USES
from toolkit.records.columns import Columns
from toolkit.records.read_options import ReadOptions

_OPTIMIZE = (
    "Choose the threshold on the held-out reviews of the run instead. GOAL is accuracy, balanced "
    "(both labels count the same), f1, or a target such as precision=0.95 or recall=0.9."
)
_SMALLER = "A smaller file"
_QUANTIZE = (
    "Store large weights as int8 or float16. The file is written only if labelled reviews lose at "
    "most 0.1 percentage points of accuracy."
)
_REVIEWS = f"Labelled reviews to measure --quantize on: {o.FILES}."
_OUTPUT = "Model file to write, ending in .onnx."
_GOLDEN = (
    "Also write NAME.golden.jsonl: token ids, probability and label of about 200 texts, to test "
    "other runtimes."
)
_HUB = (
    "Write a folder for the Hugging Face Hub instead: model.onnx and what belongs to it, golden "
    "vectors, checksums and a card. Other files in it stay, so it may be a clone of the repository."
)
_RELEASE = (
    "TOML file with what the model says of its release: model_name, model_version, date, language, "
    "domain, licence (SPDX, of the weights), repository (a URL), intended_use (one sentence), and "
    "tables [[data_sets]] with name, terms, origin and use (" + ", ".join(USES) + "), and "
    "[[teachers]] with name and terms."
)
_VERSION = "Version of the model, such as 2026.11. It goes before that of --release."
_OF_RELEASE = "What the model says of its release"

Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Run folder of `toolkit train`.", show_default=False)
]
Optimize = Annotated[str | None, o.option("GOAL", _OPTIMIZE)]
Quantize = Annotated[str | None, o.option("TYPE", _QUANTIZE, _SMALLER, "float32")]
Reviews = Annotated[Path | None, o.option("FILE", _REVIEWS, _SMALLER, "up to 2,000 of the run")]
Output = Annotated[
    Path | None, o.option("FILE", _OUTPUT, o.WRITING, "RUN/PRESET.onnx", ("--output", "-o"))
]
Golden = Annotated[bool, o.option(None, _GOLDEN, o.WRITING, names=("--golden",))]
Hub = Annotated[Path | None, o.option("FOLDER", _HUB, o.WRITING)]
Release = Annotated[Path | None, o.option("FILE", _RELEASE, _OF_RELEASE)]
ModelVersion = Annotated[str | None, o.option("V", _VERSION, _OF_RELEASE)]


@with_reading
def export(
    run: Run,
    threshold: o.NewThreshold = None,
    optimize: Optimize = None,
    quantize: Quantize = None,
    reviews: Reviews = None,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    positive: o.Positive = None,
    negative: o.Negative = None,
    positive_from: o.PositiveFrom = None,
    reading: Reading = AS_USUAL,
    output: Output = None,
    force: o.Force = False,
    golden: Golden = False,
    hub: Hub = None,
    release: Release = None,
    model_version: ModelVersion = None,
) -> None:
    """Export a trained model to one ONNX file that takes raw text.

    Writes NAME.onnx (raw text in), NAME.ids.onnx (token ids in) and NAME.vocabulary.txt. Nothing is
    written unless Keras and ONNX agree: the same labels, and probabilities within 1e-5.

    Examples: `toolkit export runs/conv1d -o sentiment.onnx`, or

    - `toolkit export runs/conv1d --hub sentiment/ --release release.toml`
    """
    from toolkit.cli.export_view import show
    from toolkit.export import export as run_export
    from toolkit.export import export_to_hub
    from toolkit.export.quantization.loss import QuantizationOptions
    from toolkit.export.release_file import chosen_release

    if quantize is None and reviews is not None:
        raise UsageError("--reviews: is for --quantize, which is not given.")
    columns = Columns(o.text_columns(text_column), label=label_column)
    names = o.label_names(positive, negative, positive_from)
    read_options = reading.options(columns, names)
    if reviews is None and read_options != ReadOptions():
        raise UsageError("Options for columns and reading need a file. Name it with --reviews.")
    quantization = (
        None if quantize is None else QuantizationOptions(quantize, reviews, read_options)
    )
    settings: dict[str, Any] = {
        "force": force,
        "threshold": threshold,
        "optimize": optimize,
        "quantization": quantization,
        "release": chosen_release(release, model_version),
    }
    if hub is None:
        show(run_export(run, output, golden=golden, **settings))
        return
    if output is not None:
        raise UsageError("--output: the files of --hub have names of their own. Leave out one.")
    show(export_to_hub(run, hub, **settings))
