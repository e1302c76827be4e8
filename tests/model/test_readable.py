"""Which reviews a model can hardly read, and which it reads in part."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import CONV1D, many_texts, shipped_scorer
from tests.reference import known_as, tokens_of
from tests.scoring.foreign import FOREIGN, WRONG_COLUMNS, lines_of
from toolkit.model import Scorer
from toolkit.model.predictor import COMMONEST, FEW_COMMON, FEW_KNOWN, KnownWords
from toolkit.text import Vocabulary

MODELS = ["reviews", "reviews-small", "conv1d"]
ENGLISH = [
    "Great product, works as described and arrived on time.",
    "It broke after two days and they would not give my money back.",
    "The room was clean but the staff were rude.",
    "Good",
    "Excellent!",
    "Highly recommended.",
    "Worst. Movie. Ever.",
    "I love it 😀",
    "My daughter wears these every day.",
    "Battery drains fast, 2 hours at most.",
]


def reading(scorer: Scorer, texts: list[str]) -> list[tuple[bool | None, bool | None]]:
    """Whether each text has few known words, and whether it is cut."""
    found = scorer.predict(pa.array(texts, pa.string()), with_reading=True)
    few, cut = found["few_known_words"].to_pylist(), found["cut_to_length"].to_pylist()
    return list(zip(few, cut, strict=True))


def unread(scorer: Scorer, texts: list[str]) -> int:
    """Count the texts with no known word, or few."""
    return sum(few is not False for few, _ in reading(scorer, texts))


@pytest.mark.parametrize("model", MODELS)
def test_english_is_read(model: str) -> None:
    assert unread(Scorer(model), ENGLISH) == 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("language", FOREIGN)
def test_most_reviews_in_other_languages_are_not_read(model: str, language: str) -> None:
    texts = lines_of(language)
    # Reviews of Indian shops have taught the models some words of Hinglish.
    least = 0.6 if language == "Hinglish" else 0.7
    assert unread(Scorer(model), texts) >= least * len(texts)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("language", ["Russian", "Hebrew", "Arabic", "Chinese", "Hindi", "Korean"])
def test_other_scripts_have_no_label(model: str, language: str) -> None:
    scores = Scorer(model).score(lines_of(language))
    assert {score.sentiment for score in scores} == {None}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("column", WRONG_COLUMNS)
def test_wrong_columns_are_not_read(model: str, column: str) -> None:
    texts = WRONG_COLUMNS[column].split()
    assert unread(Scorer(model), texts) == len(texts)


def test_one_known_word_of_fifty() -> None:
    assert reading(shipped_scorer(), ["good " + "xqz " * 49, "xqz " * 49, "!!!"]) == [
        (True, False),
        (None, None),
        (None, None),
    ]


NO_WORDS = ["7", "4th", "'", "''", "'80s"]
WORDS = [*(f"w{number}" for number in range(1200)), "'tis", "\U0001f44d", *NO_WORDS]
RULE = KnownWords(Vocabulary(pa.array(WORDS)), most_tokens=20)


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["w0", "w999", "w1000", "w1199", "'tis", "\U0001f44d", "xqz", "12", "!", *NO_WORDS]
            ),
            max_size=25,
        )
    )
)
def test_the_rule_is_that_of_a_plain_loop(texts: list[list[str]]) -> None:
    words = {*WORDS} - {*NO_WORDS}
    expected = []
    for text in texts:
        tokens = tokens_of(" ".join(text))[-RULE.most_tokens :]
        known = [name for token in tokens if (name := known_as(token, words)) is not None]
        common = [name for name in known if WORDS.index(name) < COMMONEST]
        is_known = len(known) >= FEW_KNOWN * len(tokens)
        expected.append(not is_known and len(common) < FEW_COMMON * len(tokens))
    array = pa.array([" ".join(text) for text in texts], pa.string())
    ids = RULE.vocabulary.encode(array, RULE.most_tokens + 1)
    assert RULE.are_few(ids).tolist() == expected


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("word", ["a", "superb", "a" * 40, "é"])
@pytest.mark.parametrize("between", [" ", ", ", " \n" * 30])
def test_texts_longer_than_what_is_read_are_cut(model: str, word: str, between: str) -> None:
    scorer = Scorer(model)
    most = scorer.facts.max_tokens
    texts = [between.join(["fine", *[word] * (most - 1 + more), "film"]) for more in (-1, 0, 1)]
    texts += [f"{between * 5}{text}{between * 5}" for text in texts]
    assert [cut for _, cut in reading(scorer, texts)] == [False, True, True] * 2


def test_the_numbers_are_the_same_with_the_reading() -> None:
    texts = pa.array([*many_texts(60), *lines_of("Spanish"), None])
    for scorer in (shipped_scorer(), Scorer(CONV1D)):
        plain, found = scorer.predict(texts), scorer.predict(texts, with_reading=True)
        assert found.select(plain.schema.names).equals(plain)
        reading = ["few_known_words", "cut_to_length", "other_language"]
        assert found.schema.names == [*plain.schema.names, *reading]
