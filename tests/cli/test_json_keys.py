"""The JSON of all commands uses the same keys for the same things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pages.commands import REFERENCE
from tests.cli.running import Command
from tests.models import CONV1D
from toolkit import __version__

MODEL_KEYS = [
    *("name", "version", "path", "preset", "sha256", "labels", "threshold"),
    "toolkit_version",
]
WORD_KEYS = ["text", "start", "end", "contribution", "state"]

Answers = dict[str, dict[str, Any]]


@pytest.fixture
def answers(command: Command) -> Answers:
    """What each command says in JSON, of the same model and the same review."""
    review = "Dull, and not at all superb."
    Path("r.csv").write_text(f'text,label\n"{review}",pos\nfine,pos\nbad,neg\n', encoding="utf-8")
    model = ("--model", CONV1D)
    outputs = {
        "info": command("info", *model, "--json").out,
        "explain": command("explain", review, *model, "--json").out,
        "evaluate": command("evaluate", "r.csv", *model, "--json").out,
    }
    measured = (*model, "--label-column", "label", "--report", "score.json")
    assert command("score", "r.csv", *measured).exit_code == 0
    outputs["score"] = Path("score.json").read_text(encoding="utf-8")
    return {name: json.loads(output) for name, output in outputs.items()}


def models(answers: Answers) -> list[dict[str, Any]]:
    """The model, as each command describes it."""
    (evaluated,) = answers["evaluate"]["models"]
    return [answers["info"], answers["explain"]["model"], answers["score"]["model"], evaluated]


def test_a_model_is_described_the_same_way(answers: Answers) -> None:
    first, *others = [{key: model[key] for key in MODEL_KEYS} for model in models(answers)]
    assert first["path"] == str(CONV1D)
    assert others == [first] * 3


def test_the_version_is_named_the_same_way(answers: Answers) -> None:
    for name in ("explain", "evaluate", "score"):
        assert answers[name]["toolkit_version"] == __version__


def test_words_are_described_the_same_way(answers: Answers) -> None:
    explained = answers["explain"]
    (mistake,) = answers["evaluate"]["models"][0]["mistakes"]
    assert mistake["text"] == explained["text"]
    assert mistake["probability"] == pytest.approx(explained["probability"])
    assert list(explained["words"][0]) == WORD_KEYS
    assert mistake["causes"]
    for word in mistake["causes"]:
        (same,) = [w for w in explained["words"] if w["start"] == word["start"]]
        assert word == pytest.approx(same) if isinstance(word, float) else word == same


def test_accuracies_agree(answers: Answers) -> None:
    (evaluated,) = answers["evaluate"]["models"]
    assert answers["score"]["accuracy"] == evaluated["metrics"]["accuracy"]


def test_the_reference_names_the_keys(answers: Answers) -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    evaluation = answers["evaluate"]
    (model,) = evaluation["models"]
    assert isinstance(answers["info"]["core"], str)
    keys = [*MODEL_KEYS, *WORD_KEYS, "core", *evaluation, *evaluation["data"], *model]
    for part in ("thresholds", "reliability", "coverage", "coverage_at_accuracy", "mistakes"):
        keys += model[part][0]
    keys += evaluation["breakdowns"]["length"][0]
    keys += ["few_known_words", "first_unread", "cut_to_length", "without_known_words", "warnings"]
    assert {*keys[-5:-1]} <= {*answers["score"]}
    assert {*keys[-5:]} <= {*answers["score"]["files"][0]}
    keys += answers["score"]
    keys += answers["score"]["files"][0]
    assert [key for key in keys if f"`{key}`" not in text] == []
