"""Parquet to Parquet: values, Arrow types, row groups and the codec of each column stay."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.test_score import MIB
from tests.records.passing import pass_through
from tests.records.test_parquet import write
from toolkit.records import FORMATS, ReadOptions, open_reviews, output_of
from toolkit.records.parquet import RowGroupWriter

FILES = Path(__file__).parent / "files"
ADDED = 2
DAY = dt.datetime(2020, 1, 1)


def passed(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(pass_through(data, ".parquet").output))


def facts_of(file: pq.ParquetFile, name: str) -> list[Any]:
    group = file.metadata.row_group(0)
    count = group.num_columns
    return [getattr(group.column(position), name) for position in range(count)]


def warnings_of(data: bytes, folder: Path) -> list[str]:
    (folder / "a.parquet").write_bytes(data)
    with open_reviews(folder / "a.parquet", ReadOptions()) as reviews:
        output_of(reviews, FORMATS["parquet"], FORMATS["parquet"], None)
        return reviews.warnings


@pytest.mark.parametrize("name", ["duckdb", "clickhouse", "parquetjs", "spark"])
def test_what_others_write_stays(name: str, tmp_path: Path) -> None:
    """Every type of DuckDB 2.0 that a Parquet file has a name for, Bloom filters, older lists."""
    data = (FILES / f"{name}.parquet").read_bytes()
    before, after = pq.ParquetFile(io.BytesIO(data)), passed(data)
    added = ["predicted_sentiment", "positive_probability"]
    assert after.schema_arrow.names == [*before.schema_arrow.names, *added]
    assert [*after.schema_arrow][:-2] == [*before.schema_arrow]
    assert after.read().select(before.schema_arrow.names).equals(before.read())
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


def test_the_codec_of_each_column_stays() -> None:
    columns = {"text": ["a"], "a": [1], "s": [{"x": 1.5}], "l": [[1]]}
    codecs = {"text": "zstd", "a": "snappy", "s.x": "none", "l.list.element": "gzip"}
    file = passed(write(columns, compression=codecs))
    wanted = ["ZSTD", "SNAPPY", "UNCOMPRESSED", "GZIP", "ZSTD", "ZSTD"]
    assert facts_of(file, "compression") == wanted


def test_the_names_within_lists_stay() -> None:
    data = write({"text": ["a"], "l": [[1]]}, use_compliant_nested_type=False)
    assert passed(data).schema.column(1).path == "l.list.item"


def test_times_of_the_old_type_are_read_in_microseconds(tmp_path: Path) -> None:
    """As in nanoseconds, 64 bits do not hold dates such as 9999-12-31."""
    years = [dt.datetime(year, 1, 1) for year in (1, 1677, 2020, 2263, 9999)]
    times = pa.array(years, pa.timestamp("us"))
    columns = {"text": ["a"] * 5, "t": times, "l": [[time] for time in years]}
    for more in ({}, {"org.apache.spark.version": "4.0.0"}):
        table = pa.table(columns).replace_schema_metadata(more)
        data = write(table, use_deprecated_int96_timestamps=True)
        assert pass_through(data, ".parquet", to=".csv").output.count(b",0001-01-01 00:00:00") == 1
        found = passed(data).read()
        assert found["t"].to_pylist() == years
        assert found["l"].to_pylist() == [[time] for time in years]
        warnings = [] if more else [
            "times of the type INT96 are read in microseconds; nanoseconds, if there are some, are "
            "lost in 't', 'l.list.element'"
        ]  # fmt: skip
        assert warnings_of(data, tmp_path) == warnings


def test_row_groups_are_split_where_they_are_large() -> None:
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


def test_types_of_arrow_stay(tmp_path: Path) -> None:
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
        assert after.schema_arrow.names[: len(columns)] == [*columns]
        assert [*after.schema_arrow][: len(columns)] == [*before.schema_arrow]
        assert after.read().select([*columns]).equals(before.read())
        assert warnings_of(data, tmp_path) == []
