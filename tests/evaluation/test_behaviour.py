"""Our own sentences: whether they are well made, and what is said of a model by them."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from tests.models import CONV1D, MODEL
from toolkit.evaluation import SUITE, Evaluation, EvaluationOptions, evaluate
from toolkit.evaluation.behaviour import Sets, behaviour_of, load_suite, steadiness
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.evaluation.page import page
from toolkit.model import Scorer
from toolkit.model.training_facts import PARTS, Behaviour
from toolkit.model.typed_json import decode, encode

MADE = tomllib.loads(SUITE.read_text(encoding="utf-8"))
SENTENCES = load_suite()
SETS = SENTENCES.sets
TEXTS = SENTENCES.texts
LABELS = dict(zip(TEXTS, SENTENCES.labels.tolist(), strict=True))


def test_every_phenomenon_has_enough_sentences_of_each_label() -> None:
    counts = Counter(zip(SENTENCES.phenomena, LABELS.values(), strict=True))
    for name in MADE["phenomena"]:
        negative, positive = counts[name, 0], counts[name, 1]
        assert negative + positive >= 40
        assert negative == positive or (name.startswith("negated") and not negative * positive)
    assert sum(LABELS.values()) == len(TEXTS) / 2


def test_sentences_are_different_and_always_the_same() -> None:
    assert len(LABELS) == len(TEXTS)
    assert load_suite() == SENTENCES
    assert not re.search("[{}]", "".join(TEXTS) + str([*SETS.values()]))


def test_every_word_is_used() -> None:
    for words in MADE["words"].values():
        assert len({*words}) == len(words)
        assert [word for word in words if not re.search(rf"\b{word}\b", " ".join(TEXTS))] == []
    for name, each in MADE["same"].items():
        for own in (*SETS["neutral", name], *SETS["opinion", name]):
            assert all(word in text for word, text in zip(each["words"], own, strict=True))
            assert len({*own}) == len(own) >= 8


def test_every_form_changes_sentences_of_both_labels() -> None:
    for name in MADE["forms"]:
        pairs = SETS["form", name]
        assert len(pairs) >= 20
        assert {LABELS[plain] for plain, _ in pairs} == {0, 1}
        assert not {changed for _, changed in pairs} & {*TEXTS}
    quoted = ["The hotel is terrible. I'm very unhappy with it."] * 2
    quoted[1] = "The hotel is 'terrible'. I'm very 'unhappy' with it."
    assert quoted in SETS["form", "single quotes"]


class OneWord(Scorer):
    """Answers 0.9 where there is the word good, 0.2 where there is bad, and else nothing."""

    def __init__(self) -> None:
        self.threshold = np.float32(0.5)

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> pa.FloatArray:
        found = ({"good": 0.9, "bad": 0.2}.get(text.split()[-1]) for text in texts.to_pylist())
        return pa.array(found, pa.float32())


def test_what_is_computed_of_sets() -> None:
    sets: Sets = {
        ("neutral", "a"): [["x is good", "x is bad", "x is odd"], ["y is odd", "y"]],
        ("form", "b"): [["x is good", "X good"], ["x is bad", "x is bad!"]],
    }
    first, second = steadiness(OneWord(), sets)
    assert (first.sets, first.moved, first.other_label) == (2, 0.5, 0.5)
    assert first.mean_spread == pytest.approx((0.7 + 0) / 2)
    assert first.from_half == pytest.approx((0.4 + 0.3) / 5)
    assert (first.lowest[1], first.highest[1]) == ("x is bad", "x is good")
    assert (first.lowest[0], first.highest[0]) == pytest.approx((0.2, 0.9))
    assert first.cells == ("a", "2", "0.350", "50.0%", "50.0%", "0.140")
    assert (second.from_half, second.other_label) == (None, 0.5)  # what has no score is positive


def test_a_model_file_keeps_the_figures_of_an_evaluation() -> None:
    kept = behaviour_of(Scorer(CONV1D))
    assert decode(Behaviour, json.loads(json.dumps(encode(kept)))) == kept
    evaluation = evaluate(SUITE, CONV1D, options=EvaluationOptions(examples=0))
    assert evaluation.data.is_suite
    assert kept.same == evaluation.models[0].same
    assert kept.sha256 == evaluation.data.sha256
    assert evaluation.groups is not None
    right = [(each.name, each.metrics[0].accuracy) for each in evaluation.groups.slices]
    assert [(each.name, each.right, each.sentences) for each in kept.phenomena] == [
        (name, share.right, share.count) for name, share in right
    ]


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(SUITE, [MODEL, CONV1D], options=EvaluationOptions(examples=3))


def test_phenomena_are_groups_in_their_order(found: Evaluation) -> None:
    assert found.groups is not None
    assert [each.name for each in found.groups.slices] == [*MADE["phenomena"]]
    assert found.groups.slices[0].metrics[0].accuracy.value > 0.9
    rights = (each.metrics[0].accuracy.right for each in found.groups.slices)
    assert sum(rights) == found.models[0].metrics.accuracy.right
    assert [len(model.mistakes) for model in found.models] == [3, 3]


def test_json_and_page_have_the_figures(found: Evaluation) -> None:
    facts = json.loads(json.dumps(evaluation_as_dict(found), allow_nan=False))
    written = page(found)
    kinds = 2 * len(MADE["same"]) + len(MADE["forms"])
    for model, result in zip(facts["models"], found.models, strict=True):
        assert len(model["same"]) == kinds
        assert {each["part"] for each in model["same"]} == {*PARTS}
        first = model["same"][0]
        assert first["lowest"][0] < first["highest"][0]
        for each in result.same:
            assert all(f"<td>{cell}</td>" in written for cell in each.cells[1:])
    for each in facts["breakdowns"]["groups"]:
        assert f"<td>{each['models']['conv1d']['accuracy']:.1%} " in written
    assert "<svg" not in written
    assert found.models[0].mistakes[0].text.split()[0] in written


def test_the_threshold_is_that_of_the_sets_too() -> None:
    (model,) = evaluate(SUITE, MODEL, options=EvaluationOptions(threshold=0.0)).models
    assert model.metrics.true_negatives == 0
    assert all(each.other_label == 0 for each in model.same)


def test_a_sentence_without_a_known_word_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = lambda _, texts: pa.nulls(len(texts), pa.float32())  # noqa: E731
    monkeypatch.setattr(Scorer, "probabilities", unknown)
    (model,) = evaluate(SUITE, MODEL, options=EvaluationOptions(examples=0)).models
    assert (model.metrics.accuracy.count, model.metrics.accuracy.value) == (len(TEXTS), 0.5)
