"""What a preset is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from toolkit.training.fit import Fit
    from toolkit.training.material import Material
    from toolkit.training.options import TrainingOptions
    from toolkit.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class Preset(ABC):
    """A kind of network, with the sizes of its input and the way it is trained.

    Attributes
    ----------
    name : str
        What `--preset` calls it.
    summary : str
        One line for the help text.
    vocabulary_size : int
        Number of token ids, the four reserved ones included; every id is below it.
    max_tokens : int
        Most ids of a row, the start id included.
    epochs : int
        Passes over the reviews, at most, unless the user chooses.
    batch_size : int
        Reviews of a step, unless the user chooses.
    stops_early : bool
        Whether a fit ends when the validation loss no longer falls; else it has a fixed length.
    uses_unlabelled : bool
        Whether its fit has a use for reviews without labels; without one, `--unlabelled` is
        refused.
    has_fixed_length : bool
        Whether every row is padded to `max_tokens`; else to the longest one of a batch.
    """

    name: str
    summary: str
    vocabulary_size: int
    max_tokens: int
    epochs: int
    batch_size: int
    stops_early: bool = False
    uses_unlabelled: bool = False
    has_fixed_length: bool = False

    @abstractmethod
    def fit(
        self,
        material: Material,
        options: TrainingOptions,
        reporter: Reporter,
        *,
        epochs: int | None = None,
        introduces: bool = False,
    ) -> Fit:
        """Fit a network with fresh weights.

        Parameters
        ----------
        material : Material
            Reviews to fit on, and held-out ones to measure on.
        options : TrainingOptions
            The settings.
        reporter : Reporter
            Hears of the steps.
        epochs : int | None
            Passes over the reviews that other fits found best; None: as the options say.
        introduces : bool
            Whether to show first what is fitted on what.

        Returns
        -------
        Fit
            With a network (batch, tokens) int32 → (batch, 1) float32, the probability of a
            positive review, not calibrated.
        """


@dataclass(frozen=True, kw_only=True)
class PaddedPreset(Preset):
    """A network that Keras fits on rows of one length.

    Attributes
    ----------
    build : Callable[[Preset], keras.Model]
        Makes the network with fresh weights, compiled with its optimizer, binary cross-entropy
        and the metric `accuracy`: (batch, max_tokens) int32 → (batch, 1) float32.
    """

    build: Callable[[Preset], keras.Model]
    stops_early: bool = True
    has_fixed_length: bool = True

    def fit(
        self,
        material: Material,
        options: TrainingOptions,
        reporter: Reporter,
        *,
        epochs: int | None = None,
        introduces: bool = False,
    ) -> Fit:
        """Fit the network on padded rows; see `Preset.fit`."""
        from toolkit.training.fit import fit_padded

        return fit_padded(self, material, options, reporter, epochs=epochs, introduces=introduces)
