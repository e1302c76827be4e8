"""Train tf-idf of unigrams and bigrams with logistic regression, and pickle it. Argument: MODEL."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from examples.benchmarks.inputs import reviews


def main(path: Path) -> None:
    """Fit on the 25,000 training reviews."""
    table = reviews("train")
    features = TfidfVectorizer(ngram_range=(1, 2), max_features=50_000, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=3, max_iter=1000))
    model.fit(table["text"].to_pylist(), table["label"].to_numpy())
    path.write_bytes(pickle.dumps(model))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
