"""Parquet to Parquet: how each column is stored stays, or a warning says what does not."""

from __future__ import annotations

import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.test_large import MIB
from tests.records.passing import pass_through
from tests.records.test_parquet import write
from toolkit.records.formats import FORMATS, open_reviews, output_of
from toolkit.records.parquet.parquet_footer import schema_of, with_schema
from toolkit.records.parquet.parquet_writer import RowGroupWriter
from toolkit.records.read_options import ReadOptions

FILES = Path(__file__).parent / "files"
# Every type of DuckDB 2.0 that a Parquet file has a name for, as DuckDB wrote it.
DUCKDB = FILES / "duckdb.parquet"
ADDED = 2
DAY = dt.datetime(2020, 1, 1)


def passed(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(pass_through(data, ".parquet").output))


def lines_of(file: pq.ParquetFile) -> list[str]:
    """The schema as Arrow shows it, without the line of the root."""
    return str(file.schema).splitlines()[2:]


def facts_of(file: pq.ParquetFile, name: str) -> list[Any]:
    group = file.metadata.row_group(0)
    count = group.num_columns
    return [getattr(group.column(position), name) for position in range(count)]


def warnings_of(data: bytes, folder: Path) -> list[str]:
    (folder / "a.parquet").write_bytes(data)
    with open_reviews(folder / "a.parquet", ReadOptions()) as reviews:
        output_of(reviews, FORMATS["parquet"], FORMATS["parquet"], None)
        return reviews.warnings


def with_meaning(data: bytes, name: bytes, meaning: dict[int, tuple[int, bytes]]) -> bytes:
    """Say what the values of a column mean, in fields of its schema element."""
    size = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - size : -8]
    schema = schema_of(footer)
    elements = [each | meaning if each[4][1][1:] == name else each for each in schema.elements]
    footer = with_schema(footer, schema, elements)
    return data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def test_every_type_of_duckdb_stays(tmp_path: Path) -> None:
    data = DUCKDB.read_bytes()
    before, after = pq.ParquetFile(DUCKDB), passed(data)
    assert "element (Interval)" in str(before.schema)
    assert lines_of(after)[: len(lines_of(before)) - 1] == lines_of(before)[:-1]
    assert after.schema_arrow.names[-ADDED:] == ["predicted_sentiment", "positive_probability"]
    assert after.metadata.metadata == before.metadata.metadata
    assert after.read().select(before.schema_arrow.names).equals(before.read())
    assert warnings_of(data, tmp_path) == []


def test_what_clickhouse_writes_stays(tmp_path: Path) -> None:
    """Which has a Bloom filter for each column, of which Arrow writes none for booleans."""
    before = pq.ParquetFile(FILES / "clickhouse.parquet")
    data = (FILES / "clickhouse.parquet").read_bytes()
    assert None not in facts_of(before, "bloom_filter_offset")
    after = passed(data)
    assert lines_of(after)[: len(lines_of(before)) - 1] == lines_of(before)[:-1]
    assert after.read().select(before.schema_arrow.names).equals(before.read())
    found = [offset is not None for offset in facts_of(after, "bloom_filter_offset")]
    assert found == [kind != "BOOLEAN" for kind in facts_of(before, "physical_type")] + [False] * 2
    assert warnings_of(data, tmp_path) == []


def test_spark_finds_the_added_columns() -> None:
    """As it reads the columns that the metadata of its own files list, and no other."""
    data = (FILES / "spark.parquet").read_bytes()
    key = b"org.apache.spark.sql.parquet.row.metadata"

    def listed(file: pq.ParquetFile) -> list[tuple[str, str]]:
        content = json.loads(file.metadata.metadata[key])
        return [(field["name"], field["type"]) for field in content["fields"]]

    before = listed(pq.ParquetFile(FILES / "spark.parquet"))
    added = [("predicted_sentiment", "string"), ("positive_probability", "float")]
    assert before == [("text", "string"), ("n", "integer")]
    assert listed(passed(data)) == before + added
    # Without the list, it takes the columns of the file.
    for broken in (b"[1]", b'{"fields": 1}', b"{", b"\xff"):
        file = pa.BufferOutputStream()
        pq.write_table(pa.table({"text": ["a"]}).replace_schema_metadata({key: broken}), file)
        found = passed(file.getvalue().to_pybytes())
        assert key not in found.metadata.metadata


def test_lists_of_an_older_form_are_said_to_change(tmp_path: Path) -> None:
    """As parquetjs wrote them: columns that are repeated, without a group that says so."""
    path = FILES / "parquetjs.parquet"
    (warning,) = warnings_of(path.read_bytes(), tmp_path)
    assert warning.endswith("with the same values, in the columns 'r', 's'")
    before = pq.read_table(path)
    after = passed(path.read_bytes()).read()
    for name in before.schema.names:
        assert after[name].to_pylist() == before[name].to_pylist()


@pytest.mark.parametrize(
    "meaning",
    [
        {6: (5, b"\x08")},  # ENUM, as the older kind of annotation
        {6: (5, b"\x28")},  # BSON
        {10: (12, b"\x4c\x00\x00")},  # ENUM
        {10: (12, b"\x0c\x22\x00\x00")},  # GEOMETRY
        {10: (12, b"\x0c\x3c\x00\x00")},  # what no version knows yet
    ],
)
def test_meanings_that_arrow_does_not_keep_stay(meaning: dict[int, tuple[int, bytes]]) -> None:
    columns = {"text": ["a"], "x": pa.array([b"\x00"])}
    data = with_meaning(write(columns, store_schema=False), b"x", meaning)
    output = pass_through(data, ".parquet").output
    size = int.from_bytes(output[-8:-4], "little")
    found = schema_of(output[-8 - size : -8]).elements[2]
    assert {key: found[key] for key in meaning} == meaning
    assert pq.read_table(io.BytesIO(output))["x"].to_pylist() == [b"\x00"]


def test_the_codec_of_each_column_stays() -> None:
    columns = {"text": ["a"], "a": [1], "s": [{"x": 1.5}], "l": [[1]]}
    codecs = {"text": "zstd", "a": "snappy", "s.x": "none", "l.list.element": "gzip"}
    file = passed(write(columns, compression=codecs))
    wanted = ["ZSTD", "SNAPPY", "UNCOMPRESSED", "GZIP", "ZSTD", "ZSTD"]
    assert facts_of(file, "compression") == wanted


def test_encodings_that_somebody_chose_stay() -> None:
    columns = {"text": ["a"], "a": [1], "b": [1.5], "c": ["x"], "d": ["x"]}
    encodings = {
        "text": "DELTA_LENGTH_BYTE_ARRAY", "a": "DELTA_BINARY_PACKED",
        "b": "BYTE_STREAM_SPLIT", "c": "DELTA_BYTE_ARRAY",
    }  # fmt: skip
    file = passed(write(columns, use_dictionary=["d"], column_encoding=encodings))
    found = facts_of(file, "encodings")
    for kept, encoding in zip(found, encodings.values(), strict=False):
        assert encoding in kept
    assert all("RLE_DICTIONARY" in kept for kept in found[4:])


def test_indexes_and_the_order_of_the_rows_stay() -> None:
    columns = {"text": ["a", "b"], "n": [1, 2]}
    order = [pq.SortingColumn(1, descending=True)]
    options: dict[str, Any] = {
        "write_page_index": True,
        "sorting_columns": order,
        "bloom_filter_options": {"n": {"ndv": 1000, "fpp": 0.05}},
    }
    data = write(columns, **options)
    before, after = pq.ParquetFile(io.BytesIO(data)), passed(data)
    for name in ("has_offset_index", "has_column_index"):
        assert facts_of(after, name) == [True] * 4
    lengths = facts_of(before, "bloom_filter_length")
    assert facts_of(after, "bloom_filter_length") == [*lengths, None, None]
    assert after.metadata.row_group(0).sorting_columns == tuple(order)
    plain = passed(write(columns))
    assert facts_of(plain, "has_offset_index") == [False] * 4
    assert facts_of(plain, "bloom_filter_offset") == [None] * 4


@pytest.mark.parametrize("store_schema", [False, True])
def test_the_schema_of_arrow_is_stored_where_it_was(store_schema: bool) -> None:
    schema = pa.schema([("text", pa.string())], {"ours": "é"})
    data = write(pa.Table.from_pylist([{"text": "a"}], schema), store_schema=store_schema)
    if not store_schema:  # with which pyarrow leaves out the others
        assert pq.ParquetFile(io.BytesIO(data)).metadata.metadata is None
        file = io.BytesIO()
        with pq.ParquetWriter(file, schema, store_schema=False) as writer:
            writer.write_table(pa.Table.from_pylist([{"text": "a"}], schema))
            writer.add_key_value_metadata({"ours": "é"})
        data = file.getvalue()
    found = passed(data).metadata.metadata
    assert (b"ARROW:schema" in found, found[b"ours"]) == (store_schema, "é".encode())


def test_the_names_within_lists_stay() -> None:
    data = write({"text": ["a"], "l": [[1]]}, use_compliant_nested_type=False)
    assert passed(data).schema.column(1).path == "l.list.item"


DECIMALS = {
    f"d{precision}": pa.array([Decimal("1.5")], pa.decimal128(precision, 1))
    for precision in (4, 9, 10, 18, 19, 38)
}


@pytest.mark.parametrize("as_integers", [False, True])
def test_decimals_stay_numbers_or_bytes(as_integers: bool, tmp_path: Path) -> None:
    data = write({"text": ["a"], **DECIMALS}, store_decimal_as_integer=as_integers)
    before, after = pq.ParquetFile(io.BytesIO(data)), passed(data)
    for position in range(7):
        assert str(after.schema.column(position)) == str(before.schema.column(position))
    assert warnings_of(data, tmp_path) == []


def test_old_times_stay(tmp_path: Path) -> None:
    """Also where nanoseconds do not hold them, such as 9999-12-31."""
    years = [1, 1677, 2020, 2263, 9999]
    times = pa.array([DAY.replace(year=year) for year in years], pa.timestamp("us"))
    columns = {"text": ["a"] * 5, "t": times, "l": [[time] for time in times.to_pylist()]}
    data = write(pa.table(columns), use_deprecated_int96_timestamps=True, store_schema=False)
    file = passed(data)
    assert [file.schema.column(n).physical_type for n in (1, 2)] == ["INT96", "INT96"]
    again = pq.read_table(
        io.BytesIO(pass_through(data, ".parquet").output), coerce_int96_timestamp_unit="us"
    )
    assert again["t"].to_pylist() == times.to_pylist()
    assert again["l"].to_pylist() == [[time] for time in times.to_pylist()]
    assert warnings_of(data, tmp_path) == []
    text = pass_through(data, ".parquet", to=".csv").output.decode()
    assert "0001-01-01 00:00:00" in text
    assert "9999-01-01 00:00:00" in text


def old_times(*nanoseconds: int, days: int = 0) -> bytes:
    """Write times as INT96, and change the day of the last one."""
    times = pa.array(nanoseconds, pa.timestamp("ns"))
    columns = {"text": ["a"] * len(times), "t": times}
    data = write(
        columns, use_deprecated_int96_timestamps=True, store_schema=False, compression="none",
        use_dictionary=False, write_statistics=False,
    )  # fmt: skip
    last = nanoseconds[-1].to_bytes(8, "little") + (2_440_588).to_bytes(4, "little")
    assert data.count(last) == 1
    return data.replace(last, last[:8] + (2_440_588 + days).to_bytes(4, "little"))


def test_nanoseconds_of_old_times_stay_where_they_can(tmp_path: Path) -> None:
    near = old_times(1, 2_000)
    assert pq.read_table(io.BytesIO(pass_through(near, ".parquet").output))["t"].cast(
        pa.int64()
    ).to_pylist() == [1, 2_000]
    assert warnings_of(near, tmp_path) == []
    far = old_times(1_001, 2_000, days=1_000_000)
    (warning,) = warnings_of(far, tmp_path)
    assert warning.startswith("times are read in microseconds, without their nanoseconds")
    output = io.BytesIO(pass_through(far, ".parquet").output)
    found = pq.read_table(output, coerce_int96_timestamp_unit="us")["t"].cast(pa.int64())
    assert found.to_pylist() == [1, 1_000_000 * 86_400_000_000 + 2]


def test_what_is_stored_in_another_way_is_said(tmp_path: Path) -> None:
    # A decimal of 9 digits in 64 bits, which Arrow has no way to write.
    wide = write({"text": ["a"], "d": pa.array([15], pa.int64())}, store_schema=False)
    wide = with_meaning(wide, b"d", {6: (5, b"\x0a"), 7: (5, b"\x02"), 8: (5, b"\x12")})
    (warning,) = warnings_of(wide, tmp_path)
    assert warning == "the output stores INT64 as INT32, with the same values, in the column 'd'"
    table = passed(wide).read()
    assert table["d"].to_pylist() == [Decimal("1.5")]


def test_row_groups_are_split_where_they_are_large(tmp_path: Path) -> None:
    """And nowhere else: the ends of those of the input stay."""
    text = "a long text " * 20_000
    texts = pa.array([f"{text}{row}" for row in range(700)])
    data = write({"text": texts}, row_group_size=400, use_dictionary=False)
    file = passed(data)
    groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
    sizes = [group.num_rows for group in groups]
    assert all(group.total_byte_size <= 64 * MIB for group in groups)
    assert len(sizes) == 4
    assert (sizes[0] + sizes[1], sum(sizes)) == (400, 700)
    (warning,) = warnings_of(data, tmp_path)
    assert warning == "2 of 2 row groups are larger than 64 MiB, and are split in the output"


def test_a_batch_that_is_larger_than_a_row_group() -> None:
    file = io.BytesIO()
    text = "a" * 1_000_000
    batch = pa.record_batch({"text": [text] * 200})
    writer = RowGroupWriter(file, batch.schema)
    writer.append(batch, ends_group=False)
    writer.close()
    facts = pq.ParquetFile(file).metadata
    sizes = [facts.row_group(n).num_rows for n in range(facts.num_row_groups)]
    assert sum(sizes) == 200
    assert max(sizes) <= 67


@given(st.binary(max_size=60))
def test_a_footer_of_any_bytes_is_refused_or_read(data: bytes) -> None:
    for footer in (data, b"\x15\x04\x19" + data):
        try:
            schema = schema_of(footer)
        except ValueError:
            continue
        assert schema.end <= len(footer)


def test_half_floats_and_other_types_of_arrow_stay(tmp_path: Path) -> None:
    columns = {
        "text": ["a"],
        "half": pa.array(np.array([1.5], np.float16)),
        "uuid": pa.array([b"1" * 16], pa.uuid()),
        "json": pa.array(["{}"], pa.json_()),
        "null": pa.nulls(1),
        "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "fixed": pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
        "large": pa.array([[1]], pa.large_list(pa.int32())),
        "view": pa.array([[1]], pa.list_view(pa.int32())),
        "dictionary": pa.array(["x"]).dictionary_encode(),
        "seconds": pa.array([1], pa.time32("s")),
        "duration": pa.array([1], pa.duration("us")),
        "zone": pa.array([1], pa.timestamp("ms", "Europe/Paris")),
    }
    for store_schema in (False, True):
        data = write(columns, store_schema=store_schema)
        before, after = pq.ParquetFile(io.BytesIO(data)), passed(data)
        count = len(before.schema)
        assert [str(after.schema.column(n)) for n in range(count)] == [
            str(before.schema.column(n)) for n in range(count)
        ]
        assert after.schema_arrow.names[: len(columns)] == [*columns]
        assert [*after.schema_arrow][: len(columns)] == [*before.schema_arrow]
        assert after.read().select([*columns]).equals(before.read())
        assert warnings_of(data, tmp_path) == []
