"""`TextClassifier`: what scikit-learn expects of an estimator, of texts."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from tests.training.conftest import make_rows
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.sklearn import TextClassifier

TEXTS = [text for text, _ in make_rows(60)]
LABELS = np.array(["bad", "good"] * 30)


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    return TextClassifier("ngram-linear", epochs=3).fit(pd.Series(TEXTS), LABELS)


def test_it_tells_classes(fitted: TextClassifier) -> None:
    assert fitted.classes_.tolist() == ["bad", "good"]
    found = fitted.predict_proba([TEXTS[0], TEXTS[1], None, "qqq"])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0, 0] > 0.5 > found[1, 0]
    assert found[2:].tolist() == [[0.5, 0.5]] * 2
    assert fitted.predict(np.array(TEXTS[:2])).tolist() == ["bad", "good"]
    assert fitted.score(TEXTS, LABELS) > 0.9


def test_a_pickle_and_a_saved_file_give_the_same(fitted: TextClassifier, tmp_path: Path) -> None:
    expected = fitted.predict_proba(TEXTS)
    copy: TextClassifier = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(TEXTS), expected)
    path = copy.save(tmp_path / "mine.onnx")
    found = Scorer(path).probabilities(pa.array(TEXTS)).to_numpy()
    assert np.array_equal(found, expected[:, 1].astype(np.float32))
    with pytest.raises(UsageError, match="exists"):
        fitted.save(path)
    with pytest.raises(UsageError, match=r"expected a file name that ends in \.onnx"):
        fitted.save(tmp_path / "mine.txt")


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_estimator_tags_renamed,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_set_params,
    ],
)
def test_checks_of_scikit_learn(check: Any) -> None:
    """The other checks fit numbers, which are no texts."""
    check("TextClassifier", TextClassifier(preset="ngram-linear"))


def test_parameters() -> None:
    estimator = TextClassifier(preset="ngram-linear", seed=3)
    assert repr(estimator) == "TextClassifier(preset='ngram-linear', seed=3)"
    copy = clone(estimator).set_params(epochs=4)
    assert copy.get_params()["epochs"] == 4
    assert estimator.epochs is None


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ("one string", LABELS, "X: expected several texts, received one string"),
        ([["good"], ["bad"]], [0, 1], "X: expected texts in one dimension"),
        ([1.5, "bad"], [0, 1], "X: expected texts, received 1.5 at position 0"),
        (TEXTS, LABELS[:5], "y: expected one label for each of 60 texts of X, found 5"),
        (["a", "b", "c", "d"], [0, 1, 2, 2], r"y: the class '0' has one text \(2 such class"),
        (["a", "b"], [0, 0], r"y: expected labels of 2 to 1,000 classes, found 1 class"),
        (["a"] * 9, [0, 1, 2] * 3, "^X: 9 texts with a label, expected at least 10"),
        (["a", "b"], [0, 1], "^X: 2 reviews, expected at least 10"),
        (TEXTS, np.linspace(0, 1, 60), "[Uu]nknown label type"),
    ],
)
def test_what_cannot_be_learned(texts: Any, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextClassifier("ngram-linear").fit(texts, labels)


def test_wrong_parameters_are_named_as_in_python() -> None:
    with pytest.raises(ValueError, match=r"^epochs: expected at least 1, found 0"):
        TextClassifier("conv1d", epochs=0).fit(TEXTS, LABELS)


def test_it_predicts_nothing_before_it_is_fitted() -> None:
    with pytest.raises(NotFittedError):
        TextClassifier().predict(TEXTS)


def test_keras_is_imported_by_fitting_alone() -> None:
    code = (
        "import sys; from toolkit.sklearn import TextClassifier; TextClassifier()\n"
        "assert not {'tensorflow', 'keras', 'onnx'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_pipelines_grids_and_cross_validation() -> None:
    estimator = TextClassifier("ngram-linear", epochs=3)
    small_letters = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = make_pipeline(small_letters, estimator).fit(TEXTS, LABELS)
    assert pipeline.score(TEXTS, LABELS) > 0.9
    assert min(cross_val_score(estimator, TEXTS, LABELS, cv=2)) > 0.8
    grid = GridSearchCV(estimator, {"seed": [1, 2]}, cv=2, scoring="neg_log_loss")
    assert grid.fit(TEXTS, LABELS).best_params_["seed"] in (1, 2)
