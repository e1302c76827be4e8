"""The epochs of a fit: which one is kept, when the fit ends, and how to resume it.

After each epoch, each fit is saved as a file of NumPy arrays, in a hidden folder beside the run
folder: the weights, the weights of the best epoch, the optimizer, the seeds of dropout, the order
of the batches and the history. So a training that was killed and resumed gives the same result.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.files import atomic_file, check_kept, hidden_beside, remove_tree
from toolkit.networks import import_keras, import_tensorflow
from toolkit.progress import check_unchanged, differences, unfinished
from toolkit.training.options import LINES, TrainingObserver, TrainingOptions
from toolkit.training.presets import option_of

History = dict[str, list[float]]

# Options that do not change what is fitted. Files count by their content, and `network` by each of
# its settings.
_OF_THE_RUN = {"output", "force", "resume", "start", "network"}
_FILES = {"data", "unlabelled", "teachers", "test_data", "validation_data", "test", "reading"}
_FACTS = "facts"  # the array that holds everything else as JSON
FOLDS = "folds"  # the part for the folds of the network that is kept
NOTHING_TO_RESUME = "no unfinished training to resume: starting with the first epoch"
_START_OVER = "start over with --force and without --resume."

# A log gets a line on the progress of an epoch after both, since the last line.
_SECONDS = 60.0
_SHARE = 0.1  # of the epoch


class Checkpoints:
    """The folder with the saved fits of an unfinished training."""

    def __init__(self, options: TrainingOptions, part: str = "") -> None:
        """Choose the folder; `part` names one of several networks that are tried."""
        self._options = options
        self._folder = hidden_beside(options.run, "training") / part
        self._identity: dict[str, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether an epoch was saved."""
        return any(self._folder.rglob("*.npz"))

    def check(self) -> None:
        """Raise `UsageError` if there is progress, and neither --resume nor --force is given."""
        if self.is_there and not (self._options.resume or self._options.force):
            raise unfinished(self._options.run, "training")

    def open(self, data: str, observer: TrainingObserver) -> None:
        """Prepare the folder: check progress that is to be resumed, or remove it.

        ``data`` is the fingerprint of all files that were read. Raises `UsageError` if the progress
        is from other data, options or versions.
        """
        check_kept(self._folder, is_folder=True)
        for path in self._folder.glob("*.npz"):
            check_kept(path)
        self._identity = _identity_of(self._options, data)
        if not self._options.resume:
            self.remove()
        elif not self.is_there:
            observer.say(NOTHING_TO_RESUME)
        for path in self._folder.glob("*.npz"):
            self._check(path)

    def _check(self, path: Path) -> None:
        with _reading(path):
            found = dict(_load(path)[0]["identity"])
        changed = sorted(differences(found, self._identity, also=found))
        if (preset := option_of("preset")) in changed:
            changed = [preset]  # the others have changed with its defaults
        check_unchanged(self._options.run, changed, _START_OVER)

    def of_fit(self, number: int) -> SavedFit:
        """Return the file of a fit: a fold from 1, or 0 for the network that is kept."""
        return SavedFit(self._folder / f"fit-{number}.npz", self._identity)

    def remove(self) -> None:
        """Remove the progress, or the progress of the part."""
        remove_tree(self._folder)


@dataclass(frozen=True)
class SavedFit:
    """The file of a fit, which may not exist yet."""

    path: Path
    identity: dict[str, str]  # what the fit depends on, by name

    def load(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]] | None:
        """Return facts and arrays; None if no epoch was saved."""
        return _load(self.path) if self.path.is_file() else None

    def save(self, facts: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Write facts and arrays, replacing the file atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({**facts, "identity": self.identity}).encode()
        with atomic_file(self.path, force=True) as partial, partial.open("wb") as file:
            named: dict[str, Any] = {_FACTS: np.frombuffer(content, np.uint8), **arrays}
            np.savez(file, **named)


def _load(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    with path.open("rb") as opened, np.load(opened) as file:
        arrays = dict(file)
    return json.loads(arrays.pop(_FACTS).tobytes()), arrays


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise `UsageError` if a file is not as `SavedFit` writes it."""
    wrong = OSError, ValueError, LookupError, TypeError, AttributeError, EOFError
    try:
        yield
    except (*wrong, zipfile.BadZipFile):
        raise UsageError(f"{path}: the progress is damaged: {_START_OVER}") from None


def _identity_of(options: TrainingOptions, data: str) -> dict[str, str]:
    """Return what a fit depends on, by the names that users know."""
    preset = options.chosen_preset
    # Resolved values, so that giving an option with its default changes nothing.
    resolved = {
        "preset": preset.name,
        **{name: getattr(preset, name) for name in vars(options.network)},
        "epochs": options.most_epochs,
        "early_stopping": options.stops_early,
        "batch_size": options.reviews_per_step,
        "teacher_weight": options.teacher_share,
    }
    found = {"the data": data, "the version of the toolkit": __version__}
    for module in (import_tensorflow(), import_keras(), np):
        found[f"the version of {module.__name__}"] = module.__version__
    for name, value in (asdict(options) | resolved).items():
        if name not in _OF_THE_RUN | _FILES:
            found[option_of(name)] = json.dumps(value, sort_keys=True, default=str)
    return found


@dataclass(frozen=True)
class Epochs:
    """How many epochs a fit has, and which weights are kept."""

    most: int
    patience: int | None = None  # end after this many epochs without a lower validation loss
    keeps_best: bool = False  # keep the weights with the lowest validation loss, else the last
    observer: TrainingObserver = field(default_factory=TrainingObserver)
    saved: SavedFit | None = None

    def run(
        self, network: Any, *data: Any, randoms: Sequence[np.random.Generator] = (), **settings: Any
    ) -> History:
        """Call `network.fit` for the epochs that are left; return the history of all epochs.

        `randoms` are the generators that decide the order of the batches.
        """
        return _RunningFit(self, network, randoms).fit(*data, **settings)


def lowest(losses: Sequence[float]) -> int:
    """Return the position of the lowest loss, the first of equal ones; NaN counts as highest."""
    return min(range(len(losses)), key=lambda at: (isnan(losses[at]), losses[at]))


class _RunningFit:
    """A fit while it runs."""

    def __init__(
        self, epochs: Epochs, network: Any, randoms: Sequence[np.random.Generator]
    ) -> None:
        self._epochs = epochs
        self._network = network
        self._randoms = randoms
        self._history: History = {}
        self._best: list[npt.NDArray[Any]] = []  # weights of the best epoch
        network.optimizer.build(network.trainable_variables)
        # These include the seeds of dropout.
        self._variables = [*network.variables, *network.optimizer.variables]
        self._began = 0.0  # when the epoch began, in seconds
        self._reported = 0.0  # when its progress was last reported, in seconds
        self._reported_share = 0.0  # of the epoch

    @property
    def _done(self) -> int:
        return len(self._history.get("loss", ()))

    @property
    def _since_best(self) -> int:
        losses = self._history.get("val_loss")
        return self._done - 1 - lowest(losses) if losses else 0

    @property
    def _is_over(self) -> bool:
        patience = self._epochs.patience
        return patience is not None and self._since_best >= patience

    def fit(self, *data: Any, **settings: Any) -> History:
        epochs = self._epochs
        progress = self._epochs.observer.progress
        self._resume()
        if self._done < epochs.most and not self._is_over:
            callbacks: dict[str, Any] = {"on_epoch_end": self._end}
            if progress == LINES:
                callbacks |= {"on_epoch_begin": self._begin, "on_train_batch_end": self._step}
            self._callback = import_keras().callbacks.LambdaCallback(**callbacks)
            self._network.fit(
                *data,
                initial_epoch=self._done,
                epochs=epochs.most,
                callbacks=[self._callback],
                verbose=progress,
                **settings,
            )
        if self._best:
            self._network.set_weights(self._best)
        return self._history

    def _begin(self, *_: Any) -> None:
        self._began = time.monotonic()
        self._reported = self._began
        self._reported_share = 0.0

    def _step(self, batch: int, **_: Any) -> None:
        """Report now and then the share of the epoch that is done, and the time left."""
        now = time.monotonic()
        share = (batch + 1) / self._callback.params["steps"]
        is_soon = now < self._reported + _SECONDS or share < self._reported_share + _SHARE
        if is_soon or share >= 1:
            return
        self._reported = now
        self._reported_share = share
        left = (now - self._began) / share * (1 - share)
        self._epochs.observer.say(
            f"  epoch {self._done + 1}: {share:.0%}, about {max(left / 60, 1):.0f} min left"
        )

    def _end(self, _epoch: int, logs: dict[str, Any]) -> None:
        """Add an epoch to the history, and save it."""
        for name, value in logs.items():
            self._history.setdefault(name, []).append(float(value))
        if self._epochs.keeps_best and not self._since_best:
            self._best = self._network.get_weights()
        self._network.stop_training = self._is_over
        if self._epochs.saved is not None:
            states = [random.bit_generator.state for random in self._randoms]
            arrays = {f"now-{at}": np.asarray(each) for at, each in enumerate(self._variables)}
            arrays |= {f"best-{at}": each for at, each in enumerate(self._best)}
            self._epochs.saved.save({"history": self._history, "randoms": states}, arrays)

    def _resume(self) -> None:
        """Restore the state after the last saved epoch, if there is one."""
        saved = self._epochs.saved
        if saved is None or (found := saved.load()) is None:
            return
        facts, arrays = found
        with _reading(saved.path):
            self._history = facts["history"]
            for random, state in zip(self._randoms, facts["randoms"], strict=True):
                random.bit_generator.state = state
            for at, variable in enumerate(self._variables):
                variable.assign(arrays[f"now-{at}"])
            if self._epochs.keeps_best:
                now = self._network.get_weights()
                self._best = [
                    arrays[f"best-{at}"].reshape(each.shape) for at, each in enumerate(now)
                ]
        self._epochs.observer.say(
            f"resumed after epoch {self._done} of at most {self._epochs.most}"
        )
