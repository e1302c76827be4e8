"""`TextClassifier` and `toolkit.train` with more than two classes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import toolkit
from tests.classes.tickets import TOPICS, tickets
from toolkit import Scorer
from toolkit.errors import ToolkitError
from toolkit.sklearn import TextClassifier

ROWS = tickets(160, seed=31)
TEXTS = [text for text, _ in ROWS]
LABELS = np.array([topic for _, topic in ROWS])


@pytest.fixture(scope="module")
def fitted() -> TextClassifier:
    return TextClassifier("ngram-linear").fit(pd.Series(TEXTS), LABELS)


def test_probabilities_add_up_and_agree_with_the_label(fitted: TextClassifier) -> None:
    assert fitted.classes_.tolist() == sorted(TOPICS)
    found = fitted.predict_proba(TEXTS)
    assert found.shape == (160, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (fitted.predict(TEXTS) == fitted.classes_[found.argmax(axis=1)]).all()
    assert fitted.score(TEXTS, LABELS) > 0.95
    assert log_loss(LABELS, found, labels=fitted.classes_) < 0.5


def test_texts_without_a_known_word(fitted: TextClassifier) -> None:
    assert fitted.predict_proba([None, "zq"]).tolist() == [[0.25] * 4] * 2
    uneven = [*range(160)][:120]
    again = TextClassifier("ngram-linear").fit(
        [TEXTS[at] for at in uneven] + ["the parcel is late"] * 40,
        [LABELS[at] for at in uneven] + ["delivery"] * 40,
    )
    assert again.predict(["zq", None]).tolist() == ["delivery"] * 2


@pytest.mark.parametrize(
    "labels",
    [
        np.array([7, 10, -3, 2]),
        np.array([1.0, 2.0, 3.0, 5.0]),
        np.array(["None", "a", "A", "b\nc"], object),
    ],
)
def test_labels_of_any_kind_come_back(labels: Any) -> None:
    given = labels[[TOPICS.index(topic) for topic in LABELS]]
    found = TextClassifier("ngram-linear").fit(TEXTS, given)
    assert found.classes_.dtype == given.dtype
    assert (found.predict(TEXTS) == given).mean() > 0.95


def test_a_pickle_and_a_saved_file_give_the_same(fitted: TextClassifier, tmp_path: Path) -> None:
    expected = fitted.predict_proba(TEXTS)
    copy: TextClassifier = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(TEXTS), expected)
    scorer = Scorer(copy.save(tmp_path / "topics.onnx"))
    assert {*scorer.facts.labels} == {*TOPICS}
    for row, shares in zip(expected, scorer.class_probabilities(TEXTS), strict=True):
        assert shares is not None
        assert row == pytest.approx([shares[name] for name in copy.classes_], abs=1e-6)


@pytest.mark.slow
def test_pipelines_grids_and_cross_validation() -> None:
    small_letters = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = make_pipeline(small_letters, TextClassifier("ngram-linear"))
    assert pipeline.fit(TEXTS, LABELS).score(TEXTS, LABELS) > 0.95
    estimator = TextClassifier("ngram-linear")
    assert min(cross_val_score(estimator, TEXTS, LABELS, cv=2, scoring="f1_macro")) > 0.9
    grid = GridSearchCV(estimator, {"class_weight": [None, "balanced"]}, scoring="neg_log_loss")
    assert grid.fit(TEXTS, LABELS).best_score_ > -0.7


def test_a_regression_has_no_epochs() -> None:
    with pytest.raises(ValueError, match=r"^epochs: ngram-linear learns classes") as raised:
        TextClassifier("ngram-linear", epochs=3).fit(TEXTS, LABELS)
    assert "--" not in str(raised.value)


def test_a_data_frame_of_classes(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": TEXTS, "topic": LABELS})
    run = tmp_path / "run"
    toolkit.train(table, label_column="topic", preset="ngram-linear", output=run)
    assert (run / "classes.png").is_file()
    with pytest.raises(ToolkitError) as raised:
        toolkit.train(table.head(12).assign(topic=[*map(str, range(12))]), label_column="topic",
                      preset="ngram-linear", classes=True, output=tmp_path / "other")  # fmt: skip
    message = str(raised.value)
    assert message.startswith("data: column 'topic'")
    assert "min_count" in message
    assert "--" not in message
