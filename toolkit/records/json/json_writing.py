"""How objects are written: with added members, on lines, or in an array."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.json.json_values import as_json
from toolkit.records.text_files.byte_lines import values_buffer


def added_members(
    objects: pa.StringArray,
    keys: Sequence[str],
    scores: Sequence[pa.Array],
    *ends: pa.StringArray | str,
) -> pa.StringArray:
    """Write what follows in objects without their end: members, null without a score; the ends.

    The keys are in quotes.
    """
    empty_object = pc.match_substring_regex(objects, r"^\s*\{\s*$")
    members: list[pa.Array | str] = []
    for key, values in zip(keys, scores, strict=True):
        is_text = values.type == pa.string()
        written = values.cast(pa.string())
        quoted = pc.binary_join_element_wise('"', written, '"', "") if is_text else written
        members += [f"{', ' * bool(members)}{key}: ", pc.fill_null(quoted, "null")]
    return pc.binary_join_element_wise(pc.if_else(empty_object, "", ", "), *members, *ends, "")


def objects_of(batch: pa.RecordBatch) -> pa.StringArray:
    """Write each row as an object; null is null, and what JSON has no way to write is a string."""
    parts: list[object] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        opening = ("{" if not parts else ", ") + json.dumps(name, ensure_ascii=False) + ": "
        parts += [opening, as_json(column)]
    return pc.binary_join_element_wise(*parts, "}", "")


def on_lines(objects: pa.StringArray) -> pa.Buffer:
    """Write objects on one line each: line ends within them are spaces."""
    if pc.any(pc.match_substring(objects, "\n")).as_py():
        objects = pc.replace_substring_regex(objects, r"\s*\n\s*", " ")
    return values_buffer(pc.binary_join_element_wise(objects, "\n", ""))


def with_commas(*parts: pa.StringArray) -> pa.Buffer:
    """Join the parts of each element of an array, and the elements by commas."""
    count = len(parts[0])
    commas = pa.concat_arrays([pa.array([""]), pa.repeat(",", max(count - 1, 0))])
    return values_buffer(pc.binary_join_element_wise(commas[:count], *parts, ""))
