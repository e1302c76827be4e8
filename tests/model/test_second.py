"""A second opinion: which texts are asked of the second model, and what its answers become."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.models import CONV1D, many_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model.second import count_by_second
from toolkit.model.stars import logits_of, sigmoid

LOW, HIGH = 0.2, 0.8
FIRST = "reviews-small"
SECOND = "reviews"
SPANISH = "Una película muy buena y divertida para toda la familia"
TEXTS: list[str | None] = [None, "", " ", SPANISH, *many_texts(300)]


def numbers(rows: pa.RecordBatch, name: str = "probability") -> np.ndarray[Any, np.dtype[Any]]:
    """Return a column of `Scorer.predict`; NaN for null."""
    return rows[name].to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def cascade() -> Scorer:
    return Scorer(FIRST, second=SECOND, unsure=(LOW, HIGH))


@pytest.fixture(scope="module")
def rows(cascade: Scorer) -> pa.RecordBatch:
    return cascade.predict(pa.array(TEXTS), with_reading=True)


@pytest.fixture(scope="module")
def alone() -> tuple[pa.RecordBatch, pa.RecordBatch]:
    first = Scorer(FIRST).predict(pa.array(TEXTS), with_reading=True)
    return first, Scorer(SECOND).predict(pa.array(TEXTS), with_reading=True)


def asked_of(first: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which texts are in the range of the first model."""
    share = numbers(first)
    return (share >= np.float32(LOW)) & (share <= np.float32(HIGH))


def test_the_second_answers_what_the_first_is_unsure_of(
    rows: pa.RecordBatch, alone: tuple[pa.RecordBatch, pa.RecordBatch]
) -> None:
    first, second = alone
    asked = asked_of(first)
    assert 30 < asked.sum() < 270
    expected = np.where(asked, numbers(second), numbers(first))
    np.testing.assert_array_equal(numbers(rows), expected)
    stars = np.where(asked, numbers(second, "stars"), numbers(first, "stars"))
    np.testing.assert_array_equal(numbers(rows, "stars"), stars)
    assert count_by_second(rows) == asked.sum()
    for name in ("few_known_words", "cut_to_length", "other_language"):
        assert rows[name].equals(first[name])


def test_what_the_first_leaves_out_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(FIRST, second=SECOND, unsure=(0, 1))
    assert scorer._second is not None
    asked: list[Any] = []
    predictor = scorer._second._predictor
    original = predictor.predict

    def predict(texts: pa.Array, *, with_reading: bool) -> pa.RecordBatch:
        asked.extend(texts.to_pylist())
        return original(texts, with_reading=with_reading)

    monkeypatch.setattr(predictor, "predict", predict)
    found = scorer.predict(pa.array([*TEXTS[:4], "A fine film."]))
    assert asked == ["A fine film."]
    assert found["answered_by"].to_pylist() == [None] * 4 + [1]


def test_the_mean_is_of_both_logits(alone: tuple[pa.RecordBatch, pa.RecordBatch]) -> None:
    scorer = Scorer(FIRST, second=SECOND, unsure=(LOW, HIGH), second_mean=True)
    found = scorer.predict(pa.array(TEXTS))
    first, second = map(numbers, alone)
    asked = asked_of(alone[0])
    mean = sigmoid((logits_of(first[asked]) + logits_of(second[asked])) / 2)
    np.testing.assert_allclose(numbers(found)[asked], mean, rtol=1e-6)
    assert {*found["answered_by"].to_pylist()} == {None, 0, 2}
    is_higher = mean > first[asked] + 0.1
    assert is_higher.sum() > 3
    before = numbers(alone[0], "stars")[asked]
    assert (numbers(found, "stars")[asked][is_higher] > before[is_higher]).all()


def test_a_second_without_stars_moves_those_of_the_first() -> None:
    texts = pa.array(many_texts(50))
    before = Scorer(FIRST).predict(texts)
    own = Scorer(CONV1D).predict(texts)
    found = Scorer(FIRST, second=CONV1D, unsure=(0, 1)).predict(texts)
    # The second model leaves out some texts that the first one answers: those keep their answer.
    is_kept = np.isnan(numbers(own)) & ~np.isnan(numbers(before))
    assert 0 < is_kept.sum() < 20
    is_asked = ~np.isnan(numbers(before)) & ~is_kept
    expected = np.where(is_asked, numbers(own), numbers(before))
    np.testing.assert_array_equal(numbers(found), expected)
    answered = found["answered_by"].to_numpy(zero_copy_only=False)
    np.testing.assert_array_equal(answered == 1, is_asked)
    np.testing.assert_array_equal(answered == 0, is_kept)
    moved = numbers(found) - numbers(before)
    is_far = np.abs(moved) > 0.2
    assert is_far.sum() > 5
    stars = numbers(found, "stars") - numbers(before, "stars")
    assert (np.sign(stars[is_far]) == np.sign(moved[is_far])).all()
    np.testing.assert_array_equal(stars[is_kept], 0)


def test_a_few_texts_have_the_same_answers(cascade: Scorer) -> None:
    together = cascade.predict(pa.array(TEXTS))
    labels = cascade.columns(together, ["sentiment"])["sentiment"].to_pylist()
    shares = together["probability"].to_pylist()
    assert [tuple(each) for text in TEXTS for each in cascade.score([text])] == [
        *zip(labels, shares, strict=True)
    ]


def test_reasons_are_for_the_label_in_the_end() -> None:
    texts = many_texts(200)
    scorer = Scorer(FIRST, second=SECOND, unsure=(0, 1), reasons=3)
    usual = Scorer(FIRST, reasons=3)
    now = [each.sentiment for each in scorer.score(texts)]
    before = [each.sentiment for each in usual.score(texts)]
    is_other = [a != b for a, b in zip(now, before, strict=True)]
    assert 3 < sum(is_other) < 150
    pairs = zip(scorer.reasons(texts), usual.reasons(texts), is_other, strict=True)
    for words, first_words, other in pairs:
        if other:
            assert not {*words} & {*first_words}
        else:
            assert words == first_words


def test_a_prior_moves_both_models() -> None:
    scorer = Scorer(FIRST, second=SECOND, unsure=(0, 1), prior=0.9)
    own = Scorer(SECOND, prior=0.9)
    texts = many_texts(30)
    assert scorer.score(texts) == own.score(texts)
    assert scorer.with_prior(None).score(texts) == Scorer(SECOND).score(texts)
    assert scorer.without_second().score(texts) == Scorer(FIRST, prior=0.9).score(texts)


def test_a_pickled_scorer_asks_the_second(cascade: Scorer) -> None:
    again: Scorer = pickle.loads(pickle.dumps(cascade))
    texts = many_texts(30)
    assert again.score(texts) == cascade.score(texts)
    assert again.identity() == cascade.identity()
    assert again.identity()["second"]["name"].startswith("reviews")


def test_a_batch_has_the_column_on_request(cascade: Scorer) -> None:
    batch = pa.table({"text": TEXTS})
    assert "answered_by" not in cascade.score_batch(batch).schema.names
    found = cascade.score_batch(batch, answered_by_column="who")["who"]
    assert {*found.to_pylist()} == {None, "first", "second"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"second": SECOND},
            "--second: needs the range .* or find the best one with `toolkit evaluate DATA "
            "--second reviews`",
        ),
        ({"unsure": (0.2, 0.8)}, "--unsure: needs a second model"),
        ({"second_mean": True}, "--second-mean: needs a second model"),
        ({"second": SECOND, "unsure": (0.2, 1.2)}, "--unsure: expected two probabilities from 0"),
        ({"second": SECOND, "unsure": (0.8, 0.2)}, "--unsure: expected two probabilities from 0"),
        ({"second": SECOND, "unsure": (0.5,)}, "--unsure: expected two probabilities such as"),
        ({"second": SECOND, "unsure": ("a", "b")}, "--unsure: expected two probabilities such as"),
        ({"second": SECOND, "unsure": (float("nan"), 1)}, "--unsure: expected two probabilities"),
    ],
)
def test_wrong_options_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        Scorer(**arguments)


def test_one_answer_is_not_explained_by_two(cascade: Scorer) -> None:
    with pytest.raises(UsageError, match="explains the answer of one model"):
        cascade.explain("A fine film.")


def test_without_a_second_nobody_else_has_answered() -> None:
    with pytest.raises(UsageError, match=r"^answered_by: needs a second model"):
        Scorer().score_batch(pa.table({"text": ["fine"]}), answered_by_column="who")
