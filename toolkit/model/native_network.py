"""The networks of which the core computes the body, and ONNX Runtime the rest.

The body goes from `token_ids` to what is summed up of a review. A network is one of them if the
first nodes of its graph are just those that are known, with the same constants; its tables may have
any size and any values that the core can use. All others run in ONNX Runtime as a whole, with the
same numbers.

Where a network changes, so does the hash of its nodes: tests/networks/test_network_body.py fails.

Some nodes of a graph that are known by their hash, whatever values their tables have.

Sessions of ONNX Runtime: their options, and a limit of their memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import onnxruntime as ort

from toolkit import native as library
from toolkit.errors import ModelError
from toolkit.model.file import TOKEN_IDS
from toolkit.model.onnx import FLOAT, INT32, ModelProto, array_of
from toolkit.native.networks import AdaptedBody, Body, ConvBody, LinearBody, PoolBody

if TYPE_CHECKING:
    from toolkit.model.onnx import NodeProto


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


# A file of a few bytes can ask for any amount: by shapes, by doubling, by what the ids say. Weights
# and tensors of all networks of a process share this; those of the largest take some 10 MiB.
_MOST_MEMORY = 768 << 20
_LARGEST_CONSTANT = 64 << 20  # that is computed from constants when a file is loaded


def session_options() -> ort.SessionOptions:
    """Options for many small batches from many threads: one thread a call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; a line of log would repeat them
    return options


def constants_of(part: ModelProto) -> list[npt.NDArray[Any]] | None:
    """Give the outputs of a part of a model that has no inputs; None if they cannot be computed."""
    try:
        return _session(part).run(None, {})  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        return None


def open_session(part: ModelProto, path: Path) -> ort.InferenceSession:
    """Load a part of the model file at a path; raises `ModelError` if ONNX Runtime cannot."""
    try:
        return _session(part)
    except Exception as error:  # noqa: BLE001 (as above)
        raise ModelError(f"{path}: ONNX Runtime cannot load its network: {error}") from None


def _session(part: ModelProto) -> ort.InferenceSession:
    _limit_memory()
    options = session_options()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Versions of ONNX Runtime that do not know this entry ignore it.
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(_LARGEST_CONSTANT)
    )
    return ort.InferenceSession(
        part.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@cache
def _limit_memory() -> None:
    """Limit what all networks of this process take; an allocator can be registered once."""
    arena = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    with suppress(RuntimeError):  # a program that uses this as a library has registered one
        ort.create_and_register_allocator(arena, ort.OrtArenaCfg({"max_mem": _MOST_MEMORY}))


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
