"""Values of Parquet files that reject their record, wherever they are within a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.json_encode import IN_A_DAY, with_parts
from toolkit.records.review_file import Reject

STRINGS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())  # text of writers that do not mark it
_DAYS = (-12_687_063, 11_248_372)  # of the years -32766 to 32766; Arrow has no text for others

# What is wrong with the one row of an array: the reason, and the bytes of the value.
Fault = tuple[str, bytes]


@dataclass(frozen=True)
class Check:
    """A property that some plain values must have."""

    concerns: Callable[[pa.DataType], bool]
    is_met: Callable[[pa.Array], bool]  # by all values of an array
    fault: Callable[[pa.Array, str], Fault]  # of a value in an array that are not all good

    def faults(self, name: str, column: pa.Array) -> Iterator[tuple[int, Fault]]:
        """Give the rows of a column that hold a value without the property."""
        if not _holds(column.type, self.concerns):
            return
        if all(map(self.is_met, _leaves_of(column, self.concerns))):
            return
        for number in range(len(column)):
            # Copied, for an array within a slice has the values of all rows.
            row = pa.concat_arrays([column.slice(number, 1)])
            wrong = [leaf for leaf in _leaves_of(row, self.concerns) if not self.is_met(leaf)]
            if wrong:
                yield number, self.fault(wrong[0], name)


def _is_utf8(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _no_utf8(column: pa.Array, name: str) -> Fault:
    rows = (column.slice(row, 1) for row in range(len(column)))
    value = next(row for row in rows if not _is_utf8(row)).cast(pa.large_binary())[0].as_py()
    return f"a string in the column {name!r} is no UTF-8", value


def _limits(kind: pa.DataType, *, is_nested: bool) -> tuple[int, int]:
    """Give the first and the last number of a type that is written as text."""
    if pa.types.is_time(kind):
        return 0, IN_A_DAY[kind.unit] - is_nested  # 24:00:00 is not known within others
    if pa.types.is_date32(kind):
        return _DAYS
    unit = IN_A_DAY["ms" if pa.types.is_date64(kind) else kind.unit]
    return max(_DAYS[0] * unit, -(1 << 63)), min(_DAYS[1] * unit, (1 << 63) - 1)


def _outside(column: pa.Array, *, is_nested: bool) -> pa.Array:
    """Give the numbers of the times and dates that have no text."""
    first, last = _limits(column.type, is_nested=is_nested)
    numbers = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).drop_null()
    return numbers.filter(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)))


def _no_text(column: pa.Array, name: str, *, is_nested: bool) -> Fault:
    value = _outside(column, is_nested=is_nested)[0].as_py()
    reason = (
        f"the {column.type} value {value} in the column {name!r} is out of the range that can be "
        "written as text; only a Parquet output keeps it"
    )
    return reason, str(value).encode()


def _in_limits(*, is_nested: bool) -> Check:
    return Check(
        lambda kind: pa.types.is_temporal(kind) and not pa.types.is_duration(kind),
        lambda column: not len(_outside(column, is_nested=is_nested)),
        partial(_no_text, is_nested=is_nested),
    )


UTF8 = Check(lambda kind: kind in STRINGS, _is_utf8, _no_utf8)
_PLAIN, _NESTED = _in_limits(is_nested=False), _in_limits(is_nested=True)


def writable(kind: pa.DataType) -> Check:
    """Give the check of a column whose values are written as text."""
    return _NESTED if pa.types.is_nested(kind) else _PLAIN


def reject(first: int, row: int, fault: Fault) -> Reject:
    """Say that a row of a block holds such a value; ``first`` is the number of its first row."""
    reason, value = fault
    return Reject(first + row, reason, value, len(value), row)


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


def _parts(kind: pa.DataType) -> list[pa.DataType]:
    """Give the types that a type is made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    if pa.types.is_dictionary(kind):
        return [kind.value_type]
    return [kind.field(number).type for number in range(kind.num_fields)]


def _holds(kind: pa.DataType, concerns: Callable[[pa.DataType], bool]) -> bool:
    return concerns(kind) or any(_holds(part, concerns) for part in _parts(kind))


def _leaves_of(column: pa.Array, concerns: Callable[[pa.DataType], bool]) -> Iterator[pa.Array]:
    """Give the arrays of some types within a column."""
    kind = column.type
    if concerns(kind):
        yield column
        return
    if not _holds(kind, concerns):
        return
    if isinstance(kind, pa.BaseExtensionType):
        inner = [column.storage]
    elif pa.types.is_dictionary(kind):
        inner = [column.dictionary_decode()]
    elif pa.types.is_struct(kind):
        inner = [column.field(number) for number in range(kind.num_fields)]
    elif pa.types.is_map(kind):
        inner = [column.keys, column.items]
    else:
        inner = [column.values]
    for part in inner:
        yield from _leaves_of(part, concerns)
