"""Labels and numbers of classes have one home."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from toolkit.classes import (
    ANSWERS,
    NEGATIVE_OF_THREE,
    NEUTRAL_OF_THREE,
    NO_ANSWER,
    OF_THREE,
    POSITIVE_OF_THREE,
    SENTIMENT,
    is_positive,
    label_of,
)

TOOLKIT = Path(__file__).parents[1] / "toolkit"
# What reads the words that people write, and the list that a command line offers.
READERS: set[str] = set()


def test_a_probability_is_compared_as_in_the_graph() -> None:
    found = np.array([0.0, 0.49999997, 0.5, 1.0, np.nan], np.float32)
    assert is_positive(found).tolist() == [False, False, True, True, False]
    assert is_positive(np.array([0.7], np.float32), 0.7).tolist() == [True]


def test_numbers_stand_for_labels() -> None:
    assert [label_of(False), label_of(True)] == [*SENTIMENT]
    assert ANSWERS[NO_ANSWER] is None
    named = [OF_THREE[at] for at in (NEGATIVE_OF_THREE, NEUTRAL_OF_THREE, POSITIVE_OF_THREE)]
    assert named == ["negative", "neutral", "positive"]


@pytest.mark.parametrize(
    "what", [r'\("negative", "positive"\)', r'NEUTRAL\w* = "neutral"', r">= 0\.5\b"]
)
def test_they_stand_nowhere_else(what: str) -> None:
    files = {str(path.relative_to(TOOLKIT)): path for path in TOOLKIT.rglob("*.py")}
    found = {name for name, path in files.items() if re.search(what, path.read_text("utf-8"))}
    assert found - READERS <= {"classes.py", "model/file.py"}
