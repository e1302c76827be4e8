"""Words in similar contexts have similar vectors."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from tests.text.rows import rows_of_ids as make
from toolkit.networks.bigrams import Bigrams
from toolkit.training.word_vectors import WINDOW, context_counts, word_and_bigram_vectors

SIZE = 12


def test_counts_are_weighted_by_distance_within_rows() -> None:
    """Against plain loops."""
    random = np.random.default_rng(1)
    rows = [list(random.integers(1, SIZE, length)) for length in (9, 1, 14)]
    tokens = make(rows)
    expected = np.zeros((SIZE, SIZE - 4))
    for row in rows:
        for i, word in enumerate(row):
            for j, context in enumerate(row):
                if i != j and abs(i - j) <= WINDOW and word >= 4 and context >= 4:
                    expected[word, context - 4] += 1 / abs(i - j)
    found = context_counts(tokens, tokens.values, tokens.values, SIZE, before=1).toarray()
    assert found[:, : SIZE - 4] == pytest.approx(expected)
    assert not found[:, SIZE - 4 :].any()


def test_counts_of_pairs_leave_out_their_own_words() -> None:
    rows = [[4, 5, 6, 7]]
    tokens = make(rows)
    pairs = np.array([0, 1, 2, 3], np.int32)  # 4 5, then 5 6, then 6 7
    found = context_counts(tokens, pairs, tokens.values, 4, before=2).toarray()[:, :4]
    assert found[1] == pytest.approx([0, 0, 1, 1 / 2])
    assert found[2] == pytest.approx([1, 0, 0, 1])
    assert found[3] == pytest.approx([1 / 2, 1, 0, 0])


def test_words_in_like_places_have_like_vectors() -> None:
    """4 and 5 are between 8 and 9, 6 and 7 between 10 and 11."""
    rows = [[8, 4, 9], [8, 5, 9], [10, 6, 11], [10, 7, 11]] * 20
    tokens = make(rows)
    bigrams = Bigrams.build(tokens, SIZE)
    words, pairs = word_and_bigram_vectors(
        tokens, bigrams.rows(tokens), (SIZE, len(bigrams)), dimensions=3, seed=1
    )
    assert words[4] @ words[5] > 0.99
    assert words[4] @ words[6] < 0.1
    assert np.linalg.norm(words[4:], axis=1) == pytest.approx(1, abs=1e-4)
    assert not words[:4].any()
    assert not pairs[0].any()


def test_a_tiny_vocabulary_has_shorter_vectors_filled_with_zeros() -> None:
    tokens = make([[1, 4, 5], [1, 5, 4]])
    words, _ = word_and_bigram_vectors(tokens, np.zeros(6, np.int32), (6, 1), 64, seed=1)
    assert words.shape == (6, 64)
    assert np.isfinite(words).all()
