"""Parquet: columns of any type stay, and the text may be of any kind of string."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.records.passing import Passed, pass_through
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.records.columns import Columns

TEXTS = ["good", None, "", "été", "bad"]
NOT_UTF8 = pa.Array.from_buffers(
    pa.string(), 3, [None, pa.py_buffer(np.array([0, 1, 2, 3], np.int32)), pa.py_buffer(b"a\xffb")]
)


def write(columns: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def table_of(passed: Passed) -> pa.Table:
    return pq.read_table(io.BytesIO(passed.output))


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
        pa.binary_view(), pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()), pa.dictionary(pa.int32(), pa.binary()),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("is_nested", [False, True])
def test_texts_of_any_string_type(kind: pa.DataType, is_nested: bool) -> None:
    texts = pa.array(TEXTS).cast(kind.value_type if pa.types.is_dictionary(kind) else kind)
    texts = texts.dictionary_encode() if pa.types.is_dictionary(kind) else texts
    columns = {"r": pa.StructArray.from_arrays([texts], ["t"])} if is_nested else {"text": texts}
    data = write({**columns, "id": range(5)})
    passed = pass_through(data, ".parquet", Columns("r.t") if is_nested else None)
    assert passed.texts == TEXTS
    table, before = table_of(passed), pq.read_table(io.BytesIO(data))
    assert table.select(before.schema.names).equals(before)
    assert table["predicted_sentiment"].to_pylist() == ["positive", None, None, *["positive"] * 2]


def test_texts_that_are_all_null() -> None:
    assert pass_through(write({"text": pa.nulls(3)}), ".parquet").texts == [None] * 3


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="'text' holds values of the type int64, expected strings"):
        pass_through(write({"text": [1]}), ".parquet")
    with pytest.raises(UsageError, match="'r' holds values of the type struct"):
        pass_through(write({"r": [{"a": "b"}]}), ".parquet", Columns("r"))
    with pytest.raises(InputError, match="not a Parquet file, or a damaged one"):
        pass_through(b"text\na\n", ".parquet")


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_the_layout_of_the_file_stays(compression: str, block_bytes: int) -> None:
    fields = [
        pa.field("id", pa.int16(), nullable=False, metadata={"unit": "1"}),
        pa.field("text", pa.large_string()),
        pa.field("tags", pa.list_(pa.string())),
    ]
    schema = pa.schema(fields, {"pandas": "{}", "ours": "é"})
    rows = [{"id": n, "text": f"t{n}", "tags": ["a", None]} for n in range(1000)]
    data = write(pa.Table.from_pylist(rows, schema), row_group_size=300, compression=compression)
    output = pass_through(data, ".parquet", block_bytes=block_bytes).output
    file = pq.ParquetFile(io.BytesIO(output))
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert sizes == [300, 300, 300, 100]
    found = file.metadata.row_group(0).column(0).compression.lower()
    assert found == {"none": "uncompressed"}.get(compression, compression)
    added = [pa.field("predicted_sentiment", pa.string())]
    added.append(pa.field("positive_probability", pa.float32()))
    before = pq.ParquetFile(io.BytesIO(data)).schema_arrow
    wanted = pa.schema([*before, *added], before.metadata)
    assert {b"ours", b"pandas"} <= wanted.metadata.keys()
    assert file.schema_arrow.equals(wanted, check_metadata=True)
    assert [{k: row[k] for k in rows[0]} for row in file.read().to_pylist()] == rows


@pytest.mark.parametrize("to", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("row_groups", [0, 1])
def test_a_file_without_rows(row_groups: int, to: str) -> None:
    file = io.BytesIO()
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(file, schema) as writer:
        for _ in range(row_groups):
            writer.write_table(schema.empty_table())
    passed = pass_through(file.getvalue(), ".parquet", to=to)
    assert (passed.texts, passed.rejects) == ([], [])
    if to == ".parquet":
        assert table_of(passed).num_rows == 0


@pytest.mark.parametrize("to", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize(
    "columns",
    [
        {"text": NOT_UTF8},
        {"text": NOT_UTF8.cast(pa.binary())},
        {"text": pa.array(["a", None, "b"], pa.string_view()), "x": NOT_UTF8},
        {"text": ["a", "c", "b"], "x": pa.StructArray.from_arrays([NOT_UTF8], ["y"])},
        {"text": ["a", "c", "b"], "x": pa.ListArray.from_arrays([0, 1, 2, 3], NOT_UTF8)},
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_row_with_a_string_that_is_no_utf8(
    columns: dict[str, Any], to: str, block_bytes: int
) -> None:
    passed = pass_through(write(columns), ".parquet", to=to, block_bytes=block_bytes)
    assert passed.texts == ["a", "b"]
    (reject,) = passed.rejects
    name = list(columns)[-1]
    assert (reject.number, reject.reason) == (2, f"a string in the column {name!r} is no UTF-8")
    kind = getattr(columns[name], "type", None)
    assert reject.raw == (b"" if pa.types.is_nested(kind) else b"\xff")


def test_a_damaged_page_is_named_by_its_record() -> None:
    texts = [f"a text that is no other {n * 7919}" for n in range(2000)]
    data = bytearray(write({"text": texts}, row_group_size=1000, compression="none"))
    at = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(1).column(0).dictionary_page_offset
    data[at : at + 64] = bytes(64)
    with pytest.raises(InputError, match="record 1,001: cannot be read from here on"):
        pass_through(bytes(data), ".parquet")


def test_json_holds_what_it_can() -> None:
    """Floats that are none, and times to the nanosecond, also within lists and structs."""
    columns = {
        "text": ["a", "b"],
        "f": pa.array([float("nan"), 0.1], pa.float32()),
        "l": [[float("inf"), 1.5], None],
        "t": pa.array([1, None], pa.timestamp("ns")),
        "s": pa.array([{"t": 1}, None], pa.struct([("t", pa.timestamp("ns"))])),
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "b": [b"\xff", b"x"],
        "d": pa.array(["1.10", None]).cast(pa.decimal128(5, 2)),
    }
    lines = pass_through(write(columns), ".parquet", to=".jsonl").output.decode().split("\n")
    first = json.loads(lines[0], parse_constant=pytest.fail, parse_float=str)
    time = "1970-01-01 00:00:00.000000001"
    assert list(first.values())[1:8] == [
        None, [None, "1.5"], time, {"t": time}, [["k", 1]], "/w==", "1.10",
    ]  # fmt: skip
    second = json.loads(lines[1], parse_float=str)
    assert list(second.values())[1:8] == ["0.1", None, None, None, None, "x", None]


@pytest.mark.parametrize("change", [0x01, 0x06, 0x80])
def test_a_footer_that_is_damaged_anywhere(change: int) -> None:
    """An error at the worst: some of these end the process where pyarrow looks at them unread."""
    data = write({"text": TEXTS, "id": range(5)}, store_schema=False)
    size = int.from_bytes(data[-8:-4], "little")
    for at in range(len(data) - 8 - size, len(data)):
        damaged = bytearray(data)
        damaged[at] ^= change
        with suppress(ToolkitError):
            pass_through(bytes(damaged), ".parquet")
