"""A prior moves scores and stars; the share of positive reviews is found from scores alone."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tests.models import BORE, CONV1D, FILM, shipped_scorer
from toolkit.errors import UsageError
from toolkit.model import Scorer
from toolkit.model.prior import (
    AMOUNT,
    EVEN,
    LEVELS,
    NO_LEVELS,
    base_of,
    count_levels,
    parse_prior,
    share_of,
    shift_of,
)
from toolkit.model.stars import logits_of
from toolkit.model.training_facts import Adaptation

TEXTS = [FILM, BORE, "It was fine, I think.", "the room", "", "qxzv", None]


def scores(share: float, count: int, spread: float = 2.0, seed: int = 1) -> np.ndarray:
    """Scores of a model that is calibrated for even shares, on reviews with another share."""
    random = np.random.default_rng(seed)
    labels = random.random(count) < share
    # The log-odds of two normal distributions, whose means are as far apart as this is right.
    logits = np.where(labels, 1, -1) * spread**2 / 2 + spread * random.standard_normal(count)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def by_em(probability: np.ndarray) -> float:
    """The share, as the paper has it."""
    exact, share = probability.astype(float), 0.5
    for _ in range(5_000):
        positive, negative = exact * share, (1 - exact) * (1 - share)
        share = float(np.mean(positive / (positive + negative)))
    return share


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("spread", [2.0, 3.0])
def test_the_share_is_that_of_em(share: float, spread: float) -> None:
    drawn = scores(share, 5_000, spread)
    found = share_of(count_levels(drawn, None, EVEN))
    assert found is not None
    assert found.problem is None
    assert found.share == pytest.approx(by_em(drawn), abs=0.004)
    assert abs(found.share - share) < 4 * found.error + 0.004
    assert found.scores == 5_000


def test_a_share_has_a_standard_error() -> None:
    """Of 300 samples, the shares spread as far as it says."""
    found = [share_of(count_levels(scores(0.8, 200, seed=n), None, EVEN)) for n in range(300)]
    shares = [each.share for each in found if each]
    errors = [each.error for each in found if each]
    assert np.std(shares) == pytest.approx(np.mean(errors), rel=0.2)


def test_few_and_unsure_scores_tell_no_share() -> None:
    few = share_of(count_levels(scores(0.8, 10), None, EVEN))
    assert few is not None
    assert few.problem == "10 scores are too few, or too unsure"
    unsure = share_of(count_levels(scores(0.8, 5_000, spread=0.2), None, EVEN))
    assert unsure is not None
    assert unsure.problem is not None
    assert "of the 5,000 scores are between 0.25 and 0.75" in unsure.problem
    assert share_of(NO_LEVELS) is None


def test_scores_of_one_label_tell_a_share_that_leaves_a_doubt() -> None:
    for label, share in ((1.0, 0.999), (0.0, 0.001)):
        found = share_of(count_levels(scores(label, 1_000, 3.0), None, EVEN))
        assert found is not None
        assert found.share == pytest.approx(share, abs=0.006)
        assert 0.001 <= found.share <= 0.999


def test_levels_add_up_and_leave_out_what_has_no_score() -> None:
    drawn = scores(0.7, 1_000)
    with_gaps = np.append(drawn, np.float32("nan"))
    parts = [count_levels(each, None, EVEN) for each in np.array_split(with_gaps, 7)]
    assert tuple(map(sum, zip(*parts, strict=True))) == count_levels(drawn, None, EVEN)
    ends = count_levels(np.array([0, 1e-9, 1 - 1e-7, 1], np.float32), None, EVEN)
    assert (ends[0], ends[-1], len(ends)) == (2, 2, LEVELS)


def test_a_model_for_another_share_is_moved_by_the_difference_only() -> None:
    assert shift_of(0.9, 0.9) == 0
    assert shift_of(0.9) == pytest.approx(AMOUNT * np.log(9))
    drawn = scores(0.9, 4_000)
    odds = drawn / (1 - drawn.astype(float)) * 9  # as of a model that learned from nine in ten
    found = share_of(count_levels((odds / (1 + odds)).astype(np.float32), None, 0.9), 0.9)
    assert found is not None
    assert found.share == pytest.approx(0.9, abs=0.02)
    assert found.adjusted == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("prior", [0.1, 0.5, 0.97])
def test_a_prior_moves_logits_and_stars(prior: float) -> None:
    plain = shipped_scorer()
    moved = plain.with_prior(prior)
    before, after = (each.predict(pa.array(TEXTS)).drop_null() for each in (plain, moved))
    logits = [logits_of(each["probability"].to_numpy()) for each in (before, after)]
    assert logits[1] - logits[0] == pytest.approx(AMOUNT * np.log(prior / (1 - prior)), abs=1e-4)
    stars = [each["stars"].to_numpy() for each in (before, after)]
    assert (np.sign(stars[1] - stars[0]) == np.sign(prior - 0.5)).all()
    assert plain.prior is None


def test_all_ways_to_score_with_a_prior_give_the_same() -> None:
    moved = shipped_scorer().with_prior(0.9)
    few = moved.score(TEXTS[:5])  # by the core alone
    many = moved.score([*TEXTS[:5], *(["the room"] * 50)])
    assert few == many[:5]
    assert pickle.loads(pickle.dumps(moved)).score(TEXTS) == moved.score(TEXTS)
    assert Scorer(shipped_scorer().options.model, prior=0.9).score(TEXTS) == moved.score(TEXTS)
    assert moved.with_prior(None).score(TEXTS) == shipped_scorer().score(TEXTS)
    with_labels = moved.with_labels((0.4, 0.6), by_sentence=True)
    assert with_labels.prior == 0.9
    table = pa.table({"text": TEXTS})
    scored = moved.score_batch(table)["positive_probability"].to_pylist()
    assert scored == [each.probability for each in moved.score(TEXTS)]


def test_levels_are_those_without_the_prior() -> None:
    plain = shipped_scorer()
    texts = pa.array([FILM, BORE, "fine", "the room", "not bad", "I like it", "poor"] * 20)
    counted = [
        count_levels(each.predict(texts)["probability"].to_numpy(), each.prior, each.base)
        for each in (plain, plain.with_prior(0.9))
    ]
    assert counted[0] == counted[1]


def test_the_share_that_a_model_is_for_is_known() -> None:
    assert shipped_scorer().base == EVEN
    facts = Scorer(CONV1D).facts
    assert base_of(facts) == EVEN  # as many of each
    own = replace(facts, data=replace(facts.data, positive=9_000, reviews=10_000))
    assert base_of(own) == 0.9
    assert base_of(replace(own, data=replace(own.data, is_balanced=True))) == EVEN
    assert base_of(replace(own, data=replace(own.data, positive=None))) == EVEN
    assert base_of(replace(own, data=replace(own.data, positive=10_000))) == EVEN
    adaptation = Adaptation("words", (), 3, scale=1.0, bias=0.0, border=0.9)
    metrics = replace(own.metrics, adaptation=adaptation)
    assert base_of(replace(own, metrics=metrics)) == EVEN
    older = replace(own, metrics=replace(own.metrics, adaptation=replace(adaptation, border=None)))
    assert base_of(replace(older, threshold=0.8)) == 0.8


@pytest.mark.parametrize("text", ["1e-7", "0", "1", "-1", "2", "nan", "inf", "x", "", "90%", "0,9"])
def test_a_prior_that_is_no_share_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--prior: expected .*0\.9, received") as raised:
        parse_prior(text)
    assert "\n" not in str(raised.value)


def test_priors_are_read() -> None:
    assert parse_prior("auto") is None
    assert parse_prior("0.9") == 0.9
    assert parse_prior("1e-6") == 1e-6
    for wrong in (True, "0.9", 1.0):
        with pytest.raises(UsageError, match="--prior"):
            Scorer(prior=wrong)  # type: ignore[arg-type]
