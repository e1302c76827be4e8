"""Rows of ids are those of the padded rows, whatever the texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.vocabulary import PADDING_ID, Vocabulary
from toolkit.training.ngrams.tokens import Tokens, batches

WORDS = ("good", "bad", "the", "film")
VOCABULARY = Vocabulary(pa.array(WORDS))
TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, "unknown", "!"]), max_size=12).map(" ".join), max_size=8
)
WIDTHS = st.integers(1, 9)


def make(texts: list[str], most: int) -> Tokens:
    return Tokens.of(VOCABULARY, pa.array(texts, pa.string()), most)


@given(TEXTS, WIDTHS)
def test_rows_are_the_padded_rows_without_their_padding(texts: list[str], most: int) -> None:
    expected = VOCABULARY.encode(pa.array(texts, pa.string())).padded(most)
    tokens = make(texts, most)
    assert len(tokens) == len(texts)
    for row, (start, stop) in enumerate(zip(tokens.offsets, tokens.offsets[1:], strict=False)):
        assert list(tokens.values[start:stop]) == [i for i in expected[row] if i != PADDING_ID]


@given(TEXTS.filter(len), WIDTHS, st.integers(1, 5), st.data())
def test_padding_gives_one_width(
    texts: list[str], most: int, multiple: int, data: st.DataObject
) -> None:
    tokens = make(texts, most)
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1)))
    padded = tokens.padded(rows, multiple=multiple)
    assert padded.shape[1] % multiple == 0
    assert padded.shape[1] - tokens.lengths[rows].max() < multiple
    for row, found in zip(rows, padded, strict=True):
        length = tokens.lengths[row]
        start = tokens.offsets[row]
        assert not found[: len(found) - length].any()
        assert np.array_equal(found[len(found) - length :], tokens.values[start : start + length])


@given(TEXTS, WIDTHS)
def test_the_previous_id_is_the_one_in_front_of_it_in_its_row(texts: list[str], most: int) -> None:
    tokens = make(texts, most)
    for start, stop in zip(tokens.offsets, tokens.offsets[1:], strict=False):
        expected = [PADDING_ID, *tokens.values[start : stop - 1]][: stop - start]
        assert list(tokens.previous[start:stop]) == expected


@given(st.lists(st.integers(1, 600), min_size=1, max_size=200), st.integers(1, 20))
def test_batches_have_each_row_once(lengths: list[int], size: int) -> None:
    found = list(batches(np.array(lengths), size, np.random.default_rng(1)))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    assert all(len(batch) <= size for batch in found)
    assert sum(len(batch) < size for batch in found) <= 1


def test_batches_are_of_about_equal_lengths() -> None:
    lengths = np.random.default_rng(1).integers(1, 500, 4000)
    spread = [
        np.ptp(np.log(lengths[batch])) for batch in batches(lengths, 50, np.random.default_rng(2))
    ]
    assert np.median(spread) < 0.5 < np.ptp(np.log(lengths))
