"""The model card says what a model was trained on, from the facts in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from exported.cards import model_card, write_cards
from tests.models import CONV1D

UNLABELLED = {
    "source": "more.parquet, spans.parquet",
    "reviews": 70_000,
    "left_out": 10,
    "sha256": "b" * 64,
}
TEACHER = {"source": "t.parquet", "labelled": 25_000, "unlabelled": 69_000, "sha256": "c" * 64}


@pytest.fixture
def card(tmp_path: Path) -> Any:
    """Make the card of a model file whose facts are changed, and join its lines."""

    def make(more: dict[str, Any]) -> str:
        model = onnx.load(CONV1D)
        (entry,) = (entry for entry in model.metadata_props if entry.key == "data")
        entry.value = json.dumps({**json.loads(entry.value), **more})
        for name in ("m.onnx", "m.ids.onnx"):
            (tmp_path / name).write_bytes(model.SerializeToString())
        return model_card(tmp_path / "m.onnx").replace("\n", " ")

    return make


def test_labels_of_people_alone(card: Any) -> None:
    found = card({})
    assert (
        "| trained on | 25,000 labelled reviews, train.parquet (12,500 of 25,000 positive, SHA-256 "
        "270c1f5dcd330bda…) |"
    ) in found
    assert "transformer" not in found


def test_reviews_without_labels_are_named(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED})
    assert (
        "| and on | 70,000 unlabelled reviews, more.parquet, spans.parquet (10 left out, SHA-256 "
        f"{'b' * 16}…) |"
    ) in found
    assert "transformer" not in found


def test_a_distilled_model_names_its_teacher(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED, "teachers": [TEACHER]})
    assert "| teacher | ? probabilities of another model, t.parquet (25,000 for labelled" in found
    assert f"SHA-256 {'c' * 16}…) |" in found
    assert "The largest is a *pretrained* transformer" in found


def test_reviews_that_were_held_out_are_not_called_trained_on(card: Any) -> None:
    found = card({"fitted": 19_992, "held_out": 5_008})
    assert "| trained on | 19,992 of 25,000 labelled reviews, train.parquet" in found
    assert "5,008 held out" in found


def test_limits_are_those_of_the_model(card: Any) -> None:
    assert "of a review of more than 100 tokens only the end" in card({})


def test_a_general_model_says_what_its_sources_allow(card: Any) -> None:
    found = card({})
    assert "[SOURCES.md](SOURCES.md) lists all" in found
    assert "research or non-commercial use only: imdb, " in found
    assert "ask a lawyer" in found


def test_the_model_of_the_tutorial_is_one_for_films() -> None:
    found = model_card(CONV1D)
    assert "English reviews of films" in found
    assert "SOURCES.md" not in found


def test_each_card_is_a_page(tmp_path: Path) -> None:
    write_cards([CONV1D], tmp_path)
    page = (tmp_path / "conv1d.md").read_text(encoding="utf-8")
    assert page == model_card(CONV1D)
    assert "\n# conv1d\n" in page
