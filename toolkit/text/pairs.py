"""Pairs of neighbouring tokens: their keys, and the look-up table from a pair to its row.

The slot ``key % slots`` holds ``row * QUOTIENTS + key // slots`` of the pair that owns it; the
quotient distinguishes this pair from other pairs of the slot, which count as unknown. A slot that
no pair owns holds 0, or -1 in a graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]

QUOTIENTS = 4096  # of keys by the number of slots; they share an int32 with the row


def pair_keys(previous: Any, ids: Any, vocabulary_size: int) -> Any:
    """Return the keys of pairs, for arrays and tensors; widen NumPy's int32 before the call."""
    return previous * vocabulary_size + ids


def keys_of(previous: npt.NDArray[Any], ids: npt.NDArray[Any], size: int) -> Keys:
    """Return the keys of pairs of integer ids, as int64."""
    keys: Keys = pair_keys(previous.astype(np.int64), ids, size)
    return keys


def slots_of(keys: Keys, slots: int) -> npt.NDArray[np.int32]:
    """Fill a look-up table, (slots,) int32; row i belongs to ``keys[i]``, row 0 is not a pair."""
    table = np.zeros(slots, np.int32)
    table[keys[1:] % slots] = np.arange(1, len(keys)) * QUOTIENTS + keys[1:] // slots
    return table


def rows_of(keys: Keys, table: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Look up the row of each key, int32; 0 if the pair is unknown."""
    found = table[keys % len(table)]
    is_owner = (found > 0) & (found % QUOTIENTS == keys // len(table))
    return np.where(is_owner, found // QUOTIENTS, 0).astype(np.int32)
