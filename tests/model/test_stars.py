"""Stars and the neutral range of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import CONV1D, MODEL, many_texts, shipped_scorer, text_in_session
from tests.scoring.reviews import write_csv
from toolkit import Scorer
from toolkit.errors import ModelError, UsageError
from toolkit.model import ModelFile
from toolkit.model.stars import NeutralRange, StarScale, rounded_stars
from toolkit.records import Columns, ReadOptions
from toolkit.scoring import ScoringOptions, score_file

logits = st.floats(-16, 16)
lengths = st.integers(0, 512)


def scale() -> StarScale:
    found = shipped_scorer().facts.stars
    assert found is not None
    return found


@given(logits, logits, lengths)
def test_stars_rise_with_the_logit(one: float, other: float, tokens: int) -> None:
    low, high = scale().stars(np.sort([one, other]), np.full(2, tokens))
    assert 1 <= low <= high <= 5


@given(st.lists(st.tuples(logits, lengths), min_size=1, max_size=20))
def test_the_most_likely_stars_are_those_of_the_largest_probability(
    reviews: list[tuple[float, int]],
) -> None:
    values = np.array([logit for logit, _ in reviews])
    tokens = np.array([count for _, count in reviews])
    above = np.minimum.accumulate(scale().more_than(values, tokens), axis=1)
    exactly = -np.diff(above, axis=1, prepend=1, append=0)
    found = scale().most_likely(values, tokens)
    assert set(found) <= {1, 2, 3, 4, 5}
    rows = np.arange(len(values))
    assert (exactly[rows, found - 1] == exactly.max(axis=1)).all()


def test_halves_are_rounded_up_within_one_to_five() -> None:
    given_stars = np.array([0.5, 1.49, 1.5, 3.5, 4.75, 5.4])
    assert rounded_stars(given_stars).tolist() == [1, 1, 2, 4, 5, 5]


def test_the_scorer_gives_the_output_of_the_file_in_hundredths() -> None:
    texts = many_texts(100)
    (output,) = text_in_session().run(["stars"], {"text": np.array(texts, object)})
    found = shipped_scorer().stars(texts)
    assert [stars is None for stars in found] == [not text.strip() for text in texts]
    told = [(stars, wanted) for stars, wanted in zip(found, output, strict=True) if stars]
    assert all(stars == pytest.approx(wanted, abs=0.0051) for stars, wanted in told)
    assert all(stars == round(stars, 2) for stars, _ in told)


def test_praise_has_more_stars_than_blame() -> None:
    worst, middling, best = shipped_scorer().stars(
        ["Terrible, broken after a day.", "It is okay, nothing special.", "Perfect, I love it!"]
    )
    assert worst is not None
    assert middling is not None
    assert best is not None
    assert worst < 2 < middling < 4 < best


def test_a_model_without_stars_says_so() -> None:
    scorer = Scorer(CONV1D)
    assert not scorer.has_stars
    assert scorer.predict(pa.array(["a film"])).schema.names == ["probability"]
    with pytest.raises(UsageError, match="the model conv1d has no stars"):
        scorer.stars(["a film"])
    with pytest.raises(UsageError, match="conv1d has no neutral range of its own"):
        Scorer(CONV1D, neutral=True)


def test_the_neutral_range_of_the_model() -> None:
    own = shipped_scorer().facts.neutral
    assert own is not None
    found = Scorer(MODEL, neutral=True)
    assert found.neutral == tuple(float(np.float32(end)) for end in own.ends)
    assert found.score(["It is okay, nothing special."])[0].sentiment == "neutral"
    with pytest.raises(UsageError, match=r"the threshold 0\.95 is not within"):
        Scorer(MODEL, 0.95, neutral=True)


def test_a_batch_gets_stars_where_they_are_asked_for() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["Great phone.", None]})
    found = shipped_scorer().score_batch(batch, stars_column="stars")
    assert found.schema.names[1:] == ["predicted_sentiment", "positive_probability", "stars"]
    assert found.column("stars").type == pa.float32()
    assert found.column("stars")[1].as_py() is None
    with pytest.raises(UsageError, match="already; choose another name"):
        shipped_scorer().score_batch(batch, stars_column="text")


def test_files_are_not_begun_if_the_scorer_lacks_a_column(tmp_path: Path) -> None:
    source, output = write_csv(tmp_path / "a.csv", ["a film"]), tmp_path / "b.csv"
    for scorer, role, message in (
        (Scorer(CONV1D), "stars", "the model conv1d has no stars"),
        (shipped_scorer(), "negative_sentences", r"or Scorer\(by_sentence=True\)"),
    ):
        columns = Columns(adds=("sentiment", "probability", role))
        with pytest.raises(UsageError, match=message):
            score_file(scorer, source, output, ScoringOptions(reading=ReadOptions(columns)))
    assert not output.exists()


def test_stars_out_of_range_are_a_damaged_file(tmp_path: Path) -> None:
    model = onnx.load(MODEL)
    (fewest,) = (each for each in model.graph.initializer if each.name == "stars/fewest")
    fewest.float_data[:] = [7.0]
    path = tmp_path / "damaged.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="expected 1 to 5 stars"):
        Scorer(path)


def test_the_twin_has_the_same_stars() -> None:
    model = ModelFile.load(MODEL)
    twin = ort.InferenceSession(str(MODEL.with_suffix(".ids.onnx")))
    texts = [text for text in many_texts(30) if text.strip()]
    ids = shipped_scorer().token_ids(pa.array(texts))
    (found,) = twin.run(["stars"], {"token_ids": ids})
    (expected,) = text_in_session().run(["stars"], {"text": np.array(texts, object)})
    assert model.has_stars
    assert np.array_equal(found, expected)


@given(logits, lengths, st.floats(0.2, 3), st.floats(-3, 3))
def test_the_same_stars_from_another_logit(
    logit: float, tokens: int, factor: float, bias: float
) -> None:
    inside = np.clip([logit, factor * logit + bias], -12, 12)
    if not np.array_equal(inside, [logit, factor * logit + bias]):
        return
    before = scale().stars(np.array([logit]), np.array([tokens]))
    after = scale().after(factor, bias).stars(inside[1:], np.array([tokens]))
    assert after == pytest.approx(before, abs=1e-9)


def test_the_same_neutral_range_of_another_logit() -> None:
    found = NeutralRange(0.25, 0.75).after(2.0, 1.0)
    expected = [1 / (1 + np.exp(-(2 * np.log(p / (1 - p)) + 1))) for p in (0.25, 0.75)]
    assert found.ends == pytest.approx(expected, abs=1e-4)
    assert found.macro_f1 is None
