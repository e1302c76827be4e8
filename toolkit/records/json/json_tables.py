"""Columns of many JSON objects at once, read by Arrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.columns import Keys, is_text
from toolkit.records.json.json_objects import DECODER, Number, field_at


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
