"""How presets are fitted, by the name of the recipe. Importing this imports Keras."""

from __future__ import annotations

from typing import Protocol

from toolkit.training.data import FitData
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import Preset
from toolkit.training.recipes import ngrams, padded
from toolkit.training.reporter import Reporter
from toolkit.training.result import Fit


class Recipe(Protocol):
    """Fits a network with fresh weights."""

    def __call__(
        self,
        preset: Preset,
        data: FitData,
        options: TrainingOptions,
        reporter: Reporter,
        *,
        epochs: int | None = None,
        introduces: bool = False,
    ) -> Fit:
        """Fit, and measure on what is held out.

        ``epochs`` are those that other fits found best, None for what the options say;
        ``introduces`` says whether to show first what is fitted on what.
        """


# To add a recipe, add an entry.
RECIPES: dict[str, Recipe] = {
    "padded": padded.fit,
    "ngram-linear": ngrams.fit_linear,
    "ngram-cnn": ngrams.fit_cnn,
}
