"""Tables of words of every kind, and threads that share a table."""

from __future__ import annotations

import copy
import pickle
import random
import threading
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from tests.native.both_ways import (
    TYPES,
    arrow_rows,
    native_rows,
    needs_core,
    tables_of,
    vocabulary_of,
)
from toolkit.native.texts import WordTable
from toolkit.text.rule import RULES
from toolkit.text.vocabulary import Vocabulary

pytestmark = needs_core

LONGEST_WORD, MOST_STEPS = 1024, 256  # as in core.c
SEPARATORS = RULES[2].separators


def _table(words: list[bytes]) -> WordTable | None:
    ids = np.arange(4, 4 + len(words), dtype=np.int32)
    strings = pa.array(words, pa.binary()).view(pa.string())
    return WordTable.of(strings, ids, SEPARATORS, ends_at_nul=True)


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
     ["é" * 512, "a" * 1023, "ab"]],
)  # fmt: skip
def test_unusual_vocabularies(words: list[str]) -> None:
    _check(words, ["", "a", "A B c", "a b\x00a", "\u2019 '", "Été ÉTÉ <start>", *words])


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_slice_of_words(offset: int) -> None:
    strings = pa.array(["no", "the", "movie", None, "a"])[offset:]
    table = WordTable.of(
        strings, np.arange(4, 9 - offset, dtype=np.int32), SEPARATORS, ends_at_nul=True
    )
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
    assert WordTable.of(words, ids, SEPARATORS, ends_at_nul=True, path="avx9") is None
    too_many = "".join(chr(code) for code in range(1, 127, 2))  # ranges of one character each
    assert WordTable.of(words, ids, too_many, ends_at_nul=True) is None
    assert WordTable.of(words, ids, SEPARATORS + "\U00010000", ends_at_nul=True) is None


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
    vocabulary = vocabulary_of(2)
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
