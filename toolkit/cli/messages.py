"""Messages of one line, whatever names of files they tell."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(message: str) -> str:
    r"""Escape control characters, which names of files may hold: a line's end becomes ``\n``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), message)
