"""How Python writes and reads every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from toolkit.formats import ENDINGS

Row = dict[str, str]


def write_csv(rows: list[Row], line_end: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def read_csv(data: bytes) -> list[Row]:
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    header, *rows = [row for row in reader if row]
    return [dict(zip(header, row, strict=True)) for row in rows]


def write_json_lines(rows: list[Row], line_end: str) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + line_end for row in rows).encode()


def read_json_lines(data: bytes) -> list[Row]:
    lines = data.decode("utf-8-sig").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    return [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in rows
    ]


Writer = Callable[[list[Row], str], bytes]
Reader = Callable[[bytes], list[Row]]

# A new format needs its entry here too: how others write and read it.
PYTHON: dict[str, tuple[Writer, Reader]] = {
    ".csv": (write_csv, read_csv),
    ".jsonl": (write_json_lines, read_json_lines),
    ".ndjson": (write_json_lines, read_json_lines),
}

every_format = pytest.mark.parametrize("ending", list(ENDINGS))
