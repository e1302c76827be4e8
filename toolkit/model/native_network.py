"""Split known networks into a body for the native core and a head for ONNX Runtime.

The body computes the sums of a review from its `token_ids`. A network is known if its graph begins
with nodes listed in `toolkit.native.networks`, with the same constants; its tables may have any
size, and any values that the core supports. ONNX Runtime runs all other networks as a whole. Both
ways give the same numbers. The sessions of ONNX Runtime are opened here, within limits of memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from toolkit import native
from toolkit.errors import ModelError
from toolkit.model.file import KNOWN_TOKENS, TOKEN_IDS
from toolkit.model.onnx import FLOAT, INT32, ModelProto, array_of, nodes_between, weights_of
from toolkit.native.networks import BODIES, AdaptedBody, Body, KnownNodes, RecurrentBody

if TYPE_CHECKING:
    from toolkit.model.file import ModelFile
    from toolkit.model.onnx import GraphProto, NodeProto, TensorProto


# Bytes for weights and tensors of all networks of a process; the largest preset needs 10 MiB.
# Without a limit, a tiny file could ask for any amount: by shapes, by doubling, or by its ids.
_MOST_MEMORY = 768 << 20
_limits: list[int] = []  # the limit of this process, once there is one
_LARGEST_FIXED = 4096  # bytes; a larger weight is never part of the digest
_LARGEST_CONSTANT = 64 << 20  # bytes; a larger tensor is not precomputed when a file is loaded


def session_options() -> ort.SessionOptions:
    """Return options for small batches from many threads: one thread per call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; a line of log would repeat them
    return options


def open_session(part: ModelProto, path: Path) -> ort.InferenceSession:
    """Load a part of the model file at a path; raise `ModelError` if ONNX Runtime cannot.

    Also raised for a `Scan`, except in `ngram-recurrent`, where it takes one step per token: any
    other could take any number of steps, without needing memory.
    """
    if any(node.op_type == "Scan" for node in part.graph.node) and not _has_known_steps(part):
        raise ModelError(
            f"{path}: the node 'Scan' is not as `toolkit export` writes it for the "
            "network ngram-recurrent. Export the model again"
        )
    try:
        return _session(part)
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        raise ModelError(f"{path}: ONNX Runtime cannot load its network: {error}") from None


def open_whole_graph(model: ModelFile) -> ort.InferenceSession:
    """Load the whole graph of a text-in model file, with `token_ids` as a further output.

    Load its network with `open_session` first, which checks a `Scan`. Raises `ModelError` if ONNX
    Runtime cannot load the graph.
    """
    whole = ModelProto()
    whole.CopyFrom(model.graph)
    whole.graph.output.extend(each for each in whole.graph.value_info if each.name == TOKEN_IDS)
    if _count_steps(whole) != _count_steps(model.network_nodes):
        raise ModelError(
            f"{model.path}: has a node 'Scan' outside its network. Export the model again"
        )
    try:
        return _session(whole)
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        raise ModelError(f"{model.path}: ONNX Runtime cannot load its graph: {error}") from None


def _count_steps(model: ModelProto) -> int:
    return sum(node.op_type == "Scan" for node in model.graph.node)


def _session(part: ModelProto) -> ort.InferenceSession:
    return open_content(part.SerializeToString(), _MOST_MEMORY)


def open_content(content: bytes, most_memory: int) -> ort.InferenceSession:
    """Load the content of a checked ONNX file; raises the errors of ONNX Runtime.

    Parameters
    ----------
    content : bytes
        A model whose graph was checked, as `toolkit.model.onnx.parse_onnx` does.
    most_memory : int
        Bytes that all networks of the process may take. The first network of a process sets the
        limit. A network that needs a higher one has none.

    Returns
    -------
    ort.InferenceSession
        The session, of one thread.
    """
    options = session_options()
    if limit_memory(most_memory) >= most_memory:
        options.add_session_config_entry("session.use_env_allocators", "1")
    # Versions of ONNX Runtime that do not know this entry ignore it.
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(_LARGEST_CONSTANT)
    )
    # Its fallback would try the same provider again, and print that on standard output.
    return ort.InferenceSession(
        content, options, providers=["CPUExecutionProvider"], enable_fallback=0
    )


def _has_known_steps(part: ModelProto) -> bool:
    """Whether the only `Scan` is inside the nodes that the core knows."""
    graph = Graph(part)
    nodes = RecurrentBody.nodes
    base = graph.base()
    after = part.graph.node[base.start + nodes.count :]
    return graph.digest(nodes, base.start, base.ids) == nodes.digest and all(
        node.op_type != "Scan" for node in after
    )


def limit_memory(most: int) -> int:
    """Limit the memory of all networks of this process, once; return the limit in force."""
    if not _limits:
        _register_allocator(most)
        _limits.append(most)
    return _limits[0]


def _register_allocator(most: int) -> None:
    arena = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    with suppress(RuntimeError):  # a program that uses this as a library has registered one
        ort.create_and_register_allocator(arena, ort.OrtArenaCfg({"max_mem": most}))


_ELEMENTS: dict[type, int] = {np.float32: FLOAT, np.int32: INT32}
# The nodes from the ids to `known_tokens`; some bodies count known tokens, too.
_COUNTING = KnownNodes(3, "a9f6c693944163ca5a3b5b11a46c2383")


Weights = dict[str, npt.NDArray[Any]]


class _Base(NamedTuple):
    """Where the body of a network begins."""

    start: int  # index of its first node
    ids: str  # the tensor of ids that it reads
    known_words: Weights | None  # of an adapted network: weights of the nodes before the body


class Graph:
    """The nodes and weights of a network.

    Parameters
    ----------
    network : ModelProto
        The network, with or without weights.
    weights : Mapping[str, TensorProto] | None
        Name → weight, for a network without weights.
    """

    def __init__(
        self, network: ModelProto, weights: Mapping[str, TensorProto] | None = None
    ) -> None:
        self.network = network
        self._nodes = network.graph.node
        self._weights = weights_of(network) if weights is None else weights

    def output(self, at: int) -> str:
        """Return the name of the first output of a node."""
        return str(self._nodes[at].output[0])

    def outputs(self, places: Iterable[int]) -> set[str]:
        """Return the names of all outputs of some nodes."""
        return {name for at in places for name in self._nodes[at].output}

    def readers(self, name: str) -> Iterator[int]:
        """Return the indices of the nodes that read a tensor."""
        return (at for at, node in enumerate(self._nodes) if name in node.input)

    def base(self) -> _Base:
        """Return where the body begins: at the first node, or in an adapted network later."""
        known = self.find(AdaptedBody.known_words, 0)
        if known is None:
            return _Base(0, TOKEN_IDS, None)
        return _Base(AdaptedBody.known_words.count, self.output(1), known)

    def find(self, known: KnownNodes, start: int, ids: str = TOKEN_IDS) -> Weights | None:
        """Match the nodes from `start` to a known pattern; return the weights that it leaves open.

        Returns None if the nodes differ, or if they read anything else than ``ids`` and weights.
        """
        if self.digest(known, start, ids) != known.digest:
            return None
        used = [*self._used(known, start)]
        try:
            return {name: array_of(self._weights[used[at]]) for name, at in known.weights.items()}
        except ValueError:
            return None

    def digest(self, known: KnownNodes, start: int = 0, ids: str = TOKEN_IDS) -> str:
        """Return the digest of nodes from `start` on; free weights count by type and shape."""
        places = {name: place for place, name in enumerate(self._used(known, start))}
        nodes = self._nodes[start : start + known.count]
        listing = "\n".join(self._listing(nodes, {*known.weights.values()}, places=places, ids=ids))
        return hashlib.blake2b(listing.encode(), digest_size=16).hexdigest()

    def _used(self, known: KnownNodes, start: int) -> dict[str, None]:
        """Return the names of the weights of known nodes, in the order of their use."""
        nodes = self._nodes[start : start + known.count]
        names = (name for node in nodes for name in node.input)
        return dict.fromkeys(name for name in names if name in self._weights)

    def _listing(
        self, nodes: Sequence[NodeProto], free: set[int], places: dict[str, int], ids: str
    ) -> Iterator[str]:
        """Describe nodes, with numbers for names, and weights; free weights without values."""
        numbers = {ids: "ids", **{name: f"weight {at}" for name, at in places.items()}}
        for at, node in enumerate(nodes):
            settings = [(each.name, each.i, each.f, [*each.ints]) for each in node.attribute]
            given = [numbers.get(name, "?") for name in node.input]
            yield f"{at} {len(node.output)} {node.domain} {node.op_type} {settings} {given}"
            for each in node.attribute:
                if each.HasField("g"):
                    yield from _listing_of_step(each.g)
            for place, name in enumerate(node.output):
                numbers[name] = f"node {at} output {place}" if place > 0 else f"node {at}"
        for name, place in places.items():
            held = self._weights[name]
            if place in free:
                yield f"{place} {held.data_type} {len(held.dims)} dimensions"
            else:
                values = [[*each] for each in (held.int32_data, held.int64_data, held.float_data)]
                raw = held.raw_data if len(held.raw_data) <= _LARGEST_FIXED else None
                yield f"{place} {held.data_type} {[*held.dims]} {raw!r} {values}"

    def results(self, known: KnownNodes, start: int) -> dict[str, int]:
        """Return the outputs of known nodes that other nodes read: name → element type."""
        return {self.output(start + at): _ELEMENTS[kind] for at, kind in known.results.items()}

    def add_constants(self, known: KnownNodes, start: int, found: Weights) -> bool:
        """Add tensors that depend on weights alone to `found`; False if they cannot be computed."""
        if not known.constants:
            return True
        names = [self.output(start + at) for at in known.constants.values()]
        values = _constants(self, names)
        found |= zip(known.constants, values or (), strict=values is not None)
        return values is not None

    def part(self, nodes: Sequence[NodeProto], inputs: Mapping[str, int]) -> ModelProto:
        """Make a model of some nodes, with the weights that they need, still without outputs."""
        needed = {name for node in nodes for name in node.input}
        network = self.network
        part = ModelProto(ir_version=network.ir_version, opset_import=network.opset_import)
        part.graph.name = network.graph.name
        part.graph.node.extend(nodes)
        part.graph.initializer.extend(w for name, w in self._weights.items() if name in needed)
        for name, element in inputs.items():
            part.graph.input.add(name=name).type.tensor_type.elem_type = element
        return part


def _listing_of_step(graph: GraphProto) -> Iterator[str]:
    """Describe the nodes of a graph inside a node, with numbers for names."""
    numbers = {value.name: f"input {at}" for at, value in enumerate(graph.input)}
    yield f"{len(graph.input)} inputs, {len(graph.initializer)} weights"
    for at, node in enumerate(graph.node):
        given = [numbers.get(name, "?") for name in node.input]
        kind = f"{node.domain} {node.op_type} {len(node.attribute)} settings"
        yield f"step {at} {len(node.output)} {kind} {given}"
        numbers |= {name: f"{at} output {place}" for place, name in enumerate(node.output)}
    yield f"outputs {[numbers.get(value.name, '?') for value in graph.output]}"


@dataclass(frozen=True)
class SplitNetwork:
    """A network in two parts."""

    body: Body
    head: ModelProto  # reads the outputs of the body
    inputs: Sequence[str]  # of the head, in the order of the body's outputs


def split_network(
    network: ModelProto, most_tokens: int, weights: Mapping[str, TensorProto] | None = None
) -> SplitNetwork | None:
    """Cut a network, `token_ids` → outputs, after its body; None if the core does not know it.

    ``weights``: name → weight, for a network without weights.
    """
    if native.core() is None:
        return None
    graph = Graph(network, weights)
    start, ids, known_words = graph.base()
    for kind in BODIES:
        found = graph.find(kind.nodes, start, ids)
        if found is None or not graph.add_constants(kind.nodes, start, found):
            continue
        body: Body | None = kind.of(found, most_tokens)
        inputs = graph.results(kind.nodes, start)
        done = {*range(start + kind.nodes.count)}
        if known_words is not None and body is not None:
            at = next((at for at in graph.readers(TOKEN_IDS) if at not in done), 0)
            words = graph.find(AdaptedBody.sum_of_words, at)
            of_both = {} if words is None else known_words | words
            body = AdaptedBody.of(body, features=len(inputs), found=of_both, most=most_tokens)
            inputs |= graph.results(AdaptedBody.sum_of_words, at)
            done |= {*range(at, at + AdaptedBody.sum_of_words.count)}
        if body is None:
            return None
        return _split(graph, body, inputs=inputs, done=done, counts_known=kind.counts_known)
    return None


def _split(
    graph: Graph, body: Body, *, inputs: dict[str, int], done: set[int], counts_known: bool
) -> SplitNetwork | None:
    """Split a network: `done` are the nodes of the body, `inputs` what the head reads of it."""
    network = graph.network
    at = next((at for at in graph.readers(TOKEN_IDS) if at not in done), 0)
    if counts_known and graph.find(_COUNTING, at) is not None:
        inputs = {**inputs, KNOWN_TOKENS: INT32}
        done = done | {*range(at, at + _COUNTING.count)}
    left = [node for at, node in enumerate(network.graph.node) if at not in done]
    inside = {TOKEN_IDS, *graph.outputs(done)} - inputs.keys()
    if not inside.isdisjoint(name for node in left for name in node.input):
        return None  # the head needs tensors of the body that the core does not compute
    head = graph.part(left, inputs)
    head.graph.output.extend(network.graph.output)
    return SplitNetwork(body, head, [*inputs])


def _constants(graph: Graph, names: Sequence[str]) -> list[npt.NDArray[Any]] | None:
    """Let ONNX Runtime compute tensors that depend on weights alone, for the same bits as its own.

    None if it cannot. Then it cannot load the whole network either, and reports that.
    """
    nodes = graph.network.graph.node
    part = graph.part([nodes[place] for place in nodes_between(graph.network, None, names)], {})
    for name in names:
        part.graph.output.add(name=name).type.tensor_type.elem_type = FLOAT
    try:
        return _session(part).run(None, {})  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        return None
