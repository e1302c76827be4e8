"""The token ids of the native core are those of Arrow and of the plain loop, on every input.

More of the same, for the C file alone and under sanitizers: `tests.native.fuzzing`.
"""

from __future__ import annotations

from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.both_ways import (
    TYPES,
    array_of,
    arrow_rows,
    by_arrow,
    by_python,
    check_all,
    last_rows,
    native_rows,
    needs_core,
    plain_row,
    tables_of,
    vocabulary_of,
)
from tests.strategies import review_texts
from toolkit.text.rule import RULES
from toolkit.text.vocabulary import Vocabulary

pytestmark = needs_core

BLOCK, PIECE = 64, 4096  # of bytes, in core.c
VERSIONS = st.sampled_from(sorted(RULES))
LASTS = st.sampled_from([None, 1, 2, 3, 31, 100, 512, 513, 2047, 2048, 2049])

# Separators of 1 to 3 bytes, their neighbours, and bytes that are not UTF-8: characters cut short,
# written with more bytes than they have, half of a surrogate pair, bytes that never occur.
SEPARATORS = [b" ", b"<", *(text.encode() for text in "\u0085\u00a0\u2014\u3000\ufeff")]
OTHERS = [*(text.encode() for text in "'\u2019\u00a1\u2016\u20ac\U0001f600"), b"\x00"]
BROKEN = [b"\xc2", b"\xe2", b"\xe2\x80", b"\x80\x94", b"\x94", b"\xc0\xa0", b"\xe0\x82\xa0",
          b"\xed\xa0\x80", b"\xf0\x82\x80\x94", b"\xf0\x9f\x98", b"\xff", b"\xc2\xc2\xa0",
          b"\xe2\xe2\x80\x94", b"\xe2\x80\xe2\x80\x94", b"\xf2\x80\x94"]  # fmt: skip
WORDS = [b"the", b"The", b"movie", "Été".encode(), "don\u2019t".encode(), b"a", b"x", b"x" * 17]

_pieces = st.sampled_from(SEPARATORS * 3 + OTHERS + BROKEN + WORDS * 2)
_times = st.sampled_from([*range(1, 18), *range(60, 69), 128, 1024, *range(4088, 4100), 8192])
_runs = st.tuples(st.sampled_from([b" ", b"x", b"a ", b"-", b"\xe2\x80\x94", b"\xc3\xa9"]), _times)
_parts = st.one_of(_pieces, _pieces, _pieces, _runs.map(lambda run: run[0] * run[1]))
byte_texts = st.lists(_parts, max_size=12).map(b"".join)


@given(st.lists(st.one_of(st.none(), byte_texts), max_size=5), VERSIONS, LASTS)
def test_all_ways_give_the_same_ids(texts: list[bytes | None], rule: int, last: int | None) -> None:
    check_all(texts, rule, last)


@settings(max_examples=50)
@given(st.lists(review_texts, min_size=1, max_size=9), VERSIONS, st.integers(1, 40), st.data())
def test_layouts_of_arrow(texts: list[str], rule: int, last: int, data: st.DataObject) -> None:
    rows: list[str | None] = [*texts, None, "", *texts]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(rows))] * 2)))
    expected = [plain_row((text or "").encode(), rule, last) for text in rows[start:stop]]
    strings = pa.array(rows, pa.string())
    vocabulary = vocabulary_of(rule)
    for kind in TYPES:
        array = strings.cast(kind)
        chunks = [array[:0], array[start:], array[:stop], array[start:start], array[start:stop]]
        chunked = pa.chunked_array(chunks)[-(stop - start) :] if stop > start else array[:0]
        for path, table in tables_of(vocabulary).items():
            assert native_rows(table, array[start:stop], last) == expected, path
            assert native_rows(table, chunked, last) == expected, path
    kinds = [strings.cast(kind) for kind in (*TYPES, pa.binary())]
    for layout in (*kinds, strings.dictionary_encode(), pa.chunked_array([strings, strings[:0]])):
        for each in (vocabulary, by_arrow(vocabulary), by_python(vocabulary)):
            assert last_rows(each.encode(layout[start:stop], last), last) == expected


@pytest.mark.parametrize("bound", [BLOCK, 2 * BLOCK, PIECE])
@pytest.mark.parametrize("rule", RULES)
def test_what_crosses_a_bound(bound: int, rule: int) -> None:
    texts: list[bytes | None] = []
    for shift in range(-4, 5):
        for part in (*SEPARATORS, *OTHERS, *BROKEN, b" the ", b" the"):
            for fill in (b" ", b"x", b"a "):
                before = (fill * bound)[: bound + shift]
                texts += [before + part, before + part + b"a movie"]
    for last in (None, 1, 2):
        check_all(texts, rule, last)


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 1])
def test_tokens_longer_than_a_piece(length: int) -> None:
    token = b"x" * length
    texts: list[bytes | None] = [b"a" + b" " * spaces + token for spaces in range(1, 67)]
    texts += [token, token + b" a", token + b"\xe2\x80\x94the", token + b" " + token, b" " + token]
    for last in (None, 1, 2):
        check_all(texts, 2, last)


@pytest.mark.parametrize("last", [None, 1, 512])
def test_megabytes(last: int | None) -> None:
    size = 3 << 20
    texts: list[bytes | None] = [b" " * size, b"the" + b"\xe2\x80\x94" * (size // 3), b"x" * size]
    texts += [b"a" + b" " * size + b"the movie", b"the movie " * 300_000, b"a " * 1_000_000]
    for kind in TYPES:
        array = array_of(texts, kind)
        tables = tables_of(vocabulary_of(2)).values()
        first, *others = (native_rows(table, array, last) for table in tables)
        assert all(other == first for other in others)
    the, movie, a = 4, 5, 8
    expected = [[], [the], [2], [a, the, movie], [the, movie] * 300_000, [a] * 1_000_000]
    assert first == [row[-(last or 0) :] for row in expected]


@pytest.mark.parametrize("rule", RULES)
def test_which_characters_separate(rule: int) -> None:
    codes = [*range(0xD800), *range(0xE000, 0x10100), 0x1F600, 0x2FFFF, 0x10FFFF]
    codes += range(0x80000, 0x80A00)  # but for their first byte, separators and another byte
    texts = pa.array([f"the{chr(code)}movie\ta{chr(code)}" for code in codes])
    separate, glued = [4, 5, 8], [2, 2]
    expected = {
        chr(code): separate if chr(code) in RULES[rule].separators else glued for code in codes
    }
    expected["\0"] = [4] if rule == 2 else [2, 2]
    vocabulary = Vocabulary(pa.array(["the", "movie", "-", "=", "a"]), RULES[rule])
    for kind in TYPES:
        for path, table in tables_of(vocabulary).items():
            assert native_rows(table, texts.cast(kind), None) == list(expected.values()), path
    assert arrow_rows(vocabulary, texts, None) == list(expected.values())


def test_just_the_last_ids_are_given() -> None:
    texts = array_of([b"a the movie " * times for times in (0, 1, 300, 3000)], pa.string())
    for table in tables_of(vocabulary_of(2)).values():
        for last in (1, 2, 100, 512, 513, 8999, 9000, 9001):
            _, bounds = table.encode(texts, last)
            lengths = [min(3 * times, last) for times in (0, 1, 300, 3000)]
            assert bounds.tolist() == [0, *accumulate(lengths)]
