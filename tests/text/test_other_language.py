"""Texts in another language have no label and are counted; English texts keep theirs."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from tests.cli.running import Command
from tests.scoring.foreign import lines_of
from toolkit import Scorer
from toolkit.text.function_words import (
    DOUBTFUL_WORDS,
    FOREIGN_WORDS,
    FUNCTION_WORDS,
    SHARED_WORDS,
)
from toolkit.text.other_language import OtherLanguage
from toolkit.text.vocabulary import Vocabulary

COMPLAINTS = [
    "El producto llegó roto y la tienda no responde.",
    "La batería dura poco y el cargador no funciona.",
    "Le colis est arrivé en retard et la boîte était cassée.",
    "La qualité est mauvaise, je ne recommande pas.",
    "Das Gerät ist nach zwei Tagen kaputt gegangen und der Händler antwortet nicht.",
    "Die Qualität ist schlecht und der Preis zu hoch.",
    "Il prodotto è arrivato rotto e il venditore non risponde.",
    "O produto chegou partido e a loja não responde.",
    "De kwaliteit is slecht en de prijs te hoog.",
]
ENGLISH = [
    "El Mariachi rocks",
    "El Camino sucks",
    "La La Land was great",
    "Das Boot is superb",
    "Der Untergang: masterpiece",
    "Le Creuset pot chipped",
    "Los Angeles, dirty hotel",
    "Les miserables amazing",
    "Inexpensive :o)",
    "Non-stuffy trench",
    "Not la mer",
    "die",
    "no",
    "B",
]
# Lines of `foreign.txt` without a label by this rule, of 20 for each language.
LEAST = {"Spanish": 16, "French": 13, "Italian": 12, "Portuguese": 12, "German": 8, "Dutch": 7}


@pytest.mark.parametrize("model", ["reviews", "reviews-small", "reviews-open"])
def test_complaints_in_other_languages_have_no_label(model: str) -> None:
    scores = Scorer(model).score(COMPLAINTS)
    assert {score.sentiment for score in scores} == {None}


@pytest.mark.parametrize("model", ["reviews", "reviews-small", "reviews-open", "conv1d"])
def test_english_with_foreign_names_has_a_label(model: str) -> None:
    assert None not in [score.sentiment for score in Scorer(model).score(ENGLISH)]


@pytest.mark.parametrize("language", LEAST)
def test_most_other_texts_of_these_languages_have_no_label(language: str) -> None:
    texts = pa.array(lines_of(language))
    found = Scorer().predict(texts, with_reading=True)
    assert found["other_language"].true_count >= LEAST[language]
    assert found["other_language"].null_count == 0
    for other, probability in zip(
        found["other_language"].to_pylist(), found["probability"].to_pylist(), strict=True
    ):
        assert not other or probability is None


def test_few_and_many_texts_are_treated_alike() -> None:
    scorer = Scorer()
    texts = [*COMPLAINTS, *ENGLISH]
    together = scorer.score(texts * 100)
    assert together == [scorer.score([text])[0] for text in texts] * 100


def test_each_word_is_of_one_kind() -> None:
    kinds = (FOREIGN_WORDS, DOUBTFUL_WORDS, SHARED_WORDS)
    words = [word for kind in kinds for word in {*kind}]
    assert len(words) == len({*words})
    assert not {*FUNCTION_WORDS} & {*FOREIGN_WORDS, *DOUBTFUL_WORDS}


def _rule(*words: str) -> OtherLanguage:
    """Return the rule for a vocabulary of English reviews and these words."""
    return OtherLanguage(Vocabulary(pa.array([*FUNCTION_WORDS, *words])), most_tokens=20)


@pytest.mark.parametrize(
    ("text", "is_other"),
    [
        ("la xqz", True),
        ("la", False),  # nothing is unknown
        ("la film xqz xqz", False),  # as many other words as foreign ones
        ("la el film xqz xqz", True),
        ("la el film xqz", False),  # as many unknown words as other ones
        ("o xqz xqz xqz", False),  # one doubtful word
        ("o xqz xqz xqz xqz", True),
        ("o xqz e xqz", True),
        ("la die xqz 2019", True),  # shared words and numbers do not count
        ("the la xqz xqz", False),
        ("xqz xqz", False),
    ],
)
def test_the_rule(text: str, *, is_other: bool) -> None:
    rule = _rule("la", "el", "o", "e", "film", "die", "2019")
    assert rule.is_likely(rule.vocabulary.encode(pa.array([text]))).tolist() == [is_other]


def test_only_what_is_read_counts() -> None:
    rule = _rule("la", "film")
    text = "film " * 50 + "la xqz " * 10
    assert rule.is_likely(rule.vocabulary.encode(pa.array([text]))).tolist() == [True]


@pytest.mark.parametrize("language", ["Spanish", "German"])
def test_a_model_of_another_language_scores_its_texts(language: str) -> None:
    vocabulary = Vocabulary.build(pa.array(lines_of(language)), size=500)
    ids = vocabulary.encode(pa.array([*COMPLAINTS, *lines_of(language)]))
    assert not OtherLanguage(vocabulary, most_tokens=100).is_likely(ids).any()


def test_they_are_counted_apart(command: Command) -> None:
    lines = ["text", "A fine film.", COMPLAINTS[0], "2019", f'"{COMPLAINTS[3]}"']
    (command.folder / "reviews.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = command("score", "reviews.csv", "-o", "out.csv", "--report", "report.json")
    rows = [line.split(maxsplit=2) for line in ran.err.splitlines() if "English  " in line]
    assert rows == [["not", "English", "2 (probably: no label)"]]
    report = json.loads((command.folder / "report.json").read_text("utf-8"))
    (file,) = report["files"]
    counts = [file[key] for key in ("records", "scored", "without_known_words", "other_language")]
    assert counts == [4, 1, 1, 2]
    output = (command.folder / "out.csv").read_text(encoding="utf-8").splitlines()
    assert output[2] == f"{COMPLAINTS[0]},,"


def test_explain_says_so(command: Command) -> None:
    ran = command("explain", COMPLAINTS[0])
    assert ran.exit_code == 2
    assert "the text is probably not in English: 'El producto llegó roto" in ran.err
