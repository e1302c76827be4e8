"""The network of `conv1d` as a graph of tables: the same numbers; other networks by tf2onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.data import PROJECT
from toolkit import model as shipped
from toolkit.export.convert import TOLERANCE, convert
from toolkit.model import load_model
from toolkit.model.native_network import session_options
from toolkit.networks import conv1d
from toolkit.text import Ids

SHIPPED = PROJECT / "exported" / "conv1d.onnx"
IDS, WIDTH = 13, 12


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(model: onnx.ModelProto, ids: Ids) -> Any:
    session = ort.InferenceSession(model.SerializeToString(), session_options())
    return session.run(["probability"], {"token_ids": ids})[0]


def random_ids(rows: int, width: int = WIDTH, ids: int = IDS) -> Ids:
    """Rows padded in front, from none to all of their width."""
    random = np.random.default_rng(1)
    drawn = random.integers(1, ids, (rows, width), dtype=np.int32)
    return np.where(np.arange(width) < random.integers(0, width + 1, (rows, 1)), 0, drawn).astype(
        np.int32
    )


def random_weights(network: Any) -> Any:
    """Far from zero, the biases too."""
    network.set_weights([w * 8 if w.any() else w + 0.1 for w in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def network() -> Any:
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    keras.utils.set_random_seed(1)
    return random_weights(conv1d.build(IDS, WIDTH))


@pytest.fixture(scope="module")
def graph(network: Any) -> onnx.ModelProto:
    return convert(network, WIDTH).model


def test_the_graph_is_the_same_function(network: Any, graph: onnx.ModelProto) -> None:
    assert "Conv" not in operators(graph)
    ids = random_ids(500)
    expected = network(ids, training=False).numpy()[:, 0]
    assert np.ptp(expected) > 0.9
    np.testing.assert_allclose(run(graph, ids), expected, rtol=0, atol=TOLERANCE)


def test_biases_of_zero_are_no_exception() -> None:
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    keras.utils.set_random_seed(1)
    network = conv1d.build(IDS, WIDTH)
    ids = random_ids(100)
    converted = convert(network, WIDTH)
    assert converted.notes == []
    expected = network(ids, training=False).numpy()[:, 0]
    np.testing.assert_allclose(run(converted.model, ids), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("place", [0, 1, WIDTH - 1])
def test_ids_outside_the_embedding_fail(graph: onnx.ModelProto, place: int) -> None:
    ids = random_ids(1)
    ids[0, place] = IDS
    with pytest.raises(Exception, match="indices element out of data bounds"):
        run(graph, ids)


def variant(changes: dict[str, dict[str, Any]], width: int = WIDTH, **more: Any) -> Any:
    """The layers of `conv1d` with other settings."""
    import keras
    from keras import layers

    settings: dict[str, dict[str, Any]] = {
        "Embedding": {"input_dim": IDS, "output_dim": 5},
        "Conv1D": {"filters": 4, "kernel_size": 2, "padding": "same", "activation": "relu"},
        "MaxPooling1D": {"pool_size": 2},
        "Flatten": {},
        "Dense": {"units": 1, "activation": "sigmoid"},
    }
    keras.utils.set_random_seed(1)
    made = [
        getattr(layers, name)(**(own | changes.get(name, {}))) for name, own in settings.items()
    ]
    network = keras.Sequential(
        [keras.Input((width,), dtype="int32"), *made, *more.get("after", [])]
    )
    return random_weights(network)


def test_other_sizes_have_the_graph_of_tables() -> None:
    converted = convert(variant({"Conv1D": {"filters": 7}, "Embedding": {"output_dim": 3}}), WIDTH)
    assert "Conv" not in operators(converted.model)
    assert converted.notes == []


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({"Conv1D": {"kernel_size": 3}}, WIDTH),
        ({"Conv1D": {"padding": "valid"}}, WIDTH),
        ({"Conv1D": {"padding": "causal"}}, WIDTH),
        ({"Conv1D": {"activation": "tanh"}}, WIDTH),
        ({"Conv1D": {"strides": 2}}, WIDTH),
        ({"Conv1D": {"dilation_rate": 2}}, WIDTH),
        ({"Conv1D": {"use_bias": False}}, WIDTH),
        ({"Embedding": {"output_dim": 4}, "Conv1D": {"groups": 2}}, WIDTH),
        ({"MaxPooling1D": {"pool_size": 3}}, WIDTH),
        ({"MaxPooling1D": {"strides": 1}}, WIDTH),
        ({"MaxPooling1D": {"padding": "same"}}, WIDTH),
        ({"Dense": {"use_bias": False}}, WIDTH),
        ({}, WIDTH - 1),
    ],
    ids=str,
)
def test_other_layers_are_converted_by_tf2onnx(
    changes: dict[str, dict[str, Any]], width: int
) -> None:
    """And the result says so."""
    network = variant(changes, width)
    if changes.get("Conv1D", {}).get("groups"):  # TensorFlow has no grouped one on a CPU
        assert conv1d.to_onnx(network) is None
        return
    converted = convert(network, width)
    assert "Conv" in operators(converted.model)
    (note,) = converted.notes
    assert "is exported as tf2onnx converts it" in note
    ids = random_ids(100, width)
    expected = network(ids, training=False).numpy()[:, 0]
    np.testing.assert_allclose(run(converted.model, ids), expected, rtol=0, atol=TOLERANCE)


def test_a_network_that_is_not_a_chain_has_no_graph_of_tables() -> None:
    import keras

    chain = variant({})
    ids = keras.Input((WIDTH,), dtype="int32")
    found = ids
    for layer in chain.layers:
        found = layer(found)
    assert conv1d.to_onnx(keras.Model(ids, found)) is None
    assert conv1d.to_onnx(chain) is not None


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED.with_suffix(".ids.onnx")], ids=["text", "ids"])
def test_the_shipped_tables_are_made_at_loading(path: Path, tmp_path: Path) -> None:
    """The file keeps the small weights; a session multiplies them once, not with each batch."""
    assert operators(onnx.load(path)).count("MatMul") == 2
    options = session_options()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    ort.InferenceSession(str(path), options)
    loaded = onnx.load(tmp_path / "loaded.onnx")
    assert "MatMul" not in operators(loaded)
    tables = [list(e.dims) for e in loaded.graph.initializer if len(e.dims) == 2 and e.dims[0] > 1]
    assert sorted(tables) == [[10_000, 32], [10_001, 32]]


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_the_shipped_graphs_are_those_of_their_keras_files(name: str) -> None:
    """Byte for byte: nodes and weights of the ids-in file."""
    from toolkit.export.convert import ids_in_model
    from toolkit.networks.network_files import load_keras

    path = SHIPPED.with_name(f"{name}.keras")
    facts = load_model(name).facts
    network = convert(load_keras(path), facts.max_tokens)
    converted = ids_in_model(network.model, facts)
    written = onnx.load(path.with_suffix(".ids.onnx"))
    for found, expected in (
        (converted.graph.node, written.graph.node),
        (converted.graph.initializer, written.graph.initializer),
    ):
        assert [e.SerializeToString() for e in found] == [e.SerializeToString() for e in expected]
    assert network.notes == []
