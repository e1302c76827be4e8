"""Experts for two topics: which reviews they read, and that each learns its own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.rows import rows_of_ids as make
from toolkit.errors import TrainingError, UsageError
from toolkit.networks.bigrams import QUOTIENTS, SLOTS, Bigrams
from toolkit.networks.network_files import load_keras
from toolkit.records import Columns, ReadOptions
from toolkit.text import TokenIds
from toolkit.training import TrainingOptions, train
from toolkit.training.fit_ngrams import (
    LONG_TOKENS,
    WINDOW,
    context_counts,
    fit_routes,
    reviews_of_experts,
    word_and_bigram_vectors,
)
from toolkit.training.reviews import topic_codes
from toolkit.training.sources import load_labelled

HEADER = ("text", "label", "topic")

FILM, KETTLE = ["plot", "actor", "scene", "music"], ["boils", "handle", "water", "lid"]


def rows_of(count: int, words: int, seed: int = 1) -> list[tuple[str, int, str]]:
    """In films "loud" is good, in kettles it is bad, and "quiet" the other way round."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        topic, label = number % 2, number // 2 % 2
        opinion = "loud" if topic == label else "quiet"
        text = " ".join([*draw.choices(FILM if topic else KETTLE, k=words - 3), *[opinion] * 3])
        rows.append((text, label, "films" if topic else "kettles"))
    return rows


@pytest.mark.slow
def test_an_opinion_that_depends_on_the_topic(
    write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    """Each expert learns its own, and short reviews are read by a third one."""
    data = write_csv(*rows_of(300, 60), *rows_of(120, 9, seed=2), header=HEADER, name="train.csv")
    untold = (row[:2] for row in rows_of(80, 60, seed=3))
    held_out = write_csv(*untold, header=HEADER[:2], name="valid.csv")
    result = train(
        TrainingOptions(
            data=str(data),
            validation_data=held_out,
            preset="ngram-pool",
            output=tmp_path / "run",
            reading=ReadOptions(columns=Columns(topic="topic")),
        )
    )
    validation = result.metrics.validation
    assert validation is not None
    assert validation.accuracy is not None
    assert validation.accuracy > 0.9
    layer = load_keras(result.run.model).layers[-1]
    assert layer.get_config()["experts"] == 3
    assert int(np.array(layer.long_tokens)) == LONG_TOKENS
    kernels = np.array(layer.kernel)
    assert all(np.any(kernels[one] != kernels[two]) for one, two in ((0, 1), (1, 2), (0, 2)))


def tokens_of(lengths: list[int]) -> TokenIds:
    stops = np.cumsum([length + 1 for length in lengths])  # with the start id
    starts = stops - [length + 1 for length in lengths]
    return TokenIds(np.full(stops[-1], 5, np.int32), starts, stops, True)


def test_experts_need_reviews() -> None:
    """One without reviews would answer at random."""
    count = 1200
    second = np.arange(count) % 4 == 0
    targets = (np.arange(count) // 4 % 2).astype(np.float32)
    lengths = [LONG_TOKENS] * 800 + [LONG_TOKENS - 1] * 400
    found = reviews_of_experts(tokens_of(lengths), targets, second)
    assert list(found.values()) == [600, 200, 400]
    few = [LONG_TOKENS] * 1160 + [LONG_TOKENS - 1] * 40
    assert list(reviews_of_experts(tokens_of(few), targets, second).values()) == [870, 290]
    none = tokens_of([LONG_TOKENS - 1] * count)
    with pytest.raises(TrainingError, match=r"the more frequent topic .* 0 have one of the labels"):
        reviews_of_experts(none, targets, second)
    with pytest.raises(TrainingError, match=r"of the rarer topic .* 0 have one of the labels"):
        reviews_of_experts(tokens_of(lengths), targets, np.zeros(count, np.bool_))


def test_routes_tell_topics_apart() -> None:
    draw = np.random.default_rng(1)
    is_second = draw.random(400) < 0.3
    # Ids 4 to 9 are words of both, 10 to 14 of the first topic, 15 to 19 of the second.
    rows = [
        [
            1,
            *draw.integers(4, 10, 20),
            *draw.integers(15 if second else 10, 20 if second else 15, 5),
        ]
        for second in is_second
    ]
    stops = np.cumsum([len(row) for row in rows])
    starts = stops - [len(row) for row in rows]
    tokens = TokenIds(np.concatenate(rows).astype(np.int32), starts, stops, True)
    routes, limit = fit_routes(tokens, is_second, 20, seed=1)
    assert routes.dtype == np.int32
    assert routes.shape == (20,)
    assert not routes[:4].any()
    found = np.array([routes[row].sum() > limit for row in rows])
    assert np.array_equal(found, is_second)
    again, same_limit = fit_routes(tokens, is_second, 20, seed=1)
    assert np.array_equal(routes, again)
    assert limit == same_limit


def test_the_rarer_topic_is_the_second() -> None:
    names = pa.chunked_array([["a", "b", "b "]])
    assert topic_codes("x.csv", names).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "a"], r"found 'a' \(2\)\."),
        (["a", "b", None], r"found 'b' \(1\), 'a' \(1\), and 1 blank ones\."),
        (list("abcdefg"), r"found 'g' \(1\), 'f' \(1\), .*, …\."),
        ([" ", ""], "found none"),
    ],
)
def test_other_numbers_of_topics(
    names: list[str | None], found: str, write_csv: Callable[..., Path]
) -> None:
    data = write_csv(*(("text", 1, name) for name in names), header=HEADER, name="x.csv")
    reading = ReadOptions(columns=Columns(topic="topic"))
    message = r"x\.csv: expected two topics, "
    with pytest.raises(TrainingError, match=f"{message}{found}.* --topic-column"):
        load_labelled(data, reading)


def test_a_preset_without_experts() -> None:
    reading = ReadOptions(columns=Columns(topic="topic"))
    with pytest.raises(UsageError, match=r"'ngram-linear' has no experts \(these do: ngram-pool\)"):
        TrainingOptions(preset="ngram-linear", reading=reading)


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


VOCABULARY_SIZE = 12


def test_counts_are_weighted_by_distance_within_rows() -> None:
    """Against plain loops."""
    random = np.random.default_rng(1)
    rows = [list(random.integers(1, VOCABULARY_SIZE, length)) for length in (9, 1, 14)]
    tokens = make(rows)
    expected = np.zeros((VOCABULARY_SIZE, VOCABULARY_SIZE - 4))
    for row in rows:
        for i, word in enumerate(row):
            for j, context in enumerate(row):
                if i != j and abs(i - j) <= WINDOW and word >= 4 and context >= 4:
                    expected[word, context - 4] += 1 / abs(i - j)
    found = context_counts(
        tokens, tokens.values, tokens.values, VOCABULARY_SIZE, before=1
    ).toarray()
    assert found[:, : VOCABULARY_SIZE - 4] == pytest.approx(expected)
    assert not found[:, VOCABULARY_SIZE - 4 :].any()


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
    bigrams = Bigrams.build(tokens, VOCABULARY_SIZE)
    words, pairs = word_and_bigram_vectors(
        tokens, bigrams.rows(tokens), (VOCABULARY_SIZE, len(bigrams)), dimensions=3, seed=1
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
