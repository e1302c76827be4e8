"""JSON objects: limits, members as they are written, keys of columns, and many at once by Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.columns import Column, Keys, is_text
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

_LATE_BYTES = 64 << 20  # looked at where the first objects lack a key

_SPACE = re.compile(r"[ \t\r\n]*")
_OBJECTS = re.compile(r"\[[ \t\r\n]*\{")
# Brackets, commas and, so that those in them are passed over, strings; a line end ends a string.
_MARKS = re.compile(rb'[\[{\]},]|"(?:[^"\\\n]++|\\[^\n])*+["\n]?')
_NO_NUMBER = re.compile(rb"(?:NaN|Inf(?:inity)?)\s*[,\]}]")


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


def may_have_no_number(data: bytes) -> bool:
    """Whether there may be a NaN or an infinity, which Arrow reads as numbers; or one in a text."""
    return (b"NaN" in data or b"Inf" in data) and _NO_NUMBER.search(data) is not None


def has_too_much(record: bytes) -> str | None:
    """Say what a record has more of than can be read in bounded memory; None if it has not."""
    opening = record.count(b"[") + record.count(b"{")
    is_long = len(record) > VALUES_LIMIT and opening + record.count(b",") > VALUES_LIMIT
    if not is_long and opening <= NESTING_LIMIT:
        return None
    depth = values = 0
    for found in _MARKS.finditer(record):
        mark = record[found.start()]
        depth += (mark in b"[{") - (mark in b"]}")
        values += mark in b"[{,"
        if depth > NESTING_LIMIT:
            return f"nested more than {NESTING_LIMIT} deep"
        if values > VALUES_LIMIT:
            return f"more than {VALUES_LIMIT:,} values in one record"
    return None


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


def objects_among(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the objects among records; what is cut off or bad is passed over: `parse` says so."""
    for record in records:
        with suppress(ValueError):
            yield object_on(record)


def keys_in(content: dict[str, Any], column: Column) -> Keys | None:
    """Choose the keys of a column in an object that has one of its names."""
    for name in column.names:
        if name in content:
            return (name,)
        if "." in name and name.split(".")[0] in content:
            return tuple(name.split("."))
    return None


def find_late(
    peek: Callable[[int], bytes],
    records_in: Callable[[bytes], Iterator[bytes]],
    seen: int,
    column: Column,
) -> Keys | None:
    """Look for keys after the first bytes: where their names are written, in plain or as ASCII.

    ``peek`` gives as many bytes from the first record on, and ``records_in`` the records in them.
    """
    names = [part for name in column.names for part in (name, name.split(".")[0])]
    written = {json.dumps(n, ensure_ascii=is_ascii) for n in names for is_ascii in (True, False)}
    quoted = [name.encode("utf-8", "surrogatepass") for name in written]
    while seen < _LATE_BYTES:
        data = peek(min(8 * seen, _LATE_BYTES))
        if len(data) <= seen:
            break
        if any(name in data for name in quoted):
            with_names = (r for r in records_in(data) if any(name in r for name in quoted))
            for content in objects_among(with_names):
                if keys := keys_in(content, column):
                    return keys
        seen = len(data)
    return None


class JsonTables:
    """Reads columns of many objects at once, text among them; safe to share between threads."""

    def __init__(self, keys: dict[str, Keys]) -> None:
        self._keys = keys
        self._kinds = dict.fromkeys(keys, pa.string())

    def read(self, data: pa.Buffer, first: bytes) -> dict[str, pa.StringArray] | None:
        """Read all objects; None if a value is not of the kind that the first object has."""
        try:
            self._kinds = {role: self._kind_of(role, first) for role in self._keys}
            schema = _schema({keys: self._kinds[role] for role, keys in self._keys.items()})
            table = None if schema is None else _read(data, schema)
        except (pa.ArrowInvalid, ValueError, RecursionError):
            return None
        if table is None:
            return None
        return {role: _at(table, keys).cast(pa.string()) for role, keys in self._keys.items()}

    def _kind_of(self, role: str, first: bytes) -> pa.DataType:
        """Tell the kind of a column; of a null, that of the block before."""
        value = (
            None if is_text(role) else field_at(DECODER.decode(first.decode()), self._keys[role])
        )
        if value is None:
            return self._kinds[role]
        if not isinstance(value, Number):
            return pa.string()
        # Arrow does not keep how a fraction is written; for a label, that does not matter.
        if role != "label" and not value.removeprefix("-").isdigit():
            raise ValueError
        return pa.float64() if role == "label" else pa.int64()


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


def _at(table: pa.Table, keys: Keys) -> pa.Array:
    column = table.column(keys[0]).combine_chunks()
    for key in keys[1:]:
        column = pc.struct_field(column, key)
    return column
