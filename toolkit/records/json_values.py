"""Values of Arrow columns as JSON, and as the text that CSV holds for them."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def as_json(column: pa.Array) -> pa.StringArray:
    """Give each value as JSON; what JSON has no way to write is a string."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_floating(kind):  # JSON has no infinity, and no NaN
        finite = pc.fill_null(pc.is_finite(column), False)
        return pc.if_else(finite, column.cast(pa.string()), "null")
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        return pc.fill_null(column.cast(pa.string()), "null")
    if not _is_written_by_python(kind):  # strings, dates, times
        column = column.cast(pa.string())
    return pa.array([_dump(_jsonable(value)) for value in column.to_pylist()], pa.string())


def as_text(column: pa.Array) -> pa.StringArray:
    """Give each value as CSV holds it: null is empty, lists and structs are JSON."""
    column = _plain(column)
    if _is_written_by_python(column.type):
        values = (_jsonable(value) for value in column.to_pylist())
        written = [v if v is None or isinstance(v, str) else _dump(v) for v in values]
        column = pa.array(written, pa.string())
    return pc.fill_null(column.cast(pa.string()), "")


def _plain(column: pa.Array) -> pa.Array:
    """Give the values of a column without what only says how they are stored."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    # Python has no nanoseconds.
    is_nested = pa.types.is_nested(column.type)
    return column.cast(_with_times_as_strings(column.type)) if is_nested else column


def _with_times_as_strings(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([f.with_type(_with_times_as_strings(f.type)) for f in kind.fields])
    if pa.types.is_map(kind):
        return pa.map_(*(_with_times_as_strings(k) for k in (kind.key_type, kind.item_type)))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_with_times_as_strings(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_with_times_as_strings(kind.value_type))
    return pa.list_(_with_times_as_strings(kind.value_type)) if pa.types.is_list(kind) else kind


def _is_written_by_python(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or any(is_bytes(kind) for is_bytes in _BYTES)


def _jsonable(value: Any) -> Any:
    """Give bytes as text, or else in base64."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _dump(value: Any) -> str:
    def dump(value: Any) -> str:
        return json.dumps(
            value,
            ensure_ascii=False,
            allow_nan=False,
            default=lambda value: str(_jsonable(value)),
        )

    try:
        return dump(value)
    except ValueError:  # JSON has no infinity, and no NaN
        return dump(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
