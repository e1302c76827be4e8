"""Read untrusted JSON, and decode it into frozen dataclasses by their type hints.

Unknown entries are ignored, so that a newer toolkit may add some. The library msgspec does the
same, but importing it takes 10 ms of every start.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

LONGEST_JSON = 1 << 20  # characters or bytes
_MOST_LEVELS = 100  # of nested lists and objects; nested Keras networks have about twenty

_LONGEST_LINE = 1000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

T = TypeVar("T")


def is_line(text: str) -> bool:
    """Whether a text is one printable line of at most 1,000 characters."""
    if not text or len(text) > _LONGEST_LINE or text[0].isspace() or text[-1].isspace():
        return False
    # Characters newer than Python's Unicode tables are not `isprintable`.
    return text.isprintable() or not _CONTROL.search(text)


# Types of entries.
Share = Annotated[float, lambda value: 0 <= value <= 1]
Line = Annotated[str, is_line]


def parse_json(text: str | bytes, name: str = "the JSON") -> Any:
    """Parse JSON of at most 1 MiB and 100 levels; raise `ValueError` for more."""
    if len(text) > LONGEST_JSON:
        raise ValueError(f"{name} has {len(text):,} characters")
    try:
        value = json.loads(text)
        is_deep = _is_deep(value, _MOST_LEVELS)
    except RecursionError:
        is_deep = True
    except ValueError as error:
        raise _plain(error) from None
    if is_deep:
        raise ValueError(f"JSON is nested more than {_MOST_LEVELS} levels deep")
    return value


def why_not_json(error: ValueError | RecursionError) -> str:
    """Return why a text is not JSON, without advice for programmers of Python."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(_plain(error))


def _plain(error: ValueError) -> ValueError:
    """Return the error of the JSON parser; only numbers of thousands of digits need other words."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return error
    return ValueError("a number has too many digits")


def decode(kind: type[T], value: Any, name: str = "") -> T:
    """Decode parsed JSON into a dataclass; raise `ValueError` with the name of a wrong entry.

    A hint is a dataclass, `str`, `int`, `float`, `bool`, `dict[str, X]`, `tuple[X, ...]`,
    `tuple[X, Y]`, `X | None` (where `{}` is None, too), `Any`, or an alias of
    `Annotated[X, is_right]`.
    """
    decoded: T = _decode(kind, value, name)
    return decoded


def decode_some(kind: type, value: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Decode some attributes of a dataclass; those that are not there have their defaults."""
    found = _attributes(kind, value, name="", names=names)
    return {
        each.name: found.get(each.name, each.default) for each in fields(kind) if each.name in names
    }


def encode(value: Any) -> Any:
    """Return a dataclass as JSON values; attributes that are None are left out."""
    if is_dataclass(value):
        found = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        return {key: encode(item) for key, item in found.items() if item is not None}
    return [encode(item) for item in value] if isinstance(value, list | tuple) else value


def _decode(kind: Any, value: Any, name: str) -> Any:
    shape = _shape(kind)
    if shape.is_optional and (value is None or value == {}):
        return None
    if shape.is_dataclass:
        return shape.kind(**_attributes(shape.kind, value, name))
    decoded = value
    if shape.origin is dict and isinstance(value, dict):
        inner = shape.arguments[1]
        decoded = {key: _decode(inner, item, f"{name}.{key}") for key, item in value.items()}
    elif shape.origin is tuple and isinstance(value, list):
        decoded = _items(shape.arguments, value, name)
    elif not (
        type(value) is shape.kind or shape.kind is Any or (shape.kind is float and _is_whole(value))
    ):
        _wrong(value, name)
    return decoded if all(is_right(decoded) for is_right in shape.checks) else _wrong(value, name)


def _items(kinds: tuple[Any, ...], value: list[Any], name: str) -> tuple[Any, ...]:
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        _wrong(value, name)
    return tuple(_decode(inner, item, name) for inner, item in zip(kinds, value, strict=True))


def _attributes(
    kind: Any, value: Any, name: str, names: Collection[str] | None = None
) -> dict[str, Any]:
    """Decode the attributes of a dataclass that are there, of all or of some names."""
    if not isinstance(value, dict):
        _wrong(value, name)
    found = {}
    for entry in fields(kind):
        if names is not None and entry.name not in names:
            continue
        place = f"{name}.{entry.name}" if name else entry.name
        if entry.name in value:
            found[entry.name] = _decode(_hint(kind, entry.name), value[entry.name], place)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ValueError(f"{place} is missing")
    return found


def _wrong(value: Any, name: str) -> Any:
    raise ValueError(f"{name or 'the content'} is {value!r:.50}")


def _is_whole(value: Any) -> bool:
    """Whether a value is an int that a float can hold; it stays an int."""
    return type(value) is int and abs(value) < 1 << 1023


class _Shape(NamedTuple):
    """The parts of a type hint."""

    kind: Any  # the hint without `Annotated` and None
    origin: Any
    arguments: tuple[Any, ...]
    is_dataclass: bool
    is_optional: bool
    checks: tuple[Callable[[Any], bool], ...]


@cache
def _shape(kind: Any) -> _Shape:
    is_optional = False
    checks: tuple[Callable[[Any], bool], ...] = ()
    while (origin := get_origin(kind)) in (UnionType, Union, Annotated):
        if origin is Annotated:
            kind, *more = get_args(kind)
            checks = (*more, *checks)
        else:
            (kind,) = (argument for argument in get_args(kind) if argument is not NoneType)
            is_optional = True
    return _Shape(
        kind=kind,
        origin=origin,
        arguments=get_args(kind),
        is_dataclass=is_dataclass(kind),
        is_optional=is_optional,
        checks=checks,
    )


@cache
def _hint(kind: Any, name: str) -> Any:
    """Return the type of one attribute; the types of others may not be imported yet."""
    home = next(each for each in kind.__mro__ if name in vars(each).get("__annotations__", {}))
    only = SimpleNamespace(__annotations__={name: home.__annotations__[name]})
    names = vars(sys.modules[home.__module__])
    return get_type_hints(only, names, include_extras=True)[name]


def _is_deep(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            item
            for each in layer
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in layer)
