"""Short texts with a negation: which they are, and that both opinions count alike among them."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the extra 'train'")

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exported.negation import balance, is_short_negation
from toolkit.training import fingerprint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not warm.", True),
        ("It isn't warm.", True),
        ("It isn’t warm.", True),  # noqa: RUF001 - as phones type it
        ("DIDNT work", True),
        ("It is warm.", False),
        ("A notable kettle", False),
        ("not " + "warm " * 39, True),
        ("not " + "warm " * 40, False),
        ("", False),
    ],
)
def test_which_texts_are_short_negations(text: str, expected: bool) -> None:
    assert is_short_negation(text) == expected


@given(st.lists(st.floats(0.01, 0.99), min_size=400, max_size=600))
def test_both_opinions_count_alike_afterwards(given: list[float]) -> None:
    texts = [f"not {number}" for number in range(len(given))]
    probabilities = {fingerprint(t): p for t, p in zip(texts, given, strict=True)}
    found = balance(texts, probabilities)
    assert found.probabilities.keys() == set(texts)
    mean = np.mean(given)
    for text, before in zip(texts, given, strict=True):
        odds = before / (1 - before) * (1 - mean) / mean
        assert found.probabilities[text] == pytest.approx(odds / (1 + odds))
    drawn = [p for text, p in found.probabilities.items() if text not in found.left_out]
    # Expected is exactly 0.5 if each counted by its chance to be drawn; drawing adds noise.
    assert abs(np.mean(drawn) - 0.5) < 4 * np.std(drawn) / np.sqrt(len(drawn)) + 1e-3


def test_other_texts_stay_as_they_are() -> None:
    texts = ["It is warm.", "not known to the teacher", "not " + "warm " * 40]
    probabilities = {fingerprint(texts[0]): 0.3, fingerprint(texts[2]): 0.2}
    found = balance(texts, probabilities)
    assert (found.probabilities, found.left_out) == ({}, set())


def test_texts_of_one_opinion_stay_as_they_are() -> None:
    assert balance(["not warm"], {fingerprint("not warm"): 1.0}).probabilities == {}
