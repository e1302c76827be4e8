"""Processor time grows with the bytes of a file, whatever is in them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.passing import Passed, pass_through
from tests.scoring.fuzz_files import TOKENS
from toolkit.errors import ToolkitError

MOST_SECONDS = 6.0  # of a processor; each took more than ten where time grew with a square


def passed_in_time(data: bytes, ending: str, to: str | None = None) -> Passed:
    began = time.process_time()
    passed = pass_through(data, ending, to=to)
    assert time.process_time() - began < MOST_SECONDS
    return passed


@pytest.mark.parametrize("to", [".jsonl", ".json", ".tsv", ".parquet", ".csv"])
def test_many_columns(to: str) -> None:
    names = ["text", *(f"column {number}" for number in range(20_000))]
    row = ",".join(["a fine film", *(f"value {number}" for number in range(20_000))])
    data = "\n".join([",".join(names), *[row] * 20, ""]).encode()
    passed = passed_in_time(data, ".csv", to)
    assert passed.texts == ["a fine film"] * 20
    assert passed.output.count(b"value 19999") >= (1 if to == ".parquet" else 20)


@pytest.mark.parametrize("field", [b",", b"x,", b'"",'])
def test_many_fields_in_one_line(field: bytes) -> None:
    count = (24 << 20) // len(field) ** 2
    data = b"id,text\n1,good\n" + field * count + b"\n2,bad\n"
    passed = passed_in_time(data, ".csv")
    (reject,) = passed.rejects
    assert (reject.number, reject.reason) == (3, f"{count + 1:,} fields, expected 2")
    assert reject.raw == field * count
    assert passed.texts == ["good", "bad"]


HEADERS = {
    ".csv": (b"id,text\n1,good\n", b"\n"),
    ".jsonl": (b'{"text": "good"}\n', b"\n"),
    ".json": (b'[{"text": "good"},', b"]"),
}


def seconds(data: bytes, ending: str, to: str) -> float:
    began = time.process_time()
    with suppress(ToolkitError):
        pass_through(data, ending, to=to)
    return time.process_time() - began


def check_growth(few: float, many: float) -> None:
    """Compare times: four times the bytes take sixteen times the time where it is a square."""
    assert many < max(8 * few, 2)


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
    lines = [b'{"text": "good"}\n' + SHAPES[shape](size) for size in (40_000, 160_000)]
    if ending == ".json":
        lines = [b"[" + each.strip().replace(b"\n", b",\n") + b"]" for each in lines]
    few, many = (seconds(data, ending, to) for data in lines)
    check_growth(few, many)


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
    files = []
    for size in (400, 1600):
        columns, rows = TABLES[shape](size)
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file, row_group_size=rows)
        files.append(file.getvalue())
    few, many = (seconds(data, ".parquet", to) for data in files)
    check_growth(few, many)


@pytest.mark.slow
@pytest.mark.parametrize("to", [".csv", ".jsonl"])
@pytest.mark.parametrize("ending", HEADERS)
@settings(max_examples=30)
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(b"".join))
def test_any_piece_again_and_again(ending: str, to: str, piece: bytes) -> None:
    before, after = HEADERS[ending]
    few, many = (
        seconds(before + piece * (size // len(piece)) + after, ending, to)
        for size in (100_000, 400_000)
    )
    check_growth(few, many)
