"""How presets are fitted, by the name of the recipe. Importing this imports Keras."""

from __future__ import annotations

from collections.abc import Callable

from toolkit.training import fit_ngrams as ngrams
from toolkit.training import fit_padded as padded
from toolkit.training.data import FitTask
from toolkit.training.result import Fit

# To add a recipe, add an entry.
RECIPES: dict[str, Callable[[FitTask], Fit]] = {
    "padded": padded.fit,
    "ngram-linear": ngrams.fit_linear,
    "ngram-pool": ngrams.fit_pool,
}
