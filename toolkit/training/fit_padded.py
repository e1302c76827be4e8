"""The recipe `padded`: Keras fits the network on rows of token ids of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.classes import DEFAULT_THRESHOLD
from toolkit.networks import import_keras, import_tensorflow
from toolkit.records.labels import Targets
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.data import FitData, FitTask, check_words
from toolkit.training.epochs import Epochs
from toolkit.training.presets import Preset
from toolkit.training.result import PATIENCE, Fit
from toolkit.training.reviews import ClassNumbers, Reviews, balanced_weights

if TYPE_CHECKING:
    import keras


class PaddedReviews(NamedTuple):
    """Reviews in the arrays that Keras expects."""

    ids: Ids  # (reviews, max_tokens) int32, padded in front with 0
    # (reviews,) int8 labels or int16 classes, or float32 if the targets are soft
    targets: ClassNumbers | Targets
    weights: Targets | None = None  # (reviews,) float32, in the loss; None if all are equal

    @property
    def is_soft(self) -> bool:
        """Whether the targets are soft labels, or mixed with a teacher."""
        return self.targets.dtype == np.float32

    def sizes(self, name: str) -> str:
        """Return a line of shapes and types, with the names of variables in the tutorial."""
        x = self.ids
        y = self.targets
        return f"x_{name} {x.shape} {x.dtype}  y_{name} {y.shape} {y.dtype}"


class Encoded(NamedTuple):
    """A vocabulary, and the reviews of a fit as token ids."""

    vocabulary: Vocabulary
    fitted: PaddedReviews
    held_out: PaddedReviews | None


def build_network(preset: Preset, seed: int, classes: int | None = None) -> keras.Model:
    """Make the network of a preset; its initial weights depend on the seed alone.

    `classes` is the number of a user's own classes; None: negative and positive.
    """
    keras = import_keras()
    # Otherwise Keras numbers the layers of a second network differently.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    # Otherwise threads add up in any order. For these networks, it is not slower on a CPU.
    import_tensorflow().config.experimental.enable_op_determinism()
    if preset.build is None:
        raise ValueError(f"preset {preset.name}: the recipe 'padded' needs its `build`")
    rates = (preset.dropout, preset.learning_rate) if preset.is_adjustable else ()
    sizes = (preset.vocabulary_size, preset.max_tokens)
    if classes is None:
        return preset.build(*sizes, *rates)
    return preset.build(*sizes, *rates, classes=classes)


def fit(task: FitTask) -> Fit:
    """Fit a network on padded rows; keep the best epoch with early stopping, else the last."""
    preset = task.preset
    options = task.options
    encoded = encode(preset, task.data, options.teacher_share)
    if task.introduces:
        _introduce(task, encoded)
    fitted = encoded.fitted
    network = build_network(preset, options.seed, task.data.classes)
    if fitted.is_soft:
        _compile(network, [_rounded_accuracy()])
    keeps_best = options.stops_early and encoded.held_out is not None
    most_epochs = options.most_epochs if task.epochs is None else task.epochs
    patience = PATIENCE if keeps_best else None
    epochs = Epochs(
        most=most_epochs,
        patience=patience,
        keeps_best=keeps_best,
        observer=task.observer,
        saved=task.saved,
    )
    history = epochs.run(
        network,
        fitted.ids,
        fitted.targets,
        sample_weight=fitted.weights,
        validation_data=encoded.held_out,
        batch_size=options.reviews_per_step,
    )
    if fitted.is_soft:
        _compile(network, ["accuracy"])  # so that the saved network loads without this package
    return Fit(
        network=network,
        history=history,
        keeps_best=keeps_best,
        most_epochs=most_epochs,
        batch_size=options.reviews_per_step,
        vocabulary=encoded.vocabulary,
        vocabulary_size=preset.vocabulary_size,
    )


def encode(preset: Preset, data: FitData, teacher_weight: float = 0.5) -> Encoded:
    """Turn reviews into token ids; only words of fitted reviews are known, as with new reviews."""
    vocabulary = Vocabulary.build(data.fitted.texts, preset.vocabulary_size)
    check_words(vocabulary, data.fitted)

    def part(reviews: Reviews, targets: ClassNumbers | Targets) -> PaddedReviews:
        ids = vocabulary.encode(reviews.texts, last=preset.max_tokens).padded(preset.max_tokens)
        weights = None if reviews.domains is None else balanced_weights(reviews)
        return PaddedReviews(ids, targets, weights)

    labels = data.fitted.labels
    blended = data.fitted.blended(teacher_weight)
    fitted = part(data.fitted, labels if np.array_equal(blended, labels) else blended)
    held_out = None if data.held_out is None else part(data.held_out, data.held_out.labels)
    return Encoded(vocabulary, fitted, held_out)


def _introduce(task: FitTask, encoded: Encoded) -> None:
    """Report the vocabulary, the shapes of the arrays, and the layers of the network."""
    words = len(encoded.vocabulary.words)
    lines = [f"vocabulary: {words:,} words", encoded.fitted.sizes("train")]
    if encoded.held_out is not None:
        lines.append(encoded.held_out.sizes("valid"))
    lines.append("")
    network = build_network(task.preset, task.options.seed, task.data.classes)
    network.summary(line_length=76, print_fn=lines.append)
    for line in "\n".join(lines).split("\n"):
        task.observer.say(line)


def _compile(network: keras.Model, metrics: list[Any]) -> None:
    network.compile(optimizer=network.optimizer, loss=network.loss, metrics=metrics)


def _rounded_accuracy() -> Any:
    """Return a metric of accuracy with rounded targets: Keras's own expects hard labels."""
    keras = import_keras()

    def is_right(targets: Any, found: Any) -> Any:
        # The targets of held-out reviews are integers.
        labels = keras.ops.cast(targets, "float32") >= DEFAULT_THRESHOLD
        return keras.metrics.binary_accuracy(labels, found)

    return keras.metrics.MeanMetricWrapper(is_right, name="accuracy")
