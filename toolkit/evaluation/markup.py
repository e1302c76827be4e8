"""Pieces of HTML, and the one way in which text becomes one: escaped."""

from __future__ import annotations

import re
from html import escape
from typing import NewType

Markup = NewType("Markup", str)  # may stand in a page as it is

# HTML has no place for them, not even escaped.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def text(content: str) -> Markup:
    """Escape a text from anywhere; what HTML cannot hold becomes U+FFFD."""
    return Markup(escape(_CONTROL.sub("\ufffd", content)))


def element(name: str, content: Markup, kind: str = "") -> Markup:
    """Put an element, of a class if one is named, around some content."""
    opening = f'{name} class="{kind}"' if kind else name
    return Markup(f"<{opening}>{content}</{name}>")


def join(*parts: Markup) -> Markup:
    """Put some pieces one after the other, each on a line."""
    return Markup("\n".join(parts))
