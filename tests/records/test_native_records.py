"""The native core finds what NumPy finds in any bytes, and puts it together as Arrow does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.native import records as core
from toolkit.records.csv_fields import Dialect, find_regular
from toolkit.records.lines import byte_views, joined, spans

pytestmark = pytest.mark.skipif(not core.is_used(), reason="there is no native core")

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
def test_field_ends(text: bytes, dialect: Dialect, at_end: bool) -> None:
    expected = find_regular(text, dialect, at_end=at_end)
    found = core.find_field_ends(text, dialect.delimiter, dialect.quote, at_end=at_end)
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
    newlines, is_utf8 = core.find_lines(text)
    assert newlines.tolist() == [place for place, byte in enumerate(text) if byte == ord("\n")]
    assert is_utf8 == utf8_up_to(text, max([0, *(newlines + 1).tolist()]))


# Views hold up to 12 bytes themselves.
pieces = st.lists(st.binary(max_size=30), max_size=20)


@given(pieces, st.integers(0, 5))
def test_views_are_the_spans(values: list[bytes], gap: int) -> None:
    stops = np.cumsum([0, *(len(value) + gap for value in values)])[1:]
    starts = stops - [len(value) for value in values]
    data = b"".join(b"x" * gap + value for value in values)
    found = byte_views(data, starts, stops)
    found.validate(full=True)
    assert found.to_pylist() == spans(data, starts, stops).to_pylist() == values


def test_views_that_arrow_cannot_make(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.array([0, 2]), np.array([1, 4])
    assert byte_views(b"abcd", *places).type == pa.binary_view()
    monkeypatch.setattr(core, "_has_views", lambda: False)
    found = byte_views(b"abcd", *places)
    assert (found.type, found.to_pylist()) == (pa.binary(), [b"a", b"cd"])


@given(pieces)
def test_what_is_joined(values: list[bytes]) -> None:
    numbers = pa.array([str(number) for number in range(len(values))], pa.string())
    expected = b"".join(value + b"%d" % number for number, value in enumerate(values))
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        column = pa.array(values, kind)
        assert joined(column, numbers).to_pybytes() == expected
        moved = pa.concat_arrays([column[1:], column[:1]])  # views in several buffers, slices
        both = pa.concat_arrays([moved[-1:], moved[:-1]]) if values else moved
        assert joined(both, numbers).to_pybytes() == expected
