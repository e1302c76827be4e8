"""The look-up of pairs against a dictionary."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from tests.text.rows import rows_of_ids as make
from toolkit.networks.bigrams import QUOTIENTS, SLOTS, Bigrams

SIZE = 30
ROWS = st.lists(st.lists(st.integers(1, SIZE - 1), min_size=1, max_size=20), min_size=1)


def pairs_of(rows: list[list[int]]) -> list[tuple[int, int]]:
    return [pair for row in rows for pair in zip([0, *row], row, strict=False)]


@given(ROWS)
def test_every_known_pair_has_a_row_of_its_own(rows: list[list[int]]) -> None:
    tokens = make(rows)
    bigrams = Bigrams.build(tokens, SIZE)
    found = bigrams.rows(tokens)
    keys = [first * SIZE + second for first, second in pairs_of(rows)]
    for key, (first, second), row in zip(keys, pairs_of(rows), found, strict=True):
        assert (row > 0) == (first >= 4 and second >= 4)
        assert row == 0 or bigrams.keys[row] == key


@given(ROWS, st.integers(1, 10))
def test_the_commonest_pairs_are_kept(rows: list[list[int]], most: int) -> None:
    known = [pair for pair in pairs_of(rows) if min(pair) >= 4]
    bigrams = Bigrams.build(make(rows), SIZE, candidates=most)
    counts = Counter(first * SIZE + second for first, second in known)
    expected = sorted(counts, key=lambda key: (-counts[key], key))[:most]
    assert list(bigrams.keys[1:]) == expected


def test_of_pairs_that_share_a_slot_the_commonest_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.networks.bigrams.SLOTS", 1)
    tokens = make([[5, 6, 7, 6, 7, 6, 7]])
    bigrams = Bigrams.build(tokens, SIZE)
    assert list(bigrams.keys) == [-1, 6 * SIZE + 7]
    assert list(bigrams.rows(tokens)) == [0, 0, 1, 0, 1, 0, 1]


def test_the_largest_vocabulary_fits_the_look_up() -> None:
    """With 30,003 ids every key, row and quotient fits in 31 bits."""
    largest = 30_002
    tokens = make([[largest] * 3])
    bigrams = Bigrams.build(tokens, largest + 1)
    assert bigrams.slots.max() < 2**31
    assert (largest * (largest + 1) + largest) // SLOTS < QUOTIENTS
    assert list(bigrams.rows(tokens)) == [0, 1, 1]
