"""The key of a pair of neighbouring tokens, and the look-up table that finds its row.

The slot ``key % slots`` holds ``row * QUOTIENTS + key // slots`` of the one pair that owns it; the
quotient tells this pair from the others of the slot, which count as unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

QUOTIENTS = 4096  # of keys by the number of slots; they share an int32 with the row

# `rows_of` in a graph: from `keys` (all tokens,) and whether each token is `counted` to the row in
# the slot, and to whether it is that of the pair.
FOUND_STEPS = """
    quotients = Div(keys, slots_size)
    multiples = Mul(quotients, slots_size)
    places = Sub(keys, multiples)
    found = GatherElements <axis = 0> (slots, places)
    found_rows = Div(found, quotients_size)
    found_multiples = Mul(found_rows, quotients_size)
    owners = Sub(found, found_multiples)
    is_owner = Equal(owners, quotients)
    is_bigram = And(is_owner, counted)
"""

_LARGEST_KEY = np.iinfo(np.int32).max

Keys = npt.NDArray[np.int64]


def pair_keys(previous: Any, ids: Any, vocabulary_size: int) -> Any:
    """The keys of pairs, for arrays and for tensors; NumPy's int32 is to be widened before."""
    return previous * vocabulary_size + ids


def keys_of(previous: npt.NDArray[np.int32], ids: npt.NDArray[np.int32], size: int) -> Keys:
    """The keys of pairs of int32 ids, as int64."""
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
    is_owner = found % QUOTIENTS == keys // len(table)
    return np.where(is_owner, found // QUOTIENTS, 0).astype(np.int32)


def check_keys(vocabulary_size: int) -> None:
    """Raise `ValueError` if the keys of the pairs do not fit into an int32."""
    if vocabulary_size**2 - 1 > _LARGEST_KEY:
        raise ValueError(
            f"words: {vocabulary_size:,} of them have more bigrams than an int32 counts"
        )


def check_slots(slots: npt.NDArray[np.int32], vocabulary_size: int, rows: int) -> None:
    """Raise `ValueError` if a look-up table is too small for the keys, or names other rows."""
    if (vocabulary_size**2 - 1) // len(slots) >= QUOTIENTS:
        raise ValueError(f"slots: {len(slots):,} are too few for {vocabulary_size:,} words")
    if slots.min() < 0 or slots.max() // QUOTIENTS >= rows:
        raise ValueError(f"slots: one has no row among the {rows:,} of bigrams")
