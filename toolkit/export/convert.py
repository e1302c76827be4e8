"""The Keras network as an ONNX graph: by tf2onnx, then in a faster form if there is one.

The same graph with nodes in one fixed order and with short names.

tf2onnx orders nodes by the hashes of their names and numbers them across conversions, so that
exporting twice gives two files. After this they are one, byte for byte.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from toolkit.errors import MissingExtraError, ModelError, ParityError
from toolkit.model.file import PROBABILITY, TOKEN_IDS
from toolkit.model.onnx_sessions import session_options
from toolkit.networks import import_tensorflow
from toolkit.networks.network_files import graph_of_network
from toolkit.text.token_ids import Ids


def canonical(network: onnx.ModelProto) -> onnx.ModelProto:
    """Order nodes depth first from the output, number them, and leave out what it does not need."""
    graph = network.graph
    producers = {name: node for node in graph.node for name in node.output}
    weights = {entry.name: entry for entry in graph.initializer}
    names = {TOKEN_IDS: TOKEN_IDS, PROBABILITY: PROBABILITY, "": ""}
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def visit(name: str) -> None:
        if name in weights:
            constants.append(deepcopy(weights[name]))
            names[name] = constants[-1].name = f"network/weights_{len(constants)}"
        else:
            node = producers[name]
            for source in node.input:
                if source not in names:
                    visit(source)
            nodes.append(node)
            for position, output in enumerate(node.output):
                suffix = f"_{position}" if position else ""
                names.setdefault(output, f"network/{node.op_type}_{len(nodes)}{suffix}")

    visit(PROBABILITY)
    return rebuilt(network, [_renamed(node, names) for node in nodes], constants)


def rebuilt(
    network: onnx.ModelProto, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]
) -> onnx.ModelProto:
    """Give a network other nodes and weights; inputs, outputs and versions stay."""
    graph = network.graph
    made = onnx.helper.make_graph(nodes, "network", graph.input, graph.output, weights)
    return onnx.helper.make_model(
        made, ir_version=network.ir_version, opset_imports=network.opset_import
    )


def _renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    renamed = deepcopy(node)
    renamed.input[:] = [names[name] for name in node.input]
    renamed.output[:] = [names[name] for name in node.output]
    renamed.name = renamed.output[0]
    renamed.ClearField("doc_string")
    del renamed.attribute[:]
    renamed.attribute.extend(sorted(node.attribute, key=lambda entry: entry.name))
    return renamed


# float32 carries 7 digits, and summing 1,600 products in another order moves the sixth; what was
# seen on the IMDB reviews is 1e-7 to 1e-6.
TOLERANCE = 1e-5
OPSET = 18  # the newest that tf2onnx 1.17 writes; ONNX Runtime 1.14 and newer read it


class Converted(NamedTuple):
    """A network as a graph, `token_ids` → `probability`, and what a user should know of it."""

    model: onnx.ModelProto
    notes: list[str]


def run_keras(network: Any, ids: Ids) -> npt.NDArray[np.float32]:
    """Give the probabilities of (rows, tokens) ids, (rows,), without dropout."""
    return np.asarray(network(ids, training=False))[:, 0]


def convert(network: Any, max_tokens: int) -> Converted:
    """Make a graph, int32[batch, tokens] → float32[batch], of a Keras network.

    `ModelError` if the network has a fixed number of tokens, and that is not `max_tokens`.
    """
    width = network.input_shape[-1]
    if width not in (max_tokens, None):
        raise ModelError(
            f"the network reads {width} tokens, but its config says {max_tokens}. "
            "Is it the config of another run?"
        )
    graph = graph_of_network(network)
    own = None if graph is None else canonical(graph)
    if own is not None and _has_layers_of_tables(network):  # which tf2onnx cannot convert
        return Converted(own, [])
    converted = canonical(_by_tf2onnx(network))
    if own is None:
        note = (
            f"the network {network.name} stays as tf2onnx converted it: it has no ONNX form of "
            "its own here, which may be faster"
        )
        return Converted(converted, [note])
    _check_same_numbers(converted, own, network)
    return Converted(own, [])


def _has_layers_of_tables(network: Any) -> bool:
    from toolkit.networks.tables import TableLayer  # it imports Keras

    return any(isinstance(layer, TableLayer) for layer in network.layers)


def _check_same_numbers(converted: onnx.ModelProto, own: onnx.ModelProto, network: Any) -> None:
    """Raise `ParityError` unless two graphs agree on rows of random ids."""
    width, ids = network.input_shape[-1], network.layers[0].input_dim
    rows = np.random.default_rng(1).integers(0, ids, (64, width), np.int32)
    reference, found = (
        ort.InferenceSession(graph.SerializeToString(), session_options()).run(
            [PROBABILITY], {TOKEN_IDS: rows}
        )[0]
        for graph in (converted, own)
    )
    if not np.allclose(found, reference, rtol=0, atol=TOLERANCE):
        raise ParityError(
            f"the faster form of the network {network.name} differs from the graph of tf2onnx by "
            f"{np.max(np.abs(found - reference)):.2g} (allowed {TOLERANCE:.0e}). Nothing was "
            "exported. Please report it with the versions of tf2onnx and TensorFlow."
        )


def _by_tf2onnx(network: Any) -> onnx.ModelProto:
    tf = import_tensorflow()
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", error.name or "tf2onnx") from None
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)

    # tf2onnx 1.17 cannot convert a Keras 3 model object (tensorflow-onnx issue 2448); a function
    # works, and the dictionary it returns names the outputs.
    def forward(token_ids: Any) -> Any:
        return {PROBABILITY: tf.reshape(network(token_ids, training=False), [-1])}

    signature = [tf.TensorSpec((None, network.input_shape[-1]), tf.int32, name=TOKEN_IDS)]

    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(
        tf.function(forward, input_signature=signature), signature, opset=OPSET
    )
    return model
