"""What `toolkit export` shows on the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from toolkit.cli.terminal import new_console, one_line
from toolkit.export import ExportResult
from toolkit.model.info.fact_lines import megabytes, quantization_line, threshold_line


def show(result: ExportResult) -> None:
    """Print how far each execution is from Keras, the threshold, and the files."""
    console, parity = new_console(), result.parity
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"Keras against ONNX on {parity.reviews + parity.edge_texts:,} texts")
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
    if result.threshold.warning is not None:
        console.print(f"Warning: {result.threshold.warning}", style="yellow")
    for note in result.notes:
        console.print(one_line(note))
    files = (result.model, result.twin, result.vocabulary, result.golden, *result.others)
    for path in filter(None, files):
        size = megabytes(path.stat().st_size)
        console.print(f"{one_line(str(path))}  {size}", soft_wrap=True)
    console.print(
        f"Next: toolkit score reviews.csv --model {one_line(str(result.model))}", soft_wrap=True
    )
    if result.others:  # a folder for the Hub
        folder = one_line(str(result.model.parent))
        console.print(f"Upload it with: hf upload OWNER/NAME {folder}", soft_wrap=True)
