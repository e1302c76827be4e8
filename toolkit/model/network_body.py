"""The networks of which the core computes the body, and ONNX Runtime the rest.

The body goes from `token_ids` to what is summed up of a review. A network is one of them if the
first nodes of its graph are just those that are known, with the same constants; its tables may have
any size and any values that the core can use. All others run in ONNX Runtime as a whole, with the
same numbers.

Where a network changes, so does the hash of its nodes: tests/networks/test_network_body.py fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from toolkit.model.file import TOKEN_IDS
from toolkit.model.onnx_messages import FLOAT, INT32, ModelProto, array_of
from toolkit.model.onnx_sessions import constants_of
from toolkit.native import library
from toolkit.native.network_bodies import AdaptedBody, Body, ConvBody, LinearBody, PoolBody

if TYPE_CHECKING:
    from onnx import NodeProto


@dataclass(frozen=True)
class _Pattern:
    """Some nodes of a graph that follow each other."""

    nodes: int
    digest: str  # BLAKE2b of what `_listing` gives of them
    weights: Mapping[str, int]  # those that may have any values: places in the order of their use


@dataclass(frozen=True)
class _Kind:
    """A kind of network whose body the core computes."""

    pattern: _Pattern
    constants: Mapping[str, int]  # places of nodes whose results depend on weights alone
    features: Mapping[int, int]  # what the body gives: places of the nodes, and types
    make: Callable[[Mapping[str, npt.NDArray[Any]], int], Body | None]
    counts_known: bool = True  # whether it gives `known_tokens` at the end, too


_LINEAR = _Kind(
    _Pattern(
        28,
        "91469bf6b392568b771e2d091e5abfab",
        {"words": 1, "vocabulary": 6, "pairs_size": 7, "pairs": 8},
    ),
    constants={},
    features={24: FLOAT, 27: FLOAT},
    make=LinearBody.of,
)
_POOL = _Kind(
    _Pattern(
        52,
        "cf0a9c18836d73fcb29a00a97985b479",
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
    _Pattern(
        15,
        "c1ee4a6b1fc2ddfd92007b86cd27e6d8",
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
_KNOWN_WORDS = _Pattern(2, "cf1e62974a152f9e73970b7d33aabaab", {"known": 0})
_SUM_OF_WORDS = _Pattern(12, "80f99802595c82045e82cd540ad2d8f0", {"words": 1})
_FEATURES_OF_SUM = {8: FLOAT, 11: FLOAT}

_COUNTING = _Pattern(3, "a9f6c693944163ca5a3b5b11a46c2383", {})  # from the ids to `known_tokens`
_KNOWN_TOKENS = "known_tokens"


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
    graph = _Graph(network)
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
    graph: _Graph, kind: _Kind, found: dict[str, npt.NDArray[Any]], start: int, most_tokens: int
) -> Body | None:
    names = [graph.output(start + at) for at in kind.constants.values()]
    constants = _constants(graph.network, names) if names else []
    found |= zip(kind.constants, constants or [], strict=False)
    return None if constants is None else kind.make(found, most_tokens)


def _split(
    graph: _Graph, body: Body, inputs: dict[str, int], done: set[int], counts_known: bool
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


class _Graph:
    """The nodes and weights of a network."""

    def __init__(self, network: ModelProto) -> None:
        self.network = network
        self._nodes = network.graph.node
        self._weights = {entry.name: entry for entry in network.graph.initializer}

    def output(self, at: int) -> str:
        """Name what a node gives."""
        return str(self._nodes[at].output[0])

    def readers(self, name: str) -> Iterator[int]:
        """Give the places of the nodes that read a tensor."""
        return (at for at, node in enumerate(self._nodes) if name in node.input)

    def find(
        self, pattern: _Pattern, start: int, ids: str = TOKEN_IDS
    ) -> dict[str, npt.NDArray[Any]] | None:
        """Give the free weights of a pattern that starts at a node; None if it is not there.

        The pattern reads nothing but ``ids`` and weights.
        """
        nodes = self._nodes[start : start + pattern.nodes]
        used = dict.fromkeys(name for node in nodes for name in node.input if name in self._weights)
        places = {name: place for place, name in enumerate(used)}
        listing = "\n".join(self._listing(nodes, {*pattern.weights.values()}, places, ids))
        if hashlib.blake2b(listing.encode(), digest_size=16).hexdigest() != pattern.digest:
            return None
        names = [*used]
        try:
            return {
                name: array_of(self._weights[names[at]]) for name, at in pattern.weights.items()
            }
        except ValueError:
            return None

    def _listing(
        self, nodes: Sequence[NodeProto], free: set[int], places: dict[str, int], ids: str
    ) -> Iterator[str]:
        """Write nodes with numbers for names, and weights that are not free, a line each."""
        numbers = {ids: "ids", **{name: f"weight {at}" for name, at in places.items()}}
        for at, node in enumerate(nodes):
            settings = [(each.name, each.i, each.f, [*each.ints]) for each in node.attribute]
            given = [numbers.get(name, "?") for name in node.input]
            yield f"{at} {len(node.output)} {node.domain} {node.op_type} {settings} {given}"
            numbers[node.output[0]] = f"node {at}"
        for name, place in places.items():
            if place not in free:
                held = self._weights[name]
                values = [[*each] for each in (held.int32_data, held.int64_data, held.float_data)]
                yield f"{place} {held.data_type} {[*held.dims]} {held.raw_data!r} {values}"
