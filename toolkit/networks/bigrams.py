"""The pairs of words that a network knows, and their look-up in a graph (`toolkit.text.pairs`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks import import_tensorflow
from toolkit.text.pairs import QUOTIENTS, Keys, keys_of, pair_keys, rows_of, slots_of
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds

tf: Any = import_tensorflow()

SLOTS = 262_139  # the largest prime below 2**18: rows of an int32 look-up end at 2**19
CANDIDATES = 100_000
_LARGEST_KEY = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Bigrams:
    """The bigrams that a network knows."""

    vocabulary_size: int  # every token id is below it
    keys: Keys  # (rows,) int64; row 0 is not a bigram and has the key -1
    slots: Ids  # (SLOTS,) int32, the look-up table

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def build(cls, tokens: TokenIds, vocabulary_size: int, candidates: int = CANDIDATES) -> Bigrams:
        """Keep the most common bigrams of known words, one per slot, the most common first."""
        known = (tokens.values >= FIRST_WORD_ID) & (tokens.previous >= FIRST_WORD_ID)
        keys, counts = np.unique(
            keys_of(tokens.previous[known], tokens.values[known], vocabulary_size),
            return_counts=True,
        )
        # Of equal counts, the smaller key comes first.
        keys = keys[np.argsort(-counts, kind="stable")[:candidates]]
        _, winners = np.unique(keys % SLOTS, return_index=True)  # the first: the most common
        keys = np.concatenate([[-1], keys[np.sort(winners)]])
        return cls(vocabulary_size, keys, slots_of(keys, SLOTS))

    def rows(self, tokens: TokenIds) -> Ids:
        """Return the row of the bigram that ends at each token, (all tokens,) int32; or 0."""
        return rows_of(keys_of(tokens.previous, tokens.values, self.vocabulary_size), self.slots)


def check_keys(vocabulary_size: int) -> None:
    """Raise `ValueError` if the keys of the pairs do not fit into an int32."""
    if vocabulary_size**2 - 1 > _LARGEST_KEY:
        raise ValueError(
            f"vocabulary: {vocabulary_size:,} words have more bigrams than an int32 can number"
        )


def check_slots(slots: npt.NDArray[np.int32], vocabulary_size: int, rows: int) -> None:
    """Raise `ValueError` if a look-up table is too small for the keys, or names other rows."""
    if (vocabulary_size**2 - 1) // len(slots) >= QUOTIENTS:
        raise ValueError(f"slots: {len(slots):,} are too few for {vocabulary_size:,} words")
    if slots.min() < 0 or slots.max() // QUOTIENTS >= rows:
        raise ValueError(f"slots: a row is outside the {rows:,} rows of bigrams")


def bigram_keys(ids: Any, vocabulary_size: int) -> Any:
    """Number each pair of a token and the one before it, which is 0 at the start of a row."""
    return pair_keys(tf.pad(ids[:, :-1], [[0, 0], [1, 0]]), ids, vocabulary_size)


def bigram_rows(keys: Any, slots: Any, counted: Any) -> Any:
    """Look up the row of each pair, as `rows_of`; 0 for tokens that do not count."""
    size = slots.shape[0]
    quotients = keys // size
    found = tf.gather(slots, keys - quotients * size)
    rows = found // QUOTIENTS
    is_owner = tf.equal(found - rows * QUOTIENTS, quotients)
    return tf.where(tf.logical_and(is_owner, counted), rows, 0)
