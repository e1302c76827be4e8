"""The formulas of the frozen networks as plain loops, one review at a time, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Table = npt.NDArray[Any]


def linear_logit(
    ids: Sequence[int], words: _Table, bigrams: _Table, scale: float, bias: float
) -> float:
    """Give the logit of `ngram-linear`."""
    total, tokens, previous = 0, 0, 0
    for token in ids:
        if token > 1:
            tokens += 1
            for code in (words[token], bigrams[(previous * len(words) + token) % len(bigrams)]):
                total += int(code) * abs(int(code))
        previous = token
    return scale * total / math.sqrt(tokens + 1) + bias


def adapted_logit(
    ids: Sequence[int],
    tables: dict[str, Any],
    logit: Callable[..., float],
    known: int,
    weights: _Table,
    base_scale: float,
    bias: float,
) -> float:
    """Give the logit of an adapted network, of which `logit` with `tables` is the base."""
    largest = float(np.abs(weights).max())
    total, tokens = 0.0, 0
    for token in ids:
        code = round(127 * math.sqrt(abs(float(weights[token])) / largest))
        total += math.copysign((code / 127) ** 2 * largest, float(weights[token]))
        tokens += token > 1
    of_base = logit([token if token < known else 2 for token in ids], **tables)
    return base_scale * of_base + total / math.sqrt(tokens + 1) + bias


def cnn_logit(
    ids: Sequence[int],
    words: _Table,
    bigrams: _Table,
    slots: _Table,
    kernel: _Table,
    factors: _Table,
    max_weights: _Table,
    mean_weights: _Table,
    bias: float,
) -> float:
    """Give the logit of `ngram-cnn`."""
    nothing = np.zeros(words.shape[1], int)
    vectors, tokens, previous = [], 0, 0
    for token in ids:
        vector = nothing
        if token > 1:
            tokens += 1
            pair = _bigram(previous, token, len(words), bigrams, slots)
            vector = words[token].astype(int) + pair
        vectors.append(np.maximum(vector, 0))
        previous = token
    around = [nothing, nothing, *vectors, nothing, nothing]
    windows = []
    for place in range(len(around) - 2):
        sums = sum(around[place + k] @ kernel[k].astype(int) for k in range(3))
        # As the runtimes do: the product in float32, halves to even.
        windows.append(np.clip(np.round(np.float32(sums) * factors), 0, 255))
    highest = [np.max(found, axis=0) for found in (vectors, windows)]
    total = [np.sum(found, axis=0) for found in (vectors, windows)]
    mean = np.concatenate(total) / (4 * math.sqrt(tokens + 1))
    return float(np.concatenate(highest) @ max_weights + mean @ mean_weights + bias)


def pool_logit(ids: Sequence[int], lookup: Any, experts: Sequence[Any]) -> float:
    """Give the logit of `ngram-pool`: an `ngram_pool.Lookup` and its `Expert`s."""
    size = len(lookup.negators)
    tokens = sum(token > 1 for token in ids)
    route = sum(int(lookup.routes[token]) for token in ids if token > 1)
    chosen = len(experts) - 1 if tokens < lookup.long_tokens else int(route > lookup.route_limit)
    expert = experts[chosen]
    rows, previous, plain = [], 0, size + lookup.pairs
    negated_pairs = len(expert.vectors) - plain - size
    for place, token in enumerate(ids):
        if token > 1:
            is_negated = any(lookup.negators[one] for one in ids[max(place - 3, 0) : place])
            pair = _pair(previous, token, size, lookup.slots)
            has_row = pair > 0 and (not is_negated or pair < negated_pairs)
            rows.append((size + pair if has_row else token) + plain * is_negated)
        previous = token
    vectors = [np.zeros(expert.vectors.shape[1], int), *expert.vectors[rows].astype(int)]
    mean = np.sum(vectors, axis=0) / (4 * math.sqrt(tokens + 1))
    pooled = np.concatenate([np.max(vectors, axis=0), mean])
    hidden = np.maximum(expert.kernel @ pooled + expert.hidden_bias, 0)
    return float(np.concatenate([pooled, hidden]) @ expert.last + expert.bias)


def _bigram(previous: int, token: int, size: int, bigrams: _Table, slots: _Table) -> Any:
    """Give the vector of a bigram; zeros if it is unknown."""
    row = _pair(previous, token, size, slots)
    return bigrams[row].astype(int) * (row > 0)


def _pair(previous: int, token: int, size: int, slots: _Table) -> int:
    """Give the row of a bigram; 0 if it is unknown."""
    quotient, slot = divmod(previous * size + token, len(slots))
    row, owner = divmod(int(slots[slot]), 4096)
    return row * (owner == quotient)


def sigmoid(logit: float) -> float:
    """Give the probability of a logit."""
    return 1 / (1 + math.exp(-logit))
