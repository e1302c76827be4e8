"""Delimited files with other quotes, with none, and with escapes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.models import shipped_scorer
from tests.records.passing import pass_through
from toolkit.errors import UsageError
from toolkit.records import Columns, ReadOptions
from toolkit.records.csv_fields import Dialect

COLUMNS = Columns("text", sentiment="s", probability="p")
# Texts that Python's own reader with the same escape gives back; it has no letters for line ends.
PIECES = ["a", '"', '""', ",", "\n", "\\", " ", "é", "'", ";", "\t"]
values = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
tables = st.lists(st.tuples(values, values), min_size=1, max_size=5)


def written(rows: list[tuple[str, str]], dialect: Dialect) -> bytes:
    lines = [("text", "b"), *rows]
    return "".join(
        dialect.delimiter.join(dialect.quoted(field) for field in line) + "\n" for line in lines
    ).encode()


dialects = st.sampled_from(
    [
        Dialect(",", '"', "\\"),
        Dialect(",", None, "\\"),
        Dialect("\t", None, "\\"),
        Dialect(",", "'"),
        Dialect(";", "'", "^"),
        Dialect("|", None, "^"),
    ]
)


@given(tables, dialects, st.integers(1, 50))
@example([("\\", "\n"), ('"', ",")], Dialect(",", None, "\\"), 1)
@example([("\\", "")], Dialect(",", '"', "\\"), 3)
def test_what_is_written_in_a_dialect_is_read_in_full(
    rows: list[tuple[str, str]], dialect: Dialect, block_bytes: int
) -> None:
    rows = [row for row in rows if row != ("", "") or dialect.quote]
    data = written(rows, dialect)
    how: dict[str, Any] = {
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
    }
    passed = pass_through(data, ".csv", COLUMNS, block_bytes, ".jsonl", **how)
    found = [json.loads(line) for line in passed.output.split(b"\n") if line]
    assert [(row["text"], row["b"]) for row in found] == rows
    assert passed.rejects == []
    # In the same format, the records stay byte for byte, and the rest is read by the same rules.
    same = pass_through(data, ".csv", COLUMNS, block_bytes, **how)
    again = pass_through(same.output, ".csv", Columns("text", sentiment="x", probability="y"),
                         to=".jsonl", **how)  # fmt: skip
    rows_again = [json.loads(line) for line in again.output.split(b"\n") if line]
    assert [(row["text"], row["b"]) for row in rows_again] == rows
    assert [row["s"] for row in rows_again] == ["positive" if text else "" for text, _ in rows]


@given(tables, st.sampled_from(["\n", "\r\n"]))
def test_what_python_escapes_is_read_as_python_reads_it(
    rows: list[tuple[str, str]], line_end: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, escapechar="\\", doublequote=False, lineterminator=line_end)
    writer.writerows([("text", "b"), *rows])
    passed = pass_through(file.getvalue().encode(), ".csv", COLUMNS, to=".jsonl", escape="\\")
    found = [json.loads(line) for line in passed.output.split(b"\n") if line]
    assert [(row["text"], row["b"]) for row in found] == rows


@pytest.mark.parametrize("block_bytes", [1, 9, 1000])
@pytest.mark.parametrize(
    ("record", "text"),
    [
        (r'1,"He said \"wow\", twice",5', 'He said "wow", twice'),  # Spark
        (r'1,"C:\\",5', "C:\\"),
        ("1,a\\, b\\\nc,5", "a, b\nc"),  # MySQL
        ("1,a\\\r\nb,5", "a\r\nb"),
        (r"1,two\nlines\tand a tab,5", "two\nlines\tand a tab"),
        (r"1,\N,5", None),
        (r'1,"\N",5', "N"),
        (r'1,"a ""b"" \"c\"",5', 'a "b" "c"'),
        (r"1,\"a\",5", '"a"'),
    ],
)
def test_escapes_of_spark_and_mysql(record: str, text: str | None, block_bytes: int) -> None:
    data = f"id,text,stars\n{record}\n2,good,4\n".encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes, escape="\\")
    assert passed.texts == [text, "good"]
    added = ",," if text is None else ",positive,0.5"
    assert passed.output.decode() == (
        f"id,text,stars,s,p\n{record}{added}\n2,good,4,positive,0.5\n"
    )


def test_an_escape_at_the_end_of_the_file_costs_its_record() -> None:
    passed = pass_through(b"text,b\na,1\nb,2\\", ".csv", COLUMNS, escape="\\")
    assert passed.texts == ["a"]
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (3, b"b,2\\")


@pytest.mark.parametrize("block_bytes", [1, 9, 1000])
def test_without_quotes_each_line_is_a_record(block_bytes: int) -> None:
    rows = ['" love it.\t1', "bad\t0", '"\t0', '"a" b\t1', '""\t1', 'x"']
    data = "\n".join(["text\tlabel", *rows, ""]).encode()
    passed = pass_through(data, ".tsv", COLUMNS, block_bytes, quote=None)
    assert passed.texts == ['" love it.', "bad", '"', '"a" b', '""']
    assert [(reject.number, reject.reason) for reject in passed.rejects] == [
        (7, "1 field, expected 2")
    ]
    lines = ["text\tlabel\ts\tp", *(f"{row}\tpositive\t0.5" for row in rows[:-1]), ""]
    assert passed.output.decode() == "\n".join(lines)


def test_the_scores_are_those_of_the_values() -> None:
    texts = ["It''s not good, it's \"great\"", "a\nb great film", "don't"]
    scores = shipped_scorer().score(texts)
    for dialect in (Dialect(",", "'"), Dialect(",", '"', "\\"), Dialect("\t", None, "\\")):
        data = written([(text, "1") for text in texts], dialect)
        how: dict[str, Any] = {
            "delimiter": dialect.delimiter,
            "quote": dialect.quote,
            "escape": dialect.escape,
        }
        passed = pass_through(data, ".csv", COLUMNS, **how)
        assert shipped_scorer().score(passed.texts) == scores


def test_added_names_that_cannot_be_written_are_refused() -> None:
    columns = Columns("text", sentiment="a,b")
    passed = pass_through(b"text,b\na,1\n", ".csv", columns, quote=None, escape="\\")
    assert passed.output.startswith(b"text,b,a\\,b,")
    with pytest.raises(UsageError, match=r"'a,b' cannot be written without quotes\. Choose other"):
        pass_through(b"text,b\na,1\n", ".csv", columns, quote=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quote": "ab"}, "--quote: expected one ASCII character or none, received 'ab'"),
        ({"quote": ","}, "',' is the delimiter, and also the quote or escape"),
        ({"quote": "a"}, "--quote: expected one ASCII"),
        ({"quote": "\n"}, "--quote: '\\n' cannot be used"),
        ({"escape": ""}, "--escape: expected one ASCII character, received ''"),
        ({"escape": '"'}, "doubled quotes are read without an option. Leave --escape out"),
        ({"escape": ";", "delimiter": ";"}, "--escape: ';' is the delimiter already"),
        ({"skip_lines": -1}, "--skip-lines: expected 0 or more"),
        ({"quote": None, "delimiter": " "}, "labels with a space in them need a --quote"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        pass_through(b"text,b\na,1\n", ".csv", **options)
    assert message in str(error.value)


@pytest.mark.parametrize("options", [{"quote": None}, {"escape": "\\"}, {"skip_lines": 1}])
def test_they_are_for_delimited_files(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="are for delimited files, not for jsonl"):
        pass_through(b'{"text": "a"}\n', ".jsonl", **options)


def test_they_are_part_of_what_a_resumed_run_compares() -> None:
    assert ReadOptions() != ReadOptions(quote=None) != ReadOptions(escape="\\")
