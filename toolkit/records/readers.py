"""Files of reviews as Arrow columns, by format.

They are read whole and with the strictest rules: who trains or judges a model can wait a second
for the reading, and a file that is damaged in the middle must not shrink to its first half.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import InputError, UsageError

Columns = dict[str, pa.ChunkedArray]

_JSON_REMEDY = 'Write each review on one line, as {"text": "...", "label": 1}.'


def read_delimited(path: Path, delimiter: str) -> Columns:
    """Read CSV (RFC 4180, header in the first line), every column as strings."""
    # The default, 131,072 characters, is less than a long text.
    csv.field_size_limit(sys.maxsize)
    content = io.StringIO(read_text(path.read_bytes(), path), newline="")
    # strict: a quote that is never closed is an error; Arrow would swallow the rest of the file.
    lines = csv.reader(content, delimiter=delimiter, strict=True)
    records = list(_records(path, lines))
    if not records:
        raise _empty(path)
    (_, names), *rows = records
    _check_widths(path, names, rows)
    values = zip(*(fields for _, fields in rows), strict=True) if rows else [()] * len(names)
    return {name: _column(column) for name, column in zip(names, values, strict=True)}


def read_jsonl(path: Path) -> Columns:
    """Read a JSON object a line; a key that a line lacks is null there."""
    rows = list(_json_objects(path))
    if not rows:
        raise _empty(path)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def read_parquet(path: Path) -> Columns:
    """Read a Parquet file."""
    if not path.stat().st_size:
        raise _empty(path)
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: no Parquet file that can be read: {error}. Get or write the file again."
        ) from None
    return dict(zip(table.column_names, table.columns, strict=True))


# To add one, add an entry.
READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": partial(read_delimited, delimiter=","),
    ".tsv": partial(read_delimited, delimiter="\t"),
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
}


def find_reader(path: Path) -> Callable[[Path], Columns]:
    """The reader for a file by its name; raises `UsageError` if there is none."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"{path}: unknown kind of file. Expected a name that ends in {', '.join(READERS)}."
        )
    return reader


def read_file(path: Path) -> Columns:
    """Read a file of any known kind; raises `InputError` if it is not there."""
    reader = find_reader(path)
    if not os.path.exists(path):  # noqa: PTH110 (Path.exists raises if the name is too long)
        raise InputError(f"{path}: no such file. Give a CSV, JSONL or Parquet file.")
    return reader(path)


def read_text(content: bytes, place: object) -> str:
    """Decode UTF-8; raises `InputError` with the place if it is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place}: no UTF-8 text at byte {error.start}. Convert it first, for example with "
            "`iconv -f latin1 -t utf-8`."
        ) from None


def _records(path: Path, lines: Any) -> Iterator[tuple[int, list[str]]]:
    """The records of a `csv.reader` that are no blank lines, each with the line of its end."""
    first = 1
    try:
        for fields in lines:
            if fields:
                yield lines.line_num, fields
            first = lines.line_num + 1
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise InputError(
                f"{path}, line {first}: a quote is never closed in the record that begins here. "
                'Close it; a quote that belongs to the text is written "" in a quoted field.'
            ) from None
        raise InputError(
            f"{path}, line {lines.line_num}: no valid CSV: {error}. Quote the whole field, and "
            'write a quote inside it as "".'
        ) from None


def _check_widths(path: Path, names: list[str], rows: list[tuple[int, list[str]]]) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: two columns are named '{twice[0]}'. Rename one of them.")
    for line, fields in rows:
        if len(fields) != len(names):
            raise InputError(
                f"{path}, line {line}: {len(fields)} fields, expected {len(names)} as in the "
                "header. Quote fields that contain the delimiter or line breaks."
            )


def _json_objects(path: Path) -> Iterator[dict[str, Any]]:
    # Not str.splitlines: U+2028 and U+0085 stand inside reviews.
    for number, line in enumerate(read_text(path.read_bytes(), path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "\\u" in line:  # half of a surrogate pair passes as JSON, and is no text
                json.dumps(row, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}, line {number}: no valid JSON: {error}. {_JSON_REMEDY}"
            ) from None
        if not isinstance(row, dict):
            raise InputError(
                f"{path}, line {number}: expected a JSON object, found {type(row).__name__}. "
                f"{_JSON_REMEDY}"
            )
        yield row


def _column(values: Any) -> pa.ChunkedArray:
    """Arrow's type for the values; a mixture becomes strings of JSON."""
    try:
        array = pa.array(values, pa.string() if not values else None)
    except (pa.ArrowException, OverflowError):
        array = pa.array([value if value is None else _as_text(value) for value in values])
    return pa.chunked_array([array])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _empty(path: Path) -> InputError:
    return InputError(f"{path}: is empty. Give a file with a row for each review.")
