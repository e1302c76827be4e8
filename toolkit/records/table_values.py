"""Check values of typed columns, at any depth, and measure their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.json_encode import IN_A_DAY, with_parts
from toolkit.records.review_file import Reject

STRINGS = (pa.string(), pa.large_string(), pa.string_view())
BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())  # some writers store texts as bytes
_DAYS = (-12_687_063, 11_248_372)  # years -32766 to 32766; Arrow cannot write others as text

_VALUES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
_VIEWS = (pa.string_view(), pa.binary_view())
_VIEW_INTS = 4  # of 32 bits each; the first is the length of the string


class Fault(NamedTuple):
    """An invalid value in a row."""

    reason: str
    value: bytes


@dataclass(frozen=True)
class Check:
    """A property that all values of some types must have."""

    concerns: Callable[[pa.DataType], bool]
    is_met: Callable[[pa.Array], bool]  # whether all values of an array have the property
    fault: Callable[[pa.Array, str], Fault]  # for an array with a wrong value, and its column

    def faults(self, name: str, column: pa.Array) -> Iterator[tuple[int, Fault]]:
        """Find the rows of a column that hold a wrong value, at any depth."""
        if not _holds(column.type, self.concerns):
            return
        if all(map(self.is_met, _leaves_of(column, self.concerns))):
            return
        for number in range(len(column)):
            # A copy: the inner arrays of a slice have the values of all rows.
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
    return Fault(f"a string in the column {name!r} is not valid UTF-8", value)


def _limits(kind: pa.DataType, *, is_nested: bool) -> tuple[int, int]:
    """Return the smallest and the largest value of a type that can be written as text."""
    if pa.types.is_time(kind):
        return 0, IN_A_DAY[kind.unit] - is_nested  # in nested values, 24:00:00 cannot be written
    if pa.types.is_date32(kind):
        return _DAYS
    unit = IN_A_DAY["ms" if pa.types.is_date64(kind) else kind.unit]
    return max(_DAYS[0] * unit, -(1 << 63)), min(_DAYS[1] * unit, (1 << 63) - 1)


def _outside(column: pa.Array, *, is_nested: bool) -> pa.Array:
    """Return the times and dates that cannot be written as text, as numbers."""
    first, last = _limits(column.type, is_nested=is_nested)
    numbers = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).drop_null()
    return numbers.filter(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)))


def _no_text(column: pa.Array, name: str, *, is_nested: bool) -> Fault:
    value = _outside(column, is_nested=is_nested)[0].as_py()
    reason = (
        f"the {column.type} value {value} in the column {name!r} is out of the range that can be "
        "written as text; write Parquet to keep it"
    )
    return Fault(reason, str(value).encode())


def _in_limits(*, is_nested: bool) -> Check:
    return Check(
        concerns=lambda kind: pa.types.is_temporal(kind) and not pa.types.is_duration(kind),
        is_met=lambda column: not len(_outside(column, is_nested=is_nested)),
        fault=partial(_no_text, is_nested=is_nested),
    )


UTF8 = Check(concerns=lambda kind: kind in STRINGS, is_met=_is_utf8, fault=_no_utf8)
_PLAIN = _in_limits(is_nested=False)
_NESTED = _in_limits(is_nested=True)


def writable(kind: pa.DataType) -> Check:
    """Return the check that values of a type can be written as text."""
    return _NESTED if pa.types.is_nested(kind) else _PLAIN


def reject(first: int, row: int, fault: Fault) -> Reject:
    """Return the reject for a row of a block; ``first``: number of the block's first row."""
    return Reject(
        number=first + row,
        reason=fault.reason,
        raw=fault.value,
        length=len(fault.value),
        position=row,
    )


def in_known_zones(kind: pa.DataType) -> pa.DataType:
    """Return a type with UTC in place of time zones that this machine does not know."""
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        try:
            pa.array([0], kind).cast(pa.string())
        except pa.ArrowInvalid:
            return pa.timestamp(kind.unit, "UTC")
    return with_parts(kind, in_known_zones) if pa.types.is_nested(kind) else kind


def as_strings(column: pa.Array) -> pa.Array:
    """Return values as strings, with U+FFFD for bytes that are not UTF-8."""
    if column.type not in BYTES:
        return column.cast(pa.large_string())
    try:
        return column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        values = (value and value.decode(errors="replace") for value in column.to_pylist())
        return pa.array(values, pa.large_string())


def _parts(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types that a type is made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return [kind.storage_type]
    if pa.types.is_dictionary(kind):
        return [kind.value_type]
    return [kind.field(number).type for number in range(kind.num_fields)]


def part_of(kind: pa.DataType, concerns: Callable[[pa.DataType], bool]) -> pa.DataType | None:
    """Return the first type that `concerns` accepts: the type itself or a part; None if none."""
    if concerns(kind):
        return kind
    found = (part_of(part, concerns) for part in _parts(kind))
    return next((part for part in found if part is not None), None)


def _holds(kind: pa.DataType, concerns: Callable[[pa.DataType], bool]) -> bool:
    return part_of(kind, concerns) is not None


def _leaves_of(column: pa.Array, concerns: Callable[[pa.DataType], bool]) -> Iterator[pa.Array]:
    """Return the arrays within a column whose types `concerns` accepts."""
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


_AS_BYTES = dict(zip(STRINGS, BYTES, strict=True))


def check_content(batch: pa.RecordBatch) -> None:
    """Raise `ArrowInvalid` for a damaged batch, for example with wrong offsets.

    Otherwise, Arrow's functions would read outside of its buffers. Strings may have any bytes: the
    check `UTF8` rejects only their records.
    """
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            column.validate()
            column.view(_with_bytes(column.type)).validate(full=True)


def _with_bytes(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _with_bytes(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _with_bytes(kind.value_type), kind.ordered)
    return with_parts(_AS_BYTES.get(kind, kind), _with_bytes)


def bytes_of(batch: pa.RecordBatch) -> int:
    """Return about how many bytes a batch takes as text; repeated values count each time."""
    if not any(_holds(kind, _is_shared) for kind in {*batch.schema.types}):
        return sum([int(column.nbytes) for column in batch.columns])
    return sum(map(_bytes_of, batch.columns))


def _bytes_of(column: pa.Array) -> int:
    kind = column.type
    if not _holds(kind, _is_shared):
        return int(column.nbytes)
    if kind in _VIEWS:
        return _bytes_of_views(column)
    if pa.types.is_dictionary(kind):
        return int(column.indices.nbytes) + _bytes_of_values(column)
    return sum(map(_bytes_of, _parts_of(column)))


def _parts_of(column: pa.Array) -> list[pa.Array]:
    """Return the arrays within a nested array, without values that no row refers to."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return [column.storage]
    if pa.types.is_struct(kind):
        return [column.field(number) for number in range(kind.num_fields)]
    if pa.types.is_map(kind):
        first = column.offsets[0].as_py()
        last = column.offsets[-1].as_py()
        return [column.keys[first:last], column.items[first:last]]
    return [column.flatten()]


def _is_shared(kind: pa.DataType) -> bool:
    """Whether rows can share values, so that a small column may be a large text."""
    return kind in _VIEWS or pa.types.is_dictionary(kind)


def _bytes_of_views(column: pa.Array) -> int:
    ints = np.frombuffer(column.buffers()[1], np.int32)
    lengths = ints[column.offset * _VIEW_INTS :: _VIEW_INTS][: len(column)]
    return int(lengths[column.is_valid().to_numpy(zero_copy_only=False)].sum(dtype=np.int64))


def _bytes_of_values(column: pa.DictionaryArray) -> int:
    if column.type.value_type in _VIEWS:
        lengths = pc.binary_length(column.dictionary.cast(pa.large_binary()))
    elif column.type.value_type in _VALUES:
        lengths = pc.binary_length(column.dictionary)
    else:  # numbers
        return 0
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
