"""Every runtime gives what `exported/golden.jsonl` says."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from tests.data import PROJECT
from tests.examples.golden import (
    TOLERANCE,
    golden_answers,
    golden_texts_of,
    shipped_models,
)
from tests.examples.runtimes import RUNTIMES, try_out
from tests.models import OLD_MODELS
from toolkit.text.strings import is_blank

TEXTS = list(golden_texts_of().values())
LIGHT = ("Keras", "toolkit score", "Python")  # which need nothing else


@pytest.mark.parametrize("model", shipped_models(), ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in LIGHT else pytest.mark.tools) for name in RUNTIMES],
)
def test_answers_are_the_golden_ones(name: str, model: Path) -> None:
    result = try_out(RUNTIMES[name], model, TEXTS)
    assert result.texts == len(TEXTS) >= 200
    assert result.ids_equal in (None, len(TEXTS))
    assert result.largest_difference <= TOLERANCE
    assert result.flips == 0


def test_only_texts_without_a_known_word_have_no_score() -> None:
    (model, *_) = shipped_models()
    found = RUNTIMES["toolkit score"].score(model, TEXTS)
    golden, _ = golden_answers(model)
    assert [label is None for label in found.labels] == [label is None for label in golden.labels]
    assert 20 < found.labels.count(None) < 60


def test_blank_texts_alone_had_no_score() -> None:
    """Of models before version 3 of the format."""
    found = RUNTIMES["toolkit score"].score(OLD_MODELS / "conv1d.onnx", TEXTS)
    assert [label is None for label in found.labels] == is_blank(pa.array(TEXTS)).to_pylist()


def test_the_guide_has_a_row_for_each_runtime() -> None:
    page = PROJECT / "examples" / "embed.md"
    rows = re.findall(r"(?m)^\| ([^|]+?) \| \d+ of \d+ \|", page.read_text(encoding="utf-8"))
    assert rows == list(RUNTIMES)
