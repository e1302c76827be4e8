"""The networks of tables as graphs: the numbers of Keras, to the last bit in any batch."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks.tables import (
    Frozen,
    random_ids,
    recurrent_network,
    recurrent_tables,
)
from tests.networks.test_frozen import any_ids
from toolkit.export.convert import convert
from toolkit.model.native_network import session_options
from toolkit.text import Ids


@pytest.fixture(scope="module")
def graphs(networks: dict[str, Frozen]) -> dict[str, onnx.ModelProto]:
    return {name: convert(frozen.network, 512).model for name, frozen in networks.items()}


@pytest.fixture(scope="module")
def sessions(graphs: dict[str, onnx.ModelProto]) -> dict[str, Any]:
    return {name: session_of(graph) for name, graph in graphs.items()}


def session_of(graph: onnx.ModelProto) -> Any:
    return ort.InferenceSession(graph.SerializeToString(), session_options())


def run(session: Any, ids: Ids) -> Any:
    return session.run(["probability"], {"token_ids": ids})[0]


@settings(max_examples=30)
@given(ids=any_ids)
def test_numbers_are_those_of_keras(
    networks: dict[str, Frozen], sessions: dict[str, Any], ids: Ids
) -> None:
    for name, frozen in networks.items():
        expected = frozen.network(ids, training=False).numpy()[:, 0]
        np.testing.assert_allclose(run(sessions[name], ids), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent", "adapted"])
@given(data=st.data())
def test_a_row_has_one_probability_in_any_batch_and_padding(
    sessions: dict[str, Any], name: str, data: st.DataObject
) -> None:
    ids = random_ids(70, width=20, seed=data.draw(st.integers(0, 9)))
    expected = run(sessions[name], ids)
    start = data.draw(st.integers(0, 69))
    part = ids[start : start + data.draw(st.integers(1, 70))]
    least = int((part > 0).sum(axis=1).max(initial=1))
    width = data.draw(st.integers(least, 60))
    padded = np.pad(part, [(0, 0), (max(0, width - 20), 0)])[:, -width:]
    assert np.array_equal(run(sessions[name], padded), expected[start : start + len(part)])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("units", [8, 12, 16])
def test_recurrent_networks_of_usual_sizes(units: int, threads: int) -> None:
    """In a batch of one, sums over another axis are made in another order."""
    options = session_options()
    options.intra_op_num_threads = threads
    graph = convert(recurrent_network(**recurrent_tables(units, hidden=32)), 512).model
    session = ort.InferenceSession(graph.SerializeToString(), options)
    ids = random_ids(65, width=30)
    together = run(session, ids)
    for size in (1, 2, 3, 8, 33):
        parts = [run(session, ids[start : start + size]) for start in range(0, 65, size)]
        assert np.array_equal(np.concatenate(parts), together), size


def test_rows_longer_than_float32_counts_one_by_one() -> None:
    """The sum of 5,000 tokens is beyond the whole numbers of float32; it is one of int32."""
    from toolkit.networks.ngram_linear import frozen

    words = np.array([0, 0, 127, 1], np.int8)
    network = frozen(words, np.array([127, 126, 125], np.int8), 1e-7, 0.0)
    session = session_of(convert(network, 9000).model)
    ids = np.full((3, 5000), 2, np.int32)
    ids[1, ::2] = 3
    wider = np.pad(ids, [(0, 0), (777, 0)])
    assert np.array_equal(run(session, wider), run(session, ids))
    np.testing.assert_allclose(run(session, ids), network(ids).numpy()[:, 0], rtol=0, atol=1e-6)


def test_tables_take_a_byte_a_number(graphs: dict[str, onnx.ModelProto]) -> None:
    sizes: dict[str, Counter[int]] = {}
    for name, graph in graphs.items():
        sizes[name] = Counter()
        for entry in graph.graph.initializer:
            sizes[name][entry.data_type] += int(np.prod(entry.dims, initial=1))
    types = onnx.TensorProto
    assert sizes["ngram-linear"][types.INT8] == 13 + 31
    assert sizes["ngram-linear"][types.FLOAT] < 5
    assert sizes["ngram-recurrent"][types.INT8] == (13 + 40) * 4 * 8


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent", "adapted"])
def test_ids_outside_the_tables_fail(sessions: dict[str, Any], name: str) -> None:
    ids = random_ids(1)
    ids[0, 3] = 1300
    with pytest.raises(Exception, match=r"out of data bounds|Out of range"):
        run(sessions[name], ids)


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent", "adapted"])
def test_the_standard_operators_will_do(graphs: dict[str, onnx.ModelProto], name: str) -> None:
    assert {node.domain for node in graphs[name].graph.node} == {""}
    # tf2onnx makes several hundred; an adapted network has those of its start, too.
    assert len(graphs[name].graph.node) < (100 if name == "adapted" else 80)
    onnx.checker.check_model(graphs[name], full_check=True)
