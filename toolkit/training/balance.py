"""How much each review counts in the loss, so that no domain and no label drowns the others."""

from __future__ import annotations

import numpy as np

from toolkit.records.values import Targets
from toolkit.training.sources.reviews import Reviews

_DOMAIN_POWER = 0.5  # a domain counts by the root of its number of reviews
_LARGEST = 5.0  # times the mean; a handful of reviews must not rule a network


def balanced_weights(reviews: Reviews) -> Targets:
    """Weights in the loss, (reviews,) float32, of mean 1; all alike without domains.

    Both labels weigh the same within a domain; of several domains, no review weighs more than 5.
    """
    if reviews.domains is None:
        return np.ones(len(reviews), np.float32)
    _, domains, sizes = np.unique(reviews.domains, return_inverse=True, return_counts=True)
    cells = domains * 2 + reviews.labels
    in_cell = np.bincount(cells, minlength=2 * len(sizes))
    weights = sizes[domains] ** _DOMAIN_POWER / in_cell[cells]
    limited = weights / weights.mean()
    if len(sizes) > 1:
        limited = np.minimum(limited, _LARGEST)
    balanced: Targets = (limited / limited.mean()).astype(np.float32)
    return balanced
