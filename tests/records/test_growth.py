"""Work grows with the bytes of a file, whatever is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting import check_growth, counted_calls, seconds_of
from tests.records.passing import pass_through
from tests.scoring.fuzz_files import TOKENS
from toolkit.errors import ToolkitError


@pytest.mark.parametrize("to", [".jsonl", ".json", ".tsv", ".parquet", ".csv"])
def test_many_columns(to: str) -> None:
    columns, rows = 20_000, 20
    names = ["text", *(f"column {number}" for number in range(columns))]
    row = ",".join(["a fine film", *(f"value {number}" for number in range(columns))])
    data = "\n".join([",".join(names), *[row] * rows, ""]).encode()
    pass_through(b"text\ngood\n", ".csv", to=to)  # imports are no part of it
    with counted_calls() as calls:
        passed = pass_through(data, ".csv", to=to)
    assert calls.count < 40 * columns
    assert passed.texts == ["a fine film"] * rows
    assert passed.output.count(b"value 19999") >= (1 if to == ".parquet" else rows)


# Of 2 MB and more, so that the record is looked at in little memory.
MANY_FIELDS = {
    "empty": b",",
    "short": b"x,",
    "empty quoted": b'"",',
    "quoted": b'"a, ""b""\n",',
    "some quoted": b'"",x,',
    "quotes in plain ones": b'a"b,"",',
}


@pytest.mark.parametrize("name", MANY_FIELDS)
@pytest.mark.parametrize("native", ["0", "1"])
def test_many_fields_in_one_line(name: str, native: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_NATIVE", native)
    fields = MANY_FIELDS[name] * ((6 << 20) // len(MANY_FIELDS[name]))
    data = b"id,text\n1,good\n" + fields + b"\n2,bad\n"
    pass_through(b"text\ngood\n", ".csv")  # imports are no part of it
    with counted_calls() as calls:
        passed = pass_through(data, ".csv")
    assert calls.count < len(fields) // 100
    (reject,) = passed.rejects
    count = len(next(csv.reader(io.StringIO(fields.decode(), newline=""))))
    reason, lines = f"{count:,} fields, expected 2", fields.count(b"\n")
    lines_of_it = f" (lines 3 to {3 + lines:,})" if lines else ""
    assert (reject.number, reject.reason) == (3, reason + lines_of_it)
    assert reject.raw == fields
    assert passed.texts == ["good", "bad"]


HEADERS = {
    ".csv": (b"id,text\n1,good\n", b"\n"),
    ".jsonl": (b'{"text": "good"}\n', b"\n"),
    ".json": (b'[{"text": "good"},', b"]"),
}


def seconds(data: bytes, ending: str, to: str) -> float:
    def passed() -> None:
        with suppress(ToolkitError):
            pass_through(data, ending, to=to)

    return seconds_of(passed)


def _value(value: bytes) -> bytes:
    return b'{"text": "good", "x": ' + value + b"}\n"


def _members(size: int, member: bytes) -> bytes:
    members = (member % number if b"%d" in member else member for number in range(size))
    return b'{"text": "good", ' + b", ".join(members) + b"}\n"


# Lines of JSON of about as many bytes. A new key in each line is not one of them: it is a column of
# a table, which then grows with the square.
SHAPES: dict[str, Callable[[int], bytes]] = {
    "deep lists": lambda size: _value(b"[" * (size // 2) + b"]" * (size // 2)),
    "deep objects": lambda size: _value(b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6)),
    "lists without an end": lambda size: _value(b"[" * size),
    "many keys": lambda size: _members(size // 12, b'"k%d": 1'),
    "one key again and again": lambda size: _members(size // 13, b'"text": "a"'),
    "a wide array": lambda size: _value(b"[" + b"1," * (size // 2) + b"1]"),
    "an array of objects": lambda size: _value(b"[" + b'{"a":1},' * (size // 8) + b"1]"),
    "escapes": lambda size: _value(b'"' + b"\\u0041" * (size // 6) + b'"'),
    "half pairs": lambda size: _value(b'"' + b"\\ud800" * (size // 6) + b'"'),
    "a long number": lambda size: _value(b"1" * size),
    "a long key": lambda size: 2 * _members(1, b'"' + b"k" * (size // 2) + b'": 1'),
    "rejects": lambda size: b"{\n" * (size // 2),
    "quotes": lambda size: b'"' * size + b"\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("to", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("ending", [".jsonl", ".json"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_json(shape: str, ending: str, to: str) -> None:
    def seconds_of_size(size: int) -> float:
        lines = b'{"text": "good"}\n' + SHAPES[shape](size)
        if ending == ".json":
            lines = b"[" + lines.strip().replace(b"\n", b",\n") + b"]"
        return seconds(lines, ending, to)

    check_growth(seconds_of_size, 40_000)


def _nested(depth: int) -> pa.Array:
    kind: pa.DataType = pa.int64()
    value: object = 1
    for _ in range(depth):
        kind, value = pa.struct([("a", kind)]), {"a": value}
    return pa.array([value], kind)


# Tables, and how many rows their groups have.
TABLES: dict[str, Callable[[int], tuple[dict[str, object], int]]] = {
    "groups": lambda size: ({"text": ["good"] * size, "x": range(size)}, 1),
    "columns": lambda size: ({"text": ["good"], **{str(number): [1] for number in range(size)}}, 1),
    "a wide struct": lambda size: (
        {"text": ["good"], "x": [dict.fromkeys(map(str, range(size)), 1)]}, 1
    ),
    "a deep struct": lambda size: ({"text": ["good"], "x": _nested(size // 8)}, 1),
    "a long list": lambda size: ({"text": ["good"], "x": [[{"a": 1}] * 20 * size]}, 1),
    "a long text": lambda size: ({"text": ["so good " * 100 * size]}, 1),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("to", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("shape", TABLES)
def test_shapes_of_parquet(shape: str, to: str) -> None:
    def seconds_of_size(size: int) -> float:
        columns, rows = TABLES[shape](size)
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file, row_group_size=rows)
        return seconds(file.getvalue(), ".parquet", to)

    check_growth(seconds_of_size, 400)


@pytest.mark.slow
@pytest.mark.parametrize("to", [".csv", ".jsonl"])
@pytest.mark.parametrize("ending", HEADERS)
@settings(max_examples=30)
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(b"".join))
def test_any_piece_again_and_again(ending: str, to: str, piece: bytes) -> None:
    before, after = HEADERS[ending]

    def seconds_of_size(size: int) -> float:
        return seconds(before + piece * (size // len(piece)) + after, ending, to)

    check_growth(seconds_of_size, 100_000)
