"""Decode JSON objects within limits: members as they are written, and values of columns."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

from toolkit.records.columns import Column, Keys
from toolkit.text.strings import without_half_pairs


class Number(str):
    """A number as it is written: Python refuses integers of more than 4,300 digits."""

    __slots__ = ()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"invalid JSON: {constant} is not a JSON number")


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)

# Python's decoder fails near a depth of 1,000, depending on the stack of its caller; Arrow's has no
# limit.
NESTING_LIMIT = 800
# Python needs up to 200 bytes for each value.
VALUES_LIMIT = 1_000_000

WHITE_SPACE = b" \t\r\n"  # as JSON defines it

_SPACE = re.compile(r"[ \t\r\n]*")
_OBJECTS = re.compile(r"\[[ \t\r\n]*\{")
# Brackets, commas, and whole strings, so that brackets and commas in strings do not match. A line
# end also ends a string, so that a quote that is never closed costs only its line.
MARKS = re.compile(rb'[\[{\]},]|"(?:[^"\\\n]++|\\[^\n])*+["\n]?')


def members(text: str) -> Iterator[tuple[str, str | None]]:
    """Return the names and values of an object, in order; `ValueError` if it is not an object.

    Strings are decoded, null is None, and other values are their source text.
    """
    at = after_space(text, after_space(text, 0), "{")
    while text[at : at + 1] == '"':
        name, at = DECODER.raw_decode(text, at)
        start = after_space(text, at, ":")
        value, stop = DECODER.raw_decode(text, start)
        yield without_half_pairs(name), _as_written(value, text[start:stop])
        at = after_space(text, stop)
        if text[at : at + 1] != ",":
            break
        at = after_space(text, at, ",")
    after_space(text, at, "}")


def opening_members(text: str) -> tuple[list[str], bool]:
    """Return the names of an object up to its first array of objects; and whether it has one.

    The end of the object may be cut off.
    """
    names: list[str] = []
    with suppress(ValueError, RecursionError):
        at = after_space(text, after_space(text, 0), "{")
        while text[at : at + 1] == '"':
            name, at = DECODER.raw_decode(text, at)
            names.append(name)
            at = after_space(text, at, ":")
            if _OBJECTS.match(text, at):
                return names, True
            _, at = DECODER.raw_decode(text, at)
            at = after_space(text, after_space(text, at), ",")
    return names, False


def follow(content: dict[str, Any], keys: Keys) -> Any:
    """Return the value at a path of keys; None if a key is missing or an object is null.

    Raises `ValueError` if a value before the last key is not an object.
    """
    value: Any = content.get(keys[0])
    if len(keys) == 1:
        return value
    for position, key in enumerate(keys[1:], 1):
        if value is None:
            return None
        if not isinstance(value, dict):
            name = ".".join(keys[:position])
            raise ValueError(f"expected an object as {name!r}, found {kind_of(value)}")
        value = value.get(key)
    return value


def field_at(content: dict[str, Any], keys: Keys) -> str | None:
    """Return the value at a path of keys as a string; None if it is missing or null."""
    try:
        value = follow(content, keys)
    except ValueError:
        return None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def text_at(content: dict[str, Any], keys: Keys) -> str | None:
    """Return the string at a path of keys; `ValueError` if it is another kind of value."""
    text = follow(content, keys)
    if text is not None and type(text) is not str:  # `Number` is a subclass of str
        raise ValueError(f"expected a string as {'.'.join(keys)!r}, found {kind_of(text)}")
    return text


def check_names(text: str, known: Collection[str]) -> None:
    """Raise `ValueError` if an object does not fit into the columns `known`."""
    seen = set()
    for name, _ in members(text):
        if name not in known:
            raise ValueError(
                f"has a key {name!r}, which none of the first records has. Only JSON Lines output "
                "can hold it"
            )
        if name in seen:
            raise ValueError(f"has the key {name!r} twice. Only JSON Lines output can hold that")
        seen.add(name)


def has_too_much(record: bytes) -> str | None:
    """Return which limit a record exceeds, of nesting or values; None if it exceeds none."""
    if len(record) <= NESTING_LIMIT:
        return None
    opening = record.count(b"[") + record.count(b"{")
    is_long = len(record) > VALUES_LIMIT and opening + record.count(b",") > VALUES_LIMIT
    if not is_long and opening <= NESTING_LIMIT:
        return None
    depth = values = 0
    for found in MARKS.finditer(record):
        mark = record[found.start()]
        depth += (mark in b"[{") - (mark in b"]}")
        values += mark in b"[{,"
        if depth > NESTING_LIMIT:
            return f"nested more than {NESTING_LIMIT} deep"
        if values > VALUES_LIMIT:
            return f"more than {VALUES_LIMIT:,} values in one record"
    return None


def object_on(line: bytes) -> dict[str, Any]:
    """Decode the object on a line; raise `ValueError` with the reason if that fails."""
    if not line:  # an empty element of an array
        raise ValueError("a value is missing between two commas, or between a comma and a bracket")
    if reason := has_too_much(line):
        raise ValueError(reason)
    try:
        content = DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid JSON: {error.msg} at character {error.pos + 1:,}") from None
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {kind_of(content)}")
    return content


def kind_of(value: object) -> str:
    """Return the name that JSON has for the kind of a value."""
    names = {list: "an array", bool: "a boolean", str: "a string", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


def _as_written(value: object, written: str) -> str | None:
    if isinstance(value, str):
        return without_half_pairs(value)
    return None if value is None else written


def after_space(text: str, at: int, mark: str = "") -> int:
    """Return the position after white space, a mark if given, and white space."""
    match = _SPACE.match(text, at)
    assert match is not None
    at = match.end()
    if not mark:
        return at
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark} at character {at + 1:,}")
    return after_space(text, at + 1)


def objects_among(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Return the objects among records. Skips the others; `parse` will report them."""
    for record in records:
        with suppress(ValueError):
            yield object_on(record)


def keys_in(content: dict[str, Any], column: Column) -> Keys | None:
    """Return the path of keys of a column in an object; None if the object lacks its names."""
    for name in column.names:
        if name in content:
            return (name,)
        if "." in name and name.split(".")[0] in content:
            return tuple(name.split("."))
    return None
