"""Texts and labels of JSON Lines by Arrow, where every line is as Arrow is told."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Path = tuple[str, ...]  # keys, the outer first

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
        """Read texts and labels.

        Parameters
        ----------
        data : pa.Buffer
            Whole lines.

        Returns
        -------
        tuple[pa.StringArray, pa.StringArray | None] | None
            One of each for every object; None if a value is not of its kind.
        """
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
