from __future__ import annotations

import numpy as np
import pytest

from tests.models import OLD_MODELS, many_texts, shipped_scorer
from tests.reference import tokens_of
from toolkit import Scorer
from toolkit.evaluation.evaluate_models import Mistake, doubtful, most_confident

MOST = shipped_scorer().facts.max_tokens


def test_the_surest_mistakes_come_first() -> None:
    labels = np.array([1, 0, 1, 0, 1, 1], np.int8)
    probability = np.array([0.9, 0.8, 0.01, 0.2, 0.4, 0.01], np.float32)
    assert most_confident(labels, probability, 0.5, 3) == [2, 5, 1]
    assert most_confident(labels, probability, 0.5, 9) == [2, 5, 1, 4]
    assert most_confident(labels, probability, 0.5, 0) == []


def test_how_sure_a_mistake_is_goes_by_the_threshold() -> None:
    """From 0.9, 0.95 is half the way to "positive", and 0.7 is 2/9 of the way to "negative"."""
    probability = np.array([0.7, 0.95, 0.8], np.float32)
    assert most_confident(np.array([1, 0, 1], np.int8), probability, 0.9, 3) == [1, 0, 2]


def test_mistakes_of_either_kind_are_shown() -> None:
    """Half each, where there are that many: here two false positives, less sure than all others."""
    labels = np.array([1] * 8 + [0] * 4, np.int8)
    probability = np.array([n / 100 for n in range(8)] + [0.6, 0.2, 0.7, 0.1], np.float32)
    assert most_confident(labels, probability, 0.5, 4) == [0, 1, 10, 8]
    assert most_confident(labels, probability, 0.5, 5) == [0, 1, 2, 10, 8]
    assert most_confident(labels, probability, 0.5, 1) == [0]
    assert most_confident(labels, probability, 0.5, 99) == [*range(8), 10, 8]


def mistake_in(text: str, label: int = 0) -> Mistake:
    return Mistake(1, label, 0.5, text, shipped_scorer().explain(text).words)


@pytest.mark.parametrize("label", [0, 1])
def test_an_effect_is_what_a_word_adds_to_the_wrong_label(label: int) -> None:
    mistake = mistake_in("A dull film. Truly; DULL and awful, but fine!", label)
    assert [word.text.lower() for word in mistake.words] == tokens_of(mistake.text)
    sign = -1 if label else 1
    effects = [mistake.effect(word) for word in mistake.words]
    assert effects == [sign * word.contribution for word in mistake.words]
    assert [mistake.effect(w) for w in mistake.causes] == sorted(
        (effect for effect in effects if effect > 0), reverse=True
    )
    names = {word.text for word in mistake.causes}
    assert names & {"dull", "DULL", "awful", "fine"} == (
        {"dull", "DULL", "awful"} if label else {"fine"}
    )


def test_a_cause_is_named_once() -> None:
    mistake = mistake_in("Dull dull DULL, awful!", 1)
    assert sorted(mistake.cause_names(2)) == ["awful", "dull"]
    assert len(mistake.cause_names(1)) == 1


def test_words_that_are_not_read_cause_nothing() -> None:
    text = next(text for text in many_texts(40) if len(text.split()) > MOST + 10)
    mistake = mistake_in(text)
    words = tokens_of(text)
    assert mistake.unread == len(words) - MOST
    first_read = mistake.words[mistake.unread].start
    assert all(word.start >= first_read for word in mistake.causes)


def test_a_review_without_words_has_no_causes() -> None:
    words = Scorer(OLD_MODELS / "ngram-linear.onnx").explain("!!!").words  # others do not score it
    assert Mistake(1, 0, 0.5, "!!!", words).causes == []


def test_a_label_looks_wrong_only_if_the_model_says_the_other_one() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1], np.int8)
    for constant in (0.4, 0.5, 0.9):
        assert doubtful(labels, np.full(6, constant, np.float32), 0.5) == []
    # A weak model: 0.45 is as sure as it is of positive reviews on average.
    scores = np.array([0.1, 0.45, 0.9, 0.3, 0.4, 0.5], np.float32)
    assert doubtful(labels, scores, 0.5) == [2, 3, 4]
    assert doubtful(labels, scores, 0.35) == [2, 3, 1]  # it calls 0.4 positive, and 0.45, too
