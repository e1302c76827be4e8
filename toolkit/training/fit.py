"""Fitting one network, the same way each time for one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.backend import import_keras, import_tensorflow
from toolkit.training.arrays import Arrays, Part
from toolkit.training.options import TrainingOptions
from toolkit.training.presets.base import Preset
from toolkit.training.reporter import Progress

if TYPE_CHECKING:
    import keras

PATIENCE = 3  # epochs without a lower validation loss
_ROWS_TO_MEASURE = 512  # at once; results do not depend on it


@dataclass(frozen=True)
class Scores:
    """How well a network does on reviews: mean binary cross-entropy, and share of right labels."""

    loss: float
    accuracy: float
    reviews: int


@dataclass(frozen=True)
class Fit:
    """A fitted network and how it came about.

    Attributes
    ----------
    network : keras.Model
        With the weights that are kept.
    history : dict[str, list[float]]
        By epoch: `loss`, `accuracy`, and with held-out reviews `val_loss`, `val_accuracy`. Those
        on fitted reviews are measured during the epoch, with dropout.
    best_epoch : int
        From 1: the one with the lowest validation loss; the last one if nothing is held out.
    validation : Scores | None
        Of the kept weights on the held-out reviews.
    """

    network: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    validation: Scores | None

    @property
    def epochs(self) -> int:
        """How many epochs were run."""
        return len(self.history["loss"])


def build_network(preset: Preset, seed: int) -> keras.Model:
    """Make the network of a preset with start weights that only the seed decides."""
    keras = import_keras()
    # Forgets the names given to earlier layers, so that a second network has the same ones.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    # Otherwise sums over threads come in any order. No slower on a CPU for these networks.
    import_tensorflow().config.experimental.enable_op_determinism()
    return preset.build(preset)


def fit(preset: Preset, arrays: Arrays, options: TrainingOptions, progress: Progress) -> Fit:
    """Fit a network with fresh weights.

    Parameters
    ----------
    preset : Preset
        The network.
    arrays : Arrays
        What to fit it on. Without a held-out part every epoch is run and the last weights stay.
    options : TrainingOptions
        Epochs, batch size, seed, and whether to stop early.
    progress : Progress
        What Keras shows meanwhile.

    Returns
    -------
    Fit
        With early stopping, the network has the weights of its best epoch.
    """
    network = build_network(preset, options.seed)
    part, held_out = arrays.fitted, arrays.held_out
    if part.targets is not None:
        _compile(network, [_rounded_accuracy()])
    fitted = network.fit(
        part.ids,
        part.labels if part.targets is None else part.targets,
        validation_data=None if held_out is None else (held_out.ids, held_out.labels),
        epochs=options.epochs,
        batch_size=options.batch_size,
        callbacks=_early_stopping() if options.early_stopping and held_out is not None else [],
        verbose=progress,
    )
    if part.targets is not None:
        _compile(network, ["accuracy"])  # what is saved loads without this package
    history = fitted.history
    return Fit(
        network,
        history,
        best_epoch=_best_epoch(history),
        validation=None if held_out is None else measure(network, held_out),
    )


def measure(network: keras.Model, part: Part) -> Scores:
    """Loss and accuracy of a network, without dropout."""
    found = network.evaluate(
        part.ids, part.labels, batch_size=_ROWS_TO_MEASURE, verbose=0, return_dict=True
    )
    return Scores(float(found["loss"]), float(found["accuracy"]), len(part.labels))


def _compile(network: keras.Model, metrics: list[Any]) -> None:
    network.compile(optimizer=network.optimizer, loss=network.loss, metrics=metrics)


def _rounded_accuracy() -> Any:
    """Share of right labels by rounded targets; to Keras, no prediction would equal a soft one."""
    keras = import_keras()

    def is_right(targets: Any, probabilities: Any) -> Any:
        labels = keras.ops.cast(targets, "float32") >= 0.5  # those held out are integers
        return keras.metrics.binary_accuracy(labels, probabilities)

    return keras.metrics.MeanMetricWrapper(is_right, name="accuracy")


def _early_stopping() -> list[Any]:
    stopping = import_keras().callbacks.EarlyStopping(
        monitor="val_loss", patience=PATIENCE, restore_best_weights=True
    )
    return [stopping]


def _best_epoch(history: dict[str, list[float]]) -> int:
    losses = history.get("val_loss")
    return len(history["loss"]) if losses is None else losses.index(min(losses)) + 1
