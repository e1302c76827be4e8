"""Arrow files and streams: columns of any type stay, and what is damaged is refused in a line."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command
from tests.records.passing import Passed, pass_through
from tests.records.test_parquet import NOT_UTF8, TEXTS
from tests.records.test_parquet_memory import LONG, blocks_of, repeated
from toolkit.errors import EmptyInputError, InputError, ToolkitError, UsageError
from toolkit.records import Columns, ReadOptions, open_reviews
from toolkit.records.review_file import BLOCK_RECORDS
from toolkit.records.table import read_texts

MIB = 1 << 20
LAYOUTS: dict[str, Callable[..., Any]] = {"file": pa.ipc.new_file, "stream": pa.ipc.new_stream}
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


def write(
    columns: Any, layout: str = "file", codec: str | None = None, rows: int | None = None
) -> bytes:
    file = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with LAYOUTS[layout](file, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return file.getvalue()


def batches_of(data: bytes) -> list[pa.RecordBatch]:
    if data.startswith(b"ARROW1"):
        with pa.ipc.open_file(data) as file:
            return [file.get_batch(number) for number in range(file.num_record_batches)]
    with pa.ipc.open_stream(data) as stream:
        return list(stream)


def table_of(passed: Passed) -> pa.Table:
    return pa.Table.from_batches(batches_of(passed.output))


@every_layout
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
def test_texts_of_any_string_type(layout: str, kind: pa.DataType, is_nested: bool) -> None:
    texts = pa.array(TEXTS).cast(kind.value_type if pa.types.is_dictionary(kind) else kind)
    texts = texts.dictionary_encode() if pa.types.is_dictionary(kind) else texts
    columns = {"r": pa.StructArray.from_arrays([texts], ["t"])} if is_nested else {"text": texts}
    table = pa.table({**columns, "id": range(5)})
    passed = pass_through(write(table, layout), ".arrow", Columns("r.t") if is_nested else None)
    assert passed.texts == TEXTS
    found = table_of(passed)
    assert found.select(table.schema.names).equals(table)
    assert found["predicted_sentiment"].to_pylist() == ["positive", None, None, *["positive"] * 2]


@every_layout
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_the_layout_of_the_file_stays(layout: str, codec: str | None, block_bytes: int) -> None:
    fields = [
        pa.field("id", pa.int16(), nullable=False, metadata={"unit": "1"}),
        pa.field("text", pa.large_string()),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
    ]
    schema = pa.schema(fields, {"pandas": "{}", "ours": "é"})
    rows = [
        {"id": n, "text": f"text {n}" * 9, "tags": ["a", None], "kind": str(n % 3)}
        for n in range(100)
    ]
    table = pa.Table.from_pylist(rows, schema)
    data = write(table, layout, codec, rows=30)
    output = pass_through(data, ".arrow", block_bytes=block_bytes).output
    assert output.startswith(b"ARROW1") == (layout == "file")
    found = batches_of(output)
    assert [len(batch) for batch in found] == [30, 30, 30, 10]
    added = [pa.field("predicted_sentiment", pa.string())]
    added.append(pa.field("positive_probability", pa.float32()))
    wanted = pa.schema([*schema, *added], schema.metadata)
    assert found[0].schema.equals(wanted, check_metadata=True)
    assert pa.Table.from_batches(found).select([*rows[0]]).to_pylist() == rows
    again = write(pa.Table.from_batches(found), layout, codec, rows=30)
    assert len(output) == pytest.approx(len(again), rel=0.05)


@every_layout
@pytest.mark.parametrize("to", [".arrow", ".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("batches", [0, 1])
def test_a_file_without_rows(layout: str, batches: int, to: str) -> None:
    file = io.BytesIO()
    schema = pa.schema([("text", pa.string())])
    with LAYOUTS[layout](file, schema) as writer:
        for _ in range(batches):
            writer.write_table(schema.empty_table())
    passed = pass_through(file.getvalue(), ".arrow", to=to)
    assert (passed.texts, passed.rejects) == ([], [])


@every_layout
@pytest.mark.parametrize("to", [".arrow", ".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    "columns",
    [
        {"text": NOT_UTF8},
        {"text": NOT_UTF8.cast(pa.binary())},
        {"text": pa.array(["a", None, "b"], pa.string_view()), "x": NOT_UTF8},
        {"text": ["a", "c", "b"], "x": pa.StructArray.from_arrays([NOT_UTF8], ["y"])},
        {"text": ["a", "c", "b"], "x": pa.ListArray.from_arrays([0, 1, 2, 3], NOT_UTF8)},
        {"text": ["a", "c", "b"], "x": pa.DictionaryArray.from_arrays([0, 1, 2], NOT_UTF8)},
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_a_row_with_a_string_that_is_no_utf8(
    layout: str, columns: dict[str, Any], to: str, block_bytes: int
) -> None:
    passed = pass_through(write(columns, layout), ".arrow", to=to, block_bytes=block_bytes)
    assert passed.texts == ["a", "b"]
    (reject,) = passed.rejects
    name = list(columns)[-1]
    assert (reject.number, reject.reason) == (
        2,
        f"a string in the column {name!r} is not valid UTF-8",
    )
    assert (reject.raw, reject.length) == (b"\xff", 1)


EVERY_TYPE = {
    "text": ["a", "b"],
    "half": pa.array(np.array([1.5, 2], np.float16)),
    "uuid": pa.array([b"1" * 16, None], pa.uuid()),
    "json": pa.array(["{}", None], pa.json_()),
    "null": pa.nulls(2),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    "fixed": pa.array([[1, 2], None], pa.list_(pa.int32(), 2)),
    "large": pa.array([[1], None], pa.large_list(pa.int32())),
    "dictionary": pa.array(["x", None]).dictionary_encode(),
    "dictionaries": pa.ListArray.from_arrays([0, 1, 2], pa.array(["y", "z"]).dictionary_encode()),
    "numbers": pa.array([7, 7]).dictionary_encode(),
    "views": pa.array([["a" * 20], None], pa.list_(pa.string_view())),
    "seconds": pa.array([1, None], pa.time32("s")),
    "duration": pa.array([1, None], pa.duration("us")),
    "zone": pa.array([1, None], pa.timestamp("ms", "Europe/Paris")),
    "nowhere": pa.array([1, None], pa.timestamp("ms", "Nowhere/City")),
    "decimal": pa.array(["1.10", None]).cast(pa.decimal128(5, 2)),
    "bytes": pa.array([b"\xff", None], pa.binary(1)),
}


@every_layout
def test_values_of_every_type_stay(layout: str) -> None:
    data = write(EVERY_TYPE, layout)
    table = table_of(pass_through(data, ".arrow"))
    assert table.select([*EVERY_TYPE]).equals(pa.table(EVERY_TYPE))
    as_parquet = pq.read_table(io.BytesIO(pass_through(data, ".arrow", to=".parquet").output))
    assert _known(as_parquet.select([*EVERY_TYPE])) == _known(pa.table(EVERY_TYPE))
    lines = pass_through(data, ".arrow", to=".jsonl").output.decode().splitlines()
    assert '"dictionary": "x", "dictionaries": ["y"], "numbers": 7' in lines[0]
    rows = pass_through(data, ".arrow", to=".csv").output.decode().splitlines()
    assert '[""k"", 1]' in rows[1]


def test_parquet_as_arrow_has_plain_columns_for_dictionaries() -> None:
    """As a file has one dictionary for all batches, which row groups do not."""
    file = io.BytesIO()
    table = pa.table({**EVERY_TYPE, "views": ["a", "b"]})
    with pq.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
        for names in (["p", "q"], ["r"] * 2):
            column = pa.array(names).dictionary_encode()
            writer.write_table(table.set_column(8, "dictionary", column))
    passed = pass_through(file.getvalue(), ".parquet", to=".arrow", block_bytes=1)
    found = table_of(passed)
    assert found["dictionary"].to_pylist() == ["x", None, "p", "q", "r", "r"]
    assert found.schema.field("dictionary").type == pa.string()
    assert found.schema.field("dictionaries").type == pa.list_(pa.string())
    before = pq.read_table(file)
    assert _known(found.select(table.schema.names)) == _known(before)


def _known(table: pa.Table) -> list[dict[str, Any]]:
    """Return the values without those of a time zone that Python does not know."""
    return table.drop_columns(["nowhere"]).to_pylist()  # type: ignore[no-any-return]


def test_a_dictionary_that_is_replaced_in_a_stream() -> None:
    file = io.BytesIO()
    schema = pa.schema([("text", pa.dictionary(pa.int32(), pa.string()))])
    with pa.ipc.new_stream(file, schema) as writer:
        for texts in (["a", "b"], ["c", "a"], ["d", None]):
            column = pa.array(texts).dictionary_encode()
            writer.write_batch(pa.record_batch([column], schema=schema))
    for to in (".arrow", ".csv"):
        passed = pass_through(file.getvalue(), ".arrow", to=to)
        assert passed.texts == ["a", "b", "c", "a", "d", None]
    assert table_of(pass_through(file.getvalue(), ".arrow"))["text"].to_pylist() == passed.texts


@pytest.mark.parametrize("is_delta", [False, True])
def test_a_stream_is_read_again_from_any_batch(is_delta: bool, tmp_path: Path) -> None:
    """Also where a dictionary grows."""
    path = tmp_path / "a.arrow"
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=is_delta)
    schema = pa.schema([("text", pa.dictionary(pa.int32(), pa.string()))])
    with path.open("wb") as file, pa.ipc.new_stream(file, schema, options=options) as writer:
        for count in (1, 2, 3, 4):
            column = pa.array([f"t{n}" for n in range(count)]).dictionary_encode()
            writer.write_batch(pa.record_batch([column], schema=schema))
    with open_reviews(path, ReadOptions()) as reviews:
        blocks = list(reviews.blocks())
        texts = [reviews.parse(block).texts.to_pylist() for block in blocks]
        assert [len(each) for each in texts] == [1, 2, 3, 4]
        for number, block in reversed([*enumerate(blocks, start=1)]):
            rest = [
                reviews.parse(each).texts.to_pylist() for each in reviews.blocks(block.following)
            ]
            assert rest == texts[number:]
        assert reviews.split_points([0, 1]) == []


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="'text' holds values of the type int64, expected strings"):
        pass_through(write({"text": [1]}), ".arrow")
    with pytest.raises(InputError, match="not an Arrow file, or a damaged one"):
        pass_through(b"text\na\n", ".arrow")
    with pytest.raises(EmptyInputError, match="the file is empty"):
        pass_through(b"", ".arrow")
    with pytest.raises(InputError, match=r"is a Feather file of version 1\. Write it as version 2"):
        pass_through(b"FEA1" + bytes(40) + b"FEA1", ".arrow")
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"]))
    with pytest.raises(
        InputError, match=r"column 'x' has the type run_end_encoded.*, which cannot"
    ):
        pass_through(write({"text": ["a", "b"], "x": runs}), ".arrow")
    empty = pa.array([{}], pa.struct([]))
    data = write({"text": ["a"], "x": empty})
    assert pass_through(data, ".arrow").texts == ["a"]
    with pytest.raises(UsageError, match=r"the output cannot hold all columns: .*'x'.* Leave the"):
        pass_through(data, ".arrow", to=".parquet")


def test_other_columns_do_not_matter_to_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    path.write_bytes(write({"text": ["a", "c", "b"], "x": NOT_UTF8}))
    assert list(read_texts(path, ReadOptions())) == ["a", "c", "b"]
    with pytest.raises(InputError, match="record 2: a string in the column 'x' is not valid UTF-8"):
        list(read_texts(path, ReadOptions(Columns("x"))))


def test_pandas_reads_and_writes_it(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", None], "kind": pd.Categorical(["x", "y"])})
    frame.to_feather(tmp_path / "a.feather")
    passed = pass_through((tmp_path / "a.feather").read_bytes(), ".feather")
    (tmp_path / "b.feather").write_bytes(passed.output)
    found = pd.read_feather(tmp_path / "b.feather")
    assert found[["text", "kind"]].equals(frame)
    assert found["predicted_sentiment"].fillna("").tolist() == ["positive", ""]


SMALL = {"text": TEXTS, "d": pa.array(["x", "y"] * 2 + ["x"]).dictionary_encode()}


@every_layout
@pytest.mark.parametrize(("codec", "change"), [(None, 0x01), ("zstd", 0x80)])
def test_a_file_that_is_damaged_anywhere(layout: str, codec: str | None, change: int) -> None:
    """An error at the worst, and it takes no more memory than the file allows."""
    data = write(SMALL, layout, codec)
    for at in range(8 if layout == "file" else 0, len(data)):
        damaged = bytearray(data)
        damaged[at] ^= change
        with suppress(ToolkitError):
            pass_through(bytes(damaged), ".arrow", to=".csv")


@every_layout
def test_a_file_that_is_cut_anywhere(layout: str) -> None:
    data = write(SMALL, layout, rows=2)
    whole = pass_through(data, ".arrow").texts
    ends = []
    for size in range(len(data)):
        try:
            texts = pass_through(data[:size], ".arrow").texts
        except ToolkitError:
            continue
        ends.append(size)
        assert texts == whole[: len(texts)]
    # A stream may end after each batch; Arrow reads it so, too.
    assert bool(ends) == (layout == "stream")


def test_a_damaged_batch_is_named_by_its_record() -> None:
    texts = [f"a text that is no other {n * 7919}" for n in range(2000)]
    data = write({"text": texts}, codec="zstd", rows=1000)
    frames = [at for at in range(len(data)) if data.startswith(b"\x28\xb5\x2f\xfd", at)]
    damaged = bytearray(data)
    damaged[frames[-1] + 8 : frames[-1] + 64] = bytes(56)
    with pytest.raises(InputError, match="record 1,001: cannot be read from here on"):
        pass_through(bytes(damaged), ".arrow")


@every_layout
@pytest.mark.parametrize("claim", [3 << 30, 1 << 40, (1 << 62) + 5, -7])
def test_a_buffer_that_claims_much_is_refused_unread(layout: str, claim: int) -> None:
    data = write({"text": ["good film " * 1000] * 9}, layout, "zstd")
    at = data.rindex(struct.pack("<q", 9 * 10 * 1000))
    damaged = data[:at] + struct.pack("<q", claim) + data[at + 8 :]
    found = (
        r"record batch 1 has [\d,]+ MiB in memory; at most 2,048" if claim > 0 else "of -7 bytes"
    )
    with pytest.raises(InputError, match=found):
        pass_through(damaged, ".arrow")


def test_dictionaries_that_claim_much_are_refused() -> None:
    column = pa.array(["good film " * 1000] * 9 + ["bad"]).dictionary_encode()
    data = write({"text": column}, codec="zstd")
    at = data.index(struct.pack("<q", 10_003))
    damaged = data[:at] + struct.pack("<q", 3 << 30) + data[at + 8 :]
    with pytest.raises(InputError, match="its dictionaries have 3,072 MiB in memory; at most"):
        pass_through(damaged, ".arrow")


def test_offsets_that_lead_out_of_the_file() -> None:
    data = write({"text": ["a" * 5, "b" * 7, "c" * 11]})
    at = data.index(struct.pack("<4i", 0, 5, 12, 23))
    damaged = data[:at] + struct.pack("<4i", 0, 5, 1 << 30, 23) + data[at + 16 :]
    with pytest.raises(InputError, match=r"record 1: cannot be read from here on: .*out of bounds"):
        pass_through(damaged, ".arrow")


def views_of(text: str, rows: int) -> pa.Array:
    """Return one text for each row, which is only once in memory and in a file."""
    view = struct.pack("<i4s2i", len(text), text[:4].encode(), 0, 0)
    buffers = [None, pa.py_buffer(view * rows), pa.py_buffer(text.encode())]
    return pa.Array.from_buffers(pa.string_view(), rows, buffers)


SHARED: dict[str, dict[str, Any]] = {
    "dictionary": {"text": repeated(["a", LONG])},
    "views": {"text": views_of(LONG, 1000)},
    "in a list": {
        "text": ["a"] * 1000,
        "l": pa.ListArray.from_arrays(pa.array(range(1001), pa.int32()), repeated([LONG], 1000)),
    },
    "in a struct": {
        "text": ["a"] * 1000,
        "s": pa.StructArray.from_arrays([repeated([LONG], 1000)], ["t"]),
    },
}


@pytest.mark.parametrize("columns", SHARED.values(), ids=SHARED)
def test_values_that_rows_share_make_small_blocks(columns: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    path.write_bytes(write(columns))
    most = 5 * ReadOptions().block_bytes // len(LONG)
    assert max(len(block.content) for block in blocks_of(path)) <= most


def test_rows_without_bytes_make_small_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    path.write_bytes(write({"text": pa.nulls(100_000)}))
    assert max(len(block.content) for block in blocks_of(path)) == BLOCK_RECORDS


@pytest.mark.parametrize("codec", [None, "lz4"])
@every_layout
def test_one_batch_is_in_memory(layout: str, codec: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    texts = [LONG + str(n) for n in range(3000)]  # 144 MB
    path.write_bytes(write({"text": texts}, layout, codec, rows=100))
    before, largest = pa.total_allocated_bytes(), 0
    with open_reviews(path, ReadOptions()) as reviews:
        for block in reviews.blocks():
            largest = max(largest, pa.total_allocated_bytes() - before)
            assert block.content.nbytes < 3 * ReadOptions().block_bytes
    assert largest < 30 * MIB


def _written_as(layout: str, tmp_path: Path) -> bytes:
    table = pa.table({"text": ["a superb film", "it was dull and slow"] * 2000})
    path = tmp_path / "whole.arrow"
    with path.open("wb") as file, LAYOUTS[layout](file, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return path.read_bytes()


def test_bytes_after_the_end_of_a_stream_are_an_error(command: Command, tmp_path: Path) -> None:
    stream = _written_as("stream", tmp_path)
    for rest in (stream, b"x"):
        Path("a.arrow").write_bytes(stream + rest)
        ran = command("score", "a.arrow", "-o", "b.csv")
        ran.failed_with(f": {len(rest):,} bytes follow the end of the stream, such as another")
    Path("a.arrow").write_bytes(stream + b"\0" * 64)
    ran = command("score", "a.arrow", "-o", "b.csv")
    assert (ran.exit_code, "warning" in ran.err) == (0, False)


def test_a_stream_without_an_end_is_a_warning(command: Command, tmp_path: Path) -> None:
    stream = _written_as("stream", tmp_path)
    Path("a.arrow").write_bytes(stream[:-8])
    ran = command("score", "a.arrow", "-o", "b.csv", "--report", "r.json")
    assert (ran.exit_code, "  records       4,000\n" in ran.err) == (0, True)
    warning = "this Arrow stream has no end mark. It may have been cut after a record batch"
    assert f"warning: a.arrow: {warning}\n" in ran.err
    assert json.loads(Path("r.json").read_bytes())["files"][0]["warnings"] == [warning]


def test_two_files_in_one_are_a_warning(command: Command, tmp_path: Path) -> None:
    file = _written_as("file", tmp_path)
    Path("a.arrow").write_bytes(file)
    assert "warning" not in command("score", "a.arrow", "-o", "b.csv").err
    Path("a.arrow").write_bytes(file + file)
    ran = command("score", "a.arrow", "-o", "c.csv")
    assert "bytes of this Arrow file are in none of its record batches, and are not rea" in ran.err
