"""Stars and the neutral range are fitted on held-out reviews, where there are enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import make_rows
from toolkit import Scorer
from toolkit.classes import NEUTRAL_OF_THREE
from toolkit.evaluation.ratings import classes_of, macro_f1
from toolkit.export import export
from toolkit.model.stars import StarScale, logits_of, sigmoid
from toolkit.model.training_facts import Calibration
from toolkit.records import Columns, ReadOptions
from toolkit.training import TrainingOptions, train
from toolkit.training.calibration import NotFitted, Rated, fit_neutral, fit_stars
from toolkit.training.result import HeldOut

TRUE = StarScale((0.6, 0.9, 0.9, 0.5), (2.0, 1.0, -0.2, -1.0), (0.05, 0.0, 0.0, -0.05))


def rated(count: int, seed: int = 1) -> Rated:
    """Reviews whose stars follow `TRUE`; three stars are neutral."""
    draw = np.random.default_rng(seed)
    logits, tokens = draw.normal(0.8, 2.5, count), draw.integers(1, 300, count)
    above = np.minimum.accumulate(TRUE.more_than(logits, tokens), axis=1)
    stars = 1 + (draw.random((count, 1)) < above).sum(axis=1)
    classes = np.where(stars == 3, 1, np.where(stars > 3, 2, 0))
    ones = np.ones(count)
    return Rated(logits, tokens, stars.astype(float), classes, ones, np.arange(count), ones)


def test_the_fit_finds_the_coefficients() -> None:
    found = fit_stars(rated(60_000))
    assert found.slopes == pytest.approx(TRUE.slopes, abs=0.05)
    assert found.biases == pytest.approx(TRUE.biases, abs=0.15)
    assert found.lengths == pytest.approx(TRUE.lengths, abs=0.015)
    assert found.fitted_on == 60_000
    assert found.within_one is not None
    assert found.within_one > 0.8


def test_too_few_stars_and_stars_that_fall_are_no_scale() -> None:
    reviews = rated(2000)
    only_high = reviews.take(np.flatnonzero(reviews.stars > 3))
    for few, reason in (
        (reviews.take(np.arange(199)), "199 held-out reviews have stars, and 200 are needed"),
        (replace(reviews, stars=np.full(2000, np.nan)), "0 held-out reviews have stars"),
        (only_high, "0 held-out reviews are on one side of 1.5 stars"),
        (replace(reviews, logits=-reviews.logits), "do not rise with the probability"),
    ):
        with pytest.raises(NotFitted, match=reason):
            fit_stars(few)


def test_the_neutral_range_is_the_best_one_around_a_half() -> None:
    reviews = rated(20_000)
    found = fit_neutral(reviews)
    assert 0 < found.low <= 0.5 <= found.high < 1
    probability = sigmoid(reviews.logits)

    def score(low: float, high: float) -> float:
        return macro_f1(reviews.classes, classes_of(probability, (low, high)))

    best = score(*found.ends)
    for low in np.arange(0.1, 0.51, 0.1):
        for high in np.arange(0.5, 0.91, 0.1):
            if low < high:
                assert score(low, high) <= best + 1e-9
    assert found.macro_f1 == pytest.approx(best, abs=0.03)
    assert found.neutral == int((reviews.classes == NEUTRAL_OF_THREE).sum())


def test_domains_without_neutral_reviews_say_nothing_of_the_range() -> None:
    reviews = rated(5000)
    others = rated(5000, seed=2)
    others = others.take(np.flatnonzero(others.classes != NEUTRAL_OF_THREE))
    others = replace(others, domains=np.full(len(others.logits), 2.0))
    names = Rated.__dataclass_fields__
    both = Rated(*(np.concatenate([getattr(r, name) for r in (reviews, others)]) for name in names))
    alone, together = fit_neutral(reviews), fit_neutral(both)
    assert (together.ends, together.fitted_on) == (alone.ends, alone.fitted_on)


def test_few_neutral_reviews_give_no_range() -> None:
    reviews = rated(5000)
    few = np.flatnonzero((reviews.classes != NEUTRAL_OF_THREE) | (np.arange(5000) < 100))
    reason = r"\d+ neutral and \d+ positive reviews are held out, and 50 of"
    with pytest.raises(NotFitted, match=reason):
        fit_neutral(reviews.take(few))


def test_a_range_that_does_no_better_than_the_usual_one_is_not_kept() -> None:
    draw = np.random.default_rng(1)
    logits = np.append(draw.normal(3, 1, 600), draw.normal(-3, 1, 600))
    reviews = rated(1200)
    # Neutral reviews that nothing tells from the others.
    reviews = replace(reviews, logits=logits, classes=draw.integers(0, 3, 1200))
    try:
        found = fit_neutral(reviews)
    except NotFitted as reason:
        assert "no range is better than 0.4 to 0.6" in str(reason)  # noqa: PT017
    else:
        assert found.macro_f1 is not None
        assert found.macro_f1_of_fixed is not None
        assert found.macro_f1 >= found.macro_f1_of_fixed


def test_held_out_and_neutral_reviews_are_put_together() -> None:
    labels, probability = np.array([0, 1, 1], np.int8), np.array([0.2, 0.5, 0.9], np.float32)
    held_out = HeldOut(
        *(labels, probability, np.array([7, 8, 8]), np.ones(3, np.float32)),
        stars=np.array([1, np.nan, 5], np.float32),
        domains=np.array([0, 0, 1]),
        known_tokens=np.array([3, 4, 5], np.int32),
    )
    neutral = HeldOut(
        *(np.zeros(2, np.int8), np.array([0.5, 0.6], np.float32), np.array([8, 9])),
        *(np.ones(2, np.float32), np.array([3, 3], np.float32), np.array([1, 1])),
        np.array([6, 7], np.int32),
    )
    found = Rated.of(held_out, Calibration(2.0, -1.0), neutral, 0.25)
    before = logits_of(probability)
    assert found.logits[:3] == pytest.approx(2 * before - 1)
    assert found.logits[3:] == pytest.approx(logits_of(np.array([0.5, 0.6], np.float32)))
    assert found.known_tokens.tolist() == [3, 4, 5, 6, 7]
    assert found.stars.tolist() == pytest.approx([1, np.nan, 5, 3, 3], nan_ok=True)
    assert found.classes.tolist() == [0, 2, 2, 1, 1]
    assert found.weights.tolist() == [1, 1, 1, 0.25, 0.25]
    assert found.groups.tolist() == [7, 8, 8, 8, 9]
    assert found.domains.tolist() == [0, 0, 1, 1, 1]


def test_the_figures_count_neutral_reviews_by_their_share() -> None:
    """Four copies of the neutral reviews, a quarter each, change nothing."""
    reviews = rated(4000)
    once = fit_stars(reviews)
    is_neutral = reviews.classes == NEUTRAL_OF_THREE
    rows = np.concatenate([np.flatnonzero(~is_neutral), *[np.flatnonzero(is_neutral)] * 4])
    many = reviews.take(rows)
    many = replace(many, weights=np.where(many.classes == NEUTRAL_OF_THREE, 0.25, 1.0))
    again = fit_stars(many)
    assert again.slopes == pytest.approx(once.slopes, abs=0.01)
    assert again.exact == pytest.approx(once.exact, abs=0.02)
    assert again.mean_error == pytest.approx(once.mean_error, abs=0.02)


def star_rows(count: int) -> list[tuple[str, str]]:
    """Reviews of 1, 2, 4 and 5 stars, and some of 3 that have words of both kinds."""
    rows = [
        (text, str((1 + number % 4 // 2, 4 + number % 4 // 2)[int(label)]))
        for number, (text, label) in enumerate(make_rows(count))
    ]
    both = zip(make_rows(count, 8)[::2], make_rows(count, 9)[1::2], strict=True)
    neutral = [(f"{bad} {good}", "3") for (bad, _), (good, _) in both]
    return [*rows, *neutral[: count // 4]]


@pytest.mark.slow
@pytest.mark.parametrize("folds", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_labels_that_are_stars_teach_stars_and_a_neutral_range(
    write_csv: Callable[..., Path], tmp_path: Path, folds: int
) -> None:
    data = write_csv(*star_rows(1200), header=("text", "stars"))
    run = tmp_path / "run"
    reading = ReadOptions(Columns(label="stars"))
    options = TrainingOptions(
        data=str(data), preset="ngram-linear", reading=reading, output=run, folds=folds,
        validation=0.5, epochs=2,
    )  # fmt: skip
    result = train(options)
    assert result.stars is not None
    assert result.neutral is not None
    exported = export(run)
    scorer = Scorer(exported.model, neutral=True)
    worst, best = scorer.stars(["awful dull boring film", "superb moving brilliant film"])
    assert worst is not None
    assert best is not None
    assert worst < 2.5
    assert best > 3.5
    assert exported.parity.largest_stars_difference is not None
    assert exported.parity.largest_stars_difference < 0.01


def test_a_column_of_stars_beside_the_labels_teaches_them_too(
    write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [
        (text, str(int(stars > "3")), f"{stars}.0")
        for text, stars in star_rows(1200)
        if stars != "3"
    ]
    data = write_csv(*rows, header=("text", "label", "rating"))
    options = TrainingOptions(
        data=str(data), preset="ngram-linear", output=tmp_path / "run", validation=0.5, epochs=1
    )
    result = train(options)
    assert result.stars is not None
    assert result.neutral is None  # no review is neutral
