"""Sentences that are scored with their reviews: labels, counts, and places in the text."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tests.data import PROJECT
from tests.models import MODEL, OLD_MODELS, many_texts, shipped_scorer
from tests.reference import tokens_of
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model import Score
from toolkit.model.labels import is_mixed, tone
from toolkit.model.sentences import Sentence

MIXED = "The camera is excellent but the battery is terrible."
PRAISE, BLAME = "A superb film, the best of the year.", "The sound was awful."
# Of one length of rows, with random weights.
FIXED = PROJECT / "tests" / "frozen_files" / "version_1.onnx"
CLAUSES = [
    "a superb film",
    "dull and awful",
    "it is long",
    "but",
    "even though",
    "not bad",
    "zzyzx",
]
JOINS = [". ", "! ", ", ", " ", "\n", "<br /><br />", " but ", "; ", "\u2026 ", '." ', "\0"]

texts = st.lists(
    st.one_of(st.sampled_from(CLAUSES), st.sampled_from(JOINS), review_texts), max_size=15
).map("".join)


@cache
def by_sentence(model: str = str(MODEL)) -> Scorer:
    return Scorer(model, by_sentence=True)


def sentences(text: str, scorer: Scorer | None = None) -> tuple[Sentence, ...]:
    """Give the sentences of a text; one that has no score is left out."""
    scorer = scorer or by_sentence()
    if scorer.score([text])[0].sentiment is None:
        reject()
    found = scorer.explain(text).sentences
    assert found is not None
    return found


def counts(scorer: Scorer, reviews: list[str]) -> list[tuple[int | None, int | None]]:
    """Give the numbers of clearly positive and negative sentences."""
    found = scorer.predict(pa.array(reviews, pa.string()))
    names = ("positive_sentences", "negative_sentences")
    return list(zip(*(found[name].to_pylist() for name in names), strict=True))


def test_reviews_that_disagree_are_mixed() -> None:
    scores = by_sentence().score([MIXED, PRAISE, f"{PRAISE} {BLAME}", f"{PRAISE} " * 3 + BLAME, ""])
    assert [score.sentiment for score in scores] == ["mixed", "positive", "mixed", "positive", None]
    reviews = [MIXED, PRAISE, f"{PRAISE} {BLAME}", f"{PRAISE} " * 3 + BLAME, ""]
    assert counts(by_sentence(), reviews) == [(1, 1), (1, 0), (1, 1), (3, 1), (None, None)]
    assert shipped_scorer().score([MIXED]) == [Score("negative", scores[0].probability)]


@given(st.lists(texts, max_size=6))
def test_all_but_mixed_is_as_without_sentences(texts: list[str]) -> None:
    array = pa.array(texts, pa.string())
    plain, found = shipped_scorer().predict(array), by_sentence().predict(array)
    assert found.select(plain.schema.names) == plain
    added = [found[name] for name in ("positive_sentences", "negative_sentences")]
    assert [column.type for column in added] == [pa.int32(), pa.int32()]
    assert all(column.is_null() == found["probability"].is_null() for column in added)
    mixed = is_mixed(found["probability"], *added)
    labels = shipped_scorer().columns(plain, ["sentiment"])["sentiment"]
    expected = pc.if_else(mixed, "mixed", labels)
    assert by_sentence().score_array(array)[0].to_pylist() == expected.to_pylist()


@pytest.mark.slow
@given(st.lists(texts, min_size=1, max_size=6), st.data())
def test_counts_do_not_depend_on_the_other_reviews(texts: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    others = many_texts(20)
    alone = [by_sentence().score([text])[0] for text in texts]
    found = by_sentence().score([*others, *(texts[place] for place in order)])[len(others) :]
    assert found == [alone[place] for place in order]


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    reviews = [f"{a}. {b}!" for a, b in zip(many_texts(40), many_texts(40, 2), strict=True)]
    expected = by_sentence().score(reviews)
    for size in (1, 7, 39):
        monkeypatch.setattr("toolkit.model.predictor._ROWS_AT_ONCE", size)
        monkeypatch.setattr("toolkit.model.network.MOST_ROWS", size)
        assert by_sentence().score(reviews) == expected, size


@given(texts, st.sampled_from([str(MODEL), "conv1d", str(FIXED)]))
def test_sentences_are_those_of_the_text(text: str, model: str) -> None:
    scorer = by_sentence(model)
    found = sentences(text, scorer)
    assert [text[each.start : each.end] for each in found] == [each.text for each in found]
    bounds = [place for each in found for place in (each.start, each.end)]
    assert bounds == sorted(bounds)
    tokens = " ".join(["", *tokens_of(text, scorer.facts.token_rule), ""])
    for each in found:
        assert " ".join(["", *tokens_of(each.text, scorer.facts.token_rule), ""]) in tokens
    tones = tone(np.array([each.probability for each in found], np.float32)).tolist()
    assert [(tones.count(1), tones.count(-1))] == counts(scorer, [text])
    negative, positive = scorer.facts.labels
    labels = {1: positive, -1: negative, 0: None}
    assert [each.sentiment for each in found] == [labels[sign] for sign in tones]


@given(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=5), st.sampled_from([". ", "; "]))
def test_a_sentence_has_the_probability_of_its_text(clauses: list[str], join: str) -> None:
    for each in sentences(join.join(clauses)):
        assert each.probability == shipped_scorer().score([each.text])[0].probability


@pytest.mark.parametrize(
    "text", [PRAISE, "But good", "Even though it is dull", "dull", "Good zzyzx"]
)
def test_the_only_sentence_has_the_probability_of_the_review(text: str) -> None:
    (found,) = sentences(text)
    assert found.probability == shipped_scorer().score([text])[0].probability


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (MIXED, ["The camera is excellent", "the battery is terrible."]),
        ('Good!! (Bad.) He said "fine."', ["Good!!", "Bad.)", 'He said "fine."']),
        ("Good<br /><br />Bad, though small", ["Good", "Bad,", "small"]),
        ("good.\0bad", ["good."]),
        ("zzyzx. Good. 😀!", ["Good.", "😀!"]),
    ],
)
def test_sentences_are_shown_as_they_are_written(text: str, shown: list[str]) -> None:
    assert [each.text for each in sentences(text)] == shown


def test_only_the_sentences_that_are_read() -> None:
    scorer = by_sentence("conv1d")
    text = f"{BLAME} " * 40 + "A superb film. " * 20
    found = sentences(text, scorer)
    assert sum(len(each.text.split()) for each in found) <= scorer.facts.max_tokens
    assert found[-1].text == "A superb film."


def test_models_that_score_every_text() -> None:
    scorer = by_sentence(str(OLD_MODELS / "conv1d.onnx"))
    marks, words = counts(scorer, ["!!!", MIXED])
    assert marks == (0, 0)
    assert words[0] is not None
    assert scorer.explain("!!!").sentences == ()


def test_a_batch_has_two_more_columns() -> None:
    batch = pa.RecordBatch.from_pydict({"text": [MIXED, None]})
    scored = by_sentence().score_batch(batch)
    names = ["predicted_sentiment", "positive_probability", "positive_sentences"]
    assert scored.schema.names == ["text", *names, "negative_sentences"]
    assert scored["negative_sentences"].to_pylist() == [1, None]
    named = by_sentence().score_batch(
        batch, positive_sentences_column="p", negative_sentences_column="n"
    )
    assert named.schema.names[3:] == ["p", "n"]
    with pytest.raises(UsageError, match="need different names"):
        by_sentence().score_batch(batch, positive_sentences_column="negative_sentences")


def test_without_the_option_nothing_is_mixed() -> None:
    assert shipped_scorer().explain(MIXED).sentences is None
    assert "sentences" not in shipped_scorer().explain(MIXED).as_dict()
    found = by_sentence().explain(MIXED).as_dict()
    assert (found["sentiment"], len(found["sentences"])) == ("mixed", 2)
