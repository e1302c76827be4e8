"""The same graph with nodes in one fixed order and with short names.

tf2onnx orders nodes by the hashes of their names and numbers them across conversions, so that
exporting twice gives two files. After this they are one, byte for byte.
"""

from __future__ import annotations

from copy import deepcopy

import onnx

from toolkit.model.file import PROBABILITY, TOKEN_IDS


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
