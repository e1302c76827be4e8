"""Where CSV is cut, against Python's own reader."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.formats.passing import Passed, pass_through
from toolkit.errors import InputError
from toolkit.formats.lines import Lines
from toolkit.formats.quoting import QuotingError, find_cuts

FIELD_PIECES = ["a", '"', '""', ",", "\n", "\r\n", "\r", " ", "é", "😀", "\u2028", "\x00", "'", ";"]
fields = st.lists(st.sampled_from(FIELD_PIECES), max_size=5).map("".join)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(fields, min_size=width, max_size=width), min_size=1, max_size=6)
)
# A lone "\r" outside quotes is left out: Python takes it as a line end, which is refused here.
PIECES = ["a", '"', '""', ",", "\n", "\r\n", " ", "é", '"a"', "a,"]
raw_texts = st.lists(st.sampled_from(PIECES), max_size=30).map(
    lambda pieces: "".join(pieces) + "\n"
)


def records_of(text: bytes) -> list[list[str]] | None:
    """Cut a text into fields, blank lines left out; None if it is no CSV."""
    try:
        cuts = find_cuts(text, ord(","))
    except QuotingError:
        return None
    if cuts.open_quote is not None:
        return None
    lines = Lines.find(text, cuts.newlines)
    stops, _ = lines.record_stops(text)
    records = []
    for start, stop in zip(lines.starts.tolist(), stops.tolist(), strict=True):
        inside = cuts.delimiters[(cuts.delimiters >= start) & (cuts.delimiters < stop)]
        bounds = [start - 1, *inside.tolist(), stop]
        records.append([value_of(text[a + 1 : b].decode()) for a, b in pairwise(bounds)])
    return records


def value_of(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def python_reads(text: str) -> list[list[str]] | None:
    """As `records_of`, by the standard library."""
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return None


@given(tables, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_python_writes_is_cut_into_its_fields(
    table: list[list[str]], line_end: str, quoting: Literal[0, 1]
) -> None:
    # Python leaves "\r" unquoted where it is no part of the line end; that is refused.
    quoted = csv.QUOTE_ALL if any("\r" in field for row in table for field in row) else quoting
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=line_end, quoting=quoted).writerows(table)
    assert records_of(file.getvalue().encode()) == table


@given(raw_texts)
@example('x"y,"a""b"\n')
@example('"a"\r\n"b"\n')
@example('a,"b"c\n')
@example('"""\n')
def test_any_text_is_read_as_python_reads_it(text: str) -> None:
    assert records_of(text.encode()) == python_reads(text)


@given(raw_texts, st.data())
@example('x"y,"a""b"\n', None)
def test_cuts_of_a_beginning_are_cuts_of_the_whole(text: str, data: st.DataObject | None) -> None:
    whole = text.encode()
    if python_reads(text) is None:
        return
    cuts = find_cuts(whole, ord(","))
    ends = range(len(whole)) if data is None else [data.draw(st.integers(0, len(whole)))]
    for end in ends:
        begun = find_cuts(whole[:end], ord(","))
        # A closing quote at the end may turn out to be half of a doubled one: nothing is cut there.
        assert begun.delimiters.tolist() == [cut for cut in cuts.delimiters if cut < end]
        assert begun.newlines.tolist() == [cut for cut in cuts.newlines if cut < end]


@given(st.integers(1, 3), raw_texts, st.integers(1, 64))
@example(2, 'a",a\na,"a""a"\n', 1)
@example(1, '"' + "a" * 300 + '"\n', 1)
def test_block_size_never_matters(width: int, text: str, block_bytes: int) -> None:
    header = ",".join(["text", "b", "c"][:width])
    data = f"{header}\n{text}".encode()
    assert _outcome(data, block_bytes) == _outcome(data)


@given(raw_texts)
@example('"\na"a\n')
def test_a_quoting_error_names_its_line(text: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        list(reader)
        expected = None
    except csv.Error as error:
        expected = reader.line_num if "expected after" in str(error) else None
    if expected is not None:
        with pytest.raises(InputError, match=rf"line {expected + 1}: a quoted field goes on"):
            pass_through(f"text\n{text}".encode(), ".csv")


@pytest.mark.parametrize(
    ("row", "line"),
    [('"a\n""b\n\n', 2), ('a"b\n"a\n""b\n', 3), ('a\n\n"b""\n""', 4), ('"a"\n"b""c"\n"', 4)],
)
def test_an_unclosed_quote_is_named_where_it_opens(row: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"reviews.csv: line {line}: a quote that is opened"):
        pass_through(f"text\n{row}".encode(), ".csv")


def _outcome(data: bytes, block_bytes: int = 1 << 20) -> Passed | None:
    try:
        return pass_through(data, ".csv", block_bytes=block_bytes)
    except InputError:
        return None


@pytest.mark.parametrize("quote_elsewhere", ["", '"q"', 'x"y'])
def test_a_lone_return_outside_quotes_is_refused(quote_elsewhere: str) -> None:
    """As a line end it would be merged, as a character cut by the next reader."""
    text = f'{quote_elsewhere},"a\rb"\r\n{quote_elsewhere},a\rb\n'.encode()
    with pytest.raises(QuotingError, match="CR without LF") as caught:
        find_cuts(text, ord(","))
    assert caught.value.position == text.rindex(b"\r")
    assert len(find_cuts(b"a,b\r", ord(",")).newlines) == 0  # a line feed may follow
