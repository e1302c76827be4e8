"""JSON objects: their members as they are written, and fields of many at once by Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from toolkit.records.columns import Keys
from toolkit.records.json.json_bounds import measure
from toolkit.records.text_files.byte_lines import Bytes, Positions
from toolkit.text.strings import without_half_pairs


class Number(str):
    """A number as it is written. Python refuses whole numbers of more than 4,300 digits."""

    __slots__ = ()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"no JSON: {constant} is no number of JSON")


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)

# Python's reader gives up at a depth that depends on who calls it, near 1,000; Arrow's at none.
NESTING_LIMIT = 800
# Python takes up to 200 bytes for each.
VALUES_LIMIT = 1_000_000

WHITE_SPACE = b" \t\r\n"  # as JSON has it

_SPACE = re.compile(r"[ \t\r\n]*")
_OBJECTS = re.compile(r"\[[ \t\r\n]*\{")
# What Arrow takes for numbers, and JSON does not; each begins with letters that are found quickly.
_NO_NUMBERS = (re.compile(rb"NaN\s*[,\]}]"), re.compile(rb"Inf(?:inity)?\s*[,\]}]"))
_BEFORE_A_VALUE = re.compile(rb"(?:\A|[:,\[])\s*-?\Z")  # or all white space


def members(text: str) -> Iterator[tuple[str, str | None]]:
    """Give the names and values of an object, in order; `ValueError` if it is not an object.

    A value that is not a string is as written, None for null.
    """
    at = _after(text, _after(text, 0), "{")
    while text[at : at + 1] == '"':
        name, at = DECODER.raw_decode(text, at)
        start = _after(text, at, ":")
        value, stop = DECODER.raw_decode(text, start)
        yield without_half_pairs(name), _as_written(value, text[start:stop])
        at = _after(text, stop)
        if text[at : at + 1] != ",":
            break
        at = _after(text, at, ",")
    _after(text, at, "}")


def opening_members(text: str) -> tuple[list[str], bool]:
    """Give the names of an object up to the first that is an array of objects; and if there is one.

    The end of the object may be cut off.
    """
    names: list[str] = []
    with suppress(ValueError, RecursionError):
        at = _after(text, _after(text, 0), "{")
        while text[at : at + 1] == '"':
            name, at = DECODER.raw_decode(text, at)
            names.append(name)
            at = _after(text, at, ":")
            if _OBJECTS.match(text, at):
                return names, True
            _, at = DECODER.raw_decode(text, at)
            at = _after(text, _after(text, at), ",")
    return names, False


def follow(content: dict[str, Any], keys: Keys) -> Any:
    """Give the value at the end of some keys; None if a key is missing or an object is null.

    Raises `ValueError` if a value before the last key is not an object.
    """
    value: Any = content.get(keys[0])
    for position, key in enumerate(keys[1:], 1):
        if value is None:
            return None
        if not isinstance(value, dict):
            name = ".".join(keys[:position])
            raise ValueError(f"expected an object as {name!r}, found {kind_of(value)}")
        value = value.get(key)
    return value


def field_at(content: dict[str, Any], keys: Keys) -> str | None:
    """Give the value at the end of some keys as a string; None if it is missing or null."""
    try:
        value = follow(content, keys)
    except ValueError:
        return None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def text_at(content: dict[str, Any], keys: Keys) -> str | None:
    """Give the text at the end of some keys; `ValueError` if it is something else."""
    text = follow(content, keys)
    if text is not None and type(text) is not str:  # a number is a string, too
        raise ValueError(f"expected a string as {'.'.join(keys)!r}, found {kind_of(text)}")
    return text


def check_names(text: str, known: Collection[str]) -> None:
    """Raise `ValueError` for an object that the columns of another format cannot hold."""
    seen = set()
    for name, _ in members(text):
        if name not in known:
            raise ValueError(
                f"has a key {name!r}, which none of the first records has; only an output of "
                "JSON Lines can hold it"
            )
        if name in seen:
            raise ValueError(f"has the key {name!r} twice; only JSON Lines can hold that")
        seen.add(name)


def may_be_deep(raw: Bytes, starts: Positions) -> bool:
    """Whether a record has so many brackets that they could be nested deeper than the limit."""
    opening = (raw | 0x20) == ord("{")  # which "[" is then, too
    if np.count_nonzero(opening) - len(starts) < NESTING_LIMIT:
        return False
    return bool((np.add.reduceat(opening, starts, dtype=np.int64) > NESTING_LIMIT).any())


def may_have_no_number(data: bytes) -> bool:
    """Whether there may be a NaN or an infinity, which Arrow reads as numbers; or one in a text."""
    return any(
        _BEFORE_A_VALUE.search(data[max(found.start() - 32, 0) : found.start()])
        for pattern in _NO_NUMBERS
        for found in pattern.finditer(data)
    )


def has_too_much(record: bytes) -> str | None:
    """Say what a record has more of than can be read in bounded memory; None if it has not."""
    is_long = len(record) > VALUES_LIMIT
    if not is_long and record.count(b"[") + record.count(b"{") <= NESTING_LIMIT:
        return None
    depth, values = measure(record)
    if depth > NESTING_LIMIT:
        return f"nested more than {NESTING_LIMIT} deep"
    return f"more than {VALUES_LIMIT:,} values in one record" if values > VALUES_LIMIT else None


def object_on(line: bytes) -> dict[str, Any]:
    """Decode the object on a line; `ValueError` says why that cannot be."""
    if reason := has_too_much(line):
        raise ValueError(reason)
    try:
        content = DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1:,}") from None
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {kind_of(content)}")
    return content


def has_pair(raw: Bytes, first: bytes, seconds: bytes) -> bool:
    """Whether one of some bytes comes after a first one; four times as fast as a search."""
    following = raw[1:][raw[:-1] == ord(first)]
    return any((following == second).any() for second in seconds)


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


def _after(text: str, at: int, mark: str = "") -> int:
    """Position after white space, a mark, and white space."""
    match = _SPACE.match(text, at)
    assert match is not None
    at = match.end()
    if not mark:
        return at
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark} at character {at + 1:,}")
    return _after(text, at + 1)
