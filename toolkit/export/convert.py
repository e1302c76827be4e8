"""The Keras network as an ONNX graph: in a form of its own if there is one, else by tf2onnx.

tf2onnx orders nodes by the hashes of their names and numbers them across conversions, so that
exporting twice gives two files. With nodes in one fixed order and with short names, they are one,
byte for byte.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.errors import MissingExtraError, ModelError
from toolkit.model.file import PROBABILITY, TOKEN_IDS
from toolkit.networks import import_tensorflow
from toolkit.networks.network_files import graph_of_network
from toolkit.text.token_ids import Ids

# float32 carries 7 digits, and summing 1,600 products in another order moves the sixth; what was
# seen on the IMDB reviews is 1e-7 to 1e-6.
TOLERANCE = 1e-5
OPSET = 18  # the newest that tf2onnx 1.17 writes; ONNX Runtime 1.14 and newer read it


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
    renamed = [_renamed(node, names) for node in nodes]
    made = onnx.helper.make_graph(renamed, "network", graph.input, graph.output, constants)
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
    if (graph := graph_of_network(network)) is not None:
        return Converted(canonical(graph), [])
    note = (
        f"the network {network.name} stays as tf2onnx converted it: it has no ONNX form of its own "
        "here, which may be faster"
    )
    return Converted(canonical(_by_tf2onnx(network)), [note])


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
