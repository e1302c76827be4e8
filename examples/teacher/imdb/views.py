"""Logits of a model for the reviews, stored in a file; parts of one view are averaged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from examples.teacher.imdb.reviews import Floats
from toolkit.errors import InputError


@dataclass(frozen=True)
class View:
    """Logits of a model that was fitted on some of the labelled reviews.

    Attributes
    ----------
    labelled : Floats
        (labelled,) NaN where the model has seen the label.
    unlabelled : Floats
        (unlabelled,) logits.
    spans : Floats
        (spans,) of the file that `spans.py` makes; empty where the model says nothing of them.
    """

    labelled: Floats
    unlabelled: Floats
    spans: Floats

    def save(self, work: Path, name: str) -> None:
        """Store it as ``views/NAME.npz``; parts are named ``VIEW-PART``."""
        folder = work / "views"
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / f"{name}.npz",
            labelled=self.labelled.astype(np.float32),
            unlabelled=self.unlabelled.astype(np.float32),
            spans=self.spans.astype(np.float32),
        )


def load(work: Path, name: str) -> View:
    """Average the parts of a view; a labelled review keeps NaN if each part has seen its label."""
    paths = sorted({*work.glob(f"views/{name}.npz"), *work.glob(f"views/{name}-*.npz")})
    if not paths:
        raise InputError(
            f"{work / 'views' / name}*.npz: not there yet. Run the step that makes it, or leave "
            "the view out of --weights."
        )
    parts = [np.load(path) for path in paths]
    labelled, unlabelled, spans = (
        _mean([part[key] for part in parts], f"{work / 'views' / name}*.npz")
        for key in ("labelled", "unlabelled", "spans")
    )
    return View(labelled, unlabelled, spans)


def best_scale(logits: Floats, labels: Floats) -> float:
    """The factor of logits with the least log loss."""
    found = minimize_scalar(
        lambda scale: log_loss(scale * logits, labels), bounds=(1e-3, 50), method="bounded"
    )
    return float(found.x)


def log_loss(logits: Floats, labels: Floats) -> float:
    """Mean of the negative logarithms of the probabilities of the labels."""
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def judgement(logits: Floats, labels: Floats) -> str:
    """Accuracy, and log loss after scaling, of the reviews that have a logit."""
    known = ~np.isnan(logits)
    logits, labels = logits[known], labels[known]
    scale = best_scale(logits, labels)
    return (
        f"out-of-fold accuracy {np.mean((logits > 0) == (labels > 0.5)):.2%}, log loss "
        f"{log_loss(scale * logits, labels):.4f} when scaled by {scale:.3f} "
        f"({len(labels):,} reviews)"
    )


def _mean(parts: list[Floats], place: str) -> Floats:
    """The mean without NaN."""
    if len({len(part) for part in parts}) > 1:
        raise InputError(f"{place}: parts of different data. Remove the old ones, or name --work.")
    together = np.stack(parts)
    known = np.count_nonzero(~np.isnan(together), axis=0)
    mean = np.nansum(together, axis=0) / np.maximum(known, 1)
    return np.where(known, mean, np.nan).astype(np.float32)
