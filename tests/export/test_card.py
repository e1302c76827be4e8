"""The model card says what a model was trained on, from the facts in its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.models import CONV1D
from toolkit.export.card import model_card, model_page
from toolkit.model.file import ModelFile
from toolkit.model.shipped import DEFAULT_MODEL

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
        known = ModelFile.load(CONV1D).facts
        replace(known, data={**known.data, **more}).write_to(model)
        for name in ("m.onnx", "m.ids.onnx"):
            (tmp_path / name).write_bytes(model.SerializeToString())
        return model_card(tmp_path / "m.onnx").replace("\n", " ")

    return make


def trained_on(card: str) -> str:
    return card.partition("### Training data  ")[2].partition(".  ")[0]


def test_labels_of_people_alone(card: Any) -> None:
    found = card({})
    assert trained_on(found) == "25,000 labelled reviews, train.parquet (SHA-256 270c1f5dcd330bda…)"
    assert "transformer" not in found


def test_reviews_without_labels_are_told(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED})
    assert trained_on(found).split("; ")[1:] == [
        f"69,990 texts without labels, more.parquet, spans.parquet (SHA-256 {'b' * 16}…)"
    ]
    assert "transformer" not in found


def test_a_distilled_model_names_its_teacher(card: Any) -> None:
    found = card({"unlabelled": UNLABELLED, "teachers": [TEACHER]})
    assert trained_on(found).split("; ")[2:] == [
        "probabilities that a teacher gives to 25,000 of the labelled texts and to others, "
        f"t.parquet (SHA-256 {'c' * 16}…)"
    ]
    assert "One of them is a *pretrained* transformer" in found


def test_limits_are_those_of_the_model(card: Any) -> None:
    assert "of a review of more than 100 tokens only the end" in card({})


def test_the_page_names_the_default() -> None:
    assert f"without it, `{DEFAULT_MODEL}` is used" in model_page([CONV1D])
