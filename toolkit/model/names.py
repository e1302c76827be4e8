"""Check names and versions of models, which are written into tables and used as file names."""

from __future__ import annotations

import re
from typing import Annotated

LONGEST_NAME = 100
_PLAIN = "_.+-"  # allowed in names, besides letters and digits


def plain_word(text: str) -> str:
    """Replace all characters but letters, digits and `_ . + -`, so that no format quotes them."""
    return re.sub(r"[^\w.+-]+", "_", text) or "_"


def is_plain(text: str) -> bool:
    """Whether a text is one word of letters, digits and `_ . + -`."""
    return text != "" and all(letter.isalnum() or letter in _PLAIN for letter in text)


Name = Annotated[str, is_plain, lambda text: len(text) <= LONGEST_NAME]
