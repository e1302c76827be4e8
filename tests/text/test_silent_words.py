"""Texts of numbers or function words alone have no label; ratings, grades and negations do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.cli.running import Command
from toolkit import Scorer
from toolkit.text.function_words import FUNCTION_WORDS
from toolkit.text.silent_words import FEW, SilentWords
from toolkit.text.vocabulary import Vocabulary

SILENT = ["2019", "555-123-456", "12/25/2019", "the", "it is", "It was what it was.", "7", "7 8"]
SILENT += ["A", "I", "a I", "la", "la la la", "uma"]
SPEAKING = ["5/5", "3/10", "10 of 10", "no", "not", "0 stars", "B", "great 5", "the best"]


@pytest.mark.parametrize("model", ["reviews", "conv1d"])
def test_numbers_and_function_words_have_no_label(model: str) -> None:
    scorer = Scorer(model)
    assert [score.sentiment for score in scorer.score(SILENT)] == [None] * len(SILENT)
    assert None not in [score.sentiment for score in scorer.score(SPEAKING)]


def test_few_and_many_texts_are_treated_alike() -> None:
    scorer = Scorer()
    texts = [*SILENT, *SPEAKING]
    alone = [scorer.score([text])[0] for text in texts]
    together = scorer.score(texts * 100)
    assert together == alone * 100


def test_many_function_words_are_scored() -> None:
    """They may be the rest of a sentence whose other words are unknown."""
    words = list(FUNCTION_WORDS)
    vocabulary = Vocabulary.build(pa.array([" ".join(words)]), size=200)
    silent = SilentWords(vocabulary, most_tokens=100)
    texts = pa.array([" ".join(words[5 : 5 + FEW]), " ".join(words[5 : 6 + FEW])])
    assert silent.has_speaking_word(vocabulary.encode(texts)).tolist() == [False, True]


def test_only_the_words_that_are_read_count() -> None:
    vocabulary = Vocabulary.build(pa.array(["superb the of 2019"]), size=50)
    ids = vocabulary.encode(pa.array(["superb the of", "the of superb", "", "unknown"]))
    read_all = SilentWords(vocabulary, most_tokens=10).has_speaking_word(ids)
    read_two = SilentWords(vocabulary, most_tokens=2).has_speaking_word(ids)
    assert read_all.tolist() == [True, True, False, False]
    assert read_two.tolist() == [False, True, False, False]
    assert read_all.dtype == np.bool_


def test_the_summary_counts_them(command: Command) -> None:
    (command.folder / "reviews.csv").write_bytes(b"text\nA fine film.\n2019\nthe\n")
    ran = command("score", "reviews.csv", "-o", "out.csv")
    (line,) = (line for line in ran.err.splitlines() if "no known word" in line)
    assert line.split()[-1] == "2"
    assert (command.folder / "out.csv").read_bytes().splitlines()[2:] == [b"2019,,", b"the,,"]
