from __future__ import annotations

import numpy as np
import pytest

from tests.model.test_scorer import many_texts
from tests.models import shipped_scorer
from tests.reference import tokens_of
from toolkit.evaluation.mistakes import effects, most_confident

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


@pytest.mark.parametrize("wrong", [0, 1])
def test_an_effect_is_what_a_word_adds_to_the_wrong_label(wrong: int) -> None:
    text = "A dull film. Truly; DULL and awful!"
    words = list(effects(shipped_scorer(), text, wrong))
    explained = shipped_scorer().explain(text).words
    assert [text[w.start : w.stop].lower() for w in words] == tokens_of(text)
    sign = 1 if wrong else -1
    assert [sign * word.effect for word in words] == [word.contribution for word in explained]
    worst = max(words, key=lambda w: -sign * w.effect)
    assert text[worst.start : worst.stop].lower() in ("dull", "awful")


def test_of_a_long_review_only_what_is_read_is_tried() -> None:
    text = next(text for text in many_texts(40) if len(text.split()) > MOST + 10)
    words = list(effects(shipped_scorer(), text, 1))
    assert [text[w.start : w.stop] for w in words] == tokens_of(text)[-MOST:]


def test_a_review_without_words_has_no_effects() -> None:
    assert list(effects(shipped_scorer(), "!!!", 1)) == []
