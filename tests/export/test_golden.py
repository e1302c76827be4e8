"""Golden vectors: the shipped ones are those of the shipped models, and follow the rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exported.shipping import shipped_vectors
from tests.data import PROJECT
from tests.export.conftest import SmallModel
from tests.reference import SEPARATORS, known_as, tokens_of
from toolkit.export.export_run import Subject, golden_vectors
from toolkit.model.file import ModelFile
from toolkit.text.strings import golden_texts

EXPORTED = PROJECT / "exported"
GOLDEN = EXPORTED / "golden.jsonl"
MODELS = sorted(path for path in EXPORTED.glob("*.onnx") if not path.stem.endswith(".ids"))


def parsed(content: str) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def without_probabilities(lines: list[Any]) -> list[Any]:
    return [
        {**line, "models": {n: {**m, "probability": 0} for n, m in line["models"].items()}}
        for line in lines
    ]


@pytest.fixture(scope="module")
def shipped() -> list[Any]:
    return parsed(GOLDEN.read_text(encoding="ascii"))


def test_shipped_file_can_be_made_again(shipped: list[Any]) -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    again = parsed(shipped_vectors(MODELS))
    assert without_probabilities(again) == without_probabilities(shipped)
    for path in MODELS:
        before, now = (
            np.array([line["models"][path.stem]["probability"] for line in lines])
            for lines in (shipped, again)
        )
        np.testing.assert_allclose(now, before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_ids_are_those_of_the_reference(shipped: list[Any], path: Path) -> None:
    model = ModelFile.load(path)
    rule, most = model.facts.token_rule, model.facts.max_tokens
    words = model.vocabulary.words.to_pylist()
    ids = {word: place for place, word in enumerate(words, 4)}
    known = set(words)
    for line in shipped:
        tokens = [known_as(token, known, rule) for token in tokens_of(line["text"], rule)]
        row = [1, *(2 if token is None else ids[token] for token in tokens)][-most:]
        found = line["models"][path.stem]
        assert found["token_ids"] == row, line["name"]
        assert found["known_tokens"] == sum(number >= 4 for number in row)


def test_shipped_file_is_small_and_plain(shipped: list[Any]) -> None:
    assert GOLDEN.stat().st_size < 1_500_000
    assert len({line["name"] for line in shipped}) == len(shipped)
    for line in shipped:
        assert set(line["models"]) == {path.stem for path in MODELS}


def test_both_labels_and_many_probabilities(shipped: list[Any]) -> None:
    for path in MODELS:
        found = [line["models"][path.stem] for line in shipped]
        assert {entry["label"] for entry in found} == {"negative", "positive"}
        assert len({entry["probability"] for entry in found}) > 60


def test_texts_hold_what_they_are_for() -> None:
    texts = golden_texts([100, 512])
    joined = "".join(texts.values())
    assert set(joined) >= SEPARATORS
    assert set(map(chr, range(0x20))) <= set(joined)
    assert set("\x7f\u2019\u02bc\u0130\u200d\u0301\u05e9") <= set(joined)
    lengths = [len(tokens_of(text)) for text in texts.values()]
    for most in (100, 512):  # the start of the review is an id, too
        assert {most - 2, most - 1, most, most + 1} <= set(lengths)
    assert max(lengths) == 10_000
    assert max(max(map(len, tokens_of(text)), default=0) for text in texts.values()) == 5000


def test_each_text_can_be_an_argument_or_a_line() -> None:
    for name, text in golden_texts([100]).items():
        assert not ("\0" in text and "\n" in text), name
        assert len(text.encode()) < 128 * 1024, name  # what Linux allows an argument
        assert text.encode().decode() == text


def test_vectors_of_several_models_stand_side_by_side(small_model: SmallModel) -> None:
    subject = Subject(ModelFile.load(small_model.text_in), small_model.network)
    lines = parsed(golden_vectors({"a": subject, "b": subject}))
    assert len(lines) == len(golden_texts([12]))
    assert all(line["models"]["a"] == line["models"]["b"] for line in lines)
    row = {line["name"]: line["models"]["a"]["token_ids"] for line in lines}
    assert row["empty"] == [1]
    assert row["11 tokens"] == [1, 10] + [9] * 10
    assert row["12 tokens"] == [10] + [9] * 11
