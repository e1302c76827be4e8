"""The texts that are composed for training: `exported/composed.py` and its frames."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from exported.composed import Composed, Composer, clauses_of, written
from exported.data import HALVES, HELD_OUT
from exported.everyday import EVERYDAY
from toolkit.evaluation.behaviour import load_suite

CLAUSES = (["Rooms smell of smoke", "It crashed twice"], ["Great value", "Staff were kind!"])
MANY = 4000


def composer(seed: int = 1, part: str = "all") -> Composer:
    return Composer(CLAUSES, seed, part)


@pytest.fixture(scope="module")
def opinions() -> list[Composed]:
    return composer().opinions(MANY)


def test_a_seed_gives_the_same_texts(opinions: list[Composed]) -> None:
    assert composer().opinions(MANY) == opinions
    assert composer(seed=2).opinions(MANY) != opinions


def test_every_phenomenon_has_both_labels_about_as_often(opinions: list[Composed]) -> None:
    counts = Counter((one.phenomenon, one.probability > 0.5) for one in opinions)
    for phenomenon in composer().phenomena:
        shares = [counts[phenomenon, label] for label in (False, True)]
        assert 0.3 < shares[1] / sum(shares) < 0.7, phenomenon


def test_no_slot_is_left(opinions: list[Composed]) -> None:
    every = [*opinions, *composer().neutral(MANY), *composer().beside(500)]
    assert not [one.text for one in every if set("{}") & set(one.text) or "  " in one.text]


def test_parts_of_frames_hold_frames_of_their_own(opinions: list[Composed]) -> None:
    """A question in any form is made of one frame: "{askdo} {Av} {obj}?"."""
    asked = {one.text.split("?")[0] for one in opinions if one.text.count("?") == 1}
    openings = Counter(" ".join(text.lower().split()[:2]) for text in asked)
    assert sum(count > 2 for count in openings.values()) > 40
    short = [one for one in opinions if re.search(r"\? [Nn]o\b", one.text)]
    assert {one.probability > 0.5 for one in short} == {False, True}


def test_praise_is_sincere_or_ironical_by_what_follows() -> None:
    own = [one for one in composer().opinions(MANY) if one.phenomenon == "irony"]
    ends = {one.probability: one.text for one in own if "star" in one.text}
    assert "one star" in ends[0.05]
    assert "five stars" in ends[0.95]


def test_no_comma_stands_before_the_end_of_a_sentence(opinions: list[Composed]) -> None:
    composed = [one for one in opinions if one.phenomenon in {"question", "far"}]
    assert not [one.text for one in composed if re.search(r",[.?!]|,$", one.text)]


def test_persons_have_names_that_no_list_has() -> None:
    texts = [one.text for one in composer().neutral(MANY)]
    names = [name for text in texts for name in re.findall(r"called ([A-Z]\w+)", text)]
    invented = {name for name in names if names.count(name) == 1}
    assert len(invented) > 20
    assert len(names) > len(set(names))  # others stand in the list


def test_neutral_sentences_are_in_the_middle() -> None:
    assert {one.probability for one in composer().neutral(200)} == {0.5}


def test_beside_a_neutral_sentence_a_review_keeps_its_label() -> None:
    for one in composer().beside(200):
        label = next(at for at in (0, 1) if any(c.rstrip("!") in one.text for c in CLAUSES[at]))
        assert (one.probability > 0.5) == bool(label)


def test_frames_to_choose_by_are_not_learned_from() -> None:
    learned, chosen = (set(composer(part=part)._frames) for part in ("train", "dev"))
    assert not learned & chosen
    assert learned | chosen == set(composer()._frames)


def test_clauses_are_short_and_plain() -> None:
    texts = ["Far too short, no.", "A <b>bold</b> one here", "Ok", "It works and I am glad of it"]
    assert clauses_of(texts, [0, 1, 1, 1]) == (texts[:1], texts[3:])


def test_no_sentence_is_one_that_models_are_evaluated_on(opinions: list[Composed]) -> None:
    suite = load_suite()
    of_sets = [text for each in suite.sets.values() for own in each for text in own]
    known = {_plain(text) for text in [*suite.texts, *of_sets, *_everyday()]}
    every = [*opinions, *composer().neutral(MANY), *composer().beside(MANY)]
    composed = {_plain(one.text) for one in every}
    assert not known & composed


def test_written_reviews_are_balanced_and_each_is_there_once() -> None:
    every = written(HALVES + HELD_OUT)
    assert not {one.text for one in written(HALVES)} & {one.text for one in written(HELD_OUT)}
    assert len({one.text for one in every}) == len(every) > 19_000
    assert {one.probability for one in every} == {0.05, 0.5, 0.95}
    counts = Counter((one.phenomenon, one.probability) for one in every)
    for phenomenon in {name for name, probability in counts if probability != 0.5}:
        negative, positive = counts[phenomenon, 0.05], counts[phenomenon, 0.95]
        assert 0.45 < positive / (positive + negative) < 0.55, phenomenon


def test_written_reviews_share_no_seven_words_with_what_models_are_evaluated_on() -> None:
    known = {seven for text in [*load_suite().texts, *_everyday()] for seven in _sevens(text)}
    shared = [one.text for one in written(HALVES) if known & set(_sevens(one.text))]
    assert not shared


def _everyday() -> list[str]:
    return [json.loads(line)["text"] for line in EVERYDAY.read_bytes().splitlines()]


def _sevens(text: str) -> list[str]:
    words = _plain(text).split()
    return [" ".join(words[at : at + 7]) for at in range(len(words) - 6)]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))
