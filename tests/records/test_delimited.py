"""CSV, byte for byte."""

from __future__ import annotations

import pytest

from tests.records.passing import pass_through
from toolkit.errors import InputError, UsageError
from toolkit.records import Columns
from toolkit.records.review_file import Reject

HINT = "; --quote none reads quotes as characters"
ADDED = "predicted_sentiment,positive_probability"


@pytest.mark.parametrize(
    ("rows", "expected", "texts"),
    [
        pytest.param("007,1.0,x\n", "007,1.0,x,positive,0.5\n", ["1.0"], id="numbers"),
        pytest.param("1e5,a,99999999999999999999\n", None, ["a"], id="large numbers"),
        pytest.param(" a , b ,\tc\n", None, [" b "], id="white space"),
        pytest.param('"1","a ""b"", c","x"\n', None, ['a ""b"", c'], id="quoted"),
        pytest.param('5" disk,6" disk,"7"""\n', None, ['6" disk'], id="plain quotes"),
        pytest.param('1,"a\n\nb\r\nc",2\r\n', '1,"a\n\nb\r\nc",2,positive,0.5\r\n',
                     ["a\n\nb\r\nc"], id="newlines"),
        pytest.param('1,"a\rb","c\rd"\n', None, ["a\rb"], id="lone returns"),
        pytest.param("1,,2\n", "1,,2,,\n", [""], id="no text"),
        pytest.param('1,"",2\n', '1,"",2,,\n', [""], id="quoted no text"),
        pytest.param(",,\n", ",,,,\n", [""], id="nothing"),
        pytest.param("NULL,NaN,None\n", None, ["NaN"], id="null words"),
        pytest.param("1,a,b\r\n2,c,d\n", "1,a,b,positive,0.5\r\n2,c,d,positive,0.5\n",
                     ["a", "c"], id="mixed line ends"),
        pytest.param("\r\n\n1,a,b\n\r\n", "\r\n\n1,a,b,positive,0.5\n\r\n", ["a"], id="blank"),
        pytest.param("1,\x00a\x00,\x00\n", None, ["\x00a\x00"], id="zero bytes"),
        pytest.param("1,\u2028\u0085,\ufeff\n", None, ["\u2028\u0085"], id="Unicode line ends"),
    ],
)  # fmt: skip
def test_fields_stay_as_they_are(rows: str, expected: str | None, texts: list[str]) -> None:
    wanted = f"{rows[:-1]},positive,0.5\n" if expected is None else expected
    for block_bytes in (1, 5, 1000):
        passed = pass_through(f"id,text,x\n{rows}".encode(), ".csv", block_bytes=block_bytes)
        assert passed.output.decode() == f"id,text,x,{ADDED}\n{wanted}"
        assert passed.texts == texts


@pytest.mark.parametrize(
    "header",
    [
        "text", "text,id", "id,text", '"text"', 'id,"text"', '"i""d","text"', '5" disk,text',
        '"a,b",text', '"a\nb",text', '"a\rb",text', ",text", "text,",
    ],
)  # fmt: skip
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_header_stays_as_it_is(header: str, line_end: str) -> None:
    for block_bytes in (1, 1000):
        passed = pass_through(f"{header}{line_end}".encode(), ".csv", block_bytes=block_bytes)
        assert passed.output.decode() == f"{header},{ADDED}{line_end}"
        cut = pass_through(f"{header}{line_end[:-1]}".encode(), ".csv")
        assert cut.output == passed.output.removesuffix(b"\n" if line_end == "\r\n" else b"")


def test_a_long_header() -> None:
    header = f'"{"a" * 200_000}",text'
    assert pass_through(f"{header}\nx,y\n".encode(), ".csv").texts == ["y"]


def test_names_in_a_header_are_unquoted() -> None:
    data = b'"a ""b"", c",\xc3\xa9\n1,2\n'
    assert pass_through(data, ".csv", Columns('a "b", c')).texts == ["1"]
    assert pass_through(data, ".csv", Columns("é")).texts == ["2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'"text,id\n1,2\n', "line 1: a quote that is opened here is never closed. Fix the file"),
        (b'"text"x,id\n1,2\n', "line 1: a quoted field continues after its closing quote. Fix"),
        (b"\n\nt\xe9xt,id\n", "line 3: the header is not valid UTF-8. Name its encoding"),
        (b"\xff\xfet\0e\0x\0t\0\n\0a\0\n\0", "is text in UTF-16. Add --encoding utf-16"),
        (
            "text,id\n".encode("utf-32-le"),
            "is text in UTF-32. Add --encoding utf-32-le, or",
        ),
        (
            "text,id\n".encode("utf-32-be"),
            "is text in UTF-32. Add --encoding utf-32-le, or",
        ),
        (b"\n\r\n", "only blank lines, expected a header and reviews"),
        (b"\xef\xbb\xbf", "only blank lines, expected a header and reviews"),
    ],
)
def test_without_a_header_nothing_can_be_read(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"reviews.csv: {message}"):
        pass_through(data, ".csv")


@pytest.mark.parametrize("block_bytes", [1, 9, 1000])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"1", "1 field, expected 2"),
        (b"1,2,3", "3 fields, expected 2"),
        (b'"\n",2,3', "3 fields, expected 2 (lines 4 to 5)"),
        (b'"a" ,b', f"a quoted field continues after its closing quote{HINT}"),
        (b'a,"b"c', f"a quoted field continues after its closing quote{HINT}"),
        (b'a,"b"c,d', "a quoted field continues after its closing quote"),
        (b"a\rb,c", "a carriage return that ends no line (CR without LF) outside quotes"),
        (b"b\xc3\x28,c", "byte 0xc3 is not valid UTF-8. Name another encoding with --encoding"),
        (b"b\xed\xa0\x80,c", "byte 0xed is not valid UTF-8. Name another encoding with --encoding"),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_bad_record_costs_itself(
    bad: bytes, reason: str, line_end: bytes, block_bytes: int
) -> None:
    rows = [b"text,id", b"a,1", b"", bad, b'"b",2', b"c,3", b""]
    passed = pass_through(line_end.join(rows), ".csv", block_bytes=block_bytes)
    assert passed.texts == ["a", "b", "c"]
    assert passed.rejects == [Reject(4, reason, bad, len(bad))]
    good = pass_through(line_end.join([*rows[:2], *rows[4:]]), ".csv")  # nor the blank line
    assert passed.output == good.output


@pytest.mark.parametrize("block_bytes", [1, 9, 1000])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_a_quote_that_is_never_closed_costs_its_line(last: bytes, block_bytes: int) -> None:
    passed = pass_through(b'text\na\n"b\nc\nd"e' + last, ".csv", block_bytes=block_bytes)
    assert passed.texts == ["a", "c", 'd"e']
    reason = f"a quoted field continues after its closing quote{HINT}"
    assert passed.rejects == [Reject(3, reason, b'"b', 2)]
    passed = pass_through(b'text\na\n"b\nc\nd' + last, ".csv", block_bytes=block_bytes)
    assert passed.texts == ["a", "c", "d"]
    reason = f"a quote that is opened here is never closed{HINT}"
    assert passed.rejects == [Reject(3, reason, b'"b', 2)]


def test_names_that_were_found_fit_a_line() -> None:
    names = ['"a\rb"', "", "x" * 100, *(f"c{number}" for number in range(30))]
    with pytest.raises(
        UsageError, match=rf"\(found: 'a\\rb', '', {'x' * 60}, c0, .*c16, and 13 more\)\. Choose"
    ):
        pass_through(f"{','.join(names)}\n".encode(), ".csv")
