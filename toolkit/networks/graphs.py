"""Graphs of networks: a listing of nodes in the syntax of `onnx.parser`, and weights; and back.

A listing is in ``NAME.onnxtxt``. Written by hand, networks take a third to a half of the time of
what tf2onnx makes of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
from onnx import numpy_helper

from toolkit.model.file import PROBABILITIES, PROBABILITY, TOKEN_IDS

Weights = dict[str, npt.NDArray[Any]]

# Listings of the last steps of a network, from its features.
ONE_LOGIT = "one_logit"
CLASS_LOGITS = "class_logits"


def steps(*names: str) -> str:
    """Read the nodes of graphs from the files of these names, in order."""
    found = (Path(__file__).with_name(f"{name}.onnxtxt") for name in names)
    return "\n".join(path.read_text(encoding="ascii") for path in found)


def graph_of(
    listing: str,
    weights: Weights,
    *,
    width: int | str,
    constants: str = "",
    classes: int | None = None,
) -> onnx.ModelProto:
    """Make a model, `token_ids` (batch, width) → `probability` (batch,), of nodes and weights.

    With a number of classes, its output is `probabilities` (batch, classes) instead.
    """
    output = f"float[batch] {PROBABILITY}"
    if classes is not None:
        output = f"float[batch, {classes}] {PROBABILITIES}"
    whole = f"""
<ir_version: 9, opset_import: ["": 18]>
network (int32[batch, {width}] {TOKEN_IDS}) => ({output})
<{constants}>
{{{listing}}}
"""
    model: onnx.ModelProto = onnx.parser.parse_model(whole)
    model.graph.initializer.extend(
        numpy_helper.from_array(table, name) for name, table in weights.items()
    )
    return model


def weights_of(model: onnx.ModelProto, listing: str, *, constants: str = "") -> Weights | None:
    """Read out of a graph the weights that `graph_of` put in; None if it has other nodes."""
    written = graph_of(listing, {}, width="tokens", constants=constants)
    named = names_in(model, written, {PROBABILITY: PROBABILITY}, {TOKEN_IDS: TOKEN_IDS})
    return None if named is None else weights_by_name(model, named)


def names_in(
    model: onnx.ModelProto,
    written: onnx.ModelProto,
    ends: Mapping[str, str],
    starts: Mapping[str, str],
    free: Collection[str] = (),
) -> dict[str, str] | None:
    """Return what the tensors of a written graph are called in a model; None for other nodes.

    Tensors may have other names and nodes another order, as the export gives them: both graphs are
    followed from the tensors `ends` back to the tensors `starts`, to weights, and to the `free`
    tensors, which any node may make. Both mappings are from the names in the written graph.
    """
    ours = _makers(written)
    theirs = _makers(model)
    stored = {entry.name for entry in model.graph.initializer}
    named = dict(starts)
    left = [*ends.items()]
    while left:
        name, their_name = left.pop()
        if name in named:
            if named[name] != their_name:
                return None
            continue
        named[name] = their_name
        step = ours.get(name)
        node = theirs.get(their_name)
        if name in free or (step is None and node is None and their_name in stored):
            continue
        if step is None or node is None or _kind(step) != _kind(node):
            return None
        if [*step.output].index(name) != [*node.output].index(their_name):
            return None
        left += zip(step.input, node.input, strict=True)
    return named


def weights_by_name(model: onnx.ModelProto, named: Mapping[str, str]) -> Weights:
    """Read the weights of a model that `names_in` has found, by their written names."""
    stored = {entry.name: entry for entry in model.graph.initializer}
    return {
        name: numpy_helper.to_array(stored[other])
        for name, other in named.items()
        if other in stored
    }


def rename_tensors(graph: onnx.GraphProto, prefix: str, outside: Mapping[str, str]) -> None:
    """Give the tensors of a graph a prefix, and tensors from outside the given names."""

    def renamed(name: str) -> str:
        return outside.get(name, prefix + name) if name else name

    for node in graph.node:
        node.input[:] = map(renamed, node.input)
        node.output[:] = map(renamed, node.output)
    for entry in (*graph.initializer, *graph.value_info):
        entry.name = renamed(entry.name)


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
    rename_tensors(inner, "base/", {TOKEN_IDS: ids, end.input[0]: logit})
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
