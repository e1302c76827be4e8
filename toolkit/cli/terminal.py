"""What all views on the terminal share: a console, and the formats of names and numbers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

from toolkit.errors import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def new_console() -> Console:
    """Make a console that prints text as it is, with ? for what the terminal cannot show."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


def fact_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Put names and what to say of them into two columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(f"  {name}", Text(one_line(value)))
    return table


def one_line(message: str) -> str:
    r"""Escape control characters, which file names may hold: a line break becomes ``\n``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), message)


def shortened(text: str, letters: int) -> str:
    """Cut what is longer than a number of letters, with ``…`` at its end."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def not_read(ignored: int, links: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Say what is in folders and is not read, if anything."""
    if ignored:
        yield "ignored", f"{counted(ignored, 'file')} of unknown format"
    if links:
        yield "not followed", f"{counted(len(links), 'link')} to folders, such as {links[0]}"
