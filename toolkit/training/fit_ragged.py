"""Fit a network on ragged rows, in batches of about equal lengths, and freeze it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.classes import DEFAULT_THRESHOLD
from toolkit.networks import import_keras, import_tensorflow
from toolkit.networks.bigrams import Bigrams
from toolkit.records.labels import Rows, Targets
from toolkit.text.token_ids import FIRST_WORD_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.data import FitData, FitTask, check_words
from toolkit.training.epochs import Epochs, History
from toolkit.training.presets import Preset
from toolkit.training.result import PATIENCE, Fit
from toolkit.training.reviews import balanced_weights, joined, known_or_nan

keras: Any = import_keras()
tf: Any = import_tensorflow()
ops = keras.ops

_WARM_UP_STEPS = 100
_FEWEST_STEPS = 300  # with fewer, a network hardly learns
_FEWEST_BATCHES = 20
_MOST_EPOCHS = 30
_WIDTHS = 32  # batches are padded to multiples of it, so that TensorFlow sees few shapes
_ROWS_TO_PREDICT = 256

# Label smoothing, used with a teacher: no single review can pull without bound.
_DOUBT = 0.02

# Loss weight of labelled reviews without a teacher score; all others weigh at most 1.
_LABEL_WEIGHT = 1.9


@dataclass(frozen=True)
class Examples:
    """The arrays that a network is fitted on."""

    tokens: TokenIds
    bigrams: Ids | None  # (all tokens,) int32 rows; None for a network without bigrams
    targets: Targets  # (reviews,) float32, probabilities of positive or numbers of classes
    weights: Targets  # (reviews,) float32, in the loss
    classes: int | None = None  # number of a user's own classes; None: negative and positive

    def targets_of(self, rows: Rows) -> Targets:
        """Return the targets of some rows, (rows, 1), or of each class, (rows, classes)."""
        targets: Targets = self.targets[rows, None]
        if self.classes is None:
            return targets
        is_class = np.equal(targets, np.arange(self.classes))
        of_classes: Targets = is_class.astype(np.float32)
        return of_classes


@dataclass(frozen=True)
class Schedule:
    """How to fit: Adam's rate warms up to `learning_rate`, then falls to zero along a cosine.

    `word_dropout` is the share of words, and of bigrams, that are replaced by unknown in each step.
    Texts without labels weigh less if they have fewer tokens than `tokens_of_a_review`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    word_dropout: float = 0.0
    tokens_of_a_review: int = 100

    def enough(
        self, reviews: int, epochs: int | None = None, batch_size: int | None = None
    ) -> Schedule:
        """Return smaller batches and more epochs for few reviews, unless the user chose them."""
        if batch_size is None:
            batch_size = max(min(self.batch_size, reviews // _FEWEST_BATCHES), 1)
        if epochs is None:
            steps = -(-reviews // batch_size)
            epochs = max(self.epochs, min(-(-_FEWEST_STEPS // steps), _MOST_EPOCHS))
        return replace(self, batch_size=batch_size, epochs=epochs)


def fit(
    network: Any,
    examples: Examples,
    schedule: Schedule,
    seed: int,
    epochs: Epochs,
    held_out: Examples | None = None,
) -> History:
    """Fit a network that returns logits with cross-entropy and Adam.

    Logits are (rows, 1) float32, or (rows, classes) for examples of classes.

    The history has `loss` and `accuracy` by epoch, and with held-out reviews `val_…` of both. The
    learning rate follows the schedule even if `epochs` are fewer than the schedule has.
    """
    keras.utils.set_random_seed(seed)
    fitted = _Batches(examples, schedule, seed)
    steps = schedule.epochs * len(fitted)
    warm_up = min(_WARM_UP_STEPS, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=schedule.learning_rate, warmup_steps=warm_up
    )
    if examples.classes is None:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.MeanMetricWrapper(_is_right, name="accuracy")
    else:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    network.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=[accuracy])
    measured = None if held_out is None else _Batches(held_out, _MEASURING, seed)
    return epochs.run(
        network,
        fitted.dataset(),
        randoms=[each.random for each in (fitted, measured) if each is not None],
        shuffle=False,
        validation_data=None if measured is None else measured.dataset(),
    )


_MEASURING = Schedule(epochs=1, batch_size=_ROWS_TO_PREDICT, learning_rate=0.0)


def _is_right(targets: Any, found: Any) -> Any:
    """Whether each logit is on the side of its target."""
    return ops.cast(ops.equal(targets >= DEFAULT_THRESHOLD, found >= 0.0), "float32")[:, 0]


def batches(lengths: Rows, size: int, random: np.random.Generator) -> Iterator[Rows]:
    """Split rows into batches of about equal lengths, in random order."""
    order = np.argsort(np.log(lengths) + random.normal(0, 0.1, len(lengths)), kind="stable")
    starts = np.arange(0, len(order), size)
    random.shuffle(starts)
    for start in starts:
        yield order[start : start + size]


class _Batches:
    """The batches of an epoch, drawn again in each epoch."""

    def __init__(self, examples: Examples, schedule: Schedule, seed: int) -> None:
        self._examples = examples
        self._schedule = schedule
        self.random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return math.ceil(len(self._examples.tokens) / self._schedule.batch_size)

    def dataset(self) -> Any:
        """Return a `tf.data.Dataset`; Keras's `PyDataset` would expect one width in all batches."""
        ids = tf.TensorSpec((None, None), tf.int32)
        inputs = ids if self._examples.bigrams is None else (ids, ids)
        targets = tf.TensorSpec((None, self._examples.classes or 1), tf.float32)
        weights = tf.TensorSpec((None,), tf.float32)
        return tf.data.Dataset.from_generator(
            self._epoch, output_signature=(inputs, targets, weights)
        ).apply(tf.data.experimental.assert_cardinality(len(self)))

    def _epoch(self) -> Iterator[tuple[Any, Targets, Targets]]:
        examples = self._examples
        size = self._schedule.batch_size
        for rows in batches(examples.tokens.lengths, size, self.random):
            yield self._inputs(rows), examples.targets_of(rows), examples.weights[rows]

    def _inputs(self, rows: Rows) -> Any:
        tokens = self._examples.tokens
        bigrams = self._examples.bigrams
        ids = tokens.padded_rows(rows, multiple=_WIDTHS)
        ids[self._drawn(ids) & (ids >= FIRST_WORD_ID)] = UNKNOWN_ID
        if bigrams is None:
            return ids
        pairs = tokens.padded_rows(rows, bigrams, multiple=_WIDTHS)
        pairs[self._drawn(pairs)] = 0
        return ids, pairs

    def _drawn(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Draw the ids to drop."""
        share = self._schedule.word_dropout
        return self.random.random(ids.shape) < share if share else np.zeros(ids.shape, np.bool_)


@dataclass(frozen=True)
class Corpus:
    """All reviews of a fit as rows of token ids: labelled reviews, then unlabelled ones.

    `tokens` are the last `max_tokens` ids of each review. The vocabulary is of all reviews; a
    network learns from the reviews that have a label or a teacher score.
    """

    data: FitData
    vocabulary: Vocabulary
    tokens: TokenIds
    max_tokens: int

    @classmethod
    def of(cls, preset: Preset, data: FitData) -> Corpus:
        """Build the vocabulary and the token ids; raise `TrainingError` if there are no words."""
        parts = [data.fitted.texts]
        if data.unlabelled is not None:
            parts.append(data.unlabelled.texts)
        texts = joined(parts)
        vocabulary = Vocabulary.build(texts, preset.vocabulary_size)
        check_words(vocabulary, data.fitted)
        most = preset.max_tokens
        return cls(
            data=data,
            vocabulary=vocabulary,
            tokens=rows_of(vocabulary, texts, most),
            max_tokens=most,
        )

    def examples(
        self, schedule: Schedule, teacher_weight: float, bigrams: Bigrams | None = None
    ) -> Examples:
        """Return targets and weights of the reviews that a network learns from.

        Without a teacher, the targets are the labels. With one, a smoothed label is mixed with the
        teacher score by ``teacher_weight`` (0 to 1); unlabelled reviews get the teacher score, or
        are left out without one. In the loss, short unlabelled texts weigh less, and labelled
        reviews without a teacher score weigh most.
        """
        fitted = self.data.fitted
        unlabelled = self.data.unlabelled
        targets = fitted.targets
        weights = balanced_weights(fitted)
        labelled = len(fitted)
        teacher = known_or_nan(fitted.teacher, labelled)
        others = known_or_nan(None, 0)
        if unlabelled is not None:
            others = known_or_nan(unlabelled.teacher, len(unlabelled))
        known = ~np.isnan(teacher)
        taught = ~np.isnan(others)
        if known.any() or taught.any():
            labels = (_DOUBT + (1 - 2 * _DOUBT) * targets).astype(np.float64)
            mixed = (1 - teacher_weight) * labels + teacher_weight * teacher
            mixed = np.where(known, mixed, labels)
            targets = np.concatenate([mixed, others[taught]]).astype(np.float32)
        rows = np.concatenate([np.arange(labelled), labelled + np.flatnonzero(taught)])
        tokens = self.tokens.take(rows)
        if taught.any():
            shares = np.minimum(tokens.lengths / schedule.tokens_of_a_review, 1)
            shares[:labelled] = np.where(known, 1, _LABEL_WEIGHT) * weights
            weights = shares.astype(np.float32)
        return Examples(
            tokens=tokens,
            bigrams=_rows(bigrams, tokens),
            targets=targets,
            weights=weights,
            classes=self.data.classes,
        )

    def held_out(self, bigrams: Bigrams | None = None) -> Examples | None:
        """Return the held-out reviews as arrays, with their labels as targets; or None."""
        reviews = self.data.held_out
        if reviews is None:
            return None
        tokens = rows_of(self.vocabulary, reviews.texts, self.max_tokens)
        labels = reviews.labels.astype(np.float32)
        return Examples(
            tokens=tokens,
            bigrams=_rows(bigrams, tokens),
            targets=labels,
            weights=balanced_weights(reviews),
            classes=self.data.classes,
        )


def rows_of(vocabulary: Vocabulary, texts: pa.ChunkedArray, most: int) -> TokenIds:
    """Return the last `most` ids of each text, with the start id among them."""
    return vocabulary.encode(texts, last=most).with_start(most)


def _rows(bigrams: Bigrams | None, tokens: TokenIds) -> Ids | None:
    """Return the row of the bigram that ends at each token; None without bigrams."""
    return None if bigrams is None else bigrams.rows(tokens)


def start(task: FitTask) -> Corpus:
    """Turn the reviews into ids, and make the fit depend on the seed alone."""
    import_keras().utils.clear_session()
    # Otherwise threads add up in any order.
    import_tensorflow().config.experimental.enable_op_determinism()
    corpus = Corpus.of(task.preset, task.data)
    if task.introduces:
        tokens = corpus.tokens
        task.observer.say(f"vocabulary: {len(corpus.vocabulary.words):,} words")
        task.observer.say(f"{len(tokens):,} reviews to learn from, {len(tokens.values):,} tokens")
    return corpus


def fit_and_freeze(
    task: FitTask,
    corpus: Corpus,
    network: Any,
    freeze: Callable[[], Any],
    schedule: Schedule,
    examples: Examples,
    bigrams: Bigrams | None = None,
) -> Fit:
    """Fit a network that returns logits, and freeze it; options override the schedule."""
    preset = task.preset
    options = task.options
    schedule = replace(schedule, epochs=preset.epochs, batch_size=preset.batch_size).enough(
        len(examples.targets), options.epochs, options.batch_size
    )
    held_out = corpus.held_out(bigrams)
    stops_early = options.stops_early and held_out is not None
    # A preset that never stops early still keeps its best epoch, if the task asks for it.
    keeps_best = stops_early or (
        task.keeps_best and not preset.stops_early and held_out is not None
    )
    epochs = Epochs(
        most=schedule.epochs if task.epochs is None else min(task.epochs, schedule.epochs),
        patience=PATIENCE if stops_early else None,
        keeps_best=keeps_best,
        observer=task.observer,
        saved=task.saved,
    )
    history = fit(
        network=network,
        examples=examples,
        schedule=schedule,
        seed=options.seed,
        epochs=epochs,
        held_out=held_out,
    )
    return Fit(
        network=freeze(),
        history=history,
        keeps_best=keeps_best,
        most_epochs=epochs.most,
        batch_size=schedule.batch_size,
        vocabulary=corpus.vocabulary,
        vocabulary_size=corpus.vocabulary.size,
    )
