"""`toolkit info`: what a model file says of itself, and where it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED


def info(
    model: Annotated[
        Path | None,
        typer.Argument(
            help="Model file of `toolkit export` or its ids-in twin, Keras file, run folder, or a "
            f"shipped model by its name: {', '.join(SHIPPED)}.",
            show_default=DEFAULT_MODEL,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON instead of the card.")
    ] = False,
) -> None:
    """Show what a model is: tensors, training data, accuracy, proof of parity, and where it runs.

    No network is run, and TensorFlow is not needed.

    Examples: `toolkit info ngram-linear` or `toolkit info sentiment.onnx --json`
    """
    from toolkit.model.description import inspect

    description = inspect(model)
    if json:
        from json import dumps

        typer.echo(dumps(description, indent=2))
        return
    from toolkit.cli.info_card import show

    show(description)
