"""Values of Parquet files that reject their record, wherever they are within a column."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.json_writing import as_text, with_parts

STRINGS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())  # text of writers that do not mark it

# What Arrow writes for a date or a time that it has no text for; an hour of many digits, if it is
# in a time zone.
_NO_TEXT = r"<value out of range: |-\d\d -?\d{4,}:"

# A row whose value rejects it: its position, the reason, and the bytes of the value.
Fault = tuple[int, str, bytes]


def not_utf8(name: str, column: pa.Array) -> Iterator[Fault]:
    """Find the rows of a column that hold a string which is not UTF-8."""
    kind = column.type
    if "string" not in str(kind) and not isinstance(kind, pa.BaseExtensionType):
        return
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:  # or because of a time that Python does not have, either
        for row, value in enumerate(column):
            try:
                value.as_py()
            except UnicodeDecodeError as error:
                yield row, f"a string in the column {name!r} is no UTF-8", bytes(error.object)
            except (ValueError, OverflowError):
                continue


def without_text(name: str, column: pa.Array) -> Iterator[Fault]:
    """Find the rows of a column with a date or a time that cannot be written as text."""
    kind = column.type
    if "date" not in str(kind) and "time" not in str(kind):
        return
    texts = as_text(column)
    found = pc.match_substring_regex(texts, _NO_TEXT).to_numpy(zero_copy_only=False)
    reason = (
        f"the {kind} value in the column {name!r} is out of the range that can be written as text; "
        "only a Parquet output keeps it"
    )
    for row in np.flatnonzero(found).tolist():
        yield row, reason, texts[row].as_py().encode()


def in_known_zones(kind: pa.DataType) -> pa.DataType:
    """Give a type with UTC for time zones that are not known here, and so cannot be written."""
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        try:
            pa.array([0], kind).cast(pa.string())
        except pa.ArrowInvalid:
            return pa.timestamp(kind.unit, "UTC")
    return with_parts(kind, in_known_zones) if pa.types.is_nested(kind) else kind


def as_strings(column: pa.Array) -> pa.Array:
    """Give values as strings; bytes that are not UTF-8 get U+FFFD."""
    if column.type not in BYTES:
        return column.cast(pa.large_string())
    try:
        return column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        values = (value and value.decode(errors="replace") for value in column.to_pylist())
        return pa.array(values, pa.large_string())
