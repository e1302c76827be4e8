"""`toolkit info`: what a model file says of itself, and which core runs here.

What `toolkit info` shows on the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from toolkit import __version__
from toolkit.cli import options as o
from toolkit.cli.console import fact_table, new_console, one_line
from toolkit.errors import UsageError
from toolkit.model import describe as say
from toolkit.model.describe import (
    Description,
    KerasDescription,
    OnnxDescription,
    Row,
    RunDescription,
    Tensor,
    megabytes,
)
from toolkit.model.file import DEFAULT_MODEL

_MODEL = f"Name, file or run folder. Default: {DEFAULT_MODEL}."
_MODEL_MORE = f"{o.MODELS}; also an ids-in twin (.ids.onnx) or a Keras file (.keras)."
Model = Annotated[Path | None, o.argument("MODEL", _MODEL, _MODEL_MORE)]


def info(model: Model = None, named: o.Model = None, json: o.Json = False) -> None:
    """Show what a model is: tensors, training data, accuracy, proof of parity.

    No network is run, and TensorFlow is not needed.

    Examples: `toolkit info`, or

    - `toolkit info reviews-small`
    - `toolkit info sentiment.onnx --json`
    """
    if model is not None and named is not None:
        raise UsageError(f"Two models: {model} and {named}. Name one, with or without --model.")
    from toolkit.model.describe import describe, json_of
    from toolkit.native import core_name

    core = core_name()
    description = describe(model or named)
    if json:
        from json import dumps

        typer.echo(dumps({**json_of(description), "core": core}, indent=2))
        return

    show(description, core)


def show(description: Description, core: str) -> None:
    """Print a title, a line for each fact, and what to do next; `core` is what runs here."""
    console = new_console()
    path = one_line(str(description.path))
    console.print(Text(path, "bold"), Text(description.kind, "cyan"), soft_wrap=True)
    console.print(
        fact_table([*_rows(description), ("this toolkit", f"{__version__}, core: {core}")])
    )
    console.print(_next(description, path), soft_wrap=True)


def _next(description: Description, path: str) -> str:
    if isinstance(description, RunDescription):
        return f"Next: toolkit export {path}"
    if isinstance(description, KerasDescription):
        return "The network alone, without vocabulary: `toolkit export` takes its run folder."
    if description.words is None:
        return "`toolkit score` takes the text-in file; this one is for builds without text."
    return f"Next: toolkit score reviews.csv --model {path}"


def _rows(description: Description) -> Iterator[Row]:
    if isinstance(description, KerasDescription):
        yield "size", megabytes(description.bytes)
        yield "SHA-256", description.sha256
        yield "Keras", f"{description.keras_version}, saved {description.saved}"
        yield "layers", ", ".join(description.layers) or "none"
    elif isinstance(description, RunDescription):
        config = description.config
        yield "preset", config.preset
        yield "reads", _reads(config.max_tokens, config.vocabulary_size)
        if rates := [*_rates(config.training)]:
            yield "fitted with", ", ".join(rates)
        yield from say.data_rows(config.data)
        yield from say.metric_rows(description.metrics)
        if description.metrics.adaptation is None:  # which has its own scale and bias
            yield "calibration", say.calibration_line(config.calibration)
        yield from say.star_rows(config.stars, config.neutral)
        if config.threshold is not None:
            yield "threshold", str(config.threshold)
        yield "written by", _version(config.toolkit_version)
    else:
        yield from _model(description)


def _model(description: OnnxDescription) -> Iterator[Row]:
    facts = description.file.facts
    yield "size", megabytes(description.bytes)
    yield "SHA-256", description.file.sha256
    yield from facts.release.rows()
    yield "preset", facts.preset
    yield "inputs", "; ".join(map(_tensor, description.inputs))
    yield "outputs", "; ".join(map(_tensor, description.outputs))
    yield "labels", ", ".join(facts.labels)
    length = "" if description.fixed_length else ", rows of any length up to that"
    words = "" if description.words is None else f", {description.words:,} words"
    yield "reads", _reads(facts.max_tokens, facts.vocabulary_size, length) + words
    yield from say.data_rows(facts.data)
    yield from say.metric_rows(facts.metrics)
    if facts.metrics.adaptation is None:
        yield "calibration", say.calibration_line(facts.calibration)
    yield from say.star_rows(facts.stars, facts.neutral)
    yield "threshold", say.threshold_line(facts.threshold, facts.threshold_choice)
    if facts.quantization is not None:
        yield "weights", say.quantization_line(facts.quantization)
    yield "parity", say.parity_line(facts)
    opsets = ", ".join(f"{name} {version}" for name, version in description.opsets.items())
    yield "ONNX", f"IR version {description.ir_version}; opset {opsets}"
    for domain, operators in description.operators.items():
        found = (f"{name} {count}" if count > 1 else name for name, count in operators.items())
        yield f"  {domain}", ", ".join(found)
    yield "format", f"version {facts.format_version}"
    yield "written by", _version(facts.toolkit_version)


def _rates(training: dict[str, Any]) -> Iterator[str]:
    """Say what a user may have chosen, of presets that allow it."""
    for name in ("dropout", "learning_rate"):
        if isinstance(value := training.get(name), int | float):
            yield f"{name.replace('_', ' ')} {value:g}"


def _tensor(tensor: Tensor) -> str:
    return f"{tensor.name}: {tensor.type}[{', '.join(map(str, tensor.shape))}]"


def _reads(max_tokens: int, vocabulary_size: int, length: str = "") -> str:
    return f"the last {max_tokens:,} tokens of a review{length}; {vocabulary_size:,} token ids"


def _version(version: str) -> str:
    return f"toolkit {version or 'of an unknown version'}"
