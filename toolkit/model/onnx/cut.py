"""A part of an ONNX graph as a model of its own."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.model.onnx.onnx_messages import ModelProto


def cut(model: ModelProto, start: str, ends: Sequence[str]) -> ModelProto:
    """Give the part of a flat graph from the tensor `start` to the tensors `ends`.

    Raises `ValueError` if the graph says nothing of these tensors, if two nodes make one tensor, or
    if weights are annotated as quantized.
    """
    graph = model.graph
    values = {each.name: each for each in (*graph.value_info, *graph.input, *graph.output)}
    if missing := {start, *ends} - values.keys():
        raise ValueError(f"no tensor {missing.pop()}")
    if graph.quantization_annotation:
        raise ValueError("its weights are annotated as quantized")
    nodes = [graph.node[place] for place in _needed(model, start, ends)]
    names = {name for node in nodes for name in (*node.input, *node.output)}
    part = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    part.graph.name = graph.name
    part.graph.node.extend(nodes)
    part.graph.initializer.extend(
        {each.name: each for each in graph.initializer if each.name in names}.values()
    )
    part.graph.input.append(values[start])
    part.graph.output.extend(values[name] for name in ends)
    part.graph.value_info.extend(each for each in graph.value_info if each.name in names - {start})
    return part


def _needed(model: ModelProto, start: str, ends: Sequence[str]) -> list[int]:
    """Find the nodes that make `ends` of `start`, in the order of the graph."""
    makers: dict[str, int] = {}
    for place, node in enumerate(model.graph.node):
        for name in filter(None, node.output):
            if makers.setdefault(name, place) != place:
                raise ValueError(f"two nodes make {name}")
    needed: set[int] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        maker = None if name == start else makers.get(name)
        if maker is not None and maker not in needed:
            needed.add(maker)
            waiting.extend(model.graph.node[maker].input)
    return sorted(needed)
