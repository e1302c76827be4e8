"""Stars and three classes are measured beside the best constant answer."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tests.evaluation.conftest import WriteRows
from tests.models import CONV1D, MODEL, many_texts
from toolkit import Scorer
from toolkit.errors import InputError
from toolkit.evaluation import EvaluationOptions, evaluate
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.evaluation.page import page
from toolkit.evaluation.ratings import best_constants, classes_of, macro_f1, star_figures
from toolkit.evaluation.tables import class_confusion_table
from toolkit.records import Columns, ReadOptions

SCORER = Scorer(MODEL, 0.5, (0.3, 0.7))
classes = st.integers(0, 2)


@given(st.lists(st.tuples(classes, classes), min_size=1, max_size=40))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    given_classes, found = (np.array(side) for side in zip(*pairs, strict=True))
    there = sorted(set(given_classes.tolist()))
    expected = f1_score(given_classes, found, labels=there, average="macro", zero_division=0)
    assert macro_f1(given_classes, found) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_classes_are_the_labels_that_scoring_gives(values: list[float]) -> None:
    labels = SCORER.sentiments(pa.array(values, pa.float32())).to_pylist()
    names = ["negative", "neutral", "positive"]
    found = classes_of(np.array(values, np.float32), (0.3, 0.7))
    assert [names[each] for each in found] == labels


def test_figures_of_a_few_reviews() -> None:
    given_stars = np.array([1.0, 2.0, 5.0, 5.0])
    found = star_figures(given_stars, np.array([1.2, 3.6, 4.4, 5.0]), np.array([1, 4, 5, 5]))
    assert (found.exact, found.within_one, found.reviews) == (0.75, 0.75, 4)
    assert found.mean_error == pytest.approx((0.2 + 1.6 + 0.6) / 4)
    assert found.balanced_exact == pytest.approx((1 + 0 + 1) / 3)
    constant = best_constants(given_stars)
    assert (constant.exact, constant.within_one) == (0.5, 0.5)
    assert constant.mean_error == pytest.approx((2.5 + 1.5 + 1.5 + 1.5) / 4)


@pytest.fixture
def starred_csv(write_rows: WriteRows) -> Path:
    """Reviews of one to five stars, which have little to do with the texts."""
    texts = [text for text in many_texts(80) if text.strip()]
    return write_rows(
        "starred.csv", ("text", "stars"), [(t, 1 + n % 5) for n, t in enumerate(texts)]
    )


def test_evaluate_measures_labels_that_are_stars(starred_csv: Path) -> None:
    options = EvaluationOptions(ReadOptions(Columns(label="stars")))
    found = evaluate(starred_csv, [MODEL, CONV1D], options=options)
    ours, tutorial = (model.ratings for model in found.models)
    assert ours is not None
    assert ours.stars is not None
    assert ours.classes is not None
    assert ours.stars.reviews == found.data.reviews + found.data.neutral
    assert ours.classes.neutral == found.data.neutral > 0
    # The same stars as scoring gives, but for their rounding.
    texts, given_stars = _rows(starred_csv)
    stars = Scorer(MODEL).stars(texts)
    error = np.mean([abs(s - g) for s, g in zip(stars, given_stars, strict=True) if s is not None])
    assert ours.stars.mean_error == pytest.approx(error, abs=0.01)
    assert tutorial is not None
    assert tutorial.stars is None
    assert tutorial.classes is not None
    assert (tutorial.classes.macro_f1, tutorial.classes.confusion) == (None, None)
    assert class_confusion_table(found.models[1]) is None
    for text in (
        "predicted neutral",
        "Stars and neutral reviews",
        "within one, balanced",
        "Three classes",
    ):
        assert text in page(found)
    as_json = evaluation_as_dict(found)["models"][0]["ratings"]
    assert as_json["stars"]["within_one"] == ours.stars.within_one
    assert as_json["classes"]["range"] == ours.classes.range


def test_three_classes_are_counted_as_scoring_calls_them(starred_csv: Path) -> None:
    (model,) = evaluate(
        starred_csv, [MODEL], options=EvaluationOptions(ReadOptions(Columns(label="stars")))
    ).models
    assert model.ratings is not None
    assert (found := model.ratings.classes) is not None
    assert (counts := found.confusion) is not None
    texts, given_stars = _rows(starred_csv)
    names = ["negative", "neutral", "positive"]
    pairs = [
        (names[int(star > 2) + int(star > 3)], score.sentiment)
        for star, score in zip(given_stars, Scorer(MODEL, neutral=True).score(texts), strict=True)
    ]
    assert counts == [[pairs.count((label, name)) for name in names] for label in names]
    assert found.recall == [row[i] / sum(row) for i, row in enumerate(counts)]
    assert (table := class_confusion_table(model)) is not None
    assert [cell.text for cell in table.rows[1][:4]] == ["neutral", *map(str, counts[1])]
    assert table.rows[1][4].text == f"{found.recall[1]:.2%}"


def test_a_column_of_stars_is_measured_and_other_columns_are_not(write_rows: WriteRows) -> None:
    texts = [text for text in many_texts(40) if text.strip()]
    rows = [(text, n % 2, 5 * (n % 2) or 2, f"c{n % 3}") for n, text in enumerate(texts)]
    path = write_rows("a.csv", ("text", "label", "rating", "colour"), rows)
    (model,) = evaluate(path, MODEL).models
    assert model.ratings is not None
    assert model.ratings.stars is not None
    assert model.ratings.classes is None  # no review is neutral
    other = EvaluationOptions(ReadOptions(Columns(stars="colour")))
    with pytest.raises(InputError, match="column 'colour': expected stars"):
        evaluate(path, MODEL, options=other)


def test_labels_that_are_stars_beside_another_kind_of_rating(write_rows: WriteRows) -> None:
    texts = [text for text in many_texts(40) if text.strip()]
    rows = [(text, 1 + n % 5, ("PG", "R")[n % 2]) for n, text in enumerate(texts)]
    path = write_rows("a.csv", ("text", "score", "rating"), rows)
    options = EvaluationOptions(ReadOptions(Columns(label="score")))
    (model,) = evaluate(path, MODEL, options=options).models
    assert model.ratings is not None
    assert model.ratings.stars is not None


def test_averages_are_stars_though_there_are_many(write_rows: WriteRows) -> None:
    texts = [text for text in many_texts(60) if text.strip()]
    rows = [(text, n % 2, 1 + (n % 40) / 10) for n, text in enumerate(texts)]
    path = write_rows("a.csv", ("text", "label", "rating"), rows)
    options = EvaluationOptions(ReadOptions(Columns(stars="rating")))
    found = evaluate(path, MODEL, options=options)
    assert [part.name for part in found.breakdowns[1].slices] == ["1", "2", "3", "4", "5"]
    assert found.models[0].ratings is not None
    assert found.models[0].ratings.stars is not None


@pytest.mark.slow
def test_all_models_are_compared_on_the_same_reviews(write_rows: WriteRows) -> None:
    known = Scorer(CONV1D).vocabulary.words.to_pylist()
    (unknown,) = [w for w in Scorer(MODEL).vocabulary.words.to_pylist() if w not in known][:1]
    texts = [text for text in many_texts(60) if text.strip()] + [unknown] * 10
    rows = [(text, 1 + n % 5) for n, text in enumerate(texts)]
    options = EvaluationOptions(ReadOptions(Columns(label="stars")))
    both = evaluate(write_rows("a.csv", ("text", "stars"), rows), [MODEL, CONV1D], options=options)
    counts = [m.ratings.classes.reviews for m in both.models if m.ratings and m.ratings.classes]
    assert len(set(counts)) == 1
    assert counts[0] < len(texts)


def test_neutral_labels_without_stars(write_rows: WriteRows) -> None:
    texts = [text for text in many_texts(60) if text.strip()]
    rows = [(t, ("negative", "neutral", "positive")[n % 3]) for n, t in enumerate(texts)]
    (model,) = evaluate(write_rows("a.csv", ("text", "label"), rows), MODEL).models
    assert model.ratings is not None
    assert model.ratings.stars is None
    assert model.ratings.classes is not None
    assert model.ratings.classes.macro_f1_of_constant == pytest.approx(1 / 6, abs=0.01)


def _rows(path: Path) -> tuple[list[str], list[float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [float(row["stars"]) for row in rows]


def test_stars_of_a_database_are_decimals(tmp_path: Path) -> None:
    texts = [text for text in many_texts(30) if text.strip()]
    stars = pa.array([str(1 + n % 5) for n in range(len(texts))]).cast(pa.decimal128(3, 1))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts, "stars": stars}), path)
    found = evaluate(path, MODEL, options=EvaluationOptions(ReadOptions(Columns(label="stars"))))
    assert found.data.label_meaning.startswith("stars, of 5: 1.0, 2.0 → negative")
    assert found.models[0].ratings is not None
    assert found.models[0].ratings.stars is not None
