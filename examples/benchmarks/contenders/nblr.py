"""NB-LR: logistic regression on n-grams weighted by naive Bayes (Wang and Manning 2012)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

Numbers = npt.NDArray[np.float64]


def log_count_ratios(features: Any, labels: npt.NDArray[Any], alpha: float) -> Numbers:
    """How much more of the positive than of the negative features each is: ln((p/|p|)/(q/|q|)).

    p and q are the sums of the rows of either label, with alpha added to each count.
    """
    p, q = (alpha + features[labels == label].sum(axis=0) for label in (1, 0))
    return np.asarray(np.log(p / p.sum()) - np.log(q / q.sum()), np.float64).ravel()


class NaiveBayesRegression:
    """The model, with the methods of a classifier of scikit-learn."""

    def __init__(self, features: dict[str, Any], alpha: float, regression: dict[str, Any]) -> None:
        self._counts = CountVectorizer(**features, dtype=np.float64)
        self._alpha = alpha
        self._regression = LogisticRegression(**regression)
        self._ratios: Numbers = np.empty(0)

    def fit(self, texts: list[str], labels: npt.NDArray[Any]) -> Self:
        features = self._counts.fit_transform(texts)
        self._ratios = log_count_ratios(features, labels, self._alpha)
        self._regression.fit(features.multiply(self._ratios).tocsr(), labels)
        return self

    def predict_proba(self, texts: list[str]) -> Numbers:
        features = self._counts.transform(texts).multiply(self._ratios).tocsr()
        return np.asarray(self._regression.predict_proba(features), np.float64)
