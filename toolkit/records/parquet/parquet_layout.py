"""How a Parquet file is stored beside its values, and how an output can be stored alike."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolkit.records.parquet.parquet_footer import (
    CHILDREN,
    Element,
    Schema,
    has_order,
    name_of,
    number,
    read_schema,
    schema_of,
    storage,
    with_meaning,
)

# What Arrow calls a compression, where it does not read the name that it gives.
_CODECS = {"uncompressed": "none", "lz4_raw": "lz4", "unknown": "snappy"}
# Encodings that somebody chose, and what they can encode.
_BYTES = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_INTEGERS = ("INT32", "INT64")
_ENCODINGS = {
    "DELTA_BINARY_PACKED": _INTEGERS,
    "DELTA_LENGTH_BYTE_ARRAY": _BYTES[:1],
    "DELTA_BYTE_ARRAY": _BYTES,
    "BYTE_STREAM_SPLIT": (*_INTEGERS, "FLOAT", "DOUBLE", "FIXED_LEN_BYTE_ARRAY"),
}
# Row groups of an output end with those of the input, or here at the latest: Arrow writes a group
# from memory, where all of it must be.
ROW_GROUP_BYTES = 64 << 20

_FALSE_POSITIVES = 0.05  # of a Bloom filter
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are stored."""

    options: dict[str, Any] = field(default_factory=dict)  # of `pyarrow.parquet.ParquetWriter`
    original: Schema | None = None  # of the file that it is taken from
    warnings: tuple[str, ...] = ()  # what an output stores in another way

    def elements_like(self, schema: Schema) -> list[Element]:
        """Give the elements of a schema with the meanings that they have in the original."""
        if self.original is None:
            return schema.elements
        columns = schema.columns
        for position, (own, original) in enumerate(
            zip(columns, self.original.columns, strict=False)
        ):
            if _shape(own) == _shape(original):
                columns[position] = [*map(with_meaning, own, original)]
        return [schema.elements[0], *(element for column in columns for element in column)]


PLAIN = Layout()


def layout_of(path: Path, file: Any, schema: pa.Schema) -> Layout:
    """Tell how to store columns like those of a `pyarrow.parquet.ParquetFile`.

    The schema is the one of the output: the columns of the file, and then others. The facts about
    the columns of the first row group are looked at, which must have been read: to look at
    damaged ones ends the process (pyarrow 26).
    """
    leaves = [file.schema.column(position) for position in range(len(file.schema))]
    options: dict[str, Any] = {
        "use_compliant_nested_type": False,  # else parts of lists get another name
        "store_schema": b"ARROW:schema" in (file.metadata.metadata or {}),
        "store_decimal_as_integer": any(
            leaf.logical_type.type == "DECIMAL" and leaf.physical_type in _INTEGERS
            for leaf in leaves
        ),
        # For all or none.
        "use_deprecated_int96_timestamps": any(leaf.physical_type == "INT96" for leaf in leaves)
        and not any(leaf.logical_type.type == "TIMESTAMP" for leaf in leaves),
    }
    try:
        original = read_schema(path)
    except (OSError, ValueError):  # of which Arrow can make more
        return Layout(options)
    layout = Layout(options, original)
    paths, stored = _stored(schema, layout)
    options |= _options_of_columns(file, leaves, paths, original)
    return replace(
        layout, warnings=(*_differences(original, stored), *_split_groups(file.metadata))
    )


def _stored(schema: pa.Schema, layout: Layout) -> tuple[list[str], Schema]:
    """Tell how Arrow stores a schema: the paths of its leaves, and what is in the footer."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.ParquetWriter(file, schema, **layout.options).close()
    data = file.getvalue()
    found = pq.ParquetFile(file).schema
    size = int.from_bytes(data[-8:-4], "little")
    return [found.column(n).path for n in range(len(found))], schema_of(data[-8 - size : -8])


def _options_of_columns(
    file: Any, leaves: Sequence[Any], paths: list[str], original: Schema
) -> dict[str, Any]:
    if not file.metadata.num_row_groups or not leaves:
        return {}
    group = file.metadata.row_group(0)
    facts = [group.column(position) for position in range(len(leaves))]
    codecs = [each.compression.lower() for each in facts]
    codecs = [_CODECS.get(name, name) for name in codecs]
    codecs += codecs[:1] * (len(paths) - len(codecs))  # of the added columns
    encodings = {
        path: encoding
        for path, leaf, each in zip(paths, leaves, facts, strict=False)
        if paths.count(path) == 1 and (encoding := _encoding(leaf, each)) is not None
    }
    ordered = [has_order(each) for each in original.elements[1:] if not number(each, CHILDREN)]
    options: dict[str, Any] = {
        "compression": dict(zip(paths, codecs, strict=True)),
        "use_dictionary": [path for path in paths if path not in encodings],
        "column_encoding": encodings,
        "write_page_index": any(each.has_offset_index for each in facts),
        "bloom_filter_options": {
            path: {"ndv": _distinct(each, group.num_rows), "fpp": _FALSE_POSITIVES}
            for path, each in zip(paths, facts, strict=False)
            if _has_bloom_filter(each) and each.physical_type != "BOOLEAN"
        },
        "sorting_columns": list(group.sorting_columns) or None,
    }
    if not all(ordered):
        ordered += [True] * (len(paths) - len(ordered))
        options["write_statistics"] = [
            p for p, is_ordered in zip(paths, ordered, strict=True) if is_ordered
        ]
    return options


def _encoding(leaf: Any, facts: Any) -> str | None:
    """Tell the encoding that was chosen for a column; None for the usual ones."""
    found = set(facts.encodings)
    chosen = [name for name in found & _ENCODINGS.keys() if leaf.physical_type in _ENCODINGS[name]]
    has_dictionary = any(name.endswith("DICTIONARY") for name in found)
    return chosen[0] if len(chosen) == 1 and not has_dictionary else None


def _has_bloom_filter(column: Any) -> bool:
    return getattr(column, "bloom_filter_offset", None) is not None


def _distinct(facts: Any, rows: int) -> int:
    """Tell for how many values a Bloom filter of the same size is made."""
    size = facts.bloom_filter_length or 0
    if size <= 0:
        return max(rows, 1)
    values = -8 * size * math.log(1 - _FALSE_POSITIVES ** (1 / 8)) / 8
    return max(int(values * 0.9), 1)  # its length has a header, too


def _differences(original: Schema, stored: Schema) -> Iterator[str]:
    """Say which columns are stored in another way."""
    changed: dict[str, list[str]] = {}
    regrouped = []
    for before, after in zip(original.columns, stored.columns, strict=False):
        name = name_of(before[0])
        if _shape(before) != _shape(after) or [*map(name_of, before)] != [*map(name_of, after)]:
            regrouped.append(name)
            continue
        for one, other in zip(before, after, strict=True):
            if storage(one) != storage(other):
                changed.setdefault(f"{storage(one)} as {storage(other)}", []).append(name)
    for how, names in changed.items():
        yield f"the output stores {how}, with the same values, in {columns_of(names)}"
    if regrouped:
        how = "names or groups parts in another way"
        yield f"the output {how}, with the same values, in {columns_of(regrouped)}"


def _split_groups(facts: Any) -> Iterator[str]:
    """Say that row groups are split, as far as that is known before they are read."""
    count = facts.num_row_groups
    large = sum(facts.row_group(n).total_byte_size > ROW_GROUP_BYTES for n in range(count))
    if large:
        yield (
            f"{large:,} of {count:,} row groups are larger than {ROW_GROUP_BYTES >> 20} MiB, and "
            "are split in the output"
        )


def _shape(column: list[Element]) -> list[int]:
    return [number(element, CHILDREN) for element in column]


def columns_of(names: Sequence[str]) -> str:
    """List columns in a message."""
    names = [*dict.fromkeys(names)]
    more = len(names) - _NAMES_SHOWN
    shown = ", ".join(map(repr, names[:_NAMES_SHOWN])) + (f" and {more:,} more" if more > 0 else "")
    return f"the column{'s' * (len(names) > 1)} {shown}"
