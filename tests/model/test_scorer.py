"""The scorer: what it takes, and on what its numbers depend."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import (
    BORE,
    CONV1D,
    FILM,
    MODEL,
    OLD_MODELS,
    many_texts,
    shipped_scorer,
    text_in_session,
)
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model import SHIPPED, Score
from toolkit.text import NEWEST_RULE

NOTHING = Score(None, None)


def probabilities(texts: list[str]) -> list[float | None]:
    return [score.probability for score in shipped_scorer().score(texts)]


def test_scores_are_those_of_the_whole_graph() -> None:
    texts = [*many_texts(300), FILM, BORE, "!!!", "İ\u00a0'"]
    texts += ["\U0001f994", "\u597d\u770b", "wasn\u2019t worth it", "CAFÉ", "good\0bad"]
    labels, expected, known = text_in_session().run(
        ["label", "probability", "known_tokens"], {"text": np.array(texts)}
    )
    scores = shipped_scorer().score(texts)
    expected_labels = [label if count else None for label, count in zip(labels, known, strict=True)]
    assert [score.sentiment for score in scores] == expected_labels
    assert [place for place, score in enumerate(scores) if score.probability is None] == (
        np.flatnonzero(known == 0).tolist()
    )
    # Another batch size inside ONNX Runtime may change the last bit of the float32.
    found = np.array([score.probability for score in scores], np.float32)
    np.testing.assert_allclose(found[known > 0], expected[known > 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("blank", [None, "", " ", "\t\r\n\v\f", "\u00a0", "\u2028\u3000", "\x1c"])
def test_a_blank_text_has_no_score(blank: str | None) -> None:
    film = shipped_scorer().score([FILM])
    assert shipped_scorer().score([blank, FILM, blank]) == [NOTHING, *film, NOTHING]


WITHOUT_WORDS = ["!!!", " . ", ":-)", NEWEST_RULE.separators, "\u00a0!", "\U0001f994", "zzyzx",
                 "\0a", "good " + "zzyzx " * 600]  # fmt: skip


@pytest.mark.parametrize("text", WITHOUT_WORDS, ids=ascii)
def test_a_text_without_a_known_word_has_no_score(text: str) -> None:
    film = shipped_scorer().score([FILM])
    assert shipped_scorer().score([text, FILM, text]) == [NOTHING, *film, NOTHING]


@pytest.mark.parametrize("text", WITHOUT_WORDS, ids=ascii)
def test_models_before_format_3_score_every_text_that_is_not_blank(text: str) -> None:
    (score,) = Scorer(OLD_MODELS / "ngram-linear.onnx").score([text])
    assert score.probability is not None
    assert 0 <= score.probability <= 1
    assert score.sentiment in ("positive", "negative")


texts_and_nulls = st.lists(st.one_of(st.none(), st.just(" "), st.just("!"), review_texts))


@given(texts_and_nulls, st.integers(0, 5))
def test_arrow_layout_does_not_matter(texts: list[str | None], start: int) -> None:
    expected = shipped_scorer().score(texts)[start:]
    strings = pa.array(texts, pa.string())
    layouts = {
        "sliced": strings.slice(start),
        "large": strings.cast(pa.large_string()).slice(start),
        "view": strings.cast(pa.string_view()).slice(start),
        "dictionary": strings.dictionary_encode().slice(start),
        "chunked": pa.chunked_array([strings[:start], strings[start:][:1], strings[start:][1:]])[
            len(strings[:start]) :
        ],
        "chunked dictionary": pa.chunked_array(
            [strings[start:][:1].dictionary_encode(), strings[start:][1:].dictionary_encode()]
        ),
    }
    for name, layout in layouts.items():
        sentiment, probability = shipped_scorer().score_array(layout)
        assert sentiment.type == pa.string(), name
        assert probability.type == pa.float32(), name
        scores = zip(sentiment.to_pylist(), probability.to_pylist(), strict=True)
        assert [Score(*score) for score in scores] == expected, name


@pytest.mark.parametrize("empty", [pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_rows(empty: pa.Array) -> None:
    sentiment, probability = shipped_scorer().score_array(empty)
    assert (len(sentiment), len(probability)) == (0, 0)
    assert (sentiment.type, probability.type) == (pa.string(), pa.float32())


def test_nulls_of_no_type_have_no_score() -> None:
    assert [part.null_count for part in shipped_scorer().score_array(pa.nulls(3))] == [3, 3]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_score_does_not_depend_on_the_batch_size(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    texts = many_texts(200)
    scorer = Scorer(name)
    expected = scorer.score(texts)
    for size in (1, 2, 3, 7, 63, 65, 1000):
        monkeypatch.setattr("toolkit.model.network.ROWS_OF_ONE_LENGTH", size)
        monkeypatch.setattr("toolkit.model.network.MOST_ROWS", size)
        assert scorer.score(texts) == expected, size


def test_a_score_at_the_threshold_is_positive() -> None:
    (probability,) = probabilities([FILM])
    assert probability is not None
    assert probability < 1
    above = float(np.nextafter(np.float32(probability), np.float32(1)))
    barely = probability + (above - probability) / 10  # the same float32
    for threshold, sentiment in (
        (0.0, "positive"),
        (probability, "positive"),
        (barely, "positive"),
        (above, "negative"),
        (1.0, "negative"),
    ):
        scores = Scorer(MODEL, threshold).score([FILM])
        assert scores == [Score(sentiment, probability)], threshold


def test_the_threshold_is_that_of_the_model_by_default() -> None:
    assert shipped_scorer().threshold == np.float32(shipped_scorer().facts.threshold)
    assert Scorer(MODEL, 0.9).threshold == np.float32(0.9)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_is_a_probability(threshold: float) -> None:
    with pytest.raises(UsageError, match=f"a probability from 0 to 1, received {threshold}"):
        Scorer(MODEL, threshold)


def test_a_batch_keeps_its_columns() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"id": pa.array([7, 8, 9]), "body": [FILM, None, BORE], "x": [[1], None, []]}
    )
    scored = shipped_scorer().score_batch(batch, "body", "s", "p")
    assert scored.select(["id", "body", "x"]) == batch
    assert scored.schema.names == ["id", "body", "x", "s", "p"]
    scores = [
        Score(*pair) for pair in zip(scored["s"].to_pylist(), scored["p"].to_pylist(), strict=True)
    ]
    assert scores == shipped_scorer().score([FILM, None, BORE])
    default = shipped_scorer().score_batch(batch.rename_columns(["id", "text", "x"]))
    assert default.schema.names[3:] == ["predicted_sentiment", "positive_probability"]
    assert default.columns[3:] == scored.columns[3:]


def test_a_batch_is_refused_if_names_do_not_fit() -> None:
    batch = pa.RecordBatch.from_pydict({"text": [FILM], "id": [1]})
    with pytest.raises(UsageError, match=r"no column 'body' \(found: text, id\)"):
        shipped_scorer().score_batch(batch, "body")
    for names in (("text", "id", "p"), ("text", "s", "id")):
        with pytest.raises(UsageError, match="has a column 'id' already"):
            shipped_scorer().score_batch(batch, *names)
    with pytest.raises(UsageError, match="need different names"):
        shipped_scorer().score_batch(batch, "text", "s", "s")


def test_token_ids_are_the_input_of_the_network() -> None:
    for scorer, width in ((Scorer(CONV1D), 100), (shipped_scorer(), 2)):
        ids = scorer.token_ids(pa.array(["the", None]))
        assert ids.shape == (2, width)
        assert ids.dtype == np.int32
        assert ids[:, -2:].tolist() == [[1, 4], [0, 1]]


def test_a_scorer_can_be_sent_to_another_process() -> None:
    scorer = Scorer(threshold=0.9)
    sent = pickle.loads(pickle.dumps(scorer))
    assert sent.threshold == scorer.threshold
    assert sent.score(["A fine film."]) == scorer.score(["A fine film."])


def test_one_text_column_only() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    with pytest.raises(UsageError, match="2 columns are called 'text'"):
        Scorer().score_batch(batch)
