"""Random tables of small frozen networks, rows of ids for them, and their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text import Ids

WORDS = 13  # ids


@dataclass(frozen=True)
class Frozen:
    """A network, its tables, and the plain loop that gives its logit."""

    network: Any
    tables: dict[str, Any]
    logit: Callable[..., float]

    def expected(self, ids: Ids) -> npt.NDArray[np.float64]:
        """Give the probability of each row."""
        return np.array([sigmoid(self.logit(row.tolist(), **self.tables)) for row in ids])


def linear_tables(words: int = WORDS, bigrams: int = 31, seed: int = 1) -> dict[str, Any]:
    """Every code there is; logits of a few units."""
    random = np.random.default_rng(seed)
    return {
        "words": _int8(random, words),
        "bigrams": _int8(random, bigrams),
        "scale": 1e-4,
        "bias": -0.25,
    }


def recurrent_tables(
    units: int = 4,
    hidden: int = 6,
    words: int = WORDS,
    pairs: int = 40,
    slots: int = 29,
    seed: int = 1,
) -> dict[str, Any]:
    """Every code there is; outputs at both ends and between; hidden units that need filling up."""
    random = np.random.default_rng(seed)
    columns = 2 * units
    rows = random.integers(-128, 128, (words + pairs, 4 * columns), dtype=np.int8)
    return {
        "rows": rows,
        "slots": _slots(random, words, bigrams=pairs, slots=slots),
        "pairs": pairs,
        "scale": random.uniform(0.01, 0.5, columns).astype(np.float32),
        "kernel": random.normal(0, 0.0005, (hidden, 2 * columns)).astype(np.float32),
        "hidden_bias": random.normal(0, 0.1, hidden).astype(np.float32),
        "last": random.normal(0, 0.001, 2 * columns + hidden).astype(np.float32),
        "bias": float(np.float32(random.normal())),
    }


def recurrent_network(**tables: Any) -> Any:
    """Make the network of `ngram-recurrent` of tables."""
    from toolkit.networks import ngram_recurrent

    return ngram_recurrent.frozen(ngram_recurrent.Tables(**tables))


def adapted_tables(seed: int = 1) -> dict[str, Any]:
    """Weights of all words, of which the base does not know the last three."""
    weights = np.random.default_rng(seed).normal(0, 1, WORDS).astype(np.float32)
    weights[:4] = 0
    return {"known": WORDS - 3, "weights": weights, "base_scale": 0.75, "bias": -0.25}


def _slots(random: np.random.Generator, words: int, bigrams: int, slots: int) -> Ids:
    """Half of the slots taken, by bigrams that can occur."""
    taken = np.zeros(slots, np.int32)
    owned = random.permutation(slots)[: min(slots // 2, bigrams - 1)]
    quotients = random.integers(0, (words * words - 1 - owned) // slots + 1)
    taken[owned] = np.arange(1, len(owned) + 1) * 4096 + quotients
    return taken


def frozen_networks() -> dict[str, Frozen]:
    """Make one of each kind."""
    from toolkit.networks import adapted, ngram_linear

    linear, recurrent, words = linear_tables(), recurrent_tables(), adapted_tables()
    network, around = (
        recurrent_network(**recurrent),
        {"tables": recurrent, "logit": recurrent_logit},
    )
    return {
        "adapted": Frozen(adapted.freeze(network, **words), around | words, adapted_logit),
        "ngram-linear": Frozen(ngram_linear.frozen(**linear), linear, linear_logit),
        "ngram-recurrent": Frozen(network, recurrent, recurrent_logit),
    }


def random_ids(rows: int, width: int = 12, ids: int = WORDS, seed: int = 1) -> Ids:
    """Rows as the text rule makes them: padding, the start id, words; or words only."""
    random = np.random.default_rng(seed)
    drawn = random.integers(2, ids, (rows, width), dtype=np.int32)
    start = random.integers(-1, width, (rows, 1))
    places = np.arange(width)
    return np.where(places > start, drawn, np.where(places == start, 1, 0)).astype(np.int32)


def _int8(random: np.random.Generator, *shape: int) -> npt.NDArray[np.int8]:
    return random.integers(-127, 128, shape, dtype=np.int8)


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


def recurrent_logit(
    ids: Sequence[int],
    rows: _Table,
    slots: _Table,
    pairs: int,
    scale: _Table,
    kernel: _Table,
    hidden_bias: _Table,
    last: _Table,
    bias: float,
) -> float:
    """Give the logit of `ngram-recurrent`, with each operation of the memory in float32."""
    size, columns = len(rows) - pairs, len(scale)
    codes, previous = np.zeros((len(ids), 4, columns), np.float32), 0
    for place, token in enumerate(ids):
        if token > 1:
            pair = _pair(previous, token, size, slots)
            codes[place] = rows[size + pair if pair else token].reshape(4, columns)
        previous = token
    keep, write, read, own = codes.transpose(1, 0, 2)
    outputs = np.zeros((len(ids) + 1, columns), np.float32)
    forward = np.arange(columns) < columns // 2
    for used, places in ((forward, range(len(ids))), (~forward, reversed(range(len(ids))))):
        memory = np.zeros(columns, np.float32)
        for at in places:
            found = np.float32(2) * own[at] + scale * (read[at] * memory)
            outputs[at, used] = np.round(np.clip(found, 0, 4095))[used]
            memory = (keep[at] + np.float32(128)) / np.float32(256) * memory + write[at]
    assert outputs.dtype == memory.dtype == np.float32
    tokens = sum(token > 1 for token in ids)
    mean = outputs.sum(axis=0, dtype=float) / (4 * math.sqrt(tokens + 1))
    pooled = np.concatenate([outputs.max(axis=0), mean])
    hidden = np.maximum(kernel @ pooled + hidden_bias, 0)
    return float(np.concatenate([pooled, hidden]) @ last + bias)


def _pair(previous: int, token: int, size: int, slots: _Table) -> int:
    """Give the row of a bigram; 0 if it is unknown."""
    quotient, slot = divmod(previous * size + token, len(slots))
    row, owner = divmod(int(slots[slot]), 4096)
    return row * (owner == quotient)


def sigmoid(logit: float) -> float:
    """Give the probability of a logit."""
    return 1 / (1 + math.exp(-logit))
