"""Where CSV is cut, and what a broken line costs, against Python's own reader."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.records.passing import Passed, pass_through
from toolkit.records.columns import Columns
from toolkit.records.review_file import Reject

FIELD_PIECES = ["a", '"', '""', ",", "\n", "\r\n", "\r", " ", "é", "😀", "\u2028", "\x00", "'", ";"]
fields = st.lists(st.sampled_from(FIELD_PIECES), max_size=5).map("".join)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(fields, min_size=width, max_size=width), min_size=1, max_size=6)
)
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
    return pass_through(
        data, ".csv", Columns("text", sentiment="s", probability="p"), block_bytes=block_bytes
    )


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


@given(tables, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_python_writes_is_read_in_full(
    table: list[list[str]], line_end: str, quoting: Literal[0, 1]
) -> None:
    # Python leaves "\r" unquoted where it is no part of the line end; that is rejected.
    quoted = csv.QUOTE_ALL if any("\r" in field for row in table for field in row) else quoting
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=line_end, quoting=quoted).writerows(table)
    width = len(table[0])
    passed = read(file.getvalue(), width)
    assert passed.rejects == []
    assert rows_of(passed, width) == table


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
