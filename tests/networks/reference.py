"""The formulas of the frozen networks as plain loops, one review at a time, in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def cnn_logit(
    ids: Sequence[int],
    words: _Table,
    bigrams: _Table,
    slots: _Table,
    max_weights: _Table,
    mean_weights: _Table,
    bias: float,
) -> float:
    """Give the logit of `ngram-cnn`."""
    highest = np.zeros(words.shape[1])
    total = np.zeros(words.shape[1])
    tokens, previous = 0, 0
    for token in ids:
        if token > 1:
            tokens += 1
            key = previous * len(words) + token
            quotient, slot = divmod(key, len(slots))
            row, owner = divmod(int(slots[slot]), 4096)
            vector = words[token].astype(float)
            if owner == quotient and row:
                vector = vector + bigrams[row]
            vector = np.maximum(vector, 0)
            highest = np.maximum(highest, vector)
            total += vector
        previous = token
    mean = total / (4 * math.sqrt(tokens + 1))
    return float(highest @ max_weights + mean @ mean_weights + bias)


def sigmoid(logit: float) -> float:
    """Give the probability of a logit."""
    return 1 / (1 + math.exp(-logit))
