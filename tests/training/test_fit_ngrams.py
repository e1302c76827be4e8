"""What is trained on what, on small reviews that a network learns in a moment."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.rows import rows_of_ids
from tests.training.conftest import make_reviews, make_rows, make_unlabelled
from tests.training.listening import Listener
from toolkit.model.typed_json import encode
from toolkit.text import TokenIds
from toolkit.training import (
    PRESETS,
    Preset,
    Reviews,
    TrainingObserver,
    TrainingOptions,
    TrainingResult,
    UnlabelledReviews,
    train,
)
from toolkit.training.data import FitData, FitTask
from toolkit.training.fit_ragged import batches
from toolkit.training.result import Fit
from toolkit.training.run import fit as run_fit

NGRAM_LINEAR, NGRAM_RECURRENT = PRESETS["ngram-linear"], PRESETS["ngram-recurrent"]

ALL = pytest.mark.parametrize(
    "preset",
    [NGRAM_LINEAR, pytest.param(NGRAM_RECURRENT, marks=pytest.mark.slow)],
    ids=lambda preset: preset.name,
)


def fit(preset: Preset, data: FitData, **options: Any) -> Fit:
    teachers = (Path("teacher.csv"),) if "teacher_weight" in options else ()
    chosen = TrainingOptions(preset=preset.name, batch_size=8, teachers=teachers, **options)
    return run_fit(FitTask(preset, data, chosen, TrainingObserver()))


@pytest.mark.slow
@ALL
@pytest.mark.parametrize(
    "known", [pytest.param(0, marks=pytest.mark.slow), 0.5, pytest.param(1, marks=pytest.mark.slow)]
)
def test_any_share_of_the_reviews_may_have_a_teacher(preset: Preset, known: float) -> None:
    data = FitData(make_reviews(80), make_reviews(40, seed=3), make_unlabelled(60, known))
    found = fit(preset, data)
    assert found.validation is not None
    assert found.validation.accuracy.value > 0.9


def corpus_of(known: float) -> Any:
    from toolkit.training.fit_ragged import Corpus

    return Corpus.of(NGRAM_LINEAR, FitData(make_reviews(40), None, make_unlabelled(60, known)))


@pytest.mark.parametrize(("known", "learned"), [(0, 40), (0.5, 70), (1, 100)])
def test_reviews_with_a_label_or_a_teacher_are_learned(known: float, learned: int) -> None:
    from toolkit.training.fit_ragged import Schedule

    corpus = corpus_of(known)
    found = corpus.examples(Schedule(1, 8, 0.1), 0.5)
    assert len(corpus.tokens) == 100  # of all, words and pairs are counted
    assert len(found.tokens) == len(found.weights) == len(found.targets) == learned
    labels = corpus.data.fitted.targets
    assert found.targets[:40] == pytest.approx(labels if not known else 0.02 + 0.96 * labels)
    if known:
        teacher = corpus.data.unlabelled.teacher
        assert found.targets[40:] == pytest.approx(teacher[: learned - 40])


@pytest.mark.slow
def test_a_teacher_can_turn_everything_around() -> None:
    """With all the weight, and on every review, nothing else is learned."""
    reviews, more = make_reviews(60), make_unlabelled(60, known=1)
    assert more.teacher is not None
    against = Reviews("against", reviews.texts, reviews.labels, teacher=1 - reviews.targets)
    turned = UnlabelledReviews("turned", more.texts, teacher=1 - more.teacher)
    held_out = make_reviews(40, seed=3)
    found = fit(NGRAM_LINEAR, FitData(against, held_out, turned), teacher_weight=1)
    assert found.validation is not None
    assert found.validation.accuracy.value < 0.1


@pytest.mark.slow
@ALL
def test_the_seed_decides_everything(preset: Preset) -> None:
    data = FitData(make_reviews(40), None, make_unlabelled(40, known=0.5))
    first, again, other = (
        fit(preset, data, seed=seed, epochs=1).network.get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_weights_in_the_loss() -> None:
    """A label alone counts most; reviews with a teacher count alike, short texts less."""
    from toolkit.training.fit_ragged import Corpus, Schedule

    reviews = make_reviews(4)
    teacher = np.array([0.5, np.nan, 0.5, np.nan], np.float32)
    texts = ["word " * count for count in (9, 49, 99, 400)]
    known = np.array([0.5, np.nan, 0.5, 0.5], np.float32)
    unlabelled = UnlabelledReviews("more", pa.chunked_array([texts]), teacher=known)
    fitted = replace(reviews, teacher=teacher)
    corpus = Corpus.of(NGRAM_LINEAR, FitData(fitted, None, unlabelled))
    schedule = Schedule(1, 8, 0.1, tokens_of_a_review=100)
    found = corpus.examples(schedule, 0.5).weights  # the start id counts, too
    assert found == pytest.approx([1, 1.9, 1, 1.9, 0.1, 1, 1])
    alone = Corpus.of(NGRAM_LINEAR, FitData(fitted)).examples(schedule, 0.5)
    assert alone.weights.tolist() == [1, 1, 1, 1]


def test_domains_are_balanced_in_the_loss() -> None:
    """A domain counts by the root of its reviews; both labels count the same in it."""
    from toolkit.training.reviews import balanced_weights

    texts = pa.chunked_array([["a"] * 25])
    labels = np.array([1, 1, 1, 0] + [1] * 15 + [0] * 6, np.int8)
    domains = np.array([7] * 4 + [9] * 21)
    found = balanced_weights(Reviews("r", texts, labels, domains=domains))
    assert found.mean() == pytest.approx(1)
    sums = [
        [found[(domains == domain) & (labels == label)].sum() for label in (0, 1)]
        for domain in (7, 9)
    ]
    assert sums[0][0] == pytest.approx(sums[0][1])
    assert sums[1][0] == pytest.approx(sums[1][1])
    assert sums[1][0] / sums[0][0] == pytest.approx((21 / 4) ** 0.5)
    assert balanced_weights(Reviews("r", texts, labels)).tolist() == [1] * 25


def noise(count: int, seed: int) -> Reviews:
    reviews = make_reviews(count, seed)
    return replace(
        reviews, labels=np.random.default_rng(seed).integers(0, 2, count).astype(np.int8)
    )


@ALL
def test_the_best_epoch_is_kept(preset: Preset) -> None:
    """Of reviews whose labels are noise, the first epochs are the best ones."""
    held_out = make_reviews(40, seed=3)
    chosen = TrainingOptions(preset=preset.name, batch_size=8, epochs=4)
    task = FitTask(
        preset, FitData(noise(80, 1), held_out), chosen, TrainingObserver(), keeps_best=True
    )
    found = run_fit(task)
    losses = found.history["val_loss"]
    assert found.kept_epoch == losses.index(min(losses)) + 1
    assert found.validation is not None
    assert found.validation.log_loss == pytest.approx(min(losses), abs=0.03)


def against() -> FitData:
    held_out = make_reviews(40, seed=3)
    return FitData(make_reviews(80), replace(held_out, labels=1 - held_out.labels))


@pytest.mark.parametrize(("chosen", "epochs"), [({}, 4), ({"epochs": 2}, 2), ({"epochs": 9}, 4)])
def test_ngram_linear_stops_early(chosen: dict[str, int], epochs: int) -> None:
    """Held-out reviews with the opposite labels are worse after each epoch."""
    found = fit(NGRAM_LINEAR, against(), **chosen)
    losses = found.history["val_loss"]
    assert losses == sorted(losses)
    assert (found.epochs, found.kept_epoch) == (epochs, 1)
    assert found.validation is not None
    assert found.validation.log_loss == pytest.approx(losses[0], abs=0.03)


def test_ngram_linear_runs_all_epochs_on_request() -> None:
    found = fit(NGRAM_LINEAR, against(), epochs=6, early_stopping=False)
    assert (found.epochs, found.kept_epoch) == (6, 6)


def test_few_reviews_are_gone_through_more_often() -> None:
    from toolkit.training.fit_ragged import Schedule

    schedule = Schedule(epochs=3, batch_size=128, learning_rate=1e-3)
    assert schedule.enough(75_000) == schedule
    small = schedule.enough(500)
    assert small.batch_size < 128
    assert small.epochs * -(-500 // small.batch_size) >= 300
    assert schedule.enough(1).batch_size == 1
    kept = schedule.enough(500, epochs=3)
    assert (kept.epochs, kept.batch_size) == (3, small.batch_size)
    kept = schedule.enough(500, batch_size=128)
    assert (kept.batch_size, kept.epochs) == (128, 30)


@ALL
def test_epochs_and_batches_of_the_user_are_kept(preset: Preset) -> None:
    data = FitData(make_reviews(80), make_reviews(40, seed=3))
    found = fit(preset, data, epochs=2)
    assert found.epochs == found.kept_epoch == found.most_epochs == 2


@pytest.fixture
def options(write_csv: Callable[..., Path], tmp_path: Path) -> TrainingOptions:
    """Two folds of 240 reviews, and the same reviews to measure on at the end."""
    data = write_csv(*make_rows(240))
    return TrainingOptions(
        data=str(data), preset="conv1d", test_data=data, output=tmp_path / "run", folds=2
    )


def epochs_by_fold(result: TrainingResult) -> dict[str, int]:
    """How many epochs each fit had; the last one has an empty name."""
    with result.run.history.open(newline="") as file:
        folds = [row["fold"] for row in csv.DictReader(file)]
    return {fold: folds.count(fold) for fold in folds}


@pytest.mark.slow
def test_the_last_fit_is_as_long_as_those_of_the_folds(options: TrainingOptions) -> None:
    listener = Listener()
    result = train(replace(options, preset="ngram-linear", early_stopping=False), listener)
    assert epochs_by_fold(result) == {"1": 15, "2": 15, "": 15}
    assert "Final fit on all 240 reviews" in listener.stages
    assert encode(result.metrics)["test"]["accuracy"] > 0.95
    assert encode(result.metrics)["test"]["loss"] < 0.3  # of a constant: 0.69
    training = result.run.load_config().training
    assert (training["epochs"], training["most_epochs"], training["batch_size"]) == (15, None, 12)


SIZE = 10

ROWS = [[1, 4, 5], [4, 5, 6], [5, 4]]

TARGETS = np.array([1, 0.25, 0], np.float32)

WEIGHTS = np.array([1, 2, 1], np.float32)


@pytest.fixture(scope="module")
def tokens() -> TokenIds:
    return rows_of_ids(ROWS)


def test_log_ratios_compare_smoothed_shares(tokens: TokenIds) -> None:
    from toolkit.networks.ngram_linear import log_ratios

    ratios = log_ratios(tokens, TARGETS, WEIGHTS, SIZE)
    # Each token counts as a word and as a pair; the start id does not count.
    sums = np.array([2 * (2 + 0.5 * 3), 2 * (1.5 * 3 + 2)]) + len(ratios)

    def expected(positive: float, negative: float) -> float:
        return math.log((positive + 1) / sums[0] / ((negative + 1) / sums[1]))

    assert ratios[5] == pytest.approx(expected(1 + 0.5, 1.5 + 1), rel=1e-4)
    assert ratios[6] == pytest.approx(expected(0.5, 1.5), rel=1e-4)
    assert ratios[1] == 0
    assert ratios[7] == 0  # never seen
    pair = SIZE + 4 * SIZE + 5  # in the first and in the second review
    assert ratios[pair] == pytest.approx(expected(1 + 0.5, 1.5), rel=1e-4)


def test_the_network_divides_the_sum_by_the_root_of_the_count(tokens: TokenIds) -> None:
    from toolkit.networks.ngram_linear import SLOTS, LinearNetwork

    random = np.random.default_rng(1)
    ratios = random.normal(size=SIZE + SLOTS).astype(np.float32)
    network = LinearNetwork(ratios, SIZE)
    rows = tokens.padded_rows(np.arange(len(tokens)))
    assert not np.asarray(network(rows)).any()  # factors start at zero
    factors = random.normal(size=SIZE + SLOTS).astype(np.float32)
    network.factors.assign(factors)
    network.bias.assign([0.25])
    weights = ratios * factors
    for row, found in zip(ROWS, np.asarray(network(rows))[:, 0], strict=True):
        pairs = zip([0, *row], row, strict=False)
        total = sum(weights[b] + weights[SIZE + a * SIZE + b] for a, b in pairs if b > 1)
        count = sum(i > 1 for i in row)
        assert found == pytest.approx(total / math.sqrt(count + 1) + 0.25, rel=1e-5)


@given(st.lists(st.integers(1, 600), min_size=1, max_size=200), st.integers(1, 20))
def test_batches_have_each_row_once(lengths: list[int], size: int) -> None:
    found = list(batches(np.array(lengths), size, np.random.default_rng(1)))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    assert all(len(batch) <= size for batch in found)
    assert sum(len(batch) < size for batch in found) <= 1


def test_batches_are_of_about_equal_lengths() -> None:
    lengths = np.random.default_rng(1).integers(1, 500, 4000)
    spread = [
        np.ptp(np.log(lengths[batch])) for batch in batches(lengths, 50, np.random.default_rng(2))
    ]
    assert np.median(spread) < 0.5 < np.ptp(np.log(lengths))
