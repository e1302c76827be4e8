"""What all views on the terminal share: a console, and the formats of names and numbers."""

from __future__ import annotations

import re
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def new_console() -> Console:
    """Make a console that prints text as it is, with ? for what the terminal cannot show."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


def one_line(message: str) -> str:
    r"""Escape control characters, which file names may hold: a line break becomes ``\n``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), message)


def percent(share: float, digits: int = 2) -> str:
    """Such as ``92.50%`` for 0.925."""
    return f"{share:.{digits}%}"


def megabytes(size: int) -> str:
    """Such as ``1.25 MB``, of 1,000,000 bytes each."""
    return f"{size / 1e6:.2f} MB"
