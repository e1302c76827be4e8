"""A network as an ONNX graph, from a listing in the syntax of `onnx.parser` and its weights.

Written by hand, networks take a third to a half of the time of what tf2onnx makes of them.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
from onnx import numpy_helper

from toolkit.model.file import PROBABILITY, TOKEN_IDS

Weights = dict[str, npt.NDArray[Any]]


def graph_of(
    steps: str, weights: Weights, *, width: int | str, constants: str = ""
) -> onnx.ModelProto:
    """Make a model, `token_ids` (batch, width) → `probability` (batch,), of steps and weights."""
    listing = f"""
<ir_version: 9, opset_import: ["": 18]>
network (int32[batch, {width}] {TOKEN_IDS}) => (float[batch] {PROBABILITY})
<{constants}>
{{{steps}}}
"""
    model: onnx.ModelProto = onnx.parser.parse_model(listing)
    model.graph.initializer.extend(
        numpy_helper.from_array(table, name) for name, table in weights.items()
    )
    return model


def weights_of(model: onnx.ModelProto, steps: str, *, constants: str = "") -> Weights | None:
    """Read out of a graph the weights that `graph_of` put in; None if it has other steps.

    Tensors may have other names and nodes another order, as the export gives them: both graphs are
    followed from `probability` back to the weights.
    """
    written = graph_of(steps, {}, width="tokens", constants=constants)
    ours, theirs = _makers(written), _makers(model)
    stored = {entry.name: entry for entry in model.graph.initializer}
    named = {TOKEN_IDS: TOKEN_IDS}
    left = [(PROBABILITY, PROBABILITY)]
    while left:
        name, their_name = left.pop()
        if name in named:
            if named[name] != their_name:
                return None
            continue
        named[name] = their_name
        step, node = ours.get(name), theirs.get(their_name)
        if step is None and node is None and their_name in stored:
            continue
        if step is None or node is None or _kind(step) != _kind(node):
            return None
        left += zip(step.input, node.input, strict=True)
    return {
        name: numpy_helper.to_array(stored[other])
        for name, other in named.items()
        if other in stored
    }


def composed(
    around: onnx.ModelProto, base: onnx.ModelProto, *, ids: str, logit: str
) -> onnx.ModelProto:
    """Put a network before the sigmoid of which it ends into another one.

    It reads the tensor `ids` of the outer one, and gives it the tensor `logit`.
    """
    inner = deepcopy(base.graph)
    (end,) = (node for node in inner.node if PROBABILITY in node.output)
    if end.op_type != "Sigmoid":
        raise ValueError(f"expected a network that ends in a Sigmoid, received {end.op_type}")
    inner.node.remove(end)
    names = {TOKEN_IDS: ids, end.input[0]: logit}

    def renamed(name: str) -> str:
        return names.get(name, f"base/{name}") if name else name

    for node in inner.node:
        node.input[:] = map(renamed, node.input)
        node.output[:] = map(renamed, node.output)
    for entry in inner.initializer:
        entry.name = renamed(entry.name)
    whole = deepcopy(around)
    whole.graph.node.extend(inner.node)
    whole.graph.initializer.extend(inner.initializer)
    return whole


def integers(*values: int) -> npt.NDArray[np.int64]:
    """Whole numbers as shapes, axes and places take them."""
    return np.array(values, np.int64)


def _makers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def _kind(node: onnx.NodeProto) -> tuple[str, int, list[bytes]]:
    settings = sorted(entry.SerializeToString(deterministic=True) for entry in node.attribute)
    return node.op_type, len(node.input), settings
