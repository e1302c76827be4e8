"""Outputs of another format than the input: the same values, as far as the format can hold them.

What is lost is documented: CSV and JSON Lines give strings to Parquet, null is an empty field in
CSV, and CSV gives an empty string, never null.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.passing import pass_through
from tests.records.python_formats import PYTHON, Row
from tests.records.test_contract import rows_of_reviews
from toolkit.errors import UsageError
from toolkit.records import Columns

SOURCES = [
    ".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".csv.gz", ".jsonl.zst", ".query",
]  # fmt: skip
TARGETS = [
    ".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".tsv.zst", ".ndjson.gz", ".query",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=8)
@given(rows_of_reviews(), st.integers(1, 200))
def test_values_stay(source: str, target: str, rows: list[Row], block_bytes: int) -> None:
    data = PYTHON[source][0](rows, "\n")
    passed = pass_through(data, source, block_bytes=block_bytes, to=target)
    assert passed.rejects == []
    added = [
        {
            "predicted_sentiment": "positive" if row["text"] else "",
            "positive_probability": "0.5" if row["text"] else "",
        }
        for row in rows
    ]
    assert [list(row.items()) for row in PYTHON[target][1](passed.output)] == [
        list((row | new).items()) for row, new in zip(rows, added, strict=True)
    ]


def test_what_is_no_string_in_json_stays_as_it_is_written() -> None:
    data = (
        b'{"text": "a", "n": 1.50, "big": 12345678901234567890123, "o": {"x" : [1,null]}}\n'
        b'{"o": null, "n": true, "text": null}\n'
        b'{"text": "\\u00e9\\ud800", "n": "1", "big": "\\t"}\n'
    )
    rows = PYTHON[".csv"][1](pass_through(data, ".jsonl", to=".csv").output)
    assert [list(row.values())[:4] for row in rows] == [
        ["a", "1.50", "12345678901234567890123", '{"x" : [1,null]}'],
        ["", "true", "", ""],
        ["é\ufffd", "1", "\t", ""],
    ]
    assert [list(row.values()) for row in PYTHON[".csv"][1](
        pass_through(data, ".jsonl", to=".csv", block_bytes=1).output
    )] == [list(row.values()) for row in rows]  # fmt: skip


def test_what_other_formats_cannot_hold_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.records.json_lines._SCHEMA_BYTES", 30)
    lines = [b'{"text": "a", "id": 1}', b'{"text": "b", "new": 2}', b'{"id": 3, "id": 4}', b"{}"]
    for target in (".csv", ".tsv", ".parquet"):
        passed = pass_through(b"\n".join(lines), ".jsonl", to=target)
        assert passed.texts == ["a", None]
        assert [reject.raw for reject in passed.rejects] == lines[1:3]
        assert passed.rejects[0].reason.startswith("has a key 'new', which none of the first")
        assert passed.rejects[1].reason.startswith("has the key 'id' twice")
    assert pass_through(b"\n".join(lines), ".jsonl").rejects == []


@pytest.mark.parametrize("target", [".jsonl", ".parquet", ".tsv"])
def test_columns_of_one_name_fit_only_their_own_format(target: str) -> None:
    data = b"text,id,id\na,1,2\n"
    with pytest.raises(UsageError, match="2 columns are called 'id', and an output of another"):
        pass_through(data, ".csv", to=target)
    assert pass_through(data, ".csv").output.endswith(b"\na,1,2,positive,0.5\n")


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_texts_within_objects(ending: str) -> None:
    data = b'{"review": {"body": "a", "x": 1}}\n{"review": null}\n{"review": {"body": null}}\n{}\n'
    if ending == ".parquet":
        file = io.BytesIO()
        reviews = [{"body": "a", "x": 1}, None, {"body": None, "x": None}, None]
        pq.write_table(pa.table({"review": reviews}), file)
        data = file.getvalue()
    columns = Columns("review.body")
    passed = pass_through(data, ending, columns)
    assert passed.texts == ["a", None, None, None]
    assert passed.rejects == []
    rows = PYTHON[".csv"][1](pass_through(data, ending, columns, to=".csv").output)
    assert [row["review"].replace(" ", "") for row in rows][:2] == ['{"body":"a","x":1}', ""]
    with pytest.raises(UsageError, match=r"no column 'review\.text|no column 'film\.body"):
        pass_through(data, ending, Columns("film.body"))


def test_an_object_on_the_way_that_is_none_is_rejected() -> None:
    lines = [b'{"review": {"body": "a"}}', b'{"review": 5}', b'{"review": {"body": []}}']
    passed = pass_through(b"\n".join(lines), ".jsonl", Columns("review.body"))
    assert passed.texts == ["a"]
    assert [reject.reason for reject in passed.rejects] == [
        "expected an object as 'review', found a number",
        "expected a string as 'review.body', found an array",
    ]
