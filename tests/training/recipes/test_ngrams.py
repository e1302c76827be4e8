"""What is trained on what, on small reviews that a network learns in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.making import make_reviews, make_unlabelled
from toolkit.model.stars import logits_of
from toolkit.training import train
from toolkit.training.data import FitData, FitTask, TrainingObserver
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import PRESETS, Preset
from toolkit.training.result import Fit
from toolkit.training.reviews import Reviews, UnlabelledReviews

pytest.importorskip("tensorflow", reason="needs the extra 'train'")


@pytest.fixture(autouse=True, scope="module")
def _fewer_slots() -> Iterator[None]:
    """A step over a million hashed pairs takes as long as all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.networks.ngram_linear.SLOTS", 4093)
        yield


NGRAM_LINEAR, NGRAM_POOL = PRESETS["ngram-linear"], PRESETS["ngram-pool"]
ALL = pytest.mark.parametrize("preset", [NGRAM_LINEAR, NGRAM_POOL], ids=lambda preset: preset.name)


def fit(preset: Preset, data: FitData, **options: Any) -> Fit:
    chosen = TrainingOptions(preset=preset.name, batch_size=8, **options)
    return train.fit(FitTask(preset, data, chosen, TrainingObserver()))


@ALL
@pytest.mark.parametrize("known", [0, 0.5, 1])
def test_any_share_of_the_reviews_may_have_a_teacher(preset: Preset, known: float) -> None:
    data = FitData(make_reviews(80), make_reviews(40, seed=3), make_unlabelled(60, known))
    found = fit(preset, data)
    assert found.validation is not None
    assert found.validation.accuracy.value > 0.9


def corpus_of(known: float) -> Any:
    from toolkit.training.fit_ngrams import Corpus

    return Corpus.of(NGRAM_LINEAR, FitData(make_reviews(40), None, make_unlabelled(60, known)))


@pytest.mark.parametrize(("known", "learned"), [(0, 40), (0.5, 70), (1, 100)])
def test_reviews_with_a_label_or_a_teacher_are_learned(known: float, learned: int) -> None:
    from toolkit.training.ragged_fit import Schedule

    corpus = corpus_of(known)
    found = corpus.examples(Schedule(1, 8, 0.1), 0.5)
    assert len(corpus.tokens) == 100  # of all, words and pairs are counted
    assert len(found.tokens) == len(found.weights) == len(found.targets) == learned
    labels = corpus.data.fitted.targets
    assert found.targets[:40] == pytest.approx(labels if not known else 0.02 + 0.96 * labels)
    if known:
        teacher = corpus.data.unlabelled.teacher
        assert found.targets[40:] == pytest.approx(teacher[: learned - 40])


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
    from toolkit.training.fit_ngrams import Corpus
    from toolkit.training.ragged_fit import Schedule

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


@ALL
def test_the_best_epoch_is_kept(preset: Preset) -> None:
    """Of reviews whose labels are noise, the first epochs are the best ones."""
    random = np.random.default_rng(1)
    noise = make_reviews(80)
    noise = replace(noise, labels=random.integers(0, 2, 80).astype(np.int8))
    held_out = make_reviews(40, seed=3)
    chosen = TrainingOptions(preset=preset.name, batch_size=8, epochs=4)
    task = FitTask(preset, FitData(noise, held_out), chosen, TrainingObserver(), keeps_best=True)
    found = train.fit(task)
    losses = found.history["val_loss"]
    assert found.kept_epoch == losses.index(min(losses)) + 1
    assert found.validation is not None
    assert found.validation.log_loss == pytest.approx(min(losses), abs=0.03)


def test_few_reviews_are_gone_through_more_often() -> None:
    from toolkit.training.ragged_fit import Schedule

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


def test_freezing_keeps_what_a_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding to 255 steps moves a logit by less than a twentieth of the logits' spread."""
    from toolkit.networks.ngram_pool import PoolNetwork
    from toolkit.training.fit_ngrams import Corpus

    trained: dict[str, Any] = {}
    freeze = PoolNetwork.freeze

    def remembering(network: PoolNetwork, bigrams: Any) -> Any:
        trained.update(network=network, bigrams=bigrams)
        return freeze(network, bigrams)

    monkeypatch.setattr(PoolNetwork, "freeze", remembering)
    data = FitData(make_reviews(120))
    frozen = fit(NGRAM_POOL, data).network
    tokens, rows = Corpus.of(NGRAM_POOL, data).tokens, np.arange(120)
    ids = tokens.padded_rows(rows)
    pairs = tokens.padded_rows(rows, trained["bigrams"].rows(tokens))
    expected = np.asarray(trained["network"]([ids, pairs]))[:, 0]
    found = logits_of(np.asarray(frozen(ids))[:, 0])
    assert np.abs(found - expected).max() < 0.05 * expected.std()
    assert expected.std() > 0.5
