"""The networks of this toolkit as ONNX graphs, and back. The functions here import Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import onnx


class Form(NamedTuple):
    """How a network is written as a graph, and made of one; each gives None for other ones."""

    to_onnx: Callable[[Any], onnx.ModelProto | None]
    from_onnx: Callable[[onnx.ModelProto], Any]


def forms() -> dict[str, Form]:
    """Give the forms of our networks.

    To add a network, add an entry; without one, the graph of tf2onnx is kept.
    """
    from toolkit.networks import adapted, conv1d, ngram_linear, ngram_pool

    return {
        "conv1d": Form(conv1d.onnx_form, conv1d.from_onnx),
        "ngram-linear": Form(ngram_linear.onnx_form, ngram_linear.from_onnx),
        "ngram-pool": Form(ngram_pool.onnx_form, ngram_pool.from_onnx),
        "adapted": Form(lambda network: adapted.onnx_form(network, graph_of_network), _not_yet),
    }


def graph_of_network(network: Any) -> onnx.ModelProto | None:
    """Write the graph of a Keras network, `token_ids` → `probability`; None if it is not ours."""
    graphs = (form.to_onnx(network) for form in forms().values())
    return next((graph for graph in graphs if graph is not None), None)


def network_of_graph(graph: onnx.ModelProto) -> Any:
    """Make the Keras network of a graph, `token_ids` → `probability`; None if it is not ours.

    `ValueError` if the weights do not fit together.
    """
    # Functions of ONNX take only messages of its own classes.
    graph = onnx.ModelProto.FromString(graph.SerializeToString())
    networks = (form.from_onnx(graph) for form in forms().values())
    return next((network for network in networks if network is not None), None)


def _not_yet(_: onnx.ModelProto) -> None:
    """Adapted networks are adapted again from their run folder."""
