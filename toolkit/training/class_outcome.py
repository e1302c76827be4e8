"""The outcome of a training of classes: the network, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.class_metrics import ClassMetrics
from toolkit.model import training_facts
from toolkit.model.run_folder import SAMPLE_REVIEWS
from toolkit.training.adapt_fit import Start
from toolkit.training.class_fit import ClassFit
from toolkit.training.data import FitData, TrainingSets, count_copies
from toolkit.training.presets import Preset
from toolkit.training.result import FEWEST_UNSEEN
from toolkit.training.reviews import Reviews
from toolkit.training.tried import Choice


@dataclass(frozen=True)
class ClassOutcome:
    """The result of a training of classes."""

    data: TrainingSets
    fitted: FitData
    fit: ClassFit
    preset: Preset
    split: str  # how texts were held out: a `SplitKind`, or `given` by the user
    network: Any  # calibrated
    held_out: npt.NDArray[np.float32]  # (texts, classes), not calibrated
    calibration: training_facts.Calibration
    validation: ClassMetrics  # of calibrated probabilities
    test: ClassMetrics | None = None
    choice: Choice | None = None  # how the network was chosen, if several were tried
    start: Start | None = None  # the model that was adapted
    is_fitted_again: bool = False  # on all texts, after it was measured

    def sample(self, seed: int) -> Reviews:
        """Draw up to `SAMPLE_REVIEWS` texts for the parity check, from held-out texts if enough."""
        held_out = self.fitted.held_out
        assert held_out is not None
        source = held_out if len(held_out) >= FEWEST_UNSEEN else self.data.reviews
        count = min(SAMPLE_REVIEWS, len(source))
        rows = np.random.default_rng(seed).choice(len(source), count, replace=False)
        return source.take(np.sort(rows))

    @property
    def copies(self) -> training_facts.Copies:
        """Number of texts that are the same as others."""
        return count_copies([self.fitted], self.data.test)

    @property
    def ending(self) -> str:
        """How the fit ended, in a sentence."""
        if not self.is_fitted_again:
            return self.fit.ending
        return f"{self.fit.ending}; fitted again on all {len(self.data.reviews):,} texts"
