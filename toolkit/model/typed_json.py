"""JSON from a file that anyone may have written, and frozen dataclasses made of it.

Dataclasses are decoded by their type hints; an entry that they do not know is ignored, so that a
newer toolkit may add some. The library msgspec does the same, but takes 4 to 13 ms of every start.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

LONGEST_JSON = 1 << 20  # characters or bytes
_MOST_LEVELS = 100  # of lists and objects in each other; a network of networks has some twenty

T = TypeVar("T")
Share = Annotated[float, lambda value: 0 <= value <= 1]  # a type of entries


def parse_json(text: str | bytes, name: str = "the JSON") -> Any:
    """Parse JSON of at most 1 MiB and 100 levels, safe to copy; raises `ValueError` for more."""
    if len(text) > LONGEST_JSON:
        raise ValueError(f"{name} has {len(text):,} characters")
    try:
        value = json.loads(text)
        is_deep = _is_deep(value, _MOST_LEVELS)
    except RecursionError:
        is_deep = True
    if is_deep:
        raise ValueError(f"JSON of more than {_MOST_LEVELS} levels")
    return value


def decode(kind: type[T], value: Any, name: str = "") -> T:
    """Make a dataclass of parsed JSON; raises `ValueError` that says which entry is wrong.

    A hint is a dataclass, `str`, `int`, `float`, `bool`, `dict[str, X]`, `tuple[X, ...]`,
    `tuple[X, Y]`, `X | None` (where `{}` is None, too), `Any`, or an alias of
    `Annotated[X, is_right]`.
    """
    decoded: T = _decode(kind, value, name)
    return decoded


def encode(value: Any) -> Any:
    """Give a dataclass as JSON has it: attributes that are None are left out."""
    if is_dataclass(value):
        found = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        return {key: encode(item) for key, item in found.items() if item is not None}
    return [encode(item) for item in value] if isinstance(value, list | tuple) else value


def _decode(kind: Any, value: Any, name: str) -> Any:
    is_of_facts, origin, arguments = _shape(kind)
    if is_of_facts:
        return kind(**_attributes(kind, value, name))
    if origin in (UnionType, Union):  # the latter of an alias
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None or value == {} else _decode(inner, value, name)
    if origin is Annotated:
        decoded = _decode(arguments[0], value, name)
        return (
            decoded if all(is_right(decoded) for is_right in arguments[1:]) else _wrong(value, name)
        )
    if origin is dict and isinstance(value, dict):
        return {key: _decode(arguments[1], item, f"{name}.{key}") for key, item in value.items()}
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is ...:
            arguments = arguments[:1] * len(value)
        if len(arguments) != len(value):
            _wrong(value, name)
        pairs = zip(arguments, value, strict=True)
        return tuple(_decode(inner, item, name) for inner, item in pairs)
    is_right = kind is Any or type(value) is kind or (kind is float and _is_float(value))
    return value if is_right else _wrong(value, name)


def _attributes(kind: Any, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _wrong(value, name)
    found = {}
    hints = _hints(kind)
    for entry in fields(kind):
        place = f"{name}.{entry.name}" if name else entry.name
        if entry.name in value:
            found[entry.name] = _decode(hints[entry.name], value[entry.name], place)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ValueError(f"{place} is missing")
    return found


def _wrong(value: Any, name: str) -> Any:
    raise ValueError(f"{name} is {value!r:.50}")


def _is_float(value: Any) -> bool:
    """Whether it is a whole number that a float can hold; it stays as it is written."""
    return type(value) is int and abs(value) < 1 << 1023


@cache
def _shape(kind: Any) -> tuple[bool, Any, tuple[Any, ...]]:
    """Whether a hint is a dataclass, what it is made with, and of what."""
    is_of_facts = isinstance(kind, type) and is_dataclass(kind)
    return is_of_facts, get_origin(kind), get_args(kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _is_deep(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deep(item, levels - 1) for item in value)
