"""The token ids of the native core are those of Arrow and of the plain loop, on every input.

More of the same, for the C file alone and under sanitizers: `tests.native.fuzzing`.
"""

from __future__ import annotations

import copy
import pickle
import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native.both_ways import (
    TYPES,
    array_of,
    arrow_rows,
    by_arrow,
    check_all,
    guarded,
    last_rows,
    native_rows,
    needs_core,
    plain_row,
    tables_of,
    vocabulary_of,
)
from tests.strategies import review_texts
from toolkit.native.texts import WordTable
from toolkit.text import NEWEST_RULE, RULES, Vocabulary

pytestmark = needs_core

BLOCK, PIECE = 64, 4096  # of bytes, in core.c
NEWEST = NEWEST_RULE.version
VERSIONS = st.sampled_from(sorted(RULES))
LASTS = st.sampled_from([None, 1, 2, 3, 31, 100, 512, 513, 2047, 2048, 2049])
# Separators of 1 to 3 bytes, their neighbours, and bytes that are not UTF-8: characters cut short,
# written with more bytes than they have, half of a surrogate pair, bytes that never occur.
SEPARATORS = [b" ", b"<", *(text.encode() for text in "\u0085\u00a0\u2014\u3000\ufeff")]
# What rule 3 reads as a whole, and what only begins like that.
UNITS = [b"<br />", b"</P>", b"<b " + b"'a" * 100 + b">", b"<b " + b"x" * 201 + b">",
         b"<!-- &#39; -->", b"<b",
         b"&quot;", b"&#39;", b"&RSQUO;", b"&#128512;", b"&#3", b"9;", b"'",
         "\u2019".encode(), "\u00b4".encode(),
         "\U0001f600".encode(), "\u2600".encode(), "\U0001f44d\U0001f3fb".encode(), b"don&#39;t",
         b"dont"]  # fmt: skip
OTHERS = [*(text.encode() for text in "'\u2019\u00a1\u2016\u20ac\U0001f600"), b"\x00"]
BROKEN = [b"\xc2", b"\xe2", b"\xe2\x80", b"\x80\x94", b"\x94", b"\xc0\xa0", b"\xe0\x82\xa0",
          b"\xed\xa0\x80", b"\xf0\x82\x80\x94", b"\xf0\x9f\x98", b"\xff", b"\xc2\xc2\xa0",
          b"\xe2\xe2\x80\x94", b"\xe2\x80\xe2\x80\x94", b"\xf2\x80\x94"]  # fmt: skip
WORDS = [b"the", b"The", b"movie", "Été".encode(), "don\u2019t".encode(), b"a", b"x", b"x" * 17]
_pieces = st.sampled_from(SEPARATORS * 3 + OTHERS + BROKEN + UNITS * 2 + WORDS * 2)
_times = st.sampled_from([*range(1, 18), *range(60, 69), 128, 1024, *range(4088, 4100), 8192])
_runs = st.tuples(
    st.sampled_from(
        [
            b" ",
            b"x",
            b"a ",
            b"-",
            b"\xe2\x80\x94",
            b"\xc3\xa9",
            b"a'",
            b"'",
            b"<i>",
            b"<",
            b"&",
            b"&#39;",
            b"a&#39;",
            "\U0001f600".encode(),
            "a\u2600".encode(),
        ]
    ),
    _times,
)
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
        for each in (vocabulary, by_arrow(vocabulary)):
            assert last_rows(each.encode(layout[start:stop], last), last) == expected


@pytest.mark.slow
@pytest.mark.parametrize("bound", [BLOCK, 2 * BLOCK, PIECE])
@pytest.mark.parametrize("rule", RULES)
def test_what_crosses_a_bound(bound: int, rule: int) -> None:
    texts: list[bytes | None] = []
    for shift in range(-4, 5):
        for part in (*SEPARATORS, *OTHERS, *BROKEN, *UNITS, b" the ", b" the"):
            for fill in (b" ", b"x", b"a "):
                before = (fill * bound)[: bound + shift]
                texts += [before + part, before + part + b"a movie"]
    for last in (None, 1, 2):
        check_all(texts, rule, last)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_which_characters_separate(rule: int) -> None:
    codes = [*range(0xD800), *range(0xE000, 0x10100), *range(0x1F000, 0x20010), 0x2FFFF, 0x10FFFF]
    codes += range(0x80000, 0x80A00)  # but for their first byte, separators and another byte
    texts = pa.array([f"the{chr(code)}movie\ta{chr(code)}" for code in codes])
    separate, glued, alone, within = [4, 5, 8], [2, 2], [4, 2, 5, 8, 2], [2, 8]
    characters = RULES[rule]
    expected = {
        chr(code): separate if chr(code) in characters.separators
        else alone if chr(code) in characters.emoji
        else within if chr(code) in characters.apostrophes
        else glued
        for code in codes
    }  # fmt: skip
    expected["\0"] = [4] if characters.ends_at_nul else [2, 2]
    vocabulary = Vocabulary(pa.array(["the", "movie", "-", "=", "a"]), RULES[rule])
    for kind in TYPES:
        for path, table in tables_of(vocabulary).items():
            assert native_rows(table, texts.cast(kind), None) == list(expected.values()), path
    assert arrow_rows(vocabulary, texts, None) == list(expected.values())


TEXTS = [b"a" * 63 + b" the", b"the", b"", b"the movie " * 500, b" " * 4096 + b"the",
         b"x" * 4097, b"a \xe2\x80", b"\xe2", b"a \xc2", b"don't 12", b"13 bytes, the",
         b"a <b", b"a <b>", b"a &#39", b"a &#39;",
         b"don'", b"'t", b"\xf0\x9f\x98", "a\U0001f600".encode(),
         "\U0001f600".encode()]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="closes memory by mprotect")
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_nothing_outside_the_buffers_is_read(kind: pa.DataType, before: bool) -> None:
    # A read of one byte too many ends the process: the memory after (or before) each is closed.
    for text in TEXTS:
        for extra in ([], [b"the", None]):
            texts = [*extra, text] if not before else [text, *extra]
            array = array_of(texts, kind)
            copied = [part and guarded(part.to_pybytes(), before) for part in array.buffers()]
            exact = pa.Array.from_buffers(kind, len(texts), copied)
            for table in tables_of(vocabulary_of(NEWEST)).values():
                for last in (None, 1):
                    expected = [plain_row(each, NEWEST, last) for each in texts]
                    assert native_rows(table, exact, last) == expected


def _moved(part: pa.Buffer | None) -> pa.Buffer | None:
    """Copy a buffer to an address that is not a multiple of 2."""
    if part is None:
        return None
    place: npt.NDArray[np.uint8] = np.zeros(part.size + 2, np.uint8)
    start = 1 - place.ctypes.data % 2
    place[start : start + part.size] = np.frombuffer(part, np.uint8)
    return pa.py_buffer(place[start : start + part.size])


@pytest.mark.parametrize("kind", TYPES)
def test_buffers_of_any_address(kind: pa.DataType) -> None:
    array = array_of([*TEXTS, None], kind)
    moved = pa.Array.from_buffers(kind, len(array), [_moved(part) for part in array.buffers()])
    expected = [plain_row(text, NEWEST, 2) for text in [*TEXTS[1:], None]]
    for table in tables_of(vocabulary_of(NEWEST)).values():
        assert native_rows(table, moved[1:], 2) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_nulls_that_hold_text(kind: pa.DataType) -> None:
    texts: list[bytes | None] = [b"the movie that is not there", b"a", b"the"] * 8
    is_valid = [row % 3 == 1 or row > 20 for row in range(len(texts))]
    _, *buffers = array_of(texts, kind).buffers()
    validity = pa.array(is_valid).buffers()[1]
    array = pa.Array.from_buffers(kind, len(texts), [validity, *buffers])
    shown = [text if here else None for text, here in zip(texts, is_valid, strict=True)]
    for table in tables_of(vocabulary_of(NEWEST)).values():
        for start in (0, 5):
            expected = [plain_row(text, NEWEST) for text in shown[start:]]
            assert native_rows(table, array[start:], None) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_arrays_without_texts(kind: pa.DataType) -> None:
    no_memory = [None, pa.py_buffer(b""), pa.py_buffer(b"")][: 2 if kind == pa.string_view() else 3]
    empty = pa.Array.from_buffers(kind, 0, no_memory)
    arrays = [empty, pa.array([], kind), array_of([b"a"], kind)[1:], pa.chunked_array([], kind)]
    for array in arrays:
        assert len(vocabulary_of(NEWEST).encode(array)) == 0
        assert len(vocabulary_of(NEWEST).encode(array, 3)) == 0
    for array in (pa.nulls(3, kind), pa.nulls(3), array_of([b""] * 3, kind)):
        assert vocabulary_of(NEWEST).encode(array).lengths.tolist() == [0, 0, 0]
    check_all([b"", None, b" "], NEWEST, None)


def test_a_dictionary_is_not_written_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    encode = WordTable.encode

    def spy(
        self: WordTable, texts: pa.Array, last: int | None = None
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        seen.append(len(texts))
        return encode(self, texts, last)

    monkeypatch.setattr(WordTable, "encode", spy)
    few = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1] * 1000), ["the", "a movie"])
    ids = Vocabulary(pa.array(["the", "movie"])).encode(few)
    assert ids.lengths.tolist() == [2, 1, 0, 2] * 1000
    assert ids.values.tolist() == [2, 5, 4, 2, 5] * 1000
    assert max(seen) <= 1024
    assert sum(seen) == 4000


LONGEST_WORD, MOST_STEPS = 1024, 256  # as in core.c


def _table(words: list[bytes]) -> WordTable | None:
    ids = np.arange(4, 4 + len(words), dtype=np.int32)
    strings = pa.array(words, pa.binary()).view(pa.string())
    return WordTable.of(strings, ids, RULES[2])


def _check(words: list[str], texts: list[str]) -> None:
    for rule in RULES.values():
        vocabulary = Vocabulary(pa.array(words, pa.string()), rule)
        tables = tables_of(vocabulary)
        assert tables
        for path, table in tables.items():
            rows = native_rows(table, pa.array(texts, pa.string()), None)
            assert rows == arrow_rows(vocabulary, pa.array(texts, pa.string()), None), path


def test_words_that_share_their_first_bytes() -> None:
    words = ["x" * length for length in range(1, LONGEST_WORD + 1)]
    words += ["x" * 16 + letter + "y" * more for letter in "abc" for more in range(20)]
    others = [word[:-1] + "z" for word in words] + [word + "x" for word in words]
    _check(words, [" ".join(words), *words, " ".join(others), *others])
    table = tables_of(Vocabulary(pa.array(words)))["plain"]
    assert native_rows(table, pa.array(words), None) == [[4 + n] for n in range(len(words))]


@pytest.mark.parametrize(
    "words",
    [[], ["a"], [""], ["a", "a"], ["", "a", "", "a", "b"], ["a", *["b"] * 200, "c"],
     ["a b", "A", "the", "a"], ["\x00", "a\x00", "a"], ["\u2019", "'", "été", "ÉTÉ", "<start>"],
     ["é" * 341, "a" * 1023, "ab"]],
)  # fmt: skip
def test_unusual_vocabularies(words: list[str]) -> None:
    _check(words, ["", "a", "A B c", "a b\x00a", "\u2019 '", "Été ÉTÉ <start>", *words])


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_slice_of_words(offset: int) -> None:
    strings = pa.array(["no", "the", "movie", None, "a"])[offset:]
    table = WordTable.of(strings, np.arange(4, 9 - offset, dtype=np.int32), RULES[2])
    assert table is not None
    found = native_rows(table, pa.array(["no the movie a"]), None)
    assert found == [[4 + n - offset if n >= offset else 2 for n in (0, 1, 2, 4)]]


def test_a_word_may_be_too_long() -> None:
    longest = "y" * LONGEST_WORD
    assert _table([longest.encode()]) is not None
    words = ["a", longest + "y", "b"]
    assert _table([word.encode() for word in words]) is None
    ids = Vocabulary(pa.array(words)).encode(pa.array([" ".join(words)]))
    assert ids.values.tolist() == [4, 5, 6]


def test_instructions_that_are_not_there() -> None:
    ids = np.array([4], np.int32)
    words = pa.array(["a"])
    assert WordTable.of(words, ids, RULES[2], path="avx9") is None
    too_many = "".join(chr(code) for code in range(1, 127, 2))  # ranges of one character each
    assert WordTable.of(words, ids, replace(RULES[2], separators=too_many)) is None
    assert WordTable.of(words, ids, replace(RULES[2], separators=" \U00020000")) is None


def _slot_of(word: bytes, bits: int) -> int:
    """Hash a word of at most 16 bytes as core.c does."""
    first, second = (int.from_bytes(word[at : at + 8], "little") for at in (0, 8))
    product = (first ^ 0xA0761D6478BD642F) * (second ^ 0xE7037ED1A0B428DB ^ len(word))
    return ((product >> 64 ^ product) & (2**64 - 1)) >> 64 - bits


def _of_one_slot(count: int, bits: int) -> Iterator[bytes]:
    """Give words that belong into the last slot of a table, which goes on with the first."""
    letters = random.Random(1)
    while count > 0:
        word = letters.randbytes(5).hex().encode()
        if _slot_of(word, bits) == 2**bits - 1:
            count -= 1
            yield word


def test_words_that_collide() -> None:
    words = list(_of_one_slot(MOST_STEPS + 1, 10))  # 257 to 512 words have 1,024 slots
    assert len({*words}) == MOST_STEPS + 1
    found = _table(words)
    assert found is not None
    texts = pa.array([b" ".join(words) + b" a"]).cast(pa.string())
    assert native_rows(found, texts, None) == [[*range(4, 4 + len(words)), 2]]
    assert _table([*words, b"\xff"]) is not None
    more = list(_of_one_slot(MOST_STEPS + 2, 10))
    assert more[:-1] == words
    assert _table(more) is None
    vocabulary = Vocabulary(pa.array([word.decode() for word in more]))
    assert vocabulary.encode(texts).values.tolist() == [*range(4, 4 + len(words)), 2]
    assert not tables_of(vocabulary)
    assert _table([b"a"] * (MOST_STEPS + 1)) is not None
    assert _table([b"a"] * (MOST_STEPS + 2)) is None


def test_threads_share_a_table() -> None:
    vocabulary = vocabulary_of(NEWEST)
    letters = random.Random(2)
    parts = ["the ", "Movie", "été ", "\u2014", "x" * 70, " ", "don\u2019t "]
    texts = pa.array(["".join(letters.choices(parts, k=400)) for _ in range(200)])
    arrays = [texts.cast(kind) for kind in TYPES]
    expected = arrow_rows(vocabulary, texts, 100)
    (table,) = [*tables_of(vocabulary).values()][:1]
    wrong: Counter[str] = Counter()
    start = threading.Barrier(4)

    def encode() -> None:
        start.wait()
        for _ in range(5):
            for array in arrays:
                wrong[str(native_rows(table, array, 100) == expected)] += 1

    threads = [threading.Thread(target=encode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == {"True": 4 * 5 * len(arrays)}


def test_a_vocabulary_can_be_sent_after_use() -> None:
    vocabulary = Vocabulary(pa.array(["a", "don't"]))
    ids = vocabulary.encode(pa.array(["a DON\u2019T"])).values.tolist()
    for sent in (pickle.loads(pickle.dumps(vocabulary)), copy.deepcopy(vocabulary)):
        assert sent == vocabulary
        assert sent.encode(pa.array(["a DON\u2019T"])).values.tolist() == ids == [4, 5]
