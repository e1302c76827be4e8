"""The schema in the footer of a Parquet file, as it is stored: what Arrow does not keep of types.

A footer begins with the version and the list of schema elements, the root first, then each column
before its parts (https://github.com/apache/parquet-format, `FileMetaData`). It is in the compact
protocol of Thrift, of which this module reads as much as it takes to find the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# The fields of an element by their numbers: the type in Thrift, and the bytes of the value.
Element = dict[int, tuple[int, bytes]]

TYPE, TYPE_LENGTH, NAME, CHILDREN = 1, 2, 4, 5
_CONVERTED, _SCALE, _PRECISION, _LOGICAL = 6, 7, 8, 10
_MEANING = (_CONVERTED, _SCALE, _PRECISION, _LOGICAL)
_TIME, _TIMESTAMP = 7, 8  # in `LogicalType`; units are 1 for ms, 2 for us, 3 for ns
_TIMES = {7: (_TIME, 1), 8: (_TIME, 2), 9: (_TIMESTAMP, 1), 10: (_TIMESTAMP, 2)}  # `ConvertedType`
_CONVERTED_INTERVAL = 21
_LOGICAL_INTERVAL, _LOGICAL_FLOAT16 = 9, 15  # later ones have no order: VARIANT, GEOMETRY

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)
_TAIL = 8  # bytes after the footer: its length, and PAR1
_MAGIC = b"PAR1"
_PHYSICAL = (
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"
)  # fmt: skip


class Schema(NamedTuple):
    """The elements of a footer, and where they are in it."""

    elements: list[Element]
    start: int
    end: int

    @property
    def columns(self) -> list[list[Element]]:
        """The elements of each column, its parts after it."""
        rest = iter(self.elements[1:])
        return [list(_tree(rest)) for _ in range(number(self.elements[0], CHILDREN))]


def read_schema(path: Path) -> Schema:
    """Read the schema of a file; `ValueError` if it cannot be read."""
    with path.open("rb") as file:
        file.seek(-_TAIL, 2)
        size = int.from_bytes(file.read(4), "little")
        if file.read(4) != _MAGIC:
            raise ValueError("an encrypted footer")
        file.seek(-_TAIL - size, 2)
        return schema_of(file.read(size))


def schema_of(footer: bytes) -> Schema:
    """Read the schema in a footer; `ValueError` if it cannot be read."""
    try:
        # The version is field 1, the schema is field 2.
        if footer[0] != 0x15:
            raise ValueError("no version at the start")
        start = _skip_varint(footer, 1)
        if footer[start] != 0x19:
            raise ValueError("no schema after the version")
        count, kind, at = _list_header(footer, start + 1)
        if kind != _STRUCT:
            raise ValueError("a schema of another kind")
        elements = []
        for _ in range(count):
            element, at = _fields(footer, at)
            elements.append(element)
        return Schema(elements, start + 1, at)
    except (IndexError, RecursionError, StopIteration) as error:
        raise ValueError(f"a damaged footer: {error}") from error


def with_schema(footer: bytes, schema: Schema, elements: Sequence[Element]) -> bytes:
    """Put other elements in the place of those of a schema."""
    count = len(elements)
    head = bytes([count << 4 | _STRUCT]) if count < 15 else bytes([0xF0 | _STRUCT]) + _varint(count)
    return footer[: schema.start] + head + b"".join(map(_encoded, elements)) + footer[schema.end :]


def with_meaning(element: Element, original: Element) -> Element:
    """Give an element what the original says of its values where Arrow writes less about them."""
    if storage(element) != storage(original) or not _is_lost(element, original):
        return element
    kept = {key: value for key, value in element.items() if key not in _MEANING}
    return kept | {key: value for key, value in original.items() if key in _MEANING}


def has_order(original: Element) -> bool:
    """Whether values have the order of their bytes or numbers, which statistics tell of."""
    if _LOGICAL in original:
        logical, _ = _fields(original[_LOGICAL][1], 0)
        return not any(key == _LOGICAL_INTERVAL or key > _LOGICAL_FLOAT16 for key in logical)
    return number(original, _CONVERTED, -1) != _CONVERTED_INTERVAL


def name_of(element: Element) -> str:
    """Give the name of a column or of a part."""
    value = element[NAME][1]
    return value[_skip_varint(value, 0) :].decode(errors="replace")


def storage(element: Element) -> str:
    """Say how values are stored, such as INT64; empty for what has parts."""
    if TYPE not in element:
        return ""
    kind = number(element, TYPE)
    length = f"({number(element, TYPE_LENGTH)})" if TYPE_LENGTH in element and kind == 7 else ""
    return (_PHYSICAL[kind] if 0 <= kind < len(_PHYSICAL) else str(kind)) + length


def number(element: Element, key: int, default: int = 0) -> int:
    """Give a field that is an integer."""
    if key not in element:
        return default
    value, _ = _read_varint(element[key][1], 0)
    return value >> 1 ^ -(value & 1)


def _is_lost(element: Element, original: Element) -> bool:
    if not any(key in element for key in _MEANING):
        return True
    # Whether they are in UTC.
    unit = _time_unit(element)
    return unit is not None and unit == _time_unit(original)


def _time_unit(element: Element) -> tuple[int, int] | None:
    """Give the kind and the unit of a time of the day or of a time stamp."""
    if _LOGICAL not in element:
        return _TIMES.get(number(element, _CONVERTED, -1))
    logical, _ = _fields(element[_LOGICAL][1], 0)
    kind = next(iter(logical), 0)
    if kind not in (_TIME, _TIMESTAMP):
        return None
    time, _ = _fields(logical[kind][1], 0)
    unit, _ = _fields(time[2][1], 0)
    return kind, next(iter(unit), 0)


def _tree(elements: Iterator[Element]) -> Iterator[Element]:
    element = next(elements)
    yield element
    for _ in range(number(element, CHILDREN)):
        yield from _tree(elements)


def _encoded(element: Element) -> bytes:
    parts, before = [], 0
    for key in sorted(element):
        kind, value = element[key]
        short = key - before <= 15
        parts.append(
            bytes([(key - before) << 4 | kind]) if short else bytes([kind]) + _varint(key * 2)
        )
        parts.append(value)
        before = key
    return b"".join(parts) + b"\0"


def _fields(data: bytes, at: int) -> tuple[Element, int]:
    """Read a struct: its fields, and where it ends."""
    fields: Element = {}
    key = 0
    while data[at] != 0:
        kind, delta = data[at] & 15, data[at] >> 4
        at += 1
        if delta:
            key += delta
        else:
            value, at = _read_varint(data, at)
            key = value >> 1 ^ -(value & 1)
        # True and false are in the header of their field.
        end = at if kind in (_TRUE, _FALSE) else _skip(data, at, kind)
        fields[key] = kind, data[at:end]
        at = end
    return fields, at + 1


def _skip(data: bytes, at: int, kind: int) -> int:
    if kind in _INTEGERS:
        return _skip_varint(data, at)
    if kind in (_TRUE, _FALSE, _BYTE):
        return at + 1
    if kind == _DOUBLE:
        return at + 8
    if kind == _BINARY:
        size, at = _read_varint(data, at)
        return at + size
    if kind == _STRUCT:
        return _fields(data, at)[1]
    if kind in (_LIST, _SET):
        count, inner, at = _list_header(data, at)
        for _ in range(count):
            at = _skip(data, at, inner)
        return at
    raise ValueError(f"a value of the unknown type {kind}")


def _list_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Read how many values a list has, their type, and where they start."""
    count, kind = data[at] >> 4, data[at] & 15
    at += 1
    if count == 15:
        count, at = _read_varint(data, at)
    if count > len(data):
        raise ValueError("a list that is longer than the footer")
    return count, kind, at


def _skip_varint(data: bytes, at: int) -> int:
    while data[at] & 0x80:
        at += 1
    return at + 1


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    end = _skip_varint(data, at)
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data[at:end])), end


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
