"""Small reviews in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tests.training.conftest import make_rows
from toolkit.training import Reviews, UnlabelledReviews


def make_reviews(count: int, seed: int = 7) -> Reviews:
    texts, labels = zip(*make_rows(count, seed), strict=True)
    return Reviews("made up", pa.chunked_array([texts]), np.array(labels).astype(np.int8))


def make_unlabelled(count: int, known: float = 0) -> UnlabelledReviews:
    """Reviews of other words' order; a teacher knows a share of them, by their labels."""
    reviews = make_reviews(count, seed=11)
    teacher = np.where(reviews.labels == 1, 0.97, 0.03).astype(np.float32)
    teacher[round(count * known) :] = np.nan
    return UnlabelledReviews("more", reviews.texts, teacher=teacher if known else None)
