"""The recipes that fit networks, by the names that presets use."""

from __future__ import annotations

from collections.abc import Callable

from toolkit.training.data import FitTask
from toolkit.training.result import Fit


def _recipes() -> dict[str, Callable[[FitTask], Fit]]:
    """Return the recipes by name. To add a recipe, add an entry."""
    from toolkit.training import fit_ngrams, fit_padded  # late: they import Keras

    return {
        "padded": fit_padded.fit,
        "ngram-linear": fit_ngrams.fit_linear,
        "ngram-recurrent": fit_ngrams.fit_recurrent,
    }


def fit_by_recipe(task: FitTask) -> Fit:
    """Fit a network by the recipe of its preset, without measuring it."""
    return _recipes()[task.preset.recipe](task)
