"""Two baselines for classes, measured on the held-out texts beside the networks that are tried."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.class_metrics import measure_classes
from toolkit.training.data import FitData
from toolkit.training.options import TrainingOptions
from toolkit.training.tfidf import tfidf_probabilities
from toolkit.training.tried import TFIDF, Trial

FREQUENT = "the most frequent label"

# Texts times classes that the regression learns from; with more, it takes minutes.
_MOST_CELLS = 1_000_000
_FEWEST_TEXTS = 5_000  # that the regression learns from, if there are as many
_STEPS = 200  # of the regression

_Shares = npt.NDArray[np.float32]


def class_baselines(data: FitData, options: TrainingOptions) -> tuple[Trial, ...]:
    """Try both baselines on the held-out texts of a split."""
    held_out = data.held_out
    names = data.fitted.classes
    if held_out is None or names is None:
        return ()
    tried = []
    for name, predict in ((FREQUENT, _frequent), (TFIDF, _regression)):
        started = time.monotonic()
        found = predict(data, options)
        if found is not None:
            seconds = time.monotonic() - started
            metrics = measure_classes(held_out.labels.astype(np.int64), found, names)
            tried.append(
                Trial.of_classes(
                    name=name,
                    metrics=metrics,
                    log_loss=metrics.log_loss,
                    seconds=seconds,
                    is_baseline=True,
                )
            )
    return tuple(tried)


def _frequent(data: FitData, _: TrainingOptions) -> _Shares:
    """Predict the share of each class among the fitted texts."""
    counts = np.bincount(data.fitted.labels, minlength=data.classes or 0)
    held_out = 0 if data.held_out is None else len(data.held_out)
    return np.tile((counts / counts.sum()).astype(np.float32), (held_out, 1))


def _regression(data: FitData, options: TrainingOptions) -> _Shares | None:
    most = max(_MOST_CELLS // (data.classes or 1), _FEWEST_TEXTS)
    return tfidf_probabilities(data, options, most_texts=most, steps=_STEPS)
