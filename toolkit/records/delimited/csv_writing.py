"""Rows of values written as delimited fields."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.delimited.csv_dialect import Dialect
from toolkit.records.json.json_values import as_text
from toolkit.records.text_files.byte_lines import values_buffer


def rows_of(batch: pa.RecordBatch, dialect: Dialect) -> pa.Buffer:
    """Write the rows of a batch as RFC 4180 says; null is an empty field."""
    mark = dialect.delimiter
    fields = [_quoted(as_text(column), mark) for column in batch.columns]
    if len(fields) == 1:  # an empty line would not be a record
        fields = [pc.if_else(pc.equal(fields[0], ""), '""', fields[0])]
    return values_buffer(
        pc.binary_join_element_wise(pc.binary_join_element_wise(*fields, mark), "\n", "")
    )


def _quoted(fields: pa.StringArray, delimiter: str) -> pa.StringArray:
    special = pc.match_substring_regex(fields, f'["\r\n{re.escape(delimiter)}]')
    if not pc.any(special).as_py():
        return fields
    doubled = pc.replace_substring(fields, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), fields)
