"""The networks of which the core computes the body, and ONNX Runtime the rest.

The body goes from `token_ids` to what is summed up of a review. A network is one of them if the
first nodes of its graph are just those that are known, with the same constants; its tables may have
any size and any values that the core can use. All others run in ONNX Runtime as a whole, with the
same numbers.

Where a network changes, so does the hash of its nodes: tests/networks/test_network_body.py fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from toolkit.model.file import TOKEN_IDS
from toolkit.model.inference.node_patterns import Graph, Pattern
from toolkit.model.inference.onnx_sessions import constants_of
from toolkit.model.onnx.onnx_messages import FLOAT, INT32, ModelProto
from toolkit.native import library
from toolkit.native.network_bodies import AdaptedBody, Body, ConvBody, LinearBody, PoolBody

if TYPE_CHECKING:
    from toolkit.model.onnx.onnx_messages import NodeProto


@dataclass(frozen=True)
class _Kind:
    """A kind of network whose body the core computes."""

    pattern: Pattern
    constants: Mapping[str, int]  # places of nodes whose results depend on weights alone
    features: Mapping[int, int]  # what the body gives: places of the nodes, and types
    make: Callable[[Mapping[str, npt.NDArray[Any]], int], Body | None]
    counts_known: bool = True  # whether it gives `known_tokens` at the end, too


_LINEAR = _Kind(
    Pattern(
        28,
        "e4a341b791c0f74c3a05174515018e22",
        {"words": 1, "vocabulary": 6, "pairs_size": 7, "pairs": 8},
    ),
    constants={},
    features={24: FLOAT, 27: FLOAT},
    make=LinearBody.of,
)
_POOL = _Kind(
    Pattern(
        52,
        "725d174dc9b107dc9a045f142cff5780",
        {
            "shifts": 1,
            "vocabulary": 13,
            "slots_size": 14,
            "slots": 15,
            "quotients": 16,
            "no_pair": 18,
            "long_tokens": 19,
            "routes": 20,
            "route_limit": 21,
            "last_expert": 22,
            "rows_of_expert": 23,
            "vectors": 24,
        },
    ),
    constants={},
    features={50: FLOAT, 51: FLOAT, 37: FLOAT, 44: INT32},
    make=PoolBody.of,
)
_CONV = _Kind(
    Pattern(
        15,
        "835d7d1afd84aab1db904847277c5804",
        {
            "embedding": 0,
            "first_kernel": 1,
            "bias": 2,
            "width": 4,
            "second_kernel": 7,
            "no_token": 11,
        },
    ),
    constants={"first": 1, "second": 5},
    features={14: FLOAT},
    make=ConvBody.of,
    counts_known=False,
)
_KINDS = (_LINEAR, _POOL, _CONV)

# Around the body of an adapted network: which words its base knows, and the sum of its own weights.
_KNOWN_WORDS = Pattern(2, "8b6d07905ec0abbe78df39152fdc443a", {"known": 0})
_SUM_OF_WORDS = Pattern(12, "87f3bc43d88f76f463321317f1579fd3", {"words": 1})
_FEATURES_OF_SUM = {8: FLOAT, 11: FLOAT}

_COUNTING = Pattern(3, "a9f6c693944163ca5a3b5b11a46c2383", {})  # from the ids to `known_tokens`
_KNOWN_TOKENS = "known_tokens"


@dataclass(frozen=True)
class SplitNetwork:
    """A network in two parts."""

    body: Body
    head: ModelProto  # takes what the body gives
    inputs: Sequence[str]  # of the head, in the order of the body


def split_network(network: ModelProto, most_tokens: int) -> SplitNetwork | None:
    """Cut a network, `token_ids` → outputs, after its body; None if the core does not know it."""
    if library.core() is None:
        return None
    graph = Graph(network)
    base = graph.find(_KNOWN_WORDS, 0)
    for kind in _KINDS:
        start, ids = (0, TOKEN_IDS) if base is None else (_KNOWN_WORDS.nodes, graph.output(1))
        found = graph.find(kind.pattern, start, ids)
        if found is None:
            continue
        body = _body(graph, kind, found, start, most_tokens)
        inputs = {graph.output(start + at): element for at, element in kind.features.items()}
        done = {*range(start + kind.pattern.nodes)}
        if base is not None and body is not None:
            at = next((at for at in graph.readers(TOKEN_IDS) if at not in done), 0)
            words = graph.find(_SUM_OF_WORDS, at)
            own = None if words is None else LinearBody.of_words(words["words"], most_tokens)
            known = base["known"]
            body = None if own is None or known.ndim else AdaptedBody(body, own, known, len(inputs))
            inputs |= {graph.output(at + i): kind for i, kind in _FEATURES_OF_SUM.items()}
            done |= {*range(at, at + _SUM_OF_WORDS.nodes)}
        return None if body is None else _split(graph, body, inputs, done, kind.counts_known)
    return None


def _body(
    graph: Graph, kind: _Kind, found: dict[str, npt.NDArray[Any]], start: int, most_tokens: int
) -> Body | None:
    if kind.constants:
        names = [graph.output(start + at) for at in kind.constants.values()]
        values = _constants(graph.network, names)
        if values is None:
            return None
        found |= zip(kind.constants, values, strict=True)
    return kind.make(found, most_tokens)


def _split(
    graph: Graph, body: Body, inputs: dict[str, int], done: set[int], counts_known: bool
) -> SplitNetwork | None:
    """Make the head of the nodes that are not done."""
    network = graph.network
    at = next((at for at in graph.readers(TOKEN_IDS) if at not in done), 0)
    if counts_known and graph.find(_COUNTING, at) is not None:
        inputs = {**inputs, _KNOWN_TOKENS: INT32}
        done = done | {*range(at, at + _COUNTING.nodes)}
    left = [node for at, node in enumerate(network.graph.node) if at not in done]
    inside = {TOKEN_IDS, *map(graph.output, done)} - inputs.keys()
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


def _constants(network: ModelProto, names: Sequence[str]) -> list[npt.NDArray[Any]] | None:
    """Let ONNX Runtime compute what depends on weights alone, with the bits that it would use.

    None if it cannot, as it will say of the whole network.
    """
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
