"""A few texts are scored in Python's memory, with the scores that Arrow's way gives them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from hypothesis import example, given, settings

from tests.model.few_texts import (
    FILLER,
    MODELS,
    OLD,
    OPTIONS,
    by_few,
    few_texts,
    in_arrow,
    scorer_of,
)
from tests.models import BORE, FILM, many_texts
from toolkit import Scorer
from toolkit.model import Score
from toolkit.model.predict import MOST_TEXTS, array_of
from toolkit.text import NEWEST_RULE

# Scores are compared to the last bit: as Python floats of the float32.


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
@settings(max_examples=30)
@given(values=few_texts)
@example(values=[])
@example(values=[None])
@example(values=[FILM] * MOST_TEXTS)
@example(values=["good " + "zzyzx " * 600, "zzyzx " * 600 + "good", "good " * 600])
def test_scores_are_those_of_arrow(model: Path, with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(model, with_core)
    expected = in_arrow(scorer, values)
    assert by_few(scorer, values) == expected
    assert scorer.score(values) == expected
    assert [score for value in values for score in scorer.score([value])] == expected


@settings(max_examples=60)
@given(values=few_texts)
def test_stars_are_those_of_arrow(with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(MODELS[0], with_core)
    found = scorer.predict(array_of([*values, FILLER]))["stars"].to_pylist()[:-1]
    expected = [None if stars is None else round(stars, 2) for stars in found]
    assert scorer.stars(values) == expected
    assert [stars for value in values for stars in scorer.stars([value])] == expected


@pytest.mark.parametrize("option", range(len(OPTIONS)), ids=lambda place: str(OPTIONS[place]))
@settings(max_examples=30)
@given(values=few_texts)
def test_labels_are_those_of_arrow(option: int, with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(MODELS[0], with_core, option)
    assert scorer.score(values) == in_arrow(scorer, values)
    assert (by_few(scorer, values) is None) == scorer.by_sentence


def test_labels_at_the_limits() -> None:
    """The threshold and the end of the range are the probability itself, or next to it."""
    plain = Scorer(MODELS[1])
    values = [FILM, BORE, "a plain film"]
    for value in values:
        (score,) = plain.score([value])
        assert score.probability is not None
        exact = np.float32(score.probability)
        near = [float(np.nextafter(exact, np.float32(end))) for end in (0, 1)]
        for limit in (*near, float(exact)):
            low, high = Scorer(MODELS[1], limit), Scorer(MODELS[1], limit, (0.0, limit))
            up = Scorer(MODELS[1], limit, (limit, 1.0))
            for scorer in (low, high, up):
                assert scorer.score(values) == in_arrow(scorer, values)
            labels = [scorer.score([value])[0].sentiment for scorer in (low, high, up)]
            is_below = exact < np.float32(limit)
            assert labels == (
                ["negative", "neutral", "negative"]
                if is_below
                else ["positive", "positive", "neutral"]
            )


@pytest.mark.parametrize("model", [MODELS[1], OLD[-1]], ids=lambda path: path.stem)
def test_every_space_of_unicode(model: Path, with_core: bool) -> None:
    scorer = scorer_of(model, with_core)
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    neighbours = ["\u180e", "\u200b", "\u2060", "\ufeff", "\x00", "\x08", "\x0e", "\x1b", "\x7f"]
    values = [*spaces, *(space + "\u3000\t" for space in spaces), "".join(spaces), *neighbours]
    values += [space + "good" + space for space in spaces]
    found = [score for value in values for score in by_few(scorer, [value]) or []]
    assert found == in_arrow(scorer, values)
    assert set(found[: 2 * len(spaces) + 1]) == {Score(None, None)}


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_known_word_where_the_model_begins_to_read(model: Path, with_core: bool) -> None:
    scorer = scorer_of(model, with_core)
    most, unknown = scorer.facts.max_tokens, "\U0001f994 "
    values = [f"good {unknown * count}" for count in range(most - 3, most + 3)]
    found = by_few(scorer, values)
    assert found == in_arrow(scorer, values)
    assert found is not None
    unread = [score.probability is None for score in found]
    needs_word = scorer.facts.counts_known_tokens
    assert unread == [needs_word and place > 2 for place in range(6)]


@pytest.mark.parametrize("model", OLD, ids=lambda path: path.stem)
def test_old_models_score_texts_without_a_known_word(model: Path, with_core: bool) -> None:
    values = ["!!!", "zzyzx", "\0", "\U0001f994", NEWEST_RULE.separators, "good " + "zzyzx " * 600]
    found = by_few(scorer_of(model, with_core), values)
    assert found == in_arrow(scorer_of(model, with_core), values)
    assert found is not None
    assert None not in [each for score in found for each in score]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_sizes_around_the_limits(model: Path, with_core: bool) -> None:
    """Those that are few, and those that are many or long, have the same scores."""
    scorer = scorer_of(model, with_core)
    most = 1 << 14
    for sizes in ([most], [most + 1], [most - 1, 1], [most - 1, 2], [1 << 21], [1] * 17):
        for piece in ("good film ", "\U0001f994 bad ", "x", "\u2026", "a!"):
            values = [(piece * (size // len(piece) + 1))[:size] for size in sizes]
            is_few = sum(sizes) <= most and len(sizes) <= MOST_TEXTS
            found = by_few(scorer, values)
            assert (found is not None) == is_few, sizes
            expected = in_arrow(scorer, values)
            assert scorer.score(values) == expected
            assert found in (None, expected)


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda path: path.stem)
def test_threads_may_begin_together(
    model: Path, with_core: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_NATIVE", str(int(with_core)))
    groups = [many_texts(3, seed) for seed in range(64)]
    expected = [in_arrow(scorer_of(model, with_core), group) for group in groups]
    fresh, start = Scorer(model), Barrier(8)

    def score(part: int) -> list[list[Score]]:
        start.wait(60)
        return [fresh.score(group) for group in groups[part::8]]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(score, range(8)))
    assert found == [expected[part::8] for part in range(8)]


def test_sentences_of_a_few_texts(with_core: bool) -> None:
    """With their sentences, a few texts are read by the core, many at once by Arrow."""
    scorer = scorer_of(MODELS[0], with_core, OPTIONS.index({"by_sentence": True}))
    values = [f"{FILM}. {BORE}! {text}" for text in many_texts(40)]
    values += ["", "\u00a0!", "zzyzx. \u00c9T\u00c9? DON\u2019T", "a\0b. c", f"{FILM} but {BORE}"]
    expected = scorer.predict(array_of(values))
    alone = [scorer.predict(array_of([value])).to_pylist() for value in values]
    assert [row for rows in alone for row in rows] == expected.to_pylist()
    many = scorer.predict(array_of(values * 10))
    assert many.slice(0, len(values)) == expected
