"""Write Arrow values as JSON and as texts for CSV fields, and add scores to JSON objects."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.lines import values_buffer
from toolkit.text.strings import arrow_of

_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_LISTS = (
    (pa.types.is_list, pa.list_),
    (pa.types.is_large_list, pa.large_list),
    (pa.types.is_list_view, pa.list_view),
    (pa.types.is_large_list_view, pa.large_list_view),
)
_TO_ESCAPE = r'["\\\x00-\x1f]'  # characters that must be escaped in a JSON string
IN_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def as_json(column: pa.Array) -> pa.StringArray:
    """Write each value as JSON; dates, times and bytes become strings."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_floating(kind):  # JSON has no infinity, and no NaN
        finite = pc.fill_null(pc.is_finite(column), False)
        return pc.if_else(finite, column.cast(pa.string()), "null")
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        return pc.fill_null(column.cast(pa.string()), "null")
    if not _needs_python(kind):  # strings, dates, times
        return _strings_as_json([column.cast(pa.string())])[0]
    return pa.array([_dump(_jsonable(value)) for value in column.to_pylist()], pa.string())


def _strings_as_json(columns: Sequence[pa.Array]) -> list[pa.StringArray]:
    """Write all columns of strings at once: wide tables have thousands of them."""
    return slices(_json_strings(pa.concat_arrays(columns)), map(len, columns))


def _json_strings(values: pa.StringArray) -> pa.StringArray:
    """Write strings as JSON strings, quoted and escaped; null is ``null``."""
    quoted = pc.fill_null(pc.binary_join_element_wise('"', values, '"', ""), "null")
    is_escaped = pc.fill_null(pc.match_substring_regex(values, _TO_ESCAPE), False)
    if not pc.any(is_escaped).as_py():
        return quoted
    escaped = [*map(_encode, values.filter(is_escaped).to_pylist())]
    return pc.replace_with_mask(quoted, is_escaped, pa.array(escaped, pa.string()))


def slices(column: pa.Array, lengths: Iterable[int]) -> list[pa.Array]:
    """Cut a column into consecutive slices of the given lengths."""
    ends = accumulate(lengths)
    return [column[start:end] for start, end in pairwise([0, *ends])]


def as_texts(columns: Sequence[pa.Array]) -> pa.StringArray:
    """Return the values of all columns, one column after the other, as `as_text` writes them."""
    texts = [column if pa.types.is_string(column.type) else _as_text(column) for column in columns]
    return pc.fill_null(pa.concat_arrays(texts), "")


def as_text(column: pa.Array) -> pa.StringArray:
    """Write each value as the text of a CSV field: null is empty, lists and structs are JSON."""
    return as_texts([column])


def _as_text(column: pa.Array) -> pa.StringArray:
    """Write each value as text; null stays null, lists and structs are JSON."""
    column = _plain(column)
    if _needs_python(column.type):
        values = (_jsonable(value) for value in column.to_pylist())
        written = [
            value if value is None or isinstance(value, str) else _dump(value) for value in values
        ]
        column = pa.array(written, pa.string())
    return column.cast(pa.string())


def _plain(column: pa.Array) -> pa.Array:
    """Return a column without extension types and dictionaries, and with times as strings."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_time(column.type):
        return _times_as_strings(column)
    # Times in nested values, too: Python has no nanoseconds.
    is_nested = pa.types.is_nested(column.type)
    return column.cast(_with_times_as_strings(column.type)) if is_nested else column


def _times_as_strings(column: pa.Array) -> pa.StringArray:
    """Write times of day; Arrow cannot write 24:00:00, the end of a day."""
    numbers = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64())
    is_end = pc.equal(numbers, IN_A_DAY[column.type.unit])
    return pc.if_else(is_end, "24:00:00", column.cast(pa.string()))


def _with_times_as_strings(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_temporal(kind) else with_parts(kind, _with_times_as_strings)


def with_parts(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return a nested type with `change` applied to its parts; other types are unchanged."""
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(change(field.type)) for field in kind.fields])
    if pa.types.is_map(kind):
        return pa.map_(
            kind.key_field.with_type(change(kind.key_type)),
            kind.item_field.with_type(change(kind.item_type)),
        )
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(change(kind.value_type)), kind.list_size)
    for is_list, make in _LISTS:
        if is_list(kind):
            return make(kind.value_field.with_type(change(kind.value_type)))
    return kind


def _needs_python(kind: pa.DataType) -> bool:
    """Whether Arrow cannot write values of a type: lists, structs and bytes."""
    return pa.types.is_nested(kind) or any(is_bytes(kind) for is_bytes in _BYTES)


def _jsonable(value: Any) -> Any:
    """Return bytes as text if they are UTF-8, else in base64; other values are unchanged."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


# One encoder for all values: `json.dumps` creates an encoder per call, six times slower.
_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, default=lambda value: str(_jsonable(value))
).encode


def _dump(value: Any) -> str:
    try:
        return _encode(value)
    except ValueError:  # JSON has no infinity, and no NaN
        return _encode(without_infinity(value))


def without_infinity(value: Any) -> Any:
    """Replace infinities and NaN by None, at any depth of a value: JSON has neither."""
    if isinstance(value, dict):
        return {name: without_infinity(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_infinity(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def added_members(
    objects: pa.StringArray,
    keys: Sequence[str],
    scores: Sequence[pa.Array],
    *ends: pa.StringArray | str,
) -> pa.StringArray:
    """Write what to append to each object, whose closing brace is cut off: members, then `ends`.

    The keys are JSON strings, with their quotes. A null score is ``null``.
    """
    empty_object = pc.match_substring_regex(objects, r"^\s*\{\s*$")
    members: list[pa.Array | str] = []
    for key, values in zip(keys, scores, strict=True):
        # Arrow writes the shortest decimal that reads back as the same float32.
        is_text = values.type == pa.string()
        written = _json_strings(values) if is_text else values.cast(pa.string())
        between = ", " if members else ""
        members += [f"{between}{key}: ", pc.fill_null(written, "null")]
    return pc.binary_join_element_wise(pc.if_else(empty_object, "", ", "), *members, *ends, "")


def objects_of(batch: pa.RecordBatch) -> pa.StringArray:
    """Write each row as a JSON object, with values as `as_json` writes them."""
    are_strings = [pa.types.is_string(kind) for kind in batch.schema.types]
    pairs = [*zip(batch.columns, are_strings, strict=True)]
    strings = [column for column, is_string in pairs if is_string]
    written = iter(_strings_as_json(strings) if strings else ())
    columns = [next(written) if is_string else as_json(column) for column, is_string in pairs]
    names = [*map(_encode, batch.schema.names)]
    openings = [f"{{{names[0]}: ", *(f", {name}: " for name in names[1:])]
    return joined_rows(columns, openings, "}")


def joined_rows(
    columns: Sequence[pa.StringArray], openings: Sequence[str], end: str
) -> pa.StringArray:
    """Join the values of each row, each after the opening of its column, and append an end.

    Each column has (rows,) strings without nulls; so has the result.
    """
    count = len(columns)
    rows = len(columns[0])
    if count <= rows:
        parts = [part for pair in zip(openings, columns, strict=True) for part in pair]
        return pc.binary_join_element_wise(*parts, end, "")
    # One array to join costs as much as hundreds of values, so a wide table is joined as one array.
    by_row = arrow_of(np.arange(count * rows).reshape(count, rows).T.ravel())
    values = pa.concat_arrays(columns).take(by_row)
    before = pa.array(openings, pa.string()).take(arrow_of(np.tile(np.arange(count), rows)))
    fields = pc.binary_join_element_wise(before, values, "")
    bounds = arrow_of(np.arange(0, count * rows + 1, count, dtype=np.int32))
    in_rows = pc.binary_join(pa.ListArray.from_arrays(bounds, fields), "")
    return pc.binary_join_element_wise(in_rows, end, "")


def on_lines(objects: pa.StringArray) -> pa.Buffer:
    """Write one object per line; line ends within objects become spaces."""
    if pc.any(pc.match_substring(objects, "\n")).as_py():
        objects = pc.replace_substring_regex(objects, r"\s*\n\s*", " ")
    return values_buffer(pc.binary_join_element_wise(objects, "\n", ""))


def with_commas(*parts: pa.StringArray) -> pa.Buffer:
    """Join the parts of each array element, and separate the elements by commas."""
    count = len(parts[0])
    commas = pa.concat_arrays([pa.array([""]), pa.repeat(",", max(count - 1, 0))])
    return values_buffer(pc.binary_join_element_wise(commas[:count], *parts, ""))
