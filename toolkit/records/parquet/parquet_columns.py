"""Columns of Parquet files, which may be fields of structs, and what their types are good for."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.columns import Keys, is_text
from toolkit.records.parquet.parquet_values import BYTES, STRINGS


def type_at(schema: pa.Schema, keys: Keys) -> pa.DataType | None:
    """Tell the type of a column or of a field in a struct; None if there is no such field."""
    kind, fields = None, list(schema)
    for name in keys:
        kind = {field.name: field.type for field in fields}.get(name)
        fields = kind.fields if kind is not None and pa.types.is_struct(kind) else []
    return kind


def column_at(batch: pa.RecordBatch, keys: Keys) -> pa.Array:
    """Take a column out of the structs around it, and its values out of their dictionary."""
    first, *others = keys
    column = batch.column(first)
    for name in others:
        column = pc.struct_field(column, name)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def unsuitable(role: str, kind: pa.DataType) -> str | None:
    """Say what a column with a role must hold, if a type is something else."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if value in (*STRINGS, *BYTES, pa.null()):
        return None
    if is_text(role):
        return "strings"
    is_number = any(
        is_kind(value)
        for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )
    if is_number or (role in ("id", "group") and not pa.types.is_nested(value)):
        return None
    return "numbers or strings"
