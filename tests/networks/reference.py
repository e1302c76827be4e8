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


def _pair(previous: int, token: int, size: int, slots: _Table) -> int:
    """Give the row of a bigram; 0 if it is unknown."""
    quotient, slot = divmod(previous * size + token, len(slots))
    row, owner = divmod(int(slots[slot]), 4096)
    return row * (owner == quotient)


def sigmoid(logit: float) -> float:
    """Give the probability of a logit."""
    return 1 / (1 + math.exp(-logit))
