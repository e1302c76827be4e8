"""The native core finds what NumPy finds, in any bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.native import records as record_cuts
from toolkit.records.csv_fields import Dialect, find_regular

pytestmark = pytest.mark.skipif(not record_cuts.is_used(), reason="there is no native core")

# The core looks at 64 bytes at a time.
LONG = [b"x" * 61, b"x" * 64, b'"' + b"x" * 130 + b'"']
NO_UTF8 = [b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\x80"]
LETTERS = [b"a", b"\0", *(letter.encode() for letter in "é€😀")]
MARKS = [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b'"\n', b',"', b'",', b'"\r\n']
FIELDS = [b"", b"a", b'"a"', b'"a""b"', '"é\n"'.encode(), b'"a,\r\n,"', *LONG]

any_bytes = st.lists(st.sampled_from([*LONG, *NO_UTF8, *LETTERS, *MARKS]), max_size=25)
records = st.lists(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3).map(b",".join))
texts = st.one_of(
    any_bytes.map(b"".join),
    st.builds(
        lambda lines, line_end, cut: b"".join(line + line_end for line in lines)[cut:],
        records,
        st.sampled_from([b"\n", b"\r\n"]),
        st.sampled_from([0, 0, 0, 1, 70]),
    ),
)
dialects = st.sampled_from([Dialect(","), Dialect(",", None), Dialect(" ", "'"), Dialect("\0")])


def utf8_up_to(text: bytes, stop: int) -> bool:
    try:
        text[:stop].decode()
    except UnicodeDecodeError:
        return False
    return True


@given(texts, dialects, st.booleans())
@example(b'"a"\r', Dialect(","), False)
@example(b"x" * 63 + b"\r", Dialect(","), False)
@example(b'"' + b"x" * 61 + b'"\r', Dialect(","), False)
@example(b'"' + b"x" * 62 + b'"\r\n', Dialect(","), True)
@example(b"," * 200 + b"\n", Dialect(","), True)
@example(b'"' + "é".encode() * 31 + b"\xc3\n", Dialect(","), False)
def test_cuts(text: bytes, dialect: Dialect, at_end: bool) -> None:
    expected = find_regular(text, dialect, at_end=at_end)
    found = record_cuts.find_field_ends(text, dialect.delimiter, dialect.quote, at_end=at_end)
    assert (found is None) == (expected is None)
    if found is None or expected is None:
        return
    assert found.delimiters.tolist() == expected.delimiters.tolist()
    assert found.newlines.tolist() == expected.newlines.tolist()
    stop = max([0, *(expected.newlines + 1).tolist()])
    assert found.lines == text.count(b"\n", 0, stop)
    assert found.is_utf8 == utf8_up_to(text, stop)


@given(texts)
@example(b"\n" * 200)
def test_lines(text: bytes) -> None:
    newlines, is_utf8 = record_cuts.find_lines(text)
    assert newlines.tolist() == [place for place, byte in enumerate(text) if byte == ord("\n")]
    assert is_utf8 == utf8_up_to(text, max([0, *(newlines + 1).tolist()]))
