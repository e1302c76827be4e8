"""What is trained on what, on small reviews that a network learns in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.training.making import make_reviews, make_unlabelled
from toolkit.model.logits import logits_of
from toolkit.training import train
from toolkit.training.data import FitData, FitTask
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import PRESETS, Preset
from toolkit.training.reporter import Reporter
from toolkit.training.sources.reviews import Reviews, UnlabelledReviews

pytest.importorskip("tensorflow", reason="needs the extra 'train'")


@pytest.fixture(autouse=True, scope="module")
def _fewer_slots() -> Iterator[None]:
    """A step over a million hashed pairs takes as long as all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("linear_network", "tfidf_regression"):
            patch.setattr(f"toolkit.training.recipes.{module}.SLOTS", 4093)
        yield


NGRAM_LINEAR, NGRAM_CNN = PRESETS["ngram-linear"], PRESETS["ngram-cnn"]
NGRAM_POOL = PRESETS["ngram-pool"]
ALL = pytest.mark.parametrize(
    "preset", [NGRAM_LINEAR, NGRAM_CNN, NGRAM_POOL], ids=lambda preset: preset.name
)


class Stages(Reporter):
    """Remembers the long steps."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def stage(self, name: str) -> None:
        self.names.append(name)


def fit(preset: Preset, data: FitData, **options: Any) -> tuple[Any, list[str]]:
    stages = Stages()
    chosen = TrainingOptions(preset=preset.name, batch_size=8, **options)
    return train.fit(FitTask(preset, data, chosen, stages)), stages.names


@ALL
def test_without_more_reviews_there_are_no_views(preset: Preset) -> None:
    found, stages = fit(preset, FitData(make_reviews(80)))
    assert not any("view:" in stage or "first student" in stage for stage in stages)
    assert found.held_out is None


@ALL
def test_reviews_without_labels_are_labelled_by_views_and_a_first_student(
    preset: Preset,
) -> None:
    data = FitData(make_reviews(80), make_reviews(40, seed=3), make_unlabelled(60))
    found, stages = fit(preset, data)
    assert sum("view:" in stage for stage in stages) == 3
    assert sum("first student" in stage for stage in stages) == 1
    assert found.validation.accuracy.value > 0.9


@ALL
@pytest.mark.parametrize(("known", "views"), [(1.0, 0), (0.5, 3)])
def test_views_are_for_what_the_teacher_does_not_know(
    preset: Preset, known: float, views: int
) -> None:
    data = FitData(make_reviews(40), make_reviews(40, seed=3), make_unlabelled(60, known))
    found, stages = fit(preset, data)
    assert sum("view:" in stage for stage in stages) == views
    assert found.validation.accuracy.value > 0.9


def test_a_teacher_can_turn_everything_around() -> None:
    """With all the weight, and on every review, nothing else is learned."""
    reviews, more = make_reviews(60), make_unlabelled(60, known=1)
    assert more.teacher is not None
    against = Reviews("against", reviews.texts, reviews.labels, teacher=1 - reviews.targets)
    turned = UnlabelledReviews("turned", more.texts, teacher=1 - more.teacher)
    held_out = make_reviews(40, seed=3)
    found, _ = fit(NGRAM_LINEAR, FitData(against, held_out, turned), teacher_weight=1)
    assert found.validation.accuracy.value < 0.1


@ALL
def test_the_seed_decides_everything(preset: Preset) -> None:
    data = FitData(make_reviews(40), None, make_unlabelled(40))
    first, again, other = (
        fit(preset, data, seed=seed, epochs=1)[0].network.get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_weights_in_the_loss() -> None:
    """A label alone counts most; reviews with a teacher count alike, short texts less."""
    from toolkit.training.recipes.corpus import Corpus
    from toolkit.training.recipes.ngram_pipeline import loss_weights

    reviews = make_reviews(4)
    teacher = np.array([0.5, np.nan, 0.5, np.nan], np.float32)
    texts = ["word " * count for count in (9, 49, 99, 400)]
    unlabelled = UnlabelledReviews("more", pa.chunked_array([texts]))
    data = FitData(replace(reviews, teacher=teacher), None, unlabelled)
    corpus = Corpus.of(NGRAM_CNN, data)
    found = loss_weights(corpus, 8, 100)  # the start id counts, too
    assert found == pytest.approx([1, 1.9, 1, 1.9, 0.1, 0.5, 1, 1])
    assert loss_weights(corpus, 4, 100).tolist() == [1, 1, 1, 1]


def test_domains_are_balanced_in_the_loss() -> None:
    """A domain counts by the root of its reviews; both labels count the same in it."""
    from toolkit.training.balance import balanced_weights

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
    task = FitTask(preset, FitData(noise, held_out), chosen, Reporter(), keeps_best=True)
    found = train.fit(task)
    losses = found.history["val_loss"]
    assert found.kept_epoch == losses.index(min(losses)) + 1
    assert found.validation is not None
    assert found.validation.log_loss == pytest.approx(min(losses), abs=0.03)


def test_few_reviews_are_gone_through_more_often() -> None:
    from toolkit.training.recipes.ragged_fit import Schedule

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
    found, _ = fit(preset, data, epochs=2)
    assert found.epochs == found.kept_epoch == found.most_epochs == 2


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any]:
    """A pipeline, and the network of `ngram-cnn` before it is frozen."""
    from toolkit.training.recipes.corpus import Corpus
    from toolkit.training.recipes.ngram_pipeline import STUDENT, NgramPipeline

    pipeline = NgramPipeline(Corpus.of(NGRAM_CNN, FitData(make_reviews(120))), 1, 0.5, Reporter())
    return pipeline, pipeline.convolution(STUDENT.enough(120))[0]


def test_freezing_keeps_what_a_student_says(trained: tuple[Any, Any]) -> None:
    """Rounding to 255 steps moves a logit by less than a twentieth of the logits' spread."""
    from toolkit.training.recipes.ragged_fit import logits

    pipeline, student = trained
    tokens = pipeline.corpus.tokens
    expected = logits(student, tokens, pipeline.rows)
    frozen = student.freeze(pipeline.bigrams, tokens)
    found = np.asarray(frozen(tokens.padded_rows(np.arange(len(tokens)))))[:, 0]
    assert np.abs(logits_of(found) - expected).max() < 0.05 * expected.std()
    assert expected.std() > 0.5


def test_the_worst_move_has_its_length_and_raises_the_loss(trained: tuple[Any, Any]) -> None:
    import tensorflow as tf

    from toolkit.training.recipes.cnn_networks import ADVERSARIAL

    pipeline, student = trained
    rows = np.arange(16)
    inputs = [
        pipeline.corpus.tokens.padded_rows(rows),
        pipeline.corpus.tokens.padded_rows(rows, pipeline.rows),
    ]
    targets = pipeline.corpus.targets[rows, None]
    vectors, is_token = student._vectors(inputs, training=False)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = student.compute_loss(
            None, targets, student.last(student._features(vectors, is_token))
        )
    move = student._worst_move(vectors, tape.gradient(loss, vectors))
    size = np.sqrt(np.mean(np.square(vectors), axis=(1, 2)))
    lengths = np.sqrt(np.sum(np.square(move), axis=(1, 2)))
    assert lengths == pytest.approx(ADVERSARIAL * size, rel=1e-4)
    moved = student.last(student._features(vectors + move, is_token))
    assert student.compute_loss(None, targets, moved) > loss * 1.05
