"""The baseline of `train`: tf-idf with logistic regression, by scikit-learn with its defaults."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from toolkit.training.data import FitData
from toolkit.training.options import TrainingOptions

_TWO = 2  # classes of sentiment


def tfidf_probabilities(
    data: FitData, options: TrainingOptions, *, most_texts: int, steps: int
) -> npt.NDArray[np.float32] | None:
    """Return the probabilities of the held-out texts, (texts, classes).

    None without held-out texts, without two labels to learn, or without words in the texts. With
    more than `most_texts`, the regression learns from a random part; `steps` limits its iterations.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    fitted = data.fitted
    held_out = data.held_out
    if len(fitted) > most_texts:
        drawn = np.random.default_rng(options.seed).permutation(len(fitted))[:most_texts]
        fitted = fitted.take(np.sort(drawn))
    if held_out is None or len(np.unique(fitted.labels)) < 2:
        return None
    vectors = TfidfVectorizer(dtype=np.float32)
    regression = LogisticRegression(max_iter=steps, class_weight=options.class_weight)
    try:
        words = vectors.fit_transform(fitted.texts.to_pylist())
    except ValueError:  # no word has two letters
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(words, fitted.labels)
    found = np.zeros((len(held_out), data.classes or _TWO), np.float32)
    of_texts = regression.predict_proba(vectors.transform(held_out.texts.to_pylist()))
    found[:, regression.classes_.astype(np.int64)] = of_texts  # a rare class may not be drawn
    return found
