"""Files are read in the same way with the native core and without it, whatever is in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.records.passing import pass_through
from toolkit.errors import ToolkitError
from toolkit.native import records as core
from toolkit.records import Columns
from toolkit.records.csv_fields import Dialect, find_field_ends

pytestmark = pytest.mark.skipif(not core.is_used(), reason="there is no native core")

# The core looks at 64 bytes at a time.
LONG = b"x" * 64
NO_UTF8 = [b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
FIELDS = [b"", b"a", "é😀".encode(), b"\0", b" ", b'"a"', b'"a""b"', b'"a,;|\t\r\n"', b'"\n\n"',
          b"'a'", b"'a''b\n'", b"\\,", b"\\\n", b'\\"', b'"' + LONG + LONG + b'"',
          LONG]  # fmt: skip
BROKEN = [b'"', b"'", b'"a"b', b'a"b', b"\r", b'"\r', b"\\", b'"open\n', *NO_UTF8]
ENDS = [b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n\n"]
MARK = b"\x01"  # where the delimiter is to be

fields = st.sampled_from([*FIELDS, *FIELDS, *BROKEN])
lines = st.builds(
    lambda cells, end: MARK.join(cells) + end,
    st.one_of(st.lists(fields, min_size=2, max_size=2), st.lists(fields, max_size=3)),
    st.sampled_from(ENDS),
)
blocks = st.sampled_from([1, 7, 64, 200, 1 << 20])
tables = st.lists(lines, max_size=12).map(b"".join)

Outcome = tuple[object, ...]


def outcomes(do: Callable[[], Outcome]) -> list[Outcome]:
    """Do something without the core and with it; why it is refused is an outcome, too."""
    found = []
    for choice in ("0", "require"):
        with mock.patch.dict(os.environ, TOOLKIT_NATIVE=choice):
            try:
                found.append(do())
            except ToolkitError as error:
                said = str(error)  # with a temporary folder
                found.append((type(error), said[said.find("reviews.") :]))
    return found


def read(data: bytes, ending: str, **options: object) -> Outcome:
    """Give all that is known of a file that is read and written."""
    passed = pass_through(data, ending, **options)  # type: ignore[arg-type]
    return passed.texts, passed.output, [*passed.rejects], [*passed.warnings]


@settings(max_examples=150)
@given(
    tables,
    blocks,
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from([("'", None), ('"', "\\"), ("'", "^"), (None, "\\"), (None, None)])
    | st.just(('"', None)),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([None, ".jsonl", ".tsv"]),
)
@example(b'\n\na"b\x01\xff\n\n', 1 << 20, ",", ('"', None), b"\n", True, 0, None)
@example(b'"a\nb"\x01"c\nd"\n"a\x01b\nc\x01"\n', 1 << 20, ",", ('"', None), b"\n", False, 0, None)
def test_delimited(
    body: bytes,
    block_bytes: int,
    delimiter: str,
    marks: tuple[str | None, str | None],
    line_end: bytes,
    has_mark: bool,
    cut: int,
    to: str | None,
) -> None:
    header = b"\xef\xbb\xbf" * has_mark + b"text" + MARK + b"id" + line_end
    data = (header + body).replace(MARK, delimiter.encode())
    options = {"delimiter": delimiter, "quote": marks[0], "escape": marks[1], "to": to}
    data = data[: len(data) - cut]
    without, with_core = outcomes(lambda: read(data, ".csv", block_bytes=block_bytes, **options))
    assert with_core == without


@given(
    tables,
    st.sampled_from(
        [Dialect(","), Dialect(",", None), Dialect("\t", "'"), Dialect(",", '"', "\\")]
    ),
    st.booleans(),
    st.sampled_from([None, 1, 2, 3]),
    st.booleans(),
)
@example(b'"' + b"x" * 61 + b'"\r', Dialect(","), False, None, False)
@example(b'"' + b"x" * 62 + b'"\r\n', Dialect(","), True, None, False)
@example(b"," * 200 + b"\n", Dialect(","), True, None, False)
@example(b'"' + "é".encode() * 31 + b"\xc3\n", Dialect(","), False, None, False)
def test_field_ends(
    body: bytes, dialect: Dialect, at_end: bool, wanted: int | None, only_first: bool
) -> None:
    text = body.replace(MARK, dialect.delimiter.encode()) + b"\n" * at_end

    def find() -> Outcome:
        ends = find_field_ends(text, dialect, at_end=at_end, wanted=wanted, only_first=only_first)
        return ends.delimiters.tolist(), ends.newlines.tolist(), ends.broken

    without, with_core = outcomes(find)
    assert with_core == without


# More fields than are read one by one.
wide = st.builds(
    lambda cells, times, end: MARK.join(cells * times) + end,
    st.lists(fields, min_size=1, max_size=4),
    st.integers(20, 70),
    st.sampled_from(ENDS),
)


@given(
    st.lists(st.one_of(wide, lines), min_size=1, max_size=4).map(b"".join),
    st.sampled_from(
        [Dialect(","), Dialect(",", None), Dialect("\t", "'"), Dialect(",", '"', "\\")]
    ),
    st.booleans(),
    st.sampled_from([None, 1, 3, 75, 100]),
)
@example(b'"",' * 65 + b'a"b,' * 65 + b'""\r\n', Dialect(","), True, None)
@example(b'a"b,"",' * 65 + b'"""a,\n"\n', Dialect(","), False, 1)
@example(b"\n,\r", Dialect(","), False, None)  # a record that is not complete, after a blank line
def test_field_ends_of_wide_records(
    body: bytes, dialect: Dialect, at_end: bool, wanted: int | None
) -> None:
    """As the core finds them, as one by one, and of the first record no more than wanted."""
    text = body.replace(MARK, dialect.delimiter.encode()) + b"\n" * at_end

    def find(*, only_first: bool = False) -> tuple[list[int], list[int], dict[int, str]]:
        ends = find_field_ends(text, dialect, at_end=at_end, wanted=wanted, only_first=only_first)
        return ends.delimiters.tolist(), ends.newlines.tolist(), ends.broken

    without, with_core = outcomes(find)
    with mock.patch("toolkit.records.csv_fields._FEW", 1 << 30):
        one_by_one, _ = outcomes(find)
    assert with_core == without == one_by_one
    delimiters, newlines, broken = find(only_first=True)
    if newlines and newlines[-1] not in broken:
        in_all = find()[0]
        end = newlines[-1]
        assert [at for at in delimiters if at < end] == [at for at in in_all if at < end]


STRINGS = [b'"a"', b'""', '"é😀\u2028"'.encode(), b'"' + LONG + b'"', rb'"\"\\\/\b\f\n\r\t"',
           rb'"\u00e9\uD83D\ude00"', b'"\x7f"', b'"a{[,:"', b'"NaN, Inf}"',
           b'"predicted_sentiment"', rb'"\u00e9' + b"y" * 70 + b'"']  # fmt: skip
ODD = [rb'"\ud800"', rb'"\udc00a"', rb'"\ud800\ud800"', rb'"a\u0000b"', b'"\t"', b'"\0"', rb'"\x"',
       rb'"\u12"', b'"a', b"", *(b'"a' + bad + b'"' for bad in NO_UTF8)]  # fmt: skip
OTHERS = [b"null", b"true", b"0", b"-0.5e-3", b"1e400", b"-1E+999", b"9" * 400, b"[]", b"{}",
          b'[1, {"text": [null, "]"]}, 2.5]', b'{"text": "b", "a": {}}', b"[" * 31 + b"]" * 31,
          b"[" * 33 + b"]" * 33, b"[" * 799 + b"]" * 799, b"[" * 801 + b"]" * 801, b"NaN",
          b"-Infinity", b"Inf", b"01", b"1.", b"-", b"+1", b".5", b"nul", b"[1,]", b'{"a"}',
          b"'a'"]  # fmt: skip
NAMES = [b'"text"', b'"a"', b'"id"', b'""', '"é"'.encode(), b'"' + b"k" * 5000 + b'"',
         b'"positive_probability"', rb'"te\u0078t"', rb'"\n"', rb'"\ud800"',
         rb'"predicted\u005fsentiment"', b'"text.a"', b"text"]  # fmt: skip

values = st.sampled_from([*STRINGS, *STRINGS, *ODD, *OTHERS])
others = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=3)
texts = st.tuples(st.just(b'"text"'), st.sampled_from([*STRINGS, *STRINGS, b"null", *ODD, b"1"]))
spaces = st.sampled_from([b"", b"", b" ", b"\t", b" \r"])
objects = st.builds(
    lambda before, text, after, space: (
        b"{" + space
        + (space + b"," + space).join(
            name + space + b":" + space + value for name, value in [*before, *text, *after]
        )
        + space + b"}"
    ),
    st.one_of(st.just([]), others),
    st.lists(texts, min_size=1, max_size=1) | st.just([]),
    st.one_of(st.just([]), others),
    spaces,
)  # fmt: skip
usual = st.builds(
    lambda text, value: b'{"text": ' + text + b', "a": ' + value + b"}",
    st.sampled_from([*STRINGS, b"null"]),
    st.sampled_from([*STRINGS, *OTHERS[:14]]),
)
anything = st.sampled_from([b"", b" ", b"null", b"[]", b"{", b"}", b"{}{}", b'"a"', *NO_UTF8])


@settings(max_examples=150)
@given(
    st.lists(st.one_of(usual, usual, usual, objects, anything), max_size=8),
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n", b"\n \n"]),
    blocks,
    st.sampled_from([".jsonl", ".json", ".array.json"]),
    st.sampled_from([None, "text", "a", "é", "", "text.a", "a.text", "\ud800"]),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([None, None, ".csv"]),
)
@example([b"{}", b'{"text":"a"}', b"{ }"], b"\n", 1 << 20, ".jsonl", None, 0, False, None)
def test_json(
    records: list[bytes],
    line_end: bytes,
    block_bytes: int,
    ending: str,
    column: str | None,
    cut: int,
    has_mark: bool,
    to: str | None,
) -> None:
    body = (b",\n" if ending == ".array.json" else line_end).join(records)
    body = b"[" + body + b"]\n" if ending == ".array.json" else body + line_end
    data = b"\xef\xbb\xbf" * has_mark + body[: len(body) - cut]
    without, with_core = outcomes(
        lambda: read(data, ending, columns=Columns(column), block_bytes=block_bytes, to=to)
    )
    assert with_core == without
