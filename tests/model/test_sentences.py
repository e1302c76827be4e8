"""Sentences cut out of token ids, against a plain loop over the characters."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import known_as, sentences_of
from tests.strategies import review_texts
from toolkit.model.sentences import CONTRASTS, NO_CONTRAST_AFTER, NO_CONTRAST_BEFORE, SentenceRule
from toolkit.text import RULES, Vocabulary

WORDS = ["the", "movie", "don't", "br", "even", *CONTRASTS, *NO_CONTRAST_AFTER, *NO_CONTRAST_BEFORE]
VERSIONS = st.sampled_from(sorted(RULES))
MOST = 1000  # tokens, more than any text has here

# What the rule speaks of, often enough to meet in every way.
MARKS = [". ", ".", "...", "!", "?", "\u2026", ";", "\n", "\r\n", "<br />", "<BR>", "<br/><br />",
         "<br /> <br>", "</i><br />", "&amp;", "&#39;", "&;", "\v", "\u2028", "\u0085",
         "</br>", "<brr>", "<br", "<", ">", '." ', ".\u201d", ".) ", " . ", ".5"]  # fmt: skip
written = st.lists(
    st.one_of(
        st.sampled_from(MARKS), st.sampled_from([f" {word}" for word in WORDS]), review_texts
    ),
    max_size=25,
).map("".join)


def found_in(
    texts: list[str], most: int, rule: int = 3, last: int | None = None
) -> list[list[str]]:
    """Give the sentences of each text, as words or <unknown>."""
    vocabulary = Vocabulary(pa.array(WORDS), RULES[rule])
    ids = vocabulary.encode(pa.array(texts, pa.string()), last, with_cuts=True)
    sentences = SentenceRule(vocabulary).sentences(ids, most)
    found: list[list[str]] = [[] for _ in texts]
    bounds = zip(sentences.reviews, sentences.ids.starts, sentences.ids.stops, strict=True)
    for review, start, stop in bounds:
        found[review].append(vocabulary.decode(sentences.ids.values[start:stop]))
    return found


def expected_of(text: str, most: int, rule: int = 3) -> list[str]:
    return [
        " ".join(known_as(token, WORDS, rule) or "<unknown>" for token in sentence)
        for sentence in sentences_of(text, most, rule)
    ]


@given(st.lists(written, max_size=6), VERSIONS)
def test_sentences_are_those_of_the_rule(texts: list[str], rule: int) -> None:
    assert found_in(texts, MOST, rule) == [expected_of(text, MOST, rule) for text in texts]


@given(st.lists(written, max_size=6), st.integers(1, 12), st.integers(0, 200), VERSIONS)
def test_only_the_end_is_read(texts: list[str], most: int, fill: int, rule: int) -> None:
    fillers = (" ", "a ", "\u2026", "<br />", ". but the ", "\U0001f44d")
    texts = [text + filler * fill + text for text in texts for filler in fillers]
    expected = [expected_of(text, most, rule) for text in texts]
    assert found_in(texts, most, rule, last=most) == expected
    assert found_in(texts, most, rule) == expected


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("The camera is excellent but the battery is terrible.",
         ["The camera is excellent", "the battery is terrible"]),
        ("Good, however small, though cheap", ["Good", "small", "cheap"]),
        ("It works, even though it is cheap", ["It works", "it is cheap"]),
        ("Nothing but praise. All but one", ["Nothing but praise", "All but one"]),
        ("Not only cheap but also good", ["Not only cheap but also good"]),
        ("It looks as though it broke", ["It looks as though it broke"]),
        ("But good. Small, though.", ["But good", "Small though"]),
        ("Even though it is good", ["Even though it is good"]),
        ("3.5 of 5, U.S. only", ["3 5 of 5 U S", "only"]),
        ('He said "bad." (Good!) Fine', ["He said bad", "Good", "Fine"]),
        ("Wait... what?! no\u2026yes; so", ["Wait", "what", "no", "yes", "so"]),
        ("can't help but love it", ["can't help but love it"]),
        ("It&quot;s <i>great</i><br />The end", ["It s great", "The end"]),
        ("one\ntwo\r\nthree<br /><br />four", ["one", "two", "three", "four"]),
        ("one<BR>><br />two", ["one", "two"]),
        ("a <b>bold</b> word, a < brand", ["a bold word a brand"]),
        ('the <a title="No! Yes?">link</a>. it', ["the link", "it"]),
        ("no&#33; yes&hellip;it&#46; the", ["no", "yes", "it", "the"]),
        ("good.\U0001f44d the 'end.' it", ["good", "\U0001f44d the end", "it"]),
        ("", []),
        ("... !", []),
    ],
)  # fmt: skip
def test_examples(text: str, sentences: list[str]) -> None:
    vocabulary = Vocabulary.build(pa.array([*sentences, *WORDS]))
    ids = vocabulary.encode(pa.array([text]), with_cuts=True)
    found = SentenceRule(vocabulary).sentences(ids, MOST).ids
    shown = [
        vocabulary.decode(found.values[start:stop])
        for start, stop in zip(found.starts, found.stops, strict=True)
    ]
    assert shown == [sentence.lower() for sentence in sentences]


def test_a_word_of_contrast_that_is_unknown_cuts_nothing() -> None:
    vocabulary = Vocabulary(pa.array(["good", "bad"]))
    ids = vocabulary.encode(pa.array(["good but bad"]), with_cuts=True)
    assert len(SentenceRule(vocabulary).sentences(ids, MOST).ids) == 1


def test_ids_without_cuts_are_refused() -> None:
    vocabulary = Vocabulary(pa.array(["good"]))
    with pytest.raises(ValueError, match="expected token ids with the offsets of sentences"):
        SentenceRule(vocabulary).sentences(vocabulary.encode(pa.array(["good"])), MOST)


def test_many_texts_are_read_in_parts() -> None:
    texts = ["the movie. don't but the even!", "the", "", "movie; the"] * 300
    expected = [expected_of(text, MOST) for text in texts[:4]] * 300
    assert found_in(texts, MOST, last=MOST) == expected
