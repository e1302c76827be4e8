"""The text front end inside the graph against the plain rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.conftest import WORDS
from tests.reference import row_of
from tests.strategies import review_texts
from toolkit.export.convert import IR_VERSION, OPERATOR_SETS
from toolkit.export.front_end import front_end
from toolkit.text import NEWEST_RULE, RULES, TokenRule, Vocabulary, golden_texts

MAX_TOKENS = 7


@pytest.fixture(scope="module")
def sessions() -> dict[int, ort.InferenceSession]:
    return {version: session_of(rule) for version, rule in RULES.items()}


@pytest.fixture
def session(sessions: dict[int, ort.InferenceSession]) -> ort.InferenceSession:
    return sessions[NEWEST_RULE.version]


def session_of(rule: TokenRule) -> ort.InferenceSession:
    graph = front_end(Vocabulary(pa.array(WORDS), rule), MAX_TOKENS)
    operator_sets = [onnx.helper.make_opsetid(*entry) for entry in OPERATOR_SETS.items()]
    model = onnx.helper.make_model(graph, ir_version=IR_VERSION, opset_imports=operator_sets)
    return ort.InferenceSession(model.SerializeToString())


def run(session: ort.InferenceSession, texts: list[str]) -> Any:
    return session.run(None, {"text": np.array(texts, dtype=object)})[0]


@settings(max_examples=300)
@given(texts=st.lists(review_texts, max_size=8), rule=st.sampled_from(sorted(RULES)))
def test_ids_are_those_of_the_rule(
    sessions: dict[int, ort.InferenceSession], texts: list[str], rule: int
) -> None:
    ids = run(sessions[rule], texts)
    assert ids.tolist() == [row_of(text, WORDS, MAX_TOKENS, rule) for text in texts]
    assert ids.dtype == np.int32


EDGES = golden_texts([MAX_TOKENS])


@pytest.mark.parametrize("name", EDGES)
def test_edge_texts(session: ort.InferenceSession, name: str) -> None:
    text = EDGES[name]
    assert run(session, [text]).tolist() == [row_of(text, WORDS, MAX_TOKENS)]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["!!", " "], ["zzyzx", "qwxyz"]])
def test_rows_in_are_rows_out(session: ort.InferenceSession, texts: list[str]) -> None:
    """Pipelines of ONNX operators for texts have lost rows without a known word."""
    assert run(session, texts).shape == (len(texts), MAX_TOKENS)
