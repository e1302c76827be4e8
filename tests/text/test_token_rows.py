"""Rows of ids with the start id are the padded rows without padding, for any texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text import FIRST_WORD_ID, PADDING_ID, Ids, TokenIds, Vocabulary

WORDS = ("good", "bad", "the", "film")
VOCABULARY = Vocabulary(pa.array(WORDS))
TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, "unknown", "!"]), max_size=12).map(" ".join), max_size=8
)
WIDTHS = st.integers(1, 9)


def make(texts: list[str], most: int) -> TokenIds:
    return VOCABULARY.encode(pa.array(texts, pa.string()), last=most).with_start(most)


@given(TEXTS, WIDTHS)
def test_rows_are_the_padded_rows_without_their_padding(texts: list[str], most: int) -> None:
    expected = VOCABULARY.encode(pa.array(texts, pa.string())).padded(most)
    tokens = make(texts, most)
    assert len(tokens) == len(texts)
    for row, (start, stop) in enumerate(zip(tokens.starts, tokens.stops, strict=True)):
        assert list(tokens.values[start:stop]) == [i for i in expected[row] if i != PADDING_ID]


@given(TEXTS.filter(len), WIDTHS, st.integers(1, 5), st.data())
def test_padding_gives_one_width(
    texts: list[str], most: int, multiple: int, data: st.DataObject
) -> None:
    tokens = make(texts, most)
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1)))
    padded = tokens.padded_rows(rows, multiple=multiple)
    assert padded.shape[1] % multiple == 0
    assert padded.shape[1] - tokens.lengths[rows].max() < multiple
    for row, found in zip(rows, padded, strict=True):
        length = tokens.lengths[row]
        start = tokens.starts[row]
        assert not found[: len(found) - length].any()
        assert np.array_equal(found[len(found) - length :], tokens.values[start : start + length])


@given(TEXTS, WIDTHS)
def test_the_previous_id_is_the_one_in_front_of_it_in_its_row(texts: list[str], most: int) -> None:
    tokens = make(texts, most)
    for start, stop in zip(tokens.starts, tokens.stops, strict=True):
        expected = [PADDING_ID, *tokens.values[start : stop - 1]][: stop - start]
        assert list(tokens.previous[start:stop]) == expected


@given(TEXTS, WIDTHS, st.integers(1, 12))
def test_rows_with_a_start_id_are_padded_like_those_without(
    texts: list[str], most: int, width: int
) -> None:
    """`padded` and `batches` put a start id only where it is missing."""
    without = VOCABULARY.encode(pa.array(texts, pa.string()))
    assert np.array_equal(make(texts, 100).padded(width), without.padded(width))
    for found, expected in zip(
        make(texts, 100).batches(most, 3, 20), without.batches(most, 3, 20), strict=True
    ):
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])


@given(TEXTS.filter(len), WIDTHS, st.data())
def test_some_rows_are_those_of_all(texts: list[str], most: int, data: st.DataObject) -> None:
    tokens = make(texts, most)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1)))
    taken = tokens.take(chosen)
    assert [list(row) for row in rows_in(taken)] == [list(rows_in(tokens)[i]) for i in chosen]
    assert np.array_equal(taken.rows, np.repeat(np.arange(len(chosen)), taken.lengths))


@given(TEXTS, WIDTHS)
def test_known_tokens_are_counted_among_those_that_are_read(texts: list[str], most: int) -> None:
    rows = VOCABULARY.encode(pa.array(texts, pa.string())).padded(most)
    expected = [sum(number >= FIRST_WORD_ID for number in row) for row in rows.tolist()]
    for last in (None, most):
        ids = VOCABULARY.encode(pa.array(texts, pa.string()), last=last)
        assert ids.known_tokens(most).tolist() == expected
        assert ids.has_known_token(most).tolist() == [count > 0 for count in expected]


def rows_in(tokens: TokenIds) -> list[Ids]:
    return [tokens.values[a:b] for a, b in zip(tokens.starts, tokens.stops, strict=True)]
