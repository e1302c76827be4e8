"""Loss and accuracy by epoch, as pictures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.training.result import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAINING = "#8a8f98"
_VALIDATION = "#1f6fb4"
_KEPT = "#d1495b"
_METRICS = {"loss": "Binary cross-entropy", "accuracy": "Accuracy"}

PLOTS = tuple(f"{metric}.png" for metric in _METRICS)


def plot_histories(folder: Path, kept: Fit, folds: Sequence[Fit]) -> None:
    """Draw `loss.png` and `accuracy.png` of the network that is kept, or of the folds."""
    # It says so when it first builds its font cache, which does not matter here.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure

    for metric, unit in _METRICS.items():
        # A Figure of its own, not pyplot: no window system, and nothing kept between calls.
        figure = Figure(figsize=(7.2, 4.5), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        if folds:
            _draw_folds(axes, folds, metric)
        else:
            _draw_fit(axes, kept, metric)
        _label(axes, metric, unit)
        figure.savefig(folder / f"{metric}.png")


def _draw_fit(axes: Axes, fit: Fit, metric: str) -> None:
    axes.set_title(f"Training and validation {metric}", loc="left", weight="bold")
    axes.plot(*_curve(fit.history[metric]), ".-", color=_TRAINING, label="training (with dropout)")
    epochs, values = _curve(fit.history[f"val_{metric}"])
    axes.plot(epochs, values, ".-", color=_VALIDATION, lw=2, label="validation")
    kept = fit.kept_epoch
    _mark(axes, kept, f"kept epoch: {kept} (validation {metric} {values[kept - 1]:.3f})")
    axes.plot(kept, values[kept - 1], "o", color=_KEPT, ms=7, zorder=5)


def _draw_folds(axes: Axes, folds: Sequence[Fit], metric: str) -> None:
    axes.set_title(
        f"Training and validation {metric}, {len(folds)} folds", loc="left", weight="bold"
    )
    for name, color, label in (
        (metric, _TRAINING, "training (with dropout)"),
        (f"val_{metric}", _VALIDATION, "validation"),
    ):
        for fold in folds:
            axes.plot(*_curve(fold.history[name]), color=color, lw=0.8, alpha=0.35)
        # Folds stop at different epochs: the mean ends where the first one does.
        shared = min(fold.epochs for fold in folds)
        mean = np.mean([fold.history[name][:shared] for fold in folds], axis=0)
        axes.plot(*_curve(mean), ".-", color=color, lw=2.2, label=f"{label}, mean of the folds")
    kept = float(np.mean([fold.kept_epoch for fold in folds]))
    _mark(axes, kept, f"kept epoch: {kept:.1f} on average")


def _curve(values: Any) -> tuple[range, Any]:
    """Epochs from 1, and the values."""
    return range(1, len(values) + 1), values


def _mark(axes: Axes, epoch: float, label: str) -> None:
    axes.axvline(epoch, color=_KEPT, lw=1, ls="--", label=label)


def _label(axes: Axes, metric: str, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axes.set_xlabel("Epoch")
    axes.set_ylabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
