"""Parquet: columns of any type stay, and the text may be of any kind of string."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.records.passing import Passed, pass_through
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.records import Columns, ReadOptions
from toolkit.records.table import read_texts

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
    assert (reject.number, reject.reason) == (
        2,
        f"a string in the column {name!r} is not valid UTF-8",
    )
    assert (reject.raw, reject.length) == (b"\xff", 1)


def times(*numbers: int, kind: pa.DataType) -> pa.Array:
    """Give values of a type by the numbers that they are stored as."""
    return pa.array(numbers, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


DAY = 86_400_000_000


def test_times_that_arrow_does_not_know_are_kept() -> None:
    """Such as 24:00:00, which DuckDB writes for the end of a day."""
    columns = {
        "text": ["a", "b", "c"],
        "t": times(1, DAY, 30 * DAY, kind=pa.time64("us")),
        "d": times(1, 2**31 - 1, -(2**31), kind=pa.date32()),
        "l": pa.ListArray.from_arrays([0, 1, 2, 3], times(0, DAY, -1, kind=pa.time64("us"))),
    }
    passed = pass_through(write(columns), ".parquet")
    assert (passed.texts, passed.rejects) == (["a", "b", "c"], [])
    assert table_of(passed).select(list(columns)).equals(pa.table(columns))


@pytest.mark.parametrize("to", [".csv", ".jsonl"])
def test_times_of_which_there_is_no_text(to: str) -> None:
    kinds = [pa.time64("us"), pa.date32(), pa.timestamp("us"), pa.timestamp("ms", "UTC")]
    for kind in kinds:
        largest = 2**31 - 1 if kind.bit_width == 32 else 2**63 - 1
        column = times(1, largest, 2, kind=kind)
        for name, values in [("x", column), ("y", pa.StructArray.from_arrays([column], ["z"]))]:
            data = write({"text": ["a", "b", "c"], name: values})
            passed = pass_through(data, ".parquet", to=to)
            assert passed.texts == ["a", "c"]
            (reject,) = passed.rejects
            assert (reject.number, reject.raw) == (2, str(largest).encode())
            wanted = f"the {kind} value {largest} in the column {name!r} is out of the range"
            assert reject.reason.startswith(wanted)
            assert b"out of range" not in passed.output


@pytest.mark.parametrize("to", [".csv", ".jsonl"])
def test_strings_beside_times(to: str) -> None:
    """Strings may look like times that have no text, and times may stand before no UTF-8."""
    times_of_rows = times(0, 2**62, 1, kind=pa.timestamp("us"))
    looks = pa.array(["call 555-12 2024: a", "", "<value out of range: 3>"])
    for strings, numbers in [(looks, [2]), (NOT_UTF8, [2])]:
        rows = pa.StructArray.from_arrays([times_of_rows, strings], ["when", "date_id"])
        passed = pass_through(write({"text": ["a", "b", "c"], "x": rows}), ".parquet", to=to)
        assert [reject.number for reject in passed.rejects] == numbers
        assert passed.texts == ["a", "c"]


def test_the_end_of_a_day_as_text() -> None:
    data = write({"text": ["a", "b"], "t": times(DAY, DAY - 1, kind=pa.time64("us"))})
    assert pass_through(data, ".parquet", to=".csv").output.splitlines()[1:] == [
        b"a,24:00:00,positive,0.5", b"b,23:59:59.999999,positive,0.5"
    ]  # fmt: skip
    nested = pa.ListArray.from_arrays([0, 1, 2], times(DAY, 0, kind=pa.time64("us")))
    passed = pass_through(write({"text": ["a", "b"], "l": nested}), ".parquet", to=".csv")
    assert (passed.texts, passed.rejects[0].raw) == (["b"], str(DAY).encode())


def test_times_in_a_zone_that_is_not_known_are_written_in_utc() -> None:
    column = pa.array([0], pa.timestamp("ms", "Nowhere/City"))
    data = write({"text": ["a"], "t": column, "l": pa.ListArray.from_arrays([0, 1], column)})
    line = json.loads(pass_through(data, ".parquet", to=".jsonl").output)
    time = "1970-01-01 00:00:00.000Z"
    assert (line["t"], line["l"]) == (time, [time])
    assert table_of(pass_through(data, ".parquet"))["t"].type == column.type


def test_other_columns_do_not_matter_to_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(write({"text": ["a", "c", "b"], "x": NOT_UTF8}))
    assert list(read_texts(path, ReadOptions())) == ["a", "c", "b"]
    with pytest.raises(InputError, match="record 2: a string in the column 'x' is not valid UTF-8"):
        list(read_texts(path, ReadOptions(Columns("x"))))


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
