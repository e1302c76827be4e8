"""Where CSV is cut, against Python's own reader, and what broken or unclear quotes cost.

There is never a silent merge, nor a part of a record that is scored as a review.
"""

from __future__ import annotations

import csv
import io
import os
import textwrap
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.data import shared_data
from tests.records.passing import Passed, pass_through
from toolkit.records import Columns, ReadOptions, open_reviews
from toolkit.records import csv as csv_module
from toolkit.records.csv import LITERAL
from toolkit.records.review_file import Reject

COLUMNS = Columns("text", sentiment="s", probability="p")
# Where it is fed line by line, Python refuses a lone "\r" outside quotes, too; but not two of them.
PIECES = ["a", '"', '""', ",", "\n", "\r\n", "\r", " ", "é", '"a"', "a,"]
raw_texts = (
    st.lists(st.sampled_from(PIECES), max_size=30)
    .map("".join)
    .filter(lambda text: "\r\r" not in text and not text.endswith("\r"))
)
NAMES = ["text", "b", "c", "d"]


def read(text: str, width: int, block_bytes: int = 1 << 20) -> Passed:
    data = f"{','.join(NAMES[:width])}\n{text}".encode()
    return pass_through(data, ".csv", COLUMNS, block_bytes)


def rows_of(passed: Passed, width: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(passed.output.decode(), newline=""), strict=True)
    _, *rows = (row for row in reader if row)
    assert {len(row) for row in rows} <= {width + 2}
    return [row[:width] for row in rows]


def python_reads(text: str, width: int) -> tuple[list[list[str]], list[tuple[int, str]]]:
    """Read record by record; where that fails, put the first line of the record aside."""
    lines = [line + "\n" for line in text.split("\n")]
    rows, bad, at = [], [], 0
    while at < len(lines):
        reader = csv.reader(lines[at:], strict=True)
        try:
            row = next(reader)
            taken = reader.line_num
            if row and len(row) != width:
                bad.append((at + 2, "".join(lines[at : at + taken])))
            elif row:
                rows.append(row)
        except csv.Error:
            bad.append((at + 2, lines[at]))
            taken = 1
        at += taken
    return rows, [(number, raw.removesuffix("\n").removesuffix("\r")) for number, raw in bad]


@given(raw_texts, st.integers(1, 3), st.integers(1, 64))
@example('x"y,"a""b"\n', 2, 1)
@example('"a"\r\n"b"\n', 1, 3)
@example('a,"b"c\n', 2, 1)
@example('"""\n', 1, 1)
@example('a",a\na,"a""a"\n', 2, 1)
@example('"' + "a" * 300 + '"\n', 1, 1)
@example('"\na"a\n', 1, 5)
@example('"a\n""b\n\n', 1, 5)
@example('a\n\n"b""\n""', 1, 2)
@example('a,"b "c" d\ne, f",g\nh,i,j\n', 3, 1)
@example('"a\nb","c"d\n"e\n", f\n', 2, 7)
@example('"a,1\nb,2\n",3\nc,4\n', 2, 1)
@example('"a"b\n\nc"\n', 1, 1)
def test_any_text_is_read_as_python_reads_it(text: str, width: int, block_bytes: int) -> None:
    rows, bad = python_reads(text, width)
    passed = read(text, width, block_bytes)
    rejects = [(r.number, (r.raw or b"").decode()) for r in passed.rejects]
    if not any(is_told_by_quotes(reject) for reject in passed.rejects):
        assert rows_of(passed, width) == rows
        assert rejects == bad
    # In any case, Python reads what is left without the lines of the rejects.
    lines = text.split("\n")
    for number, raw in reversed(rejects):
        at = number - 2
        taken = lines[at : at + 1 + raw.count("\n")]
        assert "\n".join(taken).removesuffix("\r") == raw
        del lines[at : at + len(taken)]
    assert python_reads("\n".join(lines), width) == (rows_of(passed, width), [])
    assert passed == read(text, width)


def is_told_by_quotes(reject: Reject) -> bool:
    """Whether a record has several lines that Python's reader does not put together."""
    return b"\n" in (reject.raw or b"") and "fields, expected" not in reject.reason


@given(raw_texts.filter(lambda text: "\r" not in text), st.integers(1, 3))
def test_what_python_accepts_as_a_whole_is_accepted(text: str, width: int) -> None:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return
    good = [row for row in rows if len(row) == width]
    passed = read(text, width)
    assert rows_of(passed, width) == good
    assert len(passed.rejects) == len(rows) - len(good)


@pytest.mark.parametrize(
    ("rows", "line"),
    [('"a\n""b\n\n', 2), ('a"b\n"a\n""b\n', 3), ('a\n\n"b""\n""', 4), ('"a"\n"b""c"\n"', 4)],
)
def test_an_unclosed_quote_is_named_where_it_opens(rows: str, line: int) -> None:
    reject = read(rows, 1).rejects[0]
    reason = "a quote that is opened here is never closed; --quote none reads quotes as characters"
    assert (reject.number, reject.reason) == (line, reason)


@pytest.mark.parametrize("quote_elsewhere", ["", '"q"', 'x"y'])
def test_a_lone_return_outside_quotes_is_rejected(quote_elsewhere: str) -> None:
    """As a line end it would be merged, as a character cut by the next reader."""
    bad = f"{quote_elsewhere},a\rb"
    passed = read(f'{quote_elsewhere},"a\rb"\r\n{bad}\n', 2)
    assert len(passed.texts) == 1
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (3, bad.encode())
    assert "CR without LF" in reject.reason


blocks = pytest.mark.parametrize("block_bytes", [1, 9, 1000])


@blocks
@pytest.mark.parametrize(
    "rows",
    [
        ['" love it.\t1', "bad\t0", "worse\t0", '"\t0'],
        ['"Great\tfilms', 'awful"\tfilms'],
        ['"Great\tfilms', 'awful"\tbooks'],
    ],
)
def test_lines_that_are_records_are_not_merged(rows: list[str], block_bytes: int) -> None:
    data = "\n".join(["text\tlabel", "a\t1", *rows, "b\t0", ""]).encode()
    passed = pass_through(data, ".tsv", COLUMNS, block_bytes)
    assert passed.texts == ["a", "b"]
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (3, "\n".join(rows).encode())
    assert reject.reason == f"{LITERAL} (lines 3 to {2 + len(rows)})"
    texts = pass_through(data, ".tsv", COLUMNS, block_bytes, quote=None).texts
    assert texts == ["a", *(row.split("\t")[0] for row in rows), "b"]


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('a"|\r\n\t,'), max_size=12), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from("|\t,;"),
    st.sampled_from(["'", '"']),
    st.integers(1, 64),
)
@example([["a\tb\nc\td\ne", "1"]] * 3, "\t", '"', 1)
def test_with_a_named_quote_all_that_rfc_4180_allows_is_one_record(
    rows: list[list[str]], mark: str, quote: str, block_bytes: int
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(
        file, delimiter=mark, quotechar=quote, quoting=csv.QUOTE_ALL, lineterminator="\n"
    )
    writer.writerows([["text", "b"], *rows])
    options: dict[str, Any] = {"delimiter": mark, "quote": quote, "quote_is_sure": True}
    for choice in ("0", "1"):
        with mock.patch.dict(os.environ, TOOLKIT_NATIVE=choice):
            passed = pass_through(file.getvalue().encode(), ".csv", COLUMNS, block_bytes, **options)
        assert (len(passed.texts), passed.rejects, passed.warnings) == (len(rows), [], [])
        read_again = csv.reader(
            io.StringIO(passed.output.decode(), newline=""), delimiter=mark, quotechar=quote
        )
        assert [row[:2] for row in read_again][1:] == rows


@blocks
@pytest.mark.parametrize("rows", [['" love it.,1', "bad,0", '",1'], ['"Great, 1', 'awful",2']])
def test_commas_are_in_texts_so_csv_is_read_as_it_says_with_a_warning(
    rows: list[str], block_bytes: int
) -> None:
    data = "\n".join(["text,label", "a,1", *rows, "b,0", ""]).encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes)
    assert len(passed.texts) == 3
    assert passed.rejects == []
    (warning,) = passed.warnings
    assert "right number of fields by itself: 1, the first in line 3." in warning
    assert "--quote none reads each line as a record" in warning


@pytest.mark.parametrize(
    "record",
    [
        '"great movie, loved it\nwould watch again",1',
        '"great movie, loved it\nagain, and\nagain",1',
        '"It costs $1,000\nand more",5',
        '"One, 2\n""quoted"", 3\nand",5',
        '"Dear all,\nthanks,\nbye",',
        '"a,1\nb,2\nc","3"',
    ],
)
def test_quoted_lines_with_commas_are_one_review(record: str) -> None:
    passed = pass_through(f"text,label\n{record}\n".encode(), ".csv", COLUMNS)
    assert len(passed.texts) == 1
    assert passed.rejects == []


@pytest.mark.slow
def test_no_real_review_of_several_lines_is_taken_for_records(tmp_path: Path) -> None:
    table = pq.read_table(shared_data("reviews/reviews.parquet"), columns=["text"])
    texts = table["text"].slice(0, 5000).to_pylist()
    path = tmp_path / "r.csv"
    for mark in (",", ";", "\t"):
        for width in (40, 72):
            file = io.StringIO(newline="")
            writer = csv.writer(file, delimiter=mark)
            writer.writerow(["text", "label"])
            writer.writerows([textwrap.fill(text, width), n % 2] for n, text in enumerate(texts))
            path.write_text(file.getvalue(), newline="")
            with open_reviews(path, ReadOptions(COLUMNS, delimiter=mark)) as reviews:
                parsed = [reviews.parse(block) for block in reviews.blocks()]
            assert sum(len(part.texts) for part in parsed) == len(texts)
            assert not any(part.rejects for part in parsed)


@blocks
@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (['1,"He said "wow" and', 'left, then came back",5'], 2),
        (['1,"He said "wow" and', "left, then", "", 'came, back",5'], 4),
        (['1,"He said', 'that "wow" and, then",5'], 2),
        (['1,"He said "wow" and', '"great", then left",5'], 2),
        (['"1', '",text,"a "b"'], 2),
        (['1,"never "closed', "2,fine,4"], 1),
        (['1,"a" b,5', 'x,5" disk,6"'], 1),
        (['1,"TV 5" wide",5', 'x,5" disk,6"'], 1),
        (['1,"never "closed', '2,"fine, as it is",4'], 1),
    ],
)
def test_a_reject_takes_the_lines_of_its_quote(
    lines: list[str], count: int, block_bytes: int
) -> None:
    data = "\n".join(["id,text,stars", *lines, "9,good,4", ""]).encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes)
    assert len(passed.texts) == len(lines) - count + 1
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (2, "\n".join(lines[:count]).encode())
    assert reject.reason.endswith(f" (lines 2 to {1 + count})") is (count > 1)


def test_the_reason_names_the_option_that_helps() -> None:
    data = b'text,b\n"a" b,1\n"a \\"b\\"",1\n"a"b,1,2\n5" disk,1\n'
    passed = pass_through(data, ".csv", COLUMNS)
    assert passed.texts == ['5" disk']
    reason = "a quoted field continues after its closing quote"
    assert [reject.reason for reject in passed.rejects] == [
        f"{reason}; --quote none reads quotes as characters",
        f"{reason}; --escape '\\' reads \\\" as a quote in the text",
        reason,
    ]


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.records.lines.RECORD_BYTES_LIMIT", 1 << 10)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("block_bytes", [1, 1000])
@pytest.mark.parametrize("record", ["1," + "a" * 9999 + ",5", "," * 9999])
def test_a_line_beyond_the_limit_is_one_reject(record: str, block_bytes: int) -> None:
    data = f"id,text,stars\n1,a,2\n{record}\r\n\n2,b,3\n".encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes)
    assert passed.texts == ["a", "b"]
    (reject,) = passed.rejects
    assert reject.reason.startswith("a line longer")
    assert (reject.number, reject.raw, reject.length) == (3, None, len(record))
    assert passed.output.endswith(b"\n\n2,b,3,positive,0.5\n")


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("block_bytes", [1, 1000])
def test_each_line_of_a_quote_beyond_the_limit_is_rejected_or_read(block_bytes: int) -> None:
    lines = ['1,"a film', *["a film"] * 999, 'a film",5']
    data = "\n".join(["id,text,stars", "1,a,2", *lines, "2,b,3", ""]).encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes)
    assert passed.texts == ["a", "b"]
    assert [reject.raw for reject in passed.rejects] == [line.encode() for line in lines]
    assert passed.rejects[0].reason == "a record (a quote that is never closed?) longer than 0 MiB"


@pytest.mark.usefixtures("small_limit")
def test_a_quote_that_never_closes_costs_its_line_beyond_the_limit_too() -> None:
    data = b'id,text\n1,"abc\n' + b"2,good\n" * 999
    passed = pass_through(data, ".csv", COLUMNS)
    assert passed.texts == ["good"] * 999
    assert [(reject.number, reject.raw) for reject in passed.rejects] == [(2, b'1,"abc')]


@pytest.mark.parametrize("block_bytes", [1, 50, 1000])
def test_long_records_are_cut_out_as_all_others(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        '1,"a\n\nb ""c""",5',
        ",,,,",
        '"x","y, z",",",""',
        '1,"a "b" c\nd",5',
        "",
        "1,\n",
        "1,a,b",
    ]
    data = "\r\n".join(["id,text,stars", *rows, '1,"never', ""]).encode()
    usual = pass_through(data, ".csv", COLUMNS, block_bytes)
    monkeypatch.setattr(csv_module, "LOOKED_AT_AS_A_WHOLE", 4)
    assert pass_through(data, ".csv", COLUMNS, block_bytes) == usual
    assert [reject.reason.split(" (")[0] for reject in usual.rejects[:3]] == [
        "5 fields, expected 3",
        "4 fields, expected 3",
        "a quoted field continues after its closing quote",
    ]
