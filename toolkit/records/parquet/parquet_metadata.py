"""The metadata of a Parquet output: those of its input, and where its scores are from."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from toolkit.records.record_blocks import METADATA_PREFIX

# The columns that Spark sees in a file that it has written; it does not look for others.
_SPARK = b"org.apache.spark.sql.parquet.row.metadata"
_SPARK_TYPES = {pa.string(): "string", pa.float32(): "float", pa.int32(): "integer"}


def with_metadata(schema: pa.Schema, metadata: Mapping[str, str]) -> pa.Schema:
    """Give the schema of an output the new metadata in the place of those of an earlier scoring."""
    kept = {
        key: value
        for key, value in (schema.metadata or {}).items()
        if not key.startswith(METADATA_PREFIX.encode())
    }
    if _SPARK in kept and (columns := _spark_columns(kept.pop(_SPARK), schema)) is not None:
        kept[_SPARK] = columns
    return schema.with_metadata({**kept, **metadata} or None)


def _spark_columns(stored: bytes, schema: pa.Schema) -> bytes | None:
    """Add what is missing to the list of Spark; None if Spark had better take the schema itself."""
    try:
        content = json.loads(stored)
        names = [field["name"] for field in content["fields"]]
        content["fields"] += [
            {"name": each.name, "type": _SPARK_TYPES[each.type], "nullable": True, "metadata": {}}
            for each in schema
            if each.name not in names
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
