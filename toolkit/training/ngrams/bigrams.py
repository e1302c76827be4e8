"""Pairs of words with a row of a table each, found by one look-up in 32-bit integers.

A pair has the key ``previous * vocabulary_size + id``, its slot is the key modulo `SLOTS`, and
there stands ``row * QUOTIENTS + key // SLOTS``: the quotient tells the pair apart from the others
of its slot. Of pairs that share a slot the commonest has it; the others count as unknown, row 0.
ONNX Runtime does this with one Gather.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.text.vocabulary import FIRST_WORD_ID, Ids
from toolkit.training.ngrams.tokens import Tokens

SLOTS = 262_139  # the largest prime below 2**18
QUOTIENTS = 4096  # (2**31 - 1) // SLOTS is 8,192; rows below 2**19 are left
CANDIDATES = 100_000


@dataclass(frozen=True)
class Bigrams:
    """The pairs of words that a network knows.

    Attributes
    ----------
    vocabulary_size : int
        Every token id is below it.
    keys : npt.NDArray[np.int64]
        (rows,) int64, the key of each row; row 0 is no pair and has the key -1.
    slots : Ids
        (SLOTS,) int32.
    """

    vocabulary_size: int
    keys: npt.NDArray[np.int64]
    slots: Ids

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def build(cls, tokens: Tokens, vocabulary_size: int, candidates: int = CANDIDATES) -> Bigrams:
        """Keep the commonest pairs of known words, one a slot.

        Parameters
        ----------
        tokens : Tokens
            Reviews to count in.
        vocabulary_size : int
            Every id is below it; its square is to fit in 31 bits.
        candidates : int
            How many pairs compete for the slots.

        Returns
        -------
        Bigrams
            In the order of their counts; of equal counts the smaller key comes first.
        """
        known = (tokens.values >= FIRST_WORD_ID) & (tokens.previous >= FIRST_WORD_ID)
        keys, counts = np.unique(
            _keys(tokens.previous[known], tokens.values[known], vocabulary_size),
            return_counts=True,
        )
        keys = keys[np.argsort(-counts, kind="stable")[:candidates]]
        _, winners = np.unique(keys % SLOTS, return_index=True)  # the first, so the commonest
        keys = np.concatenate([[-1], keys[np.sort(winners)]])
        slots = np.zeros(SLOTS, np.int32)
        rows = np.arange(1, len(keys))
        slots[keys[1:] % SLOTS] = rows * QUOTIENTS + keys[1:] // SLOTS
        return cls(vocabulary_size, keys, slots)

    def rows(self, tokens: Tokens) -> Ids:
        """The row of the pair that ends at each token, (all tokens,) int32; 0 if it is unknown."""
        keys = _keys(tokens.previous, tokens.values, self.vocabulary_size)
        found = self.slots[keys % SLOTS]
        return np.where(found % QUOTIENTS == keys // SLOTS, found // QUOTIENTS, 0).astype(np.int32)


def _keys(previous: Ids, ids: Ids, vocabulary_size: int) -> npt.NDArray[np.int64]:
    return previous.astype(np.int64) * vocabulary_size + ids
