"""What `toolkit score --prior auto` would have changed on labelled reviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.evaluation.metrics import Labels, Metrics, Probabilities, measure
from toolkit.model.prior import EVEN, count_levels, share_of, shift_of
from toolkit.model.stars import rescaled
from toolkit.scoring.file_prior import FIRST_RECORDS


@dataclass(frozen=True)
class PriorEffect:
    """Figures with a prior that is estimated from the scores of the first reviews."""

    share: float  # of positive reviews, by the scores, 0 to 1
    error: float  # its standard error
    scores: int  # that it is estimated from
    metrics: Metrics  # with the prior


def prior_effect(
    labels: Labels,
    probability: Probabilities,
    first: Probabilities,
    threshold: float,
    base: float = EVEN,
) -> PriorEffect | None:
    """Measure reviews, (reviews,), with a prior; None if it cannot be estimated from the scores.

    `first` are the probabilities of the first reviews, neutral ones among them; `base` is as for
    `share_of`.
    """
    scores = first[:FIRST_RECORDS].astype(np.float32)
    found = share_of(count_levels(scores, None, base), base)
    if found is None or found.problem:
        return None
    moved = rescaled(probability, 1.0, shift_of(found.share, base)).astype(np.float32)
    error = round(found.error, 6)
    return PriorEffect(
        share=found.share,
        error=error,
        scores=found.scores,
        metrics=measure(labels, moved, threshold),
    )
