"""JSON from a file that anyone may have written."""

from __future__ import annotations

import json
from typing import Any

_MOST_LEVELS = 100  # of lists and objects in each other; a network of networks has some twenty


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that is nested no deeper than what is meant.

    Parameters
    ----------
    text : str | bytes
        UTF-8.

    Returns
    -------
    Any
        Safe to copy and to write again, which take a multiple of the calls that parsing takes.

    Raises
    ------
    ValueError
        If it is none, or nested too deep.
    """
    try:
        value = json.loads(text)
        is_deep = _is_deep(value, _MOST_LEVELS)
    except RecursionError:
        is_deep = True
    if is_deep:
        raise ValueError(f"JSON of more than {_MOST_LEVELS} levels")
    return value


def _is_deep(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deep(item, levels - 1) for item in value)
