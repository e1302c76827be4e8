"""Made-up short texts, and what grammar says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.teacher.phrases import SURE, Phrase, main, make
from toolkit.errors import InputError

REVIEWS = [
    f"{before} {word}"
    for before, words in {
        "very": ("lovely", "dirty"),
        "no": ("trouble", "flair"),
        "I": ("love", "hate"),
    }.items()
    for word in words
] * 20


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Phrase]:
    folder = tmp_path_factory.mktemp("data")
    lexicons = folder / "reviews" / "lexicons"
    lexicons.mkdir(parents=True)
    good, bad = "; made for a test\nlovely\nflair\nlove\n", "dirty\ntrouble\nhate\n"
    (lexicons / "opinion_lexicon_positive-words.txt").write_text(good)
    (lexicons / "opinion_lexicon_negative-words.txt").write_text(bad)
    return {phrase.text: phrase for phrase in make(REVIEWS, folder, 3000)}


@pytest.mark.parametrize(
    ("text", "is_positive"),
    [
        ("not lovely at all", False),
        ("not dirty at all", True),
        ("could not be more lovely", True),
        ("could not be more dirty", False),
        ("no trouble at all", True),
        ("no flair at all", False),
        ("lacks flair", False),
        ("anything but dirty", True),
        ("can't complain", True),
        ("never again", False),
        ("could not be happier", True),
        ("could be better", False),
    ],
)
def test_rules(phrases: dict[str, Phrase], text: str, is_positive: bool) -> None:
    assert (phrases[text].probability > 0.5) == is_positive


def test_phrases_are_sure_and_complete(phrases: dict[str, Phrase]) -> None:
    assert len(phrases) == 3000
    assert {phrase.probability for phrase in phrases.values()} == {SURE, round(1 - SURE, 2)}
    assert not any("{" in text or "}" in text for text in phrases)


def test_words_that_disagree_have_no_rule(phrases: dict[str, Phrase]) -> None:
    assert not any("lovely" in text and "dirty" in text for text in phrases)


def test_a_folder_without_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["phrases", "--data", str(tmp_path)])
    with pytest.raises(InputError, match=r"reviews\.parquet: no such file\. Name the folder"):
        main()
    with pytest.raises(InputError, match=r"positive-words\.txt: no such file"):
        make(REVIEWS, tmp_path)
