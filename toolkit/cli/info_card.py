"""What `toolkit info` shows on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.cli.messages import one_line
from toolkit.model.description import IDS_IN, KERAS, RUN, TEXT_IN, Description

Row = tuple[str, str]

_NEXT = {
    TEXT_IN: "Next: toolkit score reviews.csv --model {path}",
    IDS_IN: "`toolkit score` takes the text-in file; this one is for builds that lack text.",
    KERAS: "The network alone, without vocabulary: `toolkit export` takes its run folder.",
    RUN: "Next: toolkit export {path}",
}


def show(description: Description) -> None:
    """Print a title, a line for each fact, and what the file is good for."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where it cannot show a dash or a name
    console = Console(highlight=False, markup=False, emoji=False)
    path = one_line(description["path"])
    console.print(Text(path, "bold"), Text(description["kind"], "cyan"), soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(description):
        table.add_row(f"  {name}", Text(one_line(value)))
    console.print(table)
    if "runs" in description:
        console.print(_places(description["runs"]))
    console.print(_NEXT[description["kind"]].format(path=path), soft_wrap=True)


def _places(runs: list[dict[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    table.add_row(Text("  runs in ONNX Runtime of", "dim"), "")
    for place in runs:
        mark = Text("yes ", "green") if place["runs"] else Text("no  ", "yellow")
        table.add_row(Text("  ").append_text(mark).append(place["where"]), one_line(place["note"]))
    return table


def _rows(description: Description) -> Iterator[Row]:
    yield from _file(description)
    if description["kind"] == KERAS:
        yield "Keras", f"{description['keras_version']}, saved {description['saved']}"
        yield "layers", ", ".join(description["layers"]) or "none"
        return
    yield "preset", description["preset"]
    if "inputs" in description:
        for kind in ("inputs", "outputs"):
            yield kind, "; ".join(map(_tensor, description[kind]))
        yield "labels", ", ".join(description["labels"])
    yield "reads", _reads(description)
    yield from _parts(description["data"])
    yield from _metrics(description["metrics"])
    yield "calibration", _calibration(description["calibration"])
    if "threshold" in description:
        yield "threshold", _threshold(description)
        if description.get("quantization"):
            yield "weights", _quantization(description["quantization"])
        yield "parity", _parity(description["parity"])
        yield from _graph(description)
    yield "written by", f"toolkit {description['toolkit_version'] or 'of an unknown version'}"


def _file(description: Description) -> Iterator[Row]:
    if "bytes" in description:
        yield "size", f"{description['bytes'] / 1e6:.2f} MB"
        yield "SHA-256", description["sha256"]


def _tensor(tensor: Mapping[str, Any]) -> str:
    shape = ", ".join(map(str, tensor["shape"]))
    return f"{tensor['name']}: {tensor['type']}[{shape}]"


def _reads(description: Description) -> str:
    text = f"the last {description['max_tokens']:,} tokens of a review"
    if "fixed_length" in description and not description["fixed_length"]:
        text += ", rows of any length up to that"
    text += f"; {description['vocabulary_size']:,} token ids"
    return text + (f", {description['words']:,} words" if "words" in description else "")


def _parts(data: Mapping[str, Any]) -> Iterator[Row]:
    """What it was trained on, one line for each source."""
    yield "trained on", _source(data, "labelled reviews")
    if isinstance(unlabelled := data.get("unlabelled"), dict):
        yield "and on", _source(unlabelled, "texts without labels")
    teachers = data.get("teachers")
    for teacher in teachers if isinstance(teachers, list) else []:
        if isinstance(teacher, dict):
            yield "taught by", _source(teacher, "probabilities of another model", "rows")
    if isinstance(test := data.get("test"), dict):
        yield "tested on", _source(test, "reviews")


def _source(data: Mapping[str, Any], what: str, count: str = "reviews") -> str:
    text = f"{_figure(data, count, ',')} {what}, {data.get('source', 'source unknown')}"
    details = [
        f"{_figure(data, key, ',')} {name}"
        for key, name in (
            ("positive", "positive"),
            ("soft_labels", "soft labels"),
            ("left_out", "left out"),
            ("labelled", "for labelled reviews"),
            ("unlabelled", "for the others"),
        )
        if _is_number(data.get(key))
    ]
    if isinstance(digest := data.get("sha256"), str):
        details.append(f"SHA-256 {digest[:16]}…")
    return text + (f" ({', '.join(details)})" if details else "")


def _metrics(metrics: Mapping[str, Any]) -> Iterator[Row]:
    if isinstance(folds := metrics.get("folds"), dict):
        accuracy = folds.get("accuracy")
        accuracy = accuracy if isinstance(accuracy, dict) else {}
        spread = f"{_figure(accuracy, 'mean', '.2%')} ± {_figure(accuracy, 'deviation', '.2%')}"
        yield "cross-validated", f"accuracy {spread}, split {folds.get('split', 'unknown')}"
    for key, name in (("validation", "held out"), ("test", "test")):
        if isinstance(found := metrics.get(key), dict):
            accuracy, loss = _figure(found, "accuracy", ".2%"), _figure(found, "loss", ".4f")
            reviews = _figure(found, "reviews", ",")
            yield name, f"accuracy {accuracy}, loss {loss} on {reviews} reviews"
    if _is_number(metrics.get("parameters")):
        yield "parameters", _figure(metrics, "parameters", ",")


def _calibration(calibration: Mapping[str, Any]) -> str:
    if not calibration:
        return "none"
    text = f"logit · {_figure(calibration, 'scale', '.3f')} {_figure(calibration, 'bias', '+.3f')}"
    if "error" in calibration:
        text += f", expected calibration error {_figure(calibration, 'error', '.4f')}"
    if "error_before" in calibration:
        text += f" ({_figure(calibration, 'error_before', '.4f')} before)"
    note = calibration.get("note")
    return f"{text}; {note}" if note else text


def _threshold(description: Description) -> str:
    choice = description["threshold_choice"]
    text = f"{description['threshold']:g} ({choice.get('chosen', 'default')})"
    reached = choice.get("validation")
    if not isinstance(reached, dict):
        return text
    shares = [f"{name} {_figure(reached, name, '.2%')}" for name in reached if name != "reviews"]
    return f"{text}: {', '.join(shares)} on {_figure(reached, 'reviews', ',')} held-out reviews"


def _quantization(cost: Mapping[str, Any]) -> str:
    return (
        f"{cost.get('weights', '?')}: {_figure(cost, 'label_flips', ',')} of "
        f"{_figure(cost, 'reviews', ',')} labelled reviews get another label, "
        f"{_figure(cost, 'right', ',')} are right instead of {_figure(cost, 'right_before', ',')}; "
        "the other figures are those of float32"
    )


def _parity(parity: Mapping[str, Any]) -> str:
    if not parity:
        return "not recorded"
    return (
        f"with Keras on {_figure(parity, 'reviews', ',')} reviews and "
        f"{_figure(parity, 'edge_texts', ',')} edge texts: largest difference "
        f"{_figure(parity, 'largest_difference', '.1e')}, "
        f"{_figure(parity, 'label_flips', ',')} label flips"
    )


def _graph(description: Description) -> Iterator[Row]:
    opsets = ", ".join(f"{name} {version}" for name, version in description["opsets"].items())
    yield "ONNX", f"IR version {description['ir_version']}; opset {opsets}"
    for domain, operators in description["operators"].items():
        found = (f"{name} {count}" if count > 1 else name for name, count in operators.items())
        yield f"  {domain}", ", ".join(found)
    yield "format", f"version {description['format_version']}"


def _figure(values: Mapping[str, Any], key: str, form: str) -> str:
    """Format a number; what a file has in its place may be anything."""
    value = values.get(key)
    try:
        return format(value, form) if _is_number(value) else "?"
    except OverflowError:  # of a whole number beyond all floats
        return "?"


def _is_number(value: object) -> bool:
    return type(value) in (int, float)
