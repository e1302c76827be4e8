"""The vectorised execution of the text rule against the plain one."""

from __future__ import annotations

import json
import random
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data import shared_data
from tests.reference import known_as, normal, row_of, tokens_of
from tests.strategies import review_texts
from toolkit.errors import ModelError
from toolkit.text import RULES, Vocabulary, token_spans
from toolkit.text.strings import is_blank

WORDS = ["the", "movie", "don't", "été", "a", "\x00"]
VOCABULARY = Vocabulary(pa.array(WORDS))
VERSIONS = st.sampled_from(sorted(RULES))


@given(st.lists(review_texts, max_size=8), st.integers(1, 40), VERSIONS)
def test_encoding_is_the_rule(texts: list[str], max_tokens: int, rule: int) -> None:
    expected = [row_of(text, WORDS, max_tokens, rule) for text in texts]
    vocabulary = Vocabulary(pa.array(WORDS), RULES[rule])
    whole = vocabulary.encode(pa.array(texts, pa.string())).padded(max_tokens)
    assert whole.tolist() == expected
    assert whole.shape == (len(texts), max_tokens)
    assert whole.dtype == np.int32


@given(st.lists(review_texts, max_size=8), st.integers(1, 12), st.integers(0, 200), VERSIONS)
def test_reading_only_the_end_changes_nothing(
    texts: list[str], last: int, fill: int, rule: int
) -> None:
    # Long gaps and long words are where the end of the bytes holds fewer tokens than wanted. Of
    # fillers of several bytes, some are cut inside.
    fillers = (" ", "x", "é", "a ", "\u2028", "\u2019", "\u2026a", "\U0001f44d", "a\u00a0",
               "<br />", "'", "a'", "&#39;", "a&#39;", "&quot;a", "<b ", "\U0001f44da")  # fmt: skip
    texts = [text + filler * fill + text for text in texts for filler in fillers]
    vocabulary = Vocabulary(pa.array(WORDS), RULES[rule])
    ends = vocabulary.encode(pa.array(texts, pa.string()), last=last).padded(last)
    assert ends.tolist() == [row_of(text, WORDS, last, rule) for text in texts]


@given(review_texts, VERSIONS)
def test_tokens_are_where_the_spans_are(text: str, rule: int) -> None:
    found = [text[start:end] for start, end in token_spans(text, RULES[rule])]
    vocabulary = Vocabulary.build(pa.array([text]), rule=RULES[rule])
    words = vocabulary.words.to_pylist()
    ids = vocabulary.encode(pa.array([text])).padded(1 + len(found))[0].tolist()
    # One by one, so that case is the vocabulary's affair.
    alone = vocabulary.encode(pa.array(found, pa.string())).padded(1)[:, 0].tolist()
    assert ids == [1, *alone]
    tokens = tokens_of(text, rule)
    expected = [known_as(token, words, rule) for token in tokens]
    assert [words[i - 4] if i > 2 else None for i in alone] == expected
    assert {normal(token, rule) for token in tokens} == set(words)


@given(st.lists(st.one_of(st.none(), review_texts), min_size=1, max_size=12), st.data())
def test_arrow_layout_does_not_matter(texts: list[str | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    expected = [row_of(text or "", WORDS, 9) for text in texts[start:]]
    strings = pa.array(texts, pa.string())
    layouts = {
        "sliced": strings.slice(start),
        "large": strings.cast(pa.large_string()).slice(start),
        "dictionary": strings.dictionary_encode().slice(start),
        "view": strings.cast(pa.string_view()).slice(start),
        "chunked": pa.chunked_array([strings[:start], strings[:0], strings[start:]]).slice(start),
    }  # fmt: skip
    for name, layout in layouts.items():
        for last in (None, 9):
            assert VOCABULARY.encode(layout, last).padded(9).tolist() == expected, name


@pytest.mark.parametrize("separator", ['"', ",", " ", "-"])
def test_long_runs_of_a_separator_are_as_one(separator: str) -> None:
    words = VOCABULARY.words.to_pylist()[:3]
    long = f"{words[0]}{separator * (1 << 20)}x {words[1]}{separator * (1 << 18)}.\n{words[2]}"
    texts = pa.array([long, f"{words[0]} x {words[1]} .\n{words[2]}"])
    for with_cuts in (False, True):
        ids = VOCABULARY.encode(texts, last=9, with_cuts=with_cuts)
        assert ids.padded(9)[0].tolist() == ids.padded(9)[1].tolist()


def test_more_rows_than_are_encoded_at_once() -> None:
    texts = [f"the movie {'a ' * (row % 7)}" for row in range(20_000)]
    rows = VOCABULARY.encode(pa.array(texts), last=5).padded(5)
    for row in random.Random(1).sample(range(20_000), 200):
        assert rows[row].tolist() == row_of(texts[row], WORDS, 5)


@given(st.lists(review_texts, max_size=20), st.integers(4, 12), VERSIONS)
def test_vocabulary_holds_the_commonest_words(texts: list[str], size: int, rule: int) -> None:
    counts: dict[str, int] = {}
    for text in texts:
        for token in tokens_of(text, rule):
            word = normal(token, rule)
            counts[word] = counts.get(word, 0) + 1
    ordered = sorted(counts, key=lambda word: (-counts[word], word.encode()))
    array = pa.array(texts, pa.string())
    assert Vocabulary.build(array, rule=RULES[rule]).words.to_pylist() == ordered
    built = Vocabulary.build(array, size, RULES[rule])
    assert built.words.to_pylist() == ordered[: size - 4]
    assert built.size <= size


def test_order_of_the_reviews_does_not_matter() -> None:
    texts = ["b a", "c a", "d"]
    assert Vocabulary.build(pa.array(texts)) == Vocabulary.build(pa.array(texts[::-1]))


def test_equal_counts_are_ordered_by_bytes() -> None:
    # Some bytes of words are lower than the space that ends a piece.
    words = ["a", "a\x01", "a\x1f", "a0", "ab", "é"]
    assert Vocabulary.build(pa.array([" ".join(words[::-1])])).words.to_pylist() == words


def test_reserved_ids_are_no_words() -> None:
    vocabulary = Vocabulary(pa.array(["", "<start>", "a", "a"]))
    rows = vocabulary.encode(pa.array(["< start > a"])).padded(4)
    assert rows.tolist() == [[0, 1, 2, 6]]


@given(st.lists(review_texts))
def test_vocabulary_file_reads_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    vocabulary = Vocabulary.build(pa.array(texts, pa.string()))
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary


def test_bad_vocabulary_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt"
    with pytest.raises(ModelError, match=r"vocabulary\.txt: no such file"):
        Vocabulary.load(path)
    path.write_bytes(b"the\n\xff\n")
    with pytest.raises(ModelError, match="not UTF-8 text at byte 4"):
        Vocabulary.load(path)


TYPED = [
    ("I don\u2019t like it", "i don't like it"),
    ("\u201cGood\u201d, it\u2019s \u2018fine\u201d", "good it's fine"),
    ("wasn\u2019t worth it\u2014at all\u2026really", "wasn't worth it at all really"),
    ("not\u00a0bad\u2028good\u3000film", "not bad good film"),
    ("CLICHÉ Cliché cliché", "cliché cliché cliché"),
    ("ÉTÉ Été étÉ", "été été été"),
    ("rock\u2019n\u2019roll rock'n\u2019roll rock\u2019n'roll", "rock'n'roll " * 3),
    ("ОТЛИЧНЫЙ Отличный фильм", "отличный отличный фильм"),
    ("\u2022 good\u00a0\u2022 bad", "good bad"),
    ("good\0 and never read", "good"),
    ("<p>not<br/>good</p><a href='it is bad'>film</a>", "not good film"),
    ("a < b > c <3 <b\u00e9> <>", "a b c 3 b\u00e9"),
    ("&quot;good&quot; &AMP; fine&hellip;&nbsp;&#34;film&#x22;", "good fine film"),
    ("don&#39;t DON&RSQUO;T don&#x27;t don\u00b4t dont", "don't don't don't don't don't"),
    ("'terrible' dogs' 'tis &#39;n&#39; ' \u2019\u2019", "terrible dogs tis n"),
    (
        "great\U0001f600\U0001f44d\U0001f3fd, \u2764\ufe0fit",
        "great \U0001f600 \U0001f44d \u2764 it",
    ),
    ("e\u0301te\u0301 E\u0301te\u0301 \u0438\u0306 \u0418\u0306", "été été \u0439 \u0439"),
    ("its were ill cant thats", "its were ill can't that's"),
]


@pytest.mark.parametrize(("typed", "plain"), TYPED, ids=lambda text: text[:12])
def test_typographic_texts_have_the_ids_of_plain_ones(typed: str, plain: str) -> None:
    plain_ids = (vocabulary := Vocabulary.build(pa.array([plain]))).encode(pa.array([plain]))
    assert 2 not in plain_ids.padded(12)
    assert vocabulary.encode(pa.array([typed])).padded(12).tolist() == plain_ids.padded(12).tolist()
    assert Vocabulary.build(pa.array([typed])).words.to_pylist() == vocabulary.words.to_pylist()


def test_spellings_that_are_words_are_these_words() -> None:
    vocabulary = Vocabulary(pa.array(["élan", "Élan", "don't", "don\u2019t"]))
    rows = vocabulary.encode(pa.array(["élan Élan don't don\u2019t"])).padded(5)
    assert rows.tolist() == [[1, 4, 5, 6, 7]]


def test_texts_of_a_caller_may_be_no_utf_8() -> None:
    broken = pa.array([b"the\xe2", b"\xff\0 the", b"the movie"], pa.binary()).view(pa.string())
    for last in (None, 3):
        rows = VOCABULARY.encode(broken, last).padded(3)
        assert rows.tolist() == [[0, 1, 2], [0, 1, 2], [1, 4, 5]]


def test_decoding_names_what_is_no_word() -> None:
    ids = VOCABULARY.encode(pa.array(["The movie!! zzyzx"])).padded(8)[0]
    assert VOCABULARY.decode(ids) == "<start> the movie <unknown>"


@pytest.mark.slow
def test_agrees_with_the_word_index_of_keras() -> None:
    """`keras.datasets.imdb` was made from the same reviews by the same rule."""
    folder = shared_data("imdb")
    texts = pq.read_table(folder / "train.parquet", columns=["text"])["text"]
    words = Vocabulary.build(texts, rule=RULES[1]).words.to_pylist()
    index = json.loads((folder / "imdb_word_index.json").read_text(encoding="utf-8"))
    assert len(index) == 88_584
    assert len(set(words) & set(index)) == 88_581
    # The commonest words stand at the same ranks; further down, equal counts are ordered otherwise.
    by_rank = sorted(index, key=index.__getitem__)
    assert words[:40] == by_rank[:40]
    assert set(words[:1000]) == set(by_rank[:1000])


@given(
    st.lists(review_texts, max_size=20), st.integers(1, 9), st.integers(1, 5), st.integers(1, 30)
)
def test_batches_hold_every_row_once(
    texts: list[str], most_tokens: int, most_rows: int, cells: int
) -> None:
    encoded = VOCABULARY.encode(pa.array(texts, pa.string()), last=most_tokens)
    found: dict[int, list[int]] = {}
    for places, rows in encoded.batches(most_tokens, most_rows, cells):
        assert len(rows) == 1 or (len(rows) <= most_rows and rows.size <= cells)
        assert rows[0, 0] != 0  # no wider than the longest
        found |= dict(zip(places.tolist(), rows.tolist(), strict=True))
    assert sorted(found) == list(range(len(texts)))
    for place, row in found.items():
        assert len(row) >= min(most_tokens, 1 + len(tokens_of(texts[place])))
        assert row == row_of(texts[place], WORDS, len(row))


def test_blank_is_what_python_calls_space() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert is_blank(pa.array(characters)).to_pylist() == [c.isspace() for c in characters]
    assert is_blank(pa.array(["", None, " \u3000\t", " \u3000a"])).to_pylist() == [True] * 3 + [
        False
    ]
