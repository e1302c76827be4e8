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
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from toolkit.model.file import TOKEN_IDS
from toolkit.model.onnx_messages import FLOAT, INT32, ModelProto, array_of
from toolkit.model.onnx_sessions import constants_of
from toolkit.native import library
from toolkit.native.network_bodies import Body, ConvBody, LinearBody, PoolBody

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    _Weights = Mapping[str, TensorProto]

_KNOWN_TOKENS = ("known/is_word", "known/ones", "known_tokens")
_KNOWN_SHA256 = "ad450248d161238027253096e7497bfaaa84029fb4e461b276133aa4686f7027"


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
        sha256="da5d8ce601c36e8d731c90ffa9d147a7d294b80cc785e069330809a0abd7c29b",
        weights={"words": 1, "pairs": 3, "vocabulary": 8, "pairs_size": 9},
        constants={},
        features=((25, FLOAT), (28, FLOAT)),
        make=LinearBody.of,
    ),
    _Kind(
        nodes=52,
        sha256="6ebee564d3c1a7527ee1efbcda01bbd44bf3939d7ffd223949fa6e63b0207982",
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
        features=((51, FLOAT), (52, FLOAT), (38, FLOAT), (45, INT32)),
        make=PoolBody.of,
    ),
    _Kind(
        nodes=15,
        sha256="2662b80757706a0a790d6658d039f31b5d11a181ec5d208b31617e1f6d1fe59d",
        weights={
            "embedding": 1,
            "first_kernel": 2,
            "bias": 3,
            "width": 5,
            "second_kernel": 8,
            "no_token": 12,
        },
        constants={"first": 2, "second": 6},
        features=((15, FLOAT),),
        make=ConvBody.of,
        counts_known=False,
    ),
)


@dataclass(frozen=True)
class SplitNetwork:
    """A network in two parts."""

    body: Body
    head: ModelProto  # takes what the body gives
    inputs: Sequence[str]  # of the head, in the order of the body


def split_network(network: ModelProto, most_tokens: int) -> SplitNetwork | None:
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
    network: ModelProto, kind: _Kind, weights: _Weights, most_tokens: int
) -> SplitNetwork | None:
    nodes = network.graph.node
    try:
        found = {name: array_of(weights[_weight(at)]) for name, at in kind.weights.items()}
    except ValueError:
        return None
    if kind.constants:
        names = [nodes[number - 1].output[0] for number in kind.constants.values()]
        found |= zip(kind.constants, _constants(network, names), strict=True)
    body = kind.make(found, most_tokens)
    if body is None:
        return None
    inputs = {nodes[number - 1].output[0]: element for number, element in kind.features}
    left = list(nodes[kind.nodes :])
    counting = [node for node in left if node.output[0] in _KNOWN_TOKENS]
    if kind.counts_known and _sha256(counting, set(), weights) == _KNOWN_SHA256:
        inputs[_KNOWN_TOKENS[-1]] = INT32
        left = [node for node in left if node not in counting]
    inside = {TOKEN_IDS, *_outputs(nodes[: kind.nodes])} - inputs.keys()
    if not inside.isdisjoint(name for node in left for name in node.input):
        return None  # the head needs more of the body than the core gives
    head = _part(network, left, inputs)
    head.graph.output.extend(network.graph.output)
    return SplitNetwork(body, head, [*inputs])


def _part(network: ModelProto, nodes: Sequence[NodeProto], inputs: Mapping[str, int]) -> ModelProto:
    """Make a model of some nodes, with the weights that they need, still without outputs."""
    needed = {name for node in nodes for name in node.input}
    part = ModelProto(ir_version=network.ir_version, opset_import=network.opset_import)
    part.graph.name = network.graph.name
    part.graph.node.extend(nodes)
    part.graph.initializer.extend(w for w in network.graph.initializer if w.name in needed)
    for name, element in inputs.items():
        part.graph.input.add(name=name).type.tensor_type.elem_type = element
    return part


def _constants(network: ModelProto, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Let ONNX Runtime compute what depends on weights alone, with the bits that it would use."""
    makers = {name: node for node in network.graph.node for name in node.output}
    needed, left = set[str](), [*names]
    while left:
        node = makers.get(left.pop())
        if node is not None and node.output[0] not in needed:
            needed.add(node.output[0])
            left.extend(node.input)
    part = _part(network, [n for n in network.graph.node if n.output[0] in needed], {})
    for name in names:
        part.graph.output.add(name=name).type.tensor_type.elem_type = FLOAT
    return constants_of(part)


def _outputs(nodes: Iterable[NodeProto]) -> Iterator[str]:
    return (name for node in nodes for name in node.output)


def _sha256(nodes: Iterable[NodeProto], free: set[str], weights: _Weights) -> str:
    listing = "\n".join(_listing(nodes, free, weights))
    return hashlib.sha256(listing.encode()).hexdigest()


def _listing(nodes: Iterable[NodeProto], free: set[str], weights: _Weights) -> Iterator[str]:
    """Write the nodes, and the values of the weights that are not free, a line each."""
    for node in nodes:
        settings = [(each.name, each.i, each.f, [*each.ints]) for each in node.attribute]
        yield f"{[*node.output]} = {node.domain} {node.op_type} {settings} {[*node.input]}"
        for name in node.input:
            if name in weights and name not in free:
                weight = weights[name]
                content = weight.raw_data or str(
                    [
                        [*values]
                        for values in (weight.int32_data, weight.int64_data, weight.float_data)
                    ]
                )
                yield f"{name} = {weight.data_type} {[*weight.dims]} {content!r}"


def _weight(number: int) -> str:
    return f"network/weights_{number}"
