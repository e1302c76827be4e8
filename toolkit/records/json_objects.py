"""JSON objects: their members as they are written, and fields of many at once by Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.text.strings import without_half_pairs

Path = tuple[str, ...]  # keys, the outer first


class Number(str):
    """A number as it is written. Python refuses whole numbers of more than 4,300 digits."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)

# Python's reader gives up at a depth that depends on who calls it, near 1,000; Arrow's at none.
NESTING_LIMIT = 800

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_BRACKETS = np.zeros(256, np.int64)
_BRACKETS[list(b"[{")], _BRACKETS[list(b"]}")] = 1, -1


def members(text: str) -> Iterator[tuple[str, str | None]]:
    """Give the names and values of an object, in order; `ValueError` if it is not an object.

    A value is a string without quotes and escapes, None for null, and everything else as written.
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


def follow(content: dict[str, Any], path: Path) -> Any:
    """Give the value at the end of some keys, of which all but the last hold objects.

    It is None where a key is missing or an object on the way is null; raises `ValueError` if a
    value on the way is not an object.
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


def field_at(content: dict[str, Any], path: Path) -> str | None:
    """Give the value at the end of some keys as a string; None where there is none.

    Raises `ValueError` if it is an array or an object, or if one is missing on the way.
    """
    value = follow(content, path)
    if isinstance(value, bool):
        return str(value).lower()
    if value is not None and not isinstance(value, str):
        name = ".".join(path)
        raise ValueError(f"expected a string or a number as {name!r}, found {kind_of(value)}")
    return value and without_half_pairs(value)


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


# What a label may be. Where it is of another kind, or changes within a block, Python reads it.
_LABEL_KINDS = (pa.int64(), pa.string(), pa.float64())


class JsonTables:
    """Reads some lines at once; safe to share between threads.

    Parameters
    ----------
    text : Path
        Where the texts are.
    label : Path | None
        Where the labels are; None leaves them.
    """

    def __init__(self, text: Path, label: Path | None) -> None:
        self._text = text
        self._label = label
        self._kinds = [None] if label is None else [*_LABEL_KINDS]

    def read(self, data: pa.Buffer) -> tuple[pa.StringArray, pa.StringArray | None] | None:
        """Read the text and the label of every object; None if a value is not of its kind."""
        for kind in list(self._kinds):
            schema = _schema({self._text: pa.string()} | ({self._label: kind} if kind else {}))
            if schema is None:
                return None
            with suppress(pa.ArrowInvalid):
                table = _read(data, schema)
                if kind != self._kinds[0]:  # the next block has the same, probably
                    self._kinds = [kind, *(other for other in _LABEL_KINDS if other != kind)]
                labels = None if self._label is None else _at(table, self._label).cast(pa.string())
                return _at(table, self._text), labels
        return None


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


def _read(data: pa.Buffer, schema: pa.Schema) -> pa.Table:
    import pyarrow.json

    return pyarrow.json.read_json(
        pa.BufferReader(data),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _schema(kinds: dict[Any, pa.DataType]) -> pa.Schema | None:
    """Put the kinds into structs for the keys before the last; None if one is within another."""
    tree: dict[str, Any] = {}
    for path, kind in kinds.items():
        inner = tree
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                return None
        if path[-1] in inner:
            return None
        inner[path[-1]] = kind
    return pa.schema(_fields(tree))


def _fields(tree: dict[str, Any]) -> list[tuple[str, pa.DataType]]:
    return [
        (name, pa.struct(_fields(kind)) if isinstance(kind, dict) else kind)
        for name, kind in tree.items()
    ]


def _at(table: pa.Table, path: Path) -> pa.Array:
    column = table.column(path[0]).combine_chunks()
    for key in path[1:]:
        column = pc.struct_field(column, key)
    return column
