"""`toolkit info`: what a model file says of itself, and which core runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as o
from toolkit.errors import UsageError
from toolkit.model.shipped import DEFAULT_MODEL

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
    from toolkit.model.info.description import describe, json_of
    from toolkit.native.library import core_name

    core = core_name()
    description = describe(model or named)
    if json:
        from json import dumps

        typer.echo(dumps({**json_of(description), "core": core}, indent=2))
        return
    from toolkit.cli.info_view import show

    show(description, core)
