"""Models that read rows of any length: front end, the four executions, and the scorer."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.conftest import WORDS, SmallModel
from tests.networks.tables import Frozen
from tests.reference import row_of, tokens_of
from tests.strategies import review_texts
from toolkit.errors import ParityError
from toolkit.export.convert import check_parity, compare, convert, ids_in_model, text_in_model
from toolkit.model import ModelFile, Scorer
from toolkit.model.facts import FORMAT_VERSION
from toolkit.model.file import token_ids_width
from toolkit.model.native_network import session_options

MAX_TOKENS = 7

MIXED = ["the good movie", "", "bad " * 30, "zzyzx qwxyz", "   ", "the " * 10_000 + "bad", "!?",
         "a good, good movie. " * 3]  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """A network, its two files, and the scorer of the first."""

    network: Any
    text_in: Path
    ids_in: Path
    scorer: Scorer


@pytest.fixture(scope="module")
def exported(
    small_model: SmallModel, networks: dict[str, Frozen], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Exported]:
    folder = tmp_path_factory.mktemp("any_length")
    made = {}
    for name, frozen in networks.items():
        facts = replace(small_model.facts, preset=name, max_tokens=MAX_TOKENS)
        graph = convert(frozen.network, MAX_TOKENS).model
        text_in, ids_in = folder / f"{name}.onnx", folder / f"{name}.ids.onnx"
        onnx.save(text_in_model(graph, small_model.vocabulary, facts), text_in)
        onnx.save(ids_in_model(graph, facts), ids_in)
        made[name] = Exported(frozen.network, text_in, ids_in, Scorer(text_in))
    return made


@pytest.fixture(params=["ngram-linear", "ngram-recurrent"])
def model(request: pytest.FixtureRequest, exported: dict[str, Exported]) -> Exported:
    return exported[request.param]


@pytest.fixture(scope="module")
def front_end(exported: dict[str, Exported]) -> ort.InferenceSession:
    """From texts to token ids."""
    graph = onnx.load(exported["ngram-linear"].text_in)
    del graph.graph.output[:]
    graph.graph.output.extend(v for v in graph.graph.value_info if v.name == "token_ids")
    return ort.InferenceSession(graph.SerializeToString(), session_options())


def rows_of(texts: list[str]) -> list[list[int]]:
    """Give the rows by the rule, as long as the longest needs."""
    width = min(MAX_TOKENS, max(1 + len(tokens_of(text)) for text in texts))
    return [row_of(text, WORDS, width) for text in texts]


@pytest.mark.slow
@settings(max_examples=200)
@given(texts=st.lists(review_texts, min_size=1, max_size=8))
def test_rows_are_as_long_as_the_longest(
    front_end: ort.InferenceSession, exported: dict[str, Exported], texts: list[str]
) -> None:
    expected = rows_of(texts)
    assert front_end.run(None, {"text": np.array(texts, object)})[0].tolist() == expected
    found = exported["ngram-linear"].scorer.token_ids(pa.array(texts, pa.string()))
    assert found.tolist() == expected


@pytest.mark.parametrize("texts", [[""], ["", ""], ["!!", " "], ["x " * 6], ["x " * 7]])
def test_shortest_and_longest_rows(front_end: ort.InferenceSession, texts: list[str]) -> None:
    assert front_end.run(None, {"text": np.array(texts, object)})[0].tolist() == rows_of(texts)


def test_files_say_that_any_length_will_do(model: Exported) -> None:
    assert ModelFile.load(model.text_in).facts.format_version == FORMAT_VERSION
    for path in (model.text_in, model.ids_in):
        assert token_ids_width(onnx.load(path)) is None


def test_the_four_executions(model: Exported) -> None:
    report = compare(model.network, model.text_in, model.ids_in, MIXED * 40)
    check_parity(report)
    assert report.reviews == 40 * len(MIXED)


def test_rows_of_another_length_do_not_pass(
    model: Exported, tmp_path: Path, unchecked: None
) -> None:
    graph = onnx.load(model.text_in)
    (most,) = (e for e in graph.graph.initializer if e.name == "front_end/most_columns")
    most.CopyFrom(onnx.numpy_helper.from_array(np.array([MAX_TOKENS + 1]), most.name))
    onnx.save(graph, tmp_path / "longer.onnx")
    report = compare(model.network, tmp_path / "longer.onnx", model.ids_in, ["!"])
    with pytest.raises(ParityError, match=f"{report.edge_texts + 1} rows with different token ids"):
        check_parity(report)


def many_texts(count: int) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices([*WORDS, "zzyzx"], k=draw.randint(0, 12))) for _ in range(count)]
