"""The networks of which the core computes the body, and ONNX Runtime the rest.

The body goes from `token_ids` to what is summed up of a review. A network is one of them if the
first nodes of its graph are just those that are known, by name, type, inputs and attributes, with
the same constants; its tables may have any size and any values that the core can use. All others
run in ONNX Runtime as a whole, with the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

from toolkit.model.file import TOKEN_IDS
from toolkit.model.onnx_sessions import constants_of
from toolkit.native import library
from toolkit.native.network_bodies import Body, ConvBody, LinearBody, PoolBody

_KNOWN_TOKENS = ("known/is_word", "known/ones", "known_tokens")
_KNOWN_SHA256 = "5867377e1507993de94961ccbee074708db8f5123e90a6337c1f3699a76d1dee"
_FLOAT, _INT = TensorProto.FLOAT, TensorProto.INT32


@dataclass(frozen=True)
class _Kind:
    """A kind of network that the core knows."""

    nodes: int  # how many of the first ones are the body
    sha256: str  # of what `_listing` gives of them
    weights: Mapping[str, int]  # the numbers of weights by what they are
    constants: Mapping[str, int]  # numbers of nodes whose results depend on weights alone
    features: Sequence[tuple[int, int]]  # what the body gives: of which node, and its type
    make: Callable[[Mapping[str, npt.NDArray[Any]], int], Body | None]
    counts_known: bool = True  # whether it gives `known_tokens`, too


_KINDS = (
    _Kind(
        nodes=28,
        sha256="5c6962ec52a23b5b35c5200893d3ee835626af5a17caca86198690b671f91b95",
        weights={"words": 1, "pairs": 3, "vocabulary": 8, "pairs_size": 9},
        constants={},
        features=((25, _FLOAT), (28, _FLOAT)),
        make=LinearBody.of,
    ),
    _Kind(
        nodes=52,
        sha256="61e880050c5cf654bc02767f63052ddfe14a4aedce5ed5dc9fb60d6429d42292",
        weights={
            "vectors": 1,
            "shifts": 3,
            "slots": 12,
            "routes": 23,
            "vocabulary": 16,
            "slots_size": 17,
            "quotients": 18,
            "no_pair": 20,
            "long_tokens": 21,
            "last_expert": 22,
            "route_limit": 24,
            "rows_of_expert": 25,
        },
        constants={},
        features=((51, _FLOAT), (52, _FLOAT), (38, _FLOAT), (45, _INT)),
        make=PoolBody.of,
    ),
    _Kind(
        nodes=15,
        sha256="a08c772020bf045da1f0f0517179f8cb3b0ebed1bf3cfe6642f229d09d0646c8",
        weights={
            "embedding": 1,
            "first_kernel": 2,
            "bias": 3,
            "width": 5,
            "second_kernel": 8,
            "no_token": 12,
        },
        constants={"first": 2, "second": 6},
        features=((15, _FLOAT),),
        make=ConvBody.of,
        counts_known=False,
    ),
)


@dataclass(frozen=True)
class SplitNetwork:
    """A network in two parts."""

    body: Body
    head: onnx.ModelProto  # takes what the body gives, in this order
    inputs: Sequence[str]  # of the head


def split_network(network: onnx.ModelProto, most_tokens: int) -> SplitNetwork | None:
    """Cut a network, `token_ids` → outputs, behind its body; None if the core does not know it."""
    if library.core() is None:
        return None
    weights = {entry.name: entry for entry in network.graph.initializer}
    for kind in _KINDS:
        nodes = network.graph.node[: kind.nodes]
        free = {_weight(number) for number in kind.weights.values()}
        if len(nodes) == kind.nodes and _sha256(nodes, free, weights) == kind.sha256:
            return _split(network, kind, weights, most_tokens)
    return None


def _split(
    network: onnx.ModelProto, kind: _Kind, weights: dict[str, TensorProto], most_tokens: int
) -> SplitNetwork | None:
    nodes = network.graph.node
    found = {
        name: numpy_helper.to_array(weights[_weight(number)])
        for name, number in kind.weights.items()
    }
    if kind.constants:
        names = [nodes[number - 1].output[0] for number in kind.constants.values()]
        found |= zip(kind.constants, _constants(network, names), strict=True)
    body = kind.make(found, most_tokens)
    if body is None:
        return None
    inputs = [(nodes[number - 1].output[0], element) for number, element in kind.features]
    left = list(nodes[kind.nodes :])
    counting = [node for node in left if node.output[0] in _KNOWN_TOKENS]
    if kind.counts_known and _sha256(counting, set(), weights) == _KNOWN_SHA256:
        inputs.append((_KNOWN_TOKENS[-1], _INT))
        left = [node for node in left if node not in counting]
    if not {TOKEN_IDS, *_outputs(nodes[: kind.nodes])}.isdisjoint(
        name for node in left for name in node.input if name not in dict(inputs)
    ):
        return None  # more of the body is needed than the core gives
    head = _cut(network, left, inputs, [*network.graph.output])
    return SplitNetwork(body, head, [name for name, _ in inputs])


def _cut(
    network: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int]],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """Make a model of some nodes, with the weights that they need."""
    needed = {name for node in nodes for name in node.input}
    cut = onnx.ModelProto(ir_version=network.ir_version, opset_import=network.opset_import)
    cut.graph.name = network.graph.name
    cut.graph.node.extend(nodes)
    cut.graph.initializer.extend(w for w in network.graph.initializer if w.name in needed)
    for name, element in inputs:
        value = cut.graph.input.add(name=name)
        value.type.tensor_type.elem_type = element
    cut.graph.output.extend(outputs)
    return cut


def _constants(network: onnx.ModelProto, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Let ONNX Runtime compute what depends on weights alone, with the bits that it would use."""
    outputs = [onnx.ValueInfoProto(name=name) for name in names]
    for output in outputs:
        output.type.tensor_type.elem_type = _FLOAT
    makers = {name: node for node in network.graph.node for name in node.output}
    wanted: dict[str, onnx.NodeProto] = {}
    left = [*names]
    while left:
        if (node := makers.get(name := left.pop())) is not None and name not in wanted:
            wanted[name] = node
            left.extend(node.input)
    nodes = [node for node in network.graph.node if node.output[0] in wanted]
    return constants_of(_cut(network, nodes, [], outputs))


def _outputs(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    return (name for node in nodes for name in node.output)


def _sha256(
    nodes: Iterable[onnx.NodeProto], free: set[str], weights: dict[str, TensorProto]
) -> str:
    listing = "\n".join(_listing(nodes, free, weights))
    return hashlib.sha256(listing.encode()).hexdigest()


def _listing(
    nodes: Iterable[onnx.NodeProto], free: set[str], weights: dict[str, TensorProto]
) -> Iterator[str]:
    """Write the nodes, and the values of the weights that are not free, a line each."""
    for node in nodes:
        settings = [(each.name, each.i, each.f, [*each.ints]) for each in node.attribute]
        yield f"{[*node.output]} = {node.domain} {node.op_type} {settings} {[*node.input]}"
        for name in node.input:
            if name in weights and name not in free:
                yield f"{name} = {numpy_helper.to_array(weights[name]).tolist()}"


def _weight(number: int) -> str:
    return f"network/weights_{number}"
