"""`toolkit info`: the metadata of a model, and which core runs here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit import __version__
from toolkit.cli import options as o
from toolkit.cli.console import fact_table, new_console, one_line
from toolkit.errors import UsageError
from toolkit.model import DEFAULT_MODEL

if TYPE_CHECKING:
    from toolkit.model.description import Description

_MODEL = f"Model to show: a name, a file or a folder. Default: {DEFAULT_MODEL}."
Model = Annotated[Path | None, o.argument("MODEL", _MODEL)]


def info(model: Model = None, named: o.Model = None, json: o.Json = False) -> None:
    """Print the metadata of a model.

    Examples: `toolkit info`, or

    - `toolkit info reviews-small`
    - `toolkit info sentiment.onnx --json`
    """
    if model is not None and named is not None:
        raise UsageError(f"Two models: {model} and {named}. Name one, with or without --model.")
    from toolkit.model.description import describe, json_of
    from toolkit.native import core_name

    description = describe(model or named)
    if json:
        from json import dumps

        typer.echo(dumps({**json_of(description), "core": core_name()}, indent=2))
    else:
        _show(description, core_name())


def _show(description: Description, core: str) -> None:
    """Print a title, a line for each fact, and the next step."""
    from rich.text import Text

    from toolkit.model.description import next_step, rows_of

    # First: of damaged facts, nothing is printed.
    rows = [*rows_of(description), ("this toolkit", f"{__version__}, core: {core}")]
    console = new_console()
    path = one_line(str(description.path))
    console.print(Text(path, "bold"), Text(description.kind, "cyan"), soft_wrap=True)
    console.print(fact_table(rows))
    console.print(one_line(next_step(description)), soft_wrap=True)
