"""The members of a JSON object, with their values as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text.strings import without_half_pairs

# Python refuses whole numbers of more than 4,300 digits; their text is kept, not their value.
DECODER = json.JSONDecoder(parse_int=float)

# Python's reader gives up at a depth that depends on who calls it, near 1,000; Arrow's at none.
NESTING_LIMIT = 800

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = np.zeros(256, np.int64)
_BRACKETS[list(b"[{")], _BRACKETS[list(b"]}")] = 1, -1


def members(text: str) -> Iterator[tuple[str, str | None]]:
    """Give the names and values of an object, in order.

    Parameters
    ----------
    text : str
        A JSON object.

    Yields
    ------
    tuple[str, str | None]
        The name and the value: a string without quotes and escapes, None for null, and everything
        else as it is written.

    Raises
    ------
    ValueError
        If it is none.
    """
    at = _behind(text, _behind(text, 0), "{")
    while text[at : at + 1] == '"':
        name, at = DECODER.raw_decode(text, at)
        start = _behind(text, at, ":")
        value, stop = DECODER.raw_decode(text, start)
        yield without_half_pairs(name), _as_written(value, text[start:stop])
        at = _behind(text, stop)
        if text[at : at + 1] != ",":
            break
        at = _behind(text, at, ",")
    _behind(text, at, "}")


def follow(content: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Give the value at the end of some keys, of which all but the last hold objects.

    Parameters
    ----------
    content : dict[str, Any]
        A JSON object.
    path : tuple[str, ...]
        Keys, the outer first.

    Returns
    -------
    Any
        The value; None where a key is missing or an object on the way is null.

    Raises
    ------
    ValueError
        If a value on the way is no object.
    """
    value: Any = content
    for position, key in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            name = ".".join(path[:position])
            raise ValueError(f"expected an object as {name!r}, found {kind_of(value)}")
        value = value.get(key)
    return value


def label_at(content: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """Give the string or number at the end of some keys as a string; None where there is none."""
    try:
        label = follow(content, path)
    except ValueError:
        return None
    if isinstance(label, str):
        return without_half_pairs(label)
    return str(label) if isinstance(label, float) else None  # as which `DECODER` reads all numbers


def is_too_deep(line: bytes) -> bool:
    """Whether arrays and objects are nested more than `NESTING_LIMIT` deep."""
    if line.count(b"[") + line.count(b"{") <= NESTING_LIMIT:
        return False
    brackets = _BRACKETS[np.frombuffer(_STRING.sub(b"", line), np.uint8)]
    return bool(np.cumsum(brackets).max(initial=0) > NESTING_LIMIT)


def may_be_deep(raw: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> bool:
    """Whether a line has so many brackets that they could be nested deeper than the limit."""
    opening = (raw == ord("[")) | (raw == ord("{"))
    if np.count_nonzero(opening) - len(starts) < NESTING_LIMIT:
        return False
    return bool((np.add.reduceat(opening, starts, dtype=np.int64) > NESTING_LIMIT).any())


def escaped_key(name: str) -> re.Pattern[bytes]:
    r"""Match a name in quotes with any of its characters escaped, such as ``"te\u0078t"``."""
    characters = []
    for character in name:
        units = character.encode("utf-16-be").hex()
        escape = "".join(rf"\\u(?i:{units[i : i + 4]})" for i in range(0, len(units), 4))
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        short = r"\\?/" if character == "/" else re.escape(plain)
        characters.append(f"(?:{short}|{escape})")
    return re.compile(f'"{"".join(characters)}"'.encode())


def kind_of(value: object) -> str:
    """Say what kind of value JSON calls it."""
    names = {list: "an array", bool: "a boolean", str: "a string", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


def _as_written(value: object, written: str) -> str | None:
    if isinstance(value, str):
        return without_half_pairs(value)
    return None if value is None else written


def _behind(text: str, at: int, mark: str = "") -> int:
    """Position behind white space, a mark, and white space."""
    match = _SPACE.match(text, at)
    assert match is not None
    at = match.end()
    if not mark:
        return at
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark} at character {at + 1:,}")
    return _behind(text, at + 1)
