"""The common bigrams of a corpus, each with a row of a table; `toolkit.networks.pairs` has how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.networks.pairs import Keys, keys_of, rows_of, slots_of
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds

SLOTS = 262_139  # the largest prime below 2**18: rows of an int32 look-up end at 2**19
CANDIDATES = 100_000


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
        """The row of the bigram that ends at each token, (all tokens,) int32; 0 if unknown."""
        return rows_of(keys_of(tokens.previous, tokens.values, self.vocabulary_size), self.slots)
