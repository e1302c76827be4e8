"""The graph of `ngram-recurrent` without a loop, for twins: its tokens are read in chunks.

A `Scan` runs one step after the other, and each costs a few microseconds in ONNX Runtime; other
runtimes do not convert it, or compute it wrongly. Here, reviews are cut into chunks of `LENGTH`
tokens, and the steps are nodes of the graph:

1. The tokens of a chunk are read one after the other, in all chunks at the same time, each chunk
   from an empty memory. That says what a chunk leaves, and how much it keeps of what was before.
2. Each chunk is told what the chunks before it leave: of 1 chunk, of 2, of 4 and so on.
3. The tokens are read once more, each chunk from the memory that the chunks before it leave.

Forward and backward are two halves of one batch: the backward half has the tokens of a review the
other way round, and the rows of the second half of the table.

Only step 2 adds in another order than the `Scan`. So, a sum may have another last bit, and in rare
cases an output is rounded to another whole number. `toolkit.export.convert` counts such reviews.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import onnx
from onnx import helper

from toolkit.model.file import TOKEN_IDS
from toolkit.networks.graphs import (
    Weights,
    graph_of,
    integers,
    names_in,
    rename_tensors,
    steps,
    weights_by_name,
)

# Tokens of a chunk. Measured with 4, 8, 16 and 32, in ONNX Runtime, on one thread: 8 is fastest for
# single reviews of films, and as fast as 16 in batches.
LENGTH = 8
_LOOP = "Scan"
_MEMORY_STEPS = "recurrent_memory"
_PREFIX = "chunks/"
# From the places of rows to the maximum and the sum of the outputs.
_START = "review_places"
_ENDS = ("highest", "total")
_FIRST = np.iinfo(np.int32).min  # as an end of a slice backward: the first token, too
_LAST = np.iinfo(np.int32).max


def has_loop(model: onnx.ModelProto) -> bool:
    """Check whether a graph has a `Scan`."""
    return any(node.op_type == _LOOP for node in model.graph.node)


def without_loop(network: onnx.ModelProto, max_tokens: int) -> onnx.ModelProto:
    """Return a network, for rows of at most `max_tokens`, with chunks in place of its `Scan`.

    The network itself is returned if it has none, or one that is not of `ngram-recurrent`.
    """
    named = _memory_of(network) if has_loop(network) else None
    if named is None:
        return network
    found = weights_by_name(network, named)
    chunks = graph_of(
        "\n".join(_steps(max_tokens)), _weights(found, max_tokens), width="tokens"
    ).graph
    rename_tensors(chunks, _PREFIX, {name: named[name] for name in (_START, *_ENDS)})
    return _replaced(network, chunks)


def _memory_of(network: onnx.ModelProto) -> dict[str, str] | None:
    """Return the names of the tensors around the `Scan`; None if the nodes are others."""
    rounded = {node.output[0] for node in network.graph.node if node.op_type == "Round"}
    ends = []
    for kind in ("ReduceMax", "ReduceSum"):
        ends += [
            node.output[0]
            for node in network.graph.node
            if node.op_type == kind and node.input[0] in rounded
        ]
    if len(ends) != len(_ENDS):
        return None
    written = graph_of(steps(_MEMORY_STEPS), {}, width="tokens")
    return names_in(
        network, written, dict(zip(_ENDS, ends, strict=True)), {}, free=(_START, TOKEN_IDS)
    )


def _replaced(network: onnx.ModelProto, chunks: onnx.GraphProto) -> onnx.ModelProto:
    """Put nodes in the place of those that make the same tensors; the others are left unused."""
    made = {name for node in chunks.node for name in node.output}
    whole = deepcopy(network)
    del whole.graph.node[:]
    for node in network.graph.node:
        if not made & {*node.output}:
            whole.graph.node.extend(_with_axis(node) if _drops_axis(node) else [node])
    whole.graph.node.extend(chunks.node)
    whole.graph.initializer.extend(chunks.initializer)
    return whole


def _drops_axis(node: onnx.NodeProto) -> bool:
    """Check whether a node is a sum whose result lacks the axis."""
    attributes = {each.name: each.i for each in node.attribute}
    return node.op_type == "ReduceSum" and attributes.get("keepdims", 1) == 0


def _with_axis(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Sum with the axis kept, and then remove it: the same numbers.

    OpenVINO 2026.4 computes the hidden layer wrongly if its sum drops the axis.
    """
    values, axes = node.input
    kept = f"{node.output[0]}_with_axis"
    return [
        helper.make_node("ReduceSum", [values, axes], [kept], keepdims=1),
        helper.make_node("Squeeze", [kept, axes], list(node.output)),
    ]


def _doublings(max_tokens: int) -> int:
    """Return after how many doublings each chunk of a row is told of all before it."""
    chunks = -(-max_tokens // LENGTH)
    return max(chunks - 1, 0).bit_length()


def _steps(max_tokens: int) -> Iterator[str]:
    """Write the nodes."""
    last = LENGTH - 1
    yield f"""
    # Places (batch, tokens) to whole chunks, with padding in front: (tokens, directions, batch),
    # the first tokens of all chunks, then the second ones.
    padded = Pad({_START}, in_front)
    padded_width = Shape <start = 1> (padded)
    left_over = Mod(padded_width, length)
    forward = Slice(padded, left_over, last_token, axis_1)
    second_half = Add(forward, rows_of_table)
    backward = Slice(second_half, minus_one, first_token, axis_1, minus_one)
    forward_half = Unsqueeze(forward, axis_0)
    backward_half = Unsqueeze(backward, axis_0)
    halves = Concat <axis = 0> (forward_half, backward_half)
    batch = Shape <start = 0, end = 1> (forward)
    width = Shape <start = 1> (forward)
    count = Div(width, length)
    shape_in_chunks = Concat <axis = 0> (directions, batch, count, length)
    in_chunks = Reshape(halves, shape_in_chunks)
    by_position = Transpose <perm = [3, 2, 0, 1]> (in_chunks)
    shape_of_places = Concat <axis = 0> (width, directions, batch)
    places = Reshape <allowzero = 1> (by_position, shape_of_places)

    codes = Gather <axis = 0> (rows, places)
    keep_codes, write_codes, read_codes, own_codes = Split <axis = 3, num_outputs = 4> (codes)
    keep_numbers = Cast <to = 1> (keep_codes)
    keep_steps = Add(keep_numbers, lowest_keep)
    keep = Mul(keep_steps, keep_unit)
    write = Cast <to = 1> (write_codes)
    read = Cast <to = 1> (read_codes)
    own = Cast <to = 1> (own_codes)
    {_numbered("keep")} = Split <axis = 0, num_outputs = {LENGTH}> (keep)
    {_numbered("write")} = Split <axis = 0, num_outputs = {LENGTH}> (write)
    """
    left = "write_0"
    for at in range(1, LENGTH):
        yield f"kept_{at} = Mul(keep_{at}, {left})"
        left = f"left_{at}" if at < last else "sum_0"
        yield f"{left} = Add(kept_{at}, write_{at})"
    yield """
    shape_by_chunk = Concat <axis = 0> (length, count, directions, batch, units)
    keep_by_chunk = Reshape <allowzero = 1> (keep, shape_by_chunk)
    share_0 = ReduceProd <keepdims = 0> (keep_by_chunk, axis_0)
    """
    doublings = _doublings(max_tokens)
    for at in range(doublings):
        yield f"""
        {_later(f"sum_{at}", at, f"earlier_{at}")}
        told_{at} = Mul(share_{at}, earlier_{at})
        sum_{at + 1} = Add(sum_{at}, told_{at})
        """
        if at + 1 < doublings:
            yield f"""
            {_later(f"share_{at}", at, f"earlier_share_{at}")}
            share_{at + 1} = Mul(share_{at}, earlier_share_{at})
            """
    yield _later(f"sum_{doublings}", 0, "memory_0")
    for at in range(1, LENGTH):
        yield f"of_memory_{at} = Mul(keep_{at - 1}, memory_{at - 1})"
        yield f"memory_{at} = Add(of_memory_{at}, write_{at - 1})"
    yield f"""
    memory = Concat <axis = 0> ({_numbered("memory")})
    products = Mul(read, memory)
    of_memory = Mul(products, scale)
    of_token = Mul(own, two)
    unbounded = Add(of_memory, of_token)
    bounded = Clip(unbounded, zero, largest)
    outputs = Round(bounded)
    """
    for kind, end in zip(("ReduceMax", "ReduceSum"), _ENDS, strict=True):
        yield f"""
        {end}_by_direction = {kind} <keepdims = 0> (outputs, axis_0)
        {end}_by_review = Transpose <perm = [1, 0, 2]> ({end}_by_direction)
        {end} = Reshape({end}_by_review, shape_of_columns)
        """


def _numbered(name: str) -> str:
    return ", ".join(f"{name}_{at}" for at in range(LENGTH))


def _later(name: str, doubling: int, output: str) -> str:
    """Write the nodes that give each chunk the tensor of an earlier one, the first ones zeros."""
    return f"""
    {output}_padded = Pad({name}, chunks_{doubling})
    {output} = Slice({output}_padded, axis_0, minus_{doubling}, axis_0)
    """


def _weights(found: Weights, max_tokens: int) -> Weights:
    """Return the weights of these nodes from those around a `Scan`."""
    rows = found["rows"]
    units = int(found["units"][0])
    groups = rows.reshape(len(rows), -1, 2, units)  # keep, write, read, own; forward, backward
    halves = groups.transpose(2, 0, 1, 3).reshape(2 * len(rows), -1)
    weights = {
        "rows": np.ascontiguousarray(halves),
        "rows_of_table": np.array(len(rows), np.int32),
        "in_front": integers(0, LENGTH - 1, 0, 0),
        "length": integers(LENGTH),
        "directions": integers(2),
        "units": integers(units),
        "axis_0": integers(0),
        "axis_1": integers(1),
        "minus_one": integers(-1),
        "first_token": integers(_FIRST),
        "last_token": integers(_LAST),
        "keep_unit": found["keep_unit"],
        "lowest_keep": found["lowest_keep"],
        "scale": found["scale"].reshape(2, 1, units),
        "two": found["two"],
        "zero": found["zero"],
        "largest": found["largest"],
        "shape_of_columns": integers(0, 2 * units),
    }
    for doubling in range(max(_doublings(max_tokens), 1)):
        chunks = 1 << doubling
        weights[f"chunks_{doubling}"] = integers(chunks, *(0,) * 7)
        weights[f"minus_{doubling}"] = integers(-chunks)
    return weights
