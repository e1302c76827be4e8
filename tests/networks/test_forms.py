"""Networks made again of their graphs: shipped models have no other file."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from tests.networks.tables import WORDS, Frozen, random_ids
from toolkit.export.convert import canonical, run_keras
from toolkit.model.file import load_model
from toolkit.model.shipped import SHIPPED

pytest.importorskip("keras", reason="needs the extra 'train'")


def graph_of(network: Any) -> onnx.ModelProto:
    """The graph as the export stores it, with other names and in another order."""
    from toolkit.networks.network_files import graph_of_network

    graph = graph_of_network(network)
    assert graph is not None
    return canonical(graph)


def remade(graph: onnx.ModelProto) -> Any:
    from toolkit.networks.network_files import network_of_graph

    return network_of_graph(graph)


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-pool", "ngram-pool, one expert"])
def test_a_network_of_its_graph(networks: dict[str, Frozen], name: str) -> None:
    network = networks[name].network
    made = remade(graph_of(network))
    ids = random_ids(80)
    assert np.array_equal(run_keras(made, ids), run_keras(network, ids))
    assert made.name == network.name
    assert graph_of(made) == graph_of(network)


def test_the_network_of_the_tutorial(small_conv1d: Any) -> None:
    made = remade(graph_of(small_conv1d))
    ids = random_ids(80)
    assert np.array_equal(run_keras(made, ids), run_keras(small_conv1d, ids))
    assert made.layers[0].input_dim == WORDS


def test_a_network_without_negators(networks: dict[str, Frozen]) -> None:
    from dataclasses import replace

    from toolkit.networks import ngram_pool

    tables = networks["ngram-pool"].tables
    lookup = replace(tables["lookup"], negators=np.zeros(WORDS, np.int32))
    network = ngram_pool.frozen(lookup, tables["experts"])
    ids = random_ids(80)
    assert np.array_equal(run_keras(remade(graph_of(network)), ids), run_keras(network, ids))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models(name: str) -> None:
    """The weights are those of the Keras file that the model was exported from."""
    from toolkit.networks.network_files import load_keras

    model = load_model(name)
    expected = load_keras(model.path.with_suffix(".keras")).get_weights()
    found = remade(model.network).get_weights()
    assert [w.dtype for w in found] == [w.dtype for w in expected]
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("change", ["operator", "attribute", "input", "weights"])
def test_other_graphs(networks: dict[str, Frozen], change: str) -> None:
    graph = graph_of(networks["ngram-linear"].network)
    node = next(n for n in graph.graph.node if n.op_type == "GatherElements")
    if change == "operator":
        node.op_type = "Gather"
    elif change == "attribute":
        node.attribute[0].i = 1
    elif change == "input":
        node.input[1] = "token_ids"
    else:
        del graph.graph.initializer[:]
    assert remade(graph) is None
