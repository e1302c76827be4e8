"""`toolkit export`: write a run folder as one model file that takes raw text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from toolkit.cli import options as o
from toolkit.cli.console import new_console, one_line
from toolkit.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from toolkit.export import ExportResult

_OF_RELEASE = "Metadata of the release"

Run = Annotated[
    Path, o.argument("RUN", "Run folder of `toolkit train`, or what --twin and --quantize take.")
]
Threshold = Annotated[float | None, o.option("P", o.THRESHOLD, "the run's, or 0.5")]
Optimize = Annotated[
    str | None,
    o.option(
        "GOAL",
        "Choose the threshold on the held-out reviews: accuracy, balanced, f1, or a target such "
        "as precision=0.95 or recall=0.9.",
    ),
]
Output = Annotated[
    Path | None,
    o.option(
        value="FILE",
        what="Model file to write.",
        default="RUN/PRESET.onnx",
        names=("--output", "-o"),
        panel=o.WRITING,
    ),
]
Golden = Annotated[
    bool,
    o.flag(
        "--golden",
        "Also write token ids, probability and label of 200 texts, to test other programs.",
        panel=o.WRITING,
    ),
]
Twin = Annotated[
    bool,
    o.flag(
        "--twin",
        "Write only the twin NAME.ids.onnx, for runtimes without text operators.",
        panel=o.WRITING,
    ),
]
Quantize = Annotated[
    bool,
    o.flag(
        "--quantize",
        "Write an int8 copy of a classifier folder; RUN is the folder.",
        panel=o.WRITING,
    ),
]
Hub = Annotated[
    Path | None,
    o.option(
        "FOLDER",
        "Write a folder for the Hugging Face Hub: model, card, golden vectors, checksums.",
        panel=o.WRITING,
    ),
]
Release = Annotated[
    Path | None,
    o.option(
        "FILE",
        "TOML file that describes the release: name, version, licence, data sets, teachers.",
        panel=_OF_RELEASE,
    ),
]
ModelVersion = Annotated[
    str | None, o.option("V", "Version of the model, such as 2026.11.", panel=_OF_RELEASE)
]


def export(
    run: Run,
    threshold: Threshold = None,
    optimize: Optimize = None,
    *,
    output: Output = None,
    force: o.Force = False,
    golden: Golden = False,
    twin: Twin = False,
    quantize: Quantize = False,
    hub: Hub = None,
    release: Release = None,
    model_version: ModelVersion = None,
) -> None:
    """Export a trained model to one file that takes raw text.

    Nothing is written unless Keras and ONNX give the same labels, and probabilities within 1e-5.

    Examples: `toolkit export runs/conv1d -o sentiment.onnx`, or

    - `toolkit export runs/conv1d --hub sentiment/ --release release.toml`
    - `toolkit export reviews --twin` for a phone
    - `toolkit export my-classifier --quantize` for a smaller and faster folder
    """
    from toolkit.model.opened import classifier_files

    others = golden or {threshold, optimize, hub, release, model_version} != {None}
    if (twin or quantize) and (others or (twin and quantize)):
        option = "--twin" if twin else "--quantize"
        raise UsageError(f"{option}: can be combined only with --output and --force.")
    if twin:
        show_twin(run, output, force)
        return
    if quantize:
        show_quantized(run, output, force)
        return
    if classifier_files(run) is not None:
        raise UsageError(
            f"{run}: is a folder with a text classifier. `toolkit score --model` takes it as it "
            "is; --quantize makes it smaller and faster."
        )
    MissingExtraError.check("train", "onnx")
    from toolkit.export import export as run_export
    from toolkit.export import export_to_hub
    from toolkit.export.release_file import chosen_release

    settings: dict[str, Any] = {
        "force": force,
        "threshold": threshold,
        "optimize": optimize,
        "release": chosen_release(release, model_version),
    }
    if hub is None:
        show(run_export(run, output, golden=golden, **settings))
        return
    if output is not None:
        raise UsageError("--output: cannot be combined with --hub, which names its own files.")
    show(export_to_hub(run, hub, **settings))


def show_twin(model: Path, output: Path | None, force: bool) -> None:
    """Write the twin of a model, and print its files."""
    from toolkit.export import export_twin
    from toolkit.model.description import megabytes

    for path in export_twin(model, output, force=force):
        size = megabytes(path.stat().st_size)
        new_console().print(f"{one_line(str(path))}  {size}", soft_wrap=True)


def show_quantized(folder: Path, output: Path | None, force: bool) -> None:
    """Write an int8 copy of a classifier folder, and print how it compares with the folder."""
    from toolkit.export import export_quantized
    from toolkit.model.description import megabytes

    found = export_quantized(folder, output, force=force)
    console = new_console()
    share = found.other_labels / found.texts
    console.print(
        f"{found.texts:,} texts: {found.other_labels:,} ({share:.1%}) have another label; the "
        f"largest difference of a probability is {found.largest_difference:.3f}"
    )
    console.print(
        f"Size: {megabytes(found.bytes_before)} before, {megabytes(found.bytes_after)} now. "
        f"Time per text: {1000 * found.seconds_before:.3g} ms before, "
        f"{1000 * found.seconds_after:.3g} ms now."
    )
    if not found.has_embeddings:
        console.print("The embeddings stay in float32, as too many labels would differ.")
    written = one_line(str(found.folder))
    console.print(f"Written to {written}", soft_wrap=True)
    console.print(f"Next: toolkit score reviews.csv --model {written}", soft_wrap=True)


def show(result: ExportResult) -> None:
    """Print how much each execution differs from Keras, the threshold, and the files."""
    from rich import box
    from rich.table import Table

    from toolkit.export.convert import ROUNDED_TOLERANCE
    from toolkit.model.description import megabytes, threshold_line

    console = new_console()
    parity = result.parity
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"Keras against ONNX on {parity.reviews + parity.edge_texts:,} texts")
    table.add_column("largest difference", justify="right")
    for name, difference in parity.differences.items():
        table.add_row(name.replace("_", " "), f"{difference:.2e}")
    console.print(table)
    console.print(
        f"{parity.reviews:,} reviews and {parity.edge_texts} edge texts: {parity.label_flips} "
        f"label flips, {parity.token_id_differences} rows with different token ids"
    )
    if parity.rounded_otherwise:
        console.print(
            f"{parity.rounded_otherwise} rows of the file without text differ by up to "
            f"{ROUNDED_TOLERANCE:g}: it adds in another order, and an output was rounded to the "
            "next whole number"
        )
    if not result.has_classes:
        console.print(
            f"threshold {threshold_line(result.threshold.value, result.threshold.choice)}"
        )
    if result.threshold.warning is not None:
        console.print(f"Warning: {result.threshold.warning}", style="yellow")
    for note in result.notes:
        console.print(one_line(note))
    files = (result.model, result.twin, result.vocabulary, result.tokens, result.golden)
    for path in filter(None, (*files, *result.others)):
        size = megabytes(path.stat().st_size)
        console.print(f"{one_line(str(path))}  {size}", soft_wrap=True)
    data = "texts.csv" if result.has_classes else "reviews.csv"
    console.print(
        f"Next: toolkit score {data} --model {one_line(str(result.model))}", soft_wrap=True
    )
    if result.others:  # a folder for the Hub
        folder = one_line(str(result.model.parent))
        console.print(f"Upload it with: hf upload OWNER/NAME {folder}", soft_wrap=True)
