"""What each word adds to a score: by plain loops, by the model file alone, and in the text."""

from __future__ import annotations

import json
import random
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from tests.data import PROJECT
from tests.models import CONV1D, OLD_MODELS
from tests.networks.tables import Frozen, linear_logit
from tests.reference import known_as, tokens_of
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.export.convert import text_in_model
from toolkit.model import ModelFacts
from toolkit.model.explain import Explanation
from toolkit.model.stars import logits_of, sigmoid
from toolkit.model.training_facts import RunMetrics, TrainingData
from toolkit.text import Vocabulary

# Of one length of rows, 12, with random weights.
FIXED = PROJECT / "tests" / "frozen_files" / "version_1.onnx"
WORDS = ["the", "movie", "don't", "été", "a", "good", "bad", "\x00", "İ"]
UNKNOWN = "zzyzx"
MOST = 9  # tokens that the small models read

small_texts = st.lists(st.sampled_from([*WORDS, *WORDS, UNKNOWN]), max_size=12).map(" ".join)
filled_texts = st.one_of(small_texts, review_texts).filter(lambda text: bool(text.strip()))


@pytest.fixture(scope="module")
def scorers(
    networks: dict[str, Frozen], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Scorer]:
    """Models of random tables for 13 ids."""
    from toolkit.export.convert import convert

    folder = tmp_path_factory.mktemp("explained")
    vocabulary = Vocabulary.load(_vocabulary_file(folder))
    found = {"conv1d": Scorer(FIXED)}
    for name, frozen in networks.items():
        facts = ModelFacts(
            preset="any",
            labels=("negative", "positive"),
            threshold=0.5,
            max_tokens=MOST,
            vocabulary_size=vocabulary.size,
            data=TrainingData(),
            metrics=RunMetrics(),
            parity=None,
            toolkit_version="0",
        )
        path = folder / f"{name}.onnx"
        onnx.save(text_in_model(convert(frozen.network, MOST).model, vocabulary, facts), path)
        found[name] = Scorer(path)
    return found


@pytest.fixture(scope="module", params=["ngram-linear", "ngram-recurrent", "conv1d"])
def scorer(request: pytest.FixtureRequest, scorers: dict[str, Scorer]) -> Scorer:
    return scorers[request.param]


def _vocabulary_file(folder: Path) -> Path:
    path = folder / "vocabulary.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


def explained(scorer: Scorer, text: str) -> Explanation:
    """Explain a text; one that has no score cannot be, and is left out."""
    if scorer.score([text])[0].sentiment is None:
        with pytest.raises(UsageError, match=r"the model knows (no word of|only numbers) "):
            scorer.explain(text)
        reject()
    return scorer.explain(text)


def read(explanation: Explanation) -> list[str]:
    return [word.text for word in explanation.words if word.state != "unread"]


@given(text=filled_texts)
def test_words_are_those_of_the_text(scorer: Scorer, text: str) -> None:
    found, rule = explained(scorer, text), scorer.facts.token_rule
    assert found.text == text
    assert [word.text for word in found.words] == [text[w.start : w.end] for w in found.words]
    tokens = tokens_of(text, rule)
    assert [tokens_of(word.text, rule) for word in found.words] == [[token] for token in tokens]
    first_read = max(0, len(tokens) - scorer.facts.max_tokens)
    for place, (word, token) in enumerate(zip(found.words, tokens, strict=True)):
        known = "unknown" if known_as(token, WORDS, rule) is None else "read"
        assert word.state == ("unread" if place < first_read else known)
        if word.state != "read":
            assert word.contribution == 0


@given(text=filled_texts)
def test_the_score_is_that_of_the_scorer(scorer: Scorer, text: str) -> None:
    found = explained(scorer, text)
    assert [(found.sentiment, found.probability)] == scorer.score([text])
    assert float(sigmoid(np.array(found.logit))) == pytest.approx(found.probability, abs=1e-6)


@given(text=filled_texts)
def test_the_parts_of_a_sum_add_up(scorers: dict[str, Scorer], text: str) -> None:
    found = explained(scorers["ngram-linear"], text)
    assert found.method == "exact"
    total = found.baseline + sum(word.contribution for word in found.words)
    assert total == pytest.approx(found.logit, abs=1e-5)
    assert found.rest == pytest.approx(0, abs=1e-5)


@given(text=filled_texts)
def test_the_parts_of_a_sum_are_words_and_halves_of_pairs(
    scorers: dict[str, Scorer], networks: dict[str, Frozen], text: str
) -> None:
    """As the mean over every order in which the words may come in: their Shapley values."""
    scorer, tables = scorers["ngram-linear"], networks["ngram-linear"].tables
    words = tokens_of(text)[-6:]  # 2⁶ sets of words
    text = "!" + " ".join(words)
    known = [known_as(word, WORDS) for word in words]
    row = [1, *(2 if word is None else WORDS.index(word) + 4 for word in known)]

    def logit(shown: set[int]) -> float:
        ids = [token if place in shown or token == 1 else 2 for place, token in enumerate(row)]
        return linear_logit(ids, **tables)

    found = explained(scorer, text)
    assert found.baseline == pytest.approx(logit(set()), abs=1e-5)
    for place, word in enumerate(found.words, 1):
        others = set(range(1, len(row))) - {place}
        expected = 0.0
        for size in range(len(others) + 1):
            share = factorial(size) * factorial(len(others) - size) / factorial(len(row) - 1)
            for before in map(set, combinations(sorted(others), size)):
                expected += share * (logit(before | {place}) - logit(before))
        assert word.contribution == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["ngram-recurrent", "conv1d"])
@given(text=filled_texts)
@example(text="the<q " + "x" * 200 + ">")  # too long for a tag, but not with its word hidden
def test_elsewhere_a_word_adds_what_is_lost_without_it(
    scorers: dict[str, Scorer], name: str, text: str
) -> None:
    found = explained(scorers[name], text)
    assert found.method == "occlusion"
    for word in found.words:
        hidden = f"{text[: word.start]} {UNKNOWN} {text[word.end :]}"  # it may touch an emoji
        if len(tokens_of(hidden)) != len(tokens_of(text)):
            continue  # a tag begins or ends where the word was
        has_score = scorers[name].score([hidden])[0].sentiment is not None
        others = [other for other in found.words if other is not word and other.state == "read"]
        if others and not has_score:
            continue  # what is left says nothing, and cannot be explained
        # Without the only known word there is no score, but still the logit of no word.
        without = scorers[name].explain(hidden).logit if has_score else found.baseline
        expected = found.logit - without
        assert word.contribution == pytest.approx(expected, abs=1e-5)


def test_only_the_sum_is_taken_for_one(scorers: dict[str, Scorer]) -> None:
    assert {name for name, each in scorers.items() if each.explain("good").method == "exact"} == {
        "ngram-linear"
    }
    assert Scorer(CONV1D).explain("good").method == "occlusion"


def test_the_parts_of_a_long_review_add_up() -> None:
    scorer = Scorer(OLD_MODELS / "ngram-linear.onnx")
    words = scorer.vocabulary.words.to_pylist()[:2000]
    found = scorer.explain(" ".join(random.Random(1).choices(words, k=600)))
    assert found.method == "exact"
    assert found.rest == pytest.approx(0, abs=1e-4)  # of 512 differences of float32
    assert sum(abs(word.contribution) for word in found.words) > 1


def test_the_model_file_alone_gives_the_same() -> None:
    """What a program in another language can do: texts in, probabilities out."""
    text = "A superb film, İ and not a dull one!\n<br />Don't miss it."
    found = Scorer(CONV1D).explain(text)
    session = ort.InferenceSession(str(CONV1D), providers=["CPUExecutionProvider"])
    texts = [text, *(f"{text[: w.start]}\ufffc{text[w.end :]}" for w in found.words)]
    (probability,) = session.run(["probability"], {"text": np.array(texts, object)})
    logits = logits_of(probability)
    contributions = [word.contribution for word in found.words]
    np.testing.assert_allclose(contributions, logits[0] - logits[1:], rtol=0, atol=1e-4)
    assert max(contributions) > 0.2


def test_a_logit_that_the_probability_cannot_tell(scorers: dict[str, Scorer]) -> None:
    """Of the fixed random weights, `don't` leads far beyond what a float32 near 1 can hold."""
    texts = [" ".join([word] * 11) for word in WORDS]
    found = max((scorers["conv1d"].explain(text) for text in texts), key=lambda e: abs(e.logit))
    assert abs(found.logit) > 17
    assert any(word.contribution for word in found.words)


def test_a_network_that_ends_in_no_sigmoid_is_explained_by_its_probability(tmp_path: Path) -> None:
    model = onnx.load(CONV1D)
    (last,) = (node for node in model.graph.node if "probability" in node.output)
    last.output[0] = "inside"
    model.graph.node.append(onnx.helper.make_node("Abs", ["inside"], ["probability"]))
    onnx.save(model, tmp_path / "m.onnx")
    found, expected = (
        Scorer(path).explain("A superb film.") for path in (tmp_path / "m.onnx", CONV1D)
    )
    assert found.logit == pytest.approx(expected.logit, abs=1e-5)
    for ours, theirs in zip(found.words, expected.words, strict=True):
        assert ours.contribution == pytest.approx(theirs.contribution, abs=1e-5)


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\n", None, b"a", 5, ["a"]])
def test_what_has_no_score_cannot_be_explained(blank: str) -> None:
    with pytest.raises(UsageError, match="explain: expected a text that is not blank, received"):
        Scorer(CONV1D).explain(blank)


def test_marks_without_a_word_have_the_baseline() -> None:
    found = Scorer(OLD_MODELS / "conv1d.onnx").explain("!!!")  # later versions give no score
    assert (found.words, found.logit, found.rest) == ((), found.baseline, 0)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    found = Scorer(CONV1D).explain("\ud83d\ude00 a superb \ud83d film")
    assert found.text == "😀 a superb \ufffd film"
    assert read(found) == ["😀", "a", "superb", "\ufffd", "film"]


@given(text=filled_texts)
def test_as_json(scorer: Scorer, text: str) -> None:
    found = explained(scorer, text)
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert set(facts) == {
        "text", "sentiment", "probability", "logit", "baseline", "rest", "method", "words",
    }  # fmt: skip
    for entry, word in zip(facts["words"], found.words, strict=True):
        assert set(entry) == {"text", "start", "end", "contribution", "state"}
        assert entry["text"] == facts["text"][entry["start"] : entry["end"]] == word.text
