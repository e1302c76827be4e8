"""Make a teacher file for `toolkit train --teacher` with any pipeline of scikit-learn.

python examples/teacher/soft_labels.py reviews.csv --unlabelled more.csv --output teacher.csv
"""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from toolkit.errors import InputError, ToolkitError
from toolkit.records import Columns, ReadOptions
from toolkit.training import Reviews, fingerprint
from toolkit.training import sources as unlabelled
from toolkit.training.reviews import group_codes
from toolkit.training.sources import load

Probabilities = npt.NDArray[np.float64]


def make_teacher() -> Any:
    """Anything with `fit` and `predict_proba` can be used here."""
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10)
    )


def teach_labelled(reviews: Reviews, folds: int) -> Probabilities:
    """Out of fold: a teacher that was fitted to a label would only repeat it.

    Reviews of one group are in one fold; without groups, equal texts are.
    """
    groups = group_codes(reviews.texts) if reviews.groups is None else reviews.groups
    if len(np.unique(groups)) < folds:
        raise InputError(
            f"{reviews.name}: fewer groups than {folds} folds. Give --folds 2 or more."
        )
    probabilities = cross_val_predict(
        make_teacher(),
        reviews.texts.to_pylist(),
        reviews.labels,
        groups=groups,
        cv=StratifiedGroupKFold(folds, shuffle=True, random_state=1),
        method="predict_proba",
    )
    return np.asarray(probabilities[:, 1])


def teach_unlabelled(reviews: Reviews, texts: Sequence[str]) -> Probabilities:
    """By a teacher that was fitted to all labels.

    The votes of a large language model would go here, and into `teach_labelled`, too: ask it for
    each text several times, and give the share of the answers that say "positive".
    """
    teacher = make_teacher().fit(reviews.texts.to_pylist(), reviews.labels)
    return np.asarray(teacher.predict_proba(texts)[:, 1])


def write(path: Path, texts: Sequence[str], probabilities: Sequence[float]) -> None:
    """Write one row per text, without the text; a text that occurs several times gets the mean."""
    by_text = defaultdict(list)
    for text, probability in zip(texts, probabilities, strict=True):
        by_text[fingerprint(text)].append(probability)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("text_sha256", "positive_probability"))
        rows.writerows((name, f"{np.mean(found):.6f}") for name, found in by_text.items())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("reviews", help="a labelled file, or an aclImdb folder")
    options.add_argument("--unlabelled", type=Path, help="a file, or an aclImdb folder")
    options.add_argument("--output", type=Path, default=Path("teacher.csv"))
    options.add_argument("--text-column")
    options.add_argument("--label-column")
    options.add_argument("--group-column")
    options.add_argument("--folds", type=int, default=5)
    chosen = options.parse_args()
    reading = ReadOptions(
        Columns(chosen.text_column, label=chosen.label_column, group=chosen.group_column)
    )

    reviews = load(chosen.reviews, reading).check()
    probabilities = teach_labelled(reviews, chosen.folds)
    right = np.mean((probabilities >= 0.5) == reviews.labels)
    print(f"{reviews.name}: {len(reviews):,} reviews, out-of-fold accuracy {right:.2%}")
    texts = reviews.texts.to_pylist()
    found = probabilities.tolist()
    if chosen.unlabelled is not None:
        known = set(texts)  # theirs are out of fold
        others = unlabelled.load_unlabelled(chosen.unlabelled, reading).texts.to_pylist()
        others = [text for text in others if text not in known]
        print(f"{chosen.unlabelled.name}: {len(others):,} further reviews")
        texts += others
        found += teach_unlabelled(reviews, others).tolist() if others else []
    write(chosen.output, texts, found)
    print(f"written to {chosen.output}")


if __name__ == "__main__":
    try:
        main()
    except ToolkitError as error:
        sys.exit(f"error: {error}")
