"""Logistic regression on tf-idf of words and bigrams: one of the views that label reviews."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.records.values import Targets
from toolkit.text.token_ids import START_ID, TokenIds
from toolkit.training.recipes.linear_network import SLOTS, hashed

_FEWEST_REVIEWS = 4  # that a feature occurs in
_C = 5.0


def tfidf_logits(tokens: TokenIds, targets: Targets, vocabulary_size: int, seed: int) -> Targets:
    """Fit on the first rows, those with targets, and give the logits of all rows, (rows,)."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    counts = _presence(tokens, vocabulary_size)
    count = len(targets)
    common = np.asarray(counts[:count].sum(axis=0)).ravel() >= min(_FEWEST_REVIEWS, count // 50 + 1)
    counts = counts[:, np.flatnonzero(common)]
    weigh = TfidfTransformer().fit(counts[:count])
    features = weigh.transform(counts)
    model = LogisticRegression(C=_C, solver="liblinear", tol=1e-3, random_state=seed)
    # A soft label counts as both labels, with weights.
    model.fit(*_both_labels(features[:count], targets))
    found: Targets = model.decision_function(features).astype(np.float32)
    return found


def _presence(tokens: TokenIds, vocabulary_size: int) -> Any:
    """Which words and hashed bigrams each review has: (rows, words and slots) float32, sparse."""
    from scipy import sparse

    counted = tokens.values > START_ID
    pairs = vocabulary_size + hashed(tokens, vocabulary_size)
    columns = np.concatenate([tokens.values[counted], pairs[counted]])
    rows = np.tile(tokens.rows[counted], 2)
    ones = np.ones(len(rows), np.float32)
    shape = (len(tokens), vocabulary_size + SLOTS)
    counts = sparse.csr_matrix((ones, (rows, columns)), shape=shape)
    counts.data[:] = 1  # repeated ones were added up
    return counts


def _both_labels(features: Any, targets: Targets) -> tuple[Any, Any, Targets]:
    from scipy import sparse

    positive, negative = np.flatnonzero(targets > 0), np.flatnonzero(targets < 1)
    return (
        sparse.vstack([features[positive], features[negative]]),
        np.repeat([1, 0], [len(positive), len(negative)]),
        np.concatenate([targets[positive], 1 - targets[negative]]),
    )
