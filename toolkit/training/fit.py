"""Fitting one network, the same way each time for one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.networks.backend import import_keras, import_tensorflow
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.arrays import Arrays, encode
from toolkit.training.judging import Probabilities, Scores, probabilities, scores
from toolkit.training.material import Material
from toolkit.training.options import TrainingOptions
from toolkit.training.presets.base import PaddedPreset
from toolkit.training.reporter import Progress, Reporter

if TYPE_CHECKING:
    import keras

PATIENCE = 3  # epochs without a lower validation loss


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
        From 1: the one with the lowest validation loss; the last one if nothing is held out, or if
        the preset always keeps it.
    batch_size : int
        Reviews of a step of the optimizer.
    vocabulary : Vocabulary
        The words that it knows.
    vocabulary_size : int
        Every token id is below it.
    held_out : Probabilities | None
        What the kept weights give to the held-out reviews.
    validation : Scores | None
        How well they do there.
    """

    network: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    batch_size: int
    vocabulary: Vocabulary
    vocabulary_size: int
    held_out: Probabilities | None = None
    validation: Scores | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were run."""
        return len(self.history["loss"])


def build_network(preset: PaddedPreset, seed: int) -> keras.Model:
    """Make the network of a preset with start weights that only the seed decides."""
    keras = import_keras()
    # Forgets the names given to earlier layers, so that a second network has the same ones.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    # Otherwise sums over threads come in any order. No slower on a CPU for these networks.
    import_tensorflow().config.experimental.enable_op_determinism()
    return preset.build(preset)


def fit_padded(
    preset: PaddedPreset,
    material: Material,
    options: TrainingOptions,
    reporter: Reporter,
    *,
    epochs: int | None = None,
    introduces: bool = False,
) -> Fit:
    """Fit a network with fresh weights on padded rows; see `Preset.fit`."""
    arrays = encode(preset, material, options.teacher_weight)
    if introduces:
        _introduce(preset, arrays, options, reporter)
    return fit(preset, arrays, options, reporter.progress, epochs)


def fit(
    preset: PaddedPreset,
    arrays: Arrays,
    options: TrainingOptions,
    progress: Progress,
    epochs: int | None = None,
) -> Fit:
    """Fit a network with fresh weights on arrays.

    Parameters
    ----------
    preset : PaddedPreset
        The network.
    arrays : Arrays
        What to fit it on. Without a held-out part every epoch is run and the last weights stay.
    options : TrainingOptions
        Epochs, batch size, seed, and whether to stop early.
    progress : Progress
        What Keras shows meanwhile.
    epochs : int | None
        Passes over the reviews that other fits found best; None: as the options say.

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
        epochs=options.most_epochs if epochs is None else epochs,
        batch_size=options.reviews_per_step,
        callbacks=_early_stopping() if options.stops_early and held_out is not None else [],
        verbose=progress,
    )
    if part.targets is not None:
        _compile(network, ["accuracy"])  # what is saved loads without this package
    history = fitted.history
    found = None if held_out is None else probabilities(network, held_out.ids)
    return Fit(
        network,
        history,
        best_epoch=_best_epoch(history),
        batch_size=options.reviews_per_step,
        vocabulary=arrays.vocabulary,
        vocabulary_size=preset.vocabulary_size,
        held_out=found,
        validation=None if found is None or held_out is None else scores(found, held_out.labels),
    )


def _introduce(
    preset: PaddedPreset, arrays: Arrays, options: TrainingOptions, reporter: Reporter
) -> None:
    """Show what is about to be fitted on what."""
    reporter.encoded(arrays)
    for words, label in arrays.samples(options.show_samples, options.seed):
        reporter.sample(words, label)
    lines: list[str] = []
    build_network(preset, options.seed).summary(line_length=76, print_fn=lines.append)
    reporter.network("\n".join(lines))


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
