"""Words for who people are, and where from, have one id of their kind (rule 3)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from toolkit.text import rule
from toolkit.text.rule import RULES
from toolkit.text.vocabulary import Vocabulary

PEOPLE = Path(rule.__file__).with_name("people.txt")
LINES = [line.split() for line in PEOPLE.read_text(encoding="utf-8").splitlines()]
EVERY = " ".join(word for words in LINES for word in words)


def test_a_word_is_in_one_line() -> None:
    counts = Counter(EVERY.split())
    assert [word for word, count in counts.items() if count > 1] == []
    assert min(map(len, LINES)) > 1


@pytest.mark.parametrize("words", LINES, ids=lambda words: words[0])
def test_the_words_of_a_line_have_one_id(words: list[str]) -> None:
    vocabulary = Vocabulary.build(pa.array([f"{words[-1]} is plain"]))
    texts = pa.array([*words, *(word.capitalize() for word in words)])
    assert set(vocabulary.encode(texts).values) == {vocabulary.words.index(words[0]).as_py() + 4}


def test_different_lines_have_different_ids() -> None:
    vocabulary = Vocabulary.build(pa.array([EVERY]))
    assert len(vocabulary.words) == len(LINES)
    assert len(set(vocabulary.encode(pa.array([words[0] for words in LINES])).values)) == len(LINES)


def test_rule_2_distinguishes_them() -> None:
    vocabulary = Vocabulary.build(pa.array(["she and he"]), rule=RULES[2])
    assert vocabulary.words.to_pylist() == ["and", "he", "she"]
