"""Some nodes of a graph that are known by their hash, whatever values their tables have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from toolkit.model.file import TOKEN_IDS
from toolkit.model.onnx.onnx_messages import ModelProto, array_of

if TYPE_CHECKING:
    from toolkit.model.onnx.onnx_messages import NodeProto


@dataclass(frozen=True)
class Pattern:
    """Some nodes of a graph that follow each other."""

    nodes: int
    digest: str  # BLAKE2b of what `Graph` lists of them
    # Those that may have any values and any size: places in the order of their use.
    weights: Mapping[str, int]


class Graph:
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
        self, pattern: Pattern, start: int, ids: str = TOKEN_IDS
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
        """Write nodes with numbers for names, and weights, of which free ones have no values."""
        numbers = {ids: "ids", **{name: f"weight {at}" for name, at in places.items()}}
        for at, node in enumerate(nodes):
            settings = [(each.name, each.i, each.f, [*each.ints]) for each in node.attribute]
            given = [numbers.get(name, "?") for name in node.input]
            yield f"{at} {len(node.output)} {node.domain} {node.op_type} {settings} {given}"
            numbers[node.output[0]] = f"node {at}"
        for name, place in places.items():
            held = self._weights[name]
            if place in free:
                yield f"{place} {held.data_type} {len(held.dims)} dimensions"
            else:
                values = [[*each] for each in (held.int32_data, held.int64_data, held.float_data)]
                yield f"{place} {held.data_type} {[*held.dims]} {held.raw_data!r} {values}"
