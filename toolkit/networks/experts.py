"""The experts of `ngram-pool`: small networks, of which each review is read by one.

A review of few tokens is read by the last expert. Of the others, the *routes* of the words say
which, a whole number for each: the second reads the reviews in which their sum is above a limit.
Two topics that share all columns spoil each other's; with experts, a review costs no more. (To
compute one expert of many for each example is an idea of Shazeer and others, Outrageously Large
Neural Networks, ICLR 2017; theirs are chosen by a network.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks import tables
from toolkit.networks.pairs import check_keys, check_slots
from toolkit.networks.tables import Floats
from toolkit.text.token_ids import START_ID, Ids

MOST_EXPERTS = 3
_LARGEST_CODE = 255  # of uint8


@dataclass(frozen=True)
class Expert:
    """One of the networks, trained (float32) or rounded (vectors uint8).

    - vectors (V + P + V + N, F): of the token ids; of tokens with the one before them, as one of
      the pairs (row 0 is not a pair); and then where the token is negated: of the token ids, and
      of the first pairs. Negated tokens of other pairs have the vector of their id.
    - kernel (H, 2F) and hidden_bias (H,): the hidden layer over the maximum and the sum over
      4 · √(n + 1)
    - last (2F + H,): the weights of the maximum, of the sum and of the hidden layer
    - bias: the logit of a review without tokens
    """

    vectors: npt.NDArray[Any]
    kernel: Floats
    hidden_bias: Floats
    last: Floats
    bias: float

    def rounded(self) -> Expert:
        """Round the vectors; the scales of their columns move into the kernel and into `last`."""
        scale = tables.scales(self.vectors, _LARGEST_CODE)
        factors = np.tile(scale, 2)
        pooled = len(factors)
        last = np.concatenate([self.last[:pooled] * factors, self.last[pooled:]])
        return replace(
            self,
            vectors=np.round(self.vectors / scale).astype(np.uint8),
            kernel=(self.kernel * factors).astype(np.float32),
            last=last.astype(np.float32),
        )

    def filled(self, lookup: Lookup) -> Expert:
        """Fill the columns up, and empty the vectors that stand for nothing."""
        columns = self.vectors.shape[1]
        vectors = tables.filled(self.vectors, 1)
        for ids in (0, lookup.plain_rows):
            vectors[ids : ids + START_ID + 1] = 0
            vectors[ids + len(lookup.negators)] = 0
        kernel = [tables.filled(tables.filled(k, 0), 1) for k in np.split(self.kernel, 2, axis=1)]
        last = np.split(self.last, [columns, 2 * columns])
        return replace(
            self,
            vectors=vectors,
            kernel=np.concatenate(kernel, axis=1),
            hidden_bias=tables.filled(self.hidden_bias, 0),
            last=np.concatenate([tables.filled(part, 0) for part in last]),
        )


@dataclass(frozen=True)
class Lookup:
    """What finds the vectors, and the expert; the arrays are int32.

    - negators (V,): 1 for the token ids that negate the tokens after them, else 0
    - slots (any,): see `toolkit.networks.pairs`
    - pairs: P, the number of their rows, with row 0
    - routes (V,): what each token id adds to the sum that chooses between the first two experts
    - route_limit: the second expert reads the reviews with a larger sum
    - long_tokens: the last expert reads the reviews of fewer tokens, known or not
    """

    negators: Ids
    slots: Ids
    pairs: int
    routes: Ids
    route_limit: int = 0
    long_tokens: int = 0

    @property
    def plain_rows(self) -> int:
        """How many vectors there are before those of negated tokens."""
        return len(self.negators) + self.pairs


def check_experts(lookup: Lookup, experts: Sequence[Expert]) -> None:
    """Raise `ValueError` unless all tables fit together."""
    tables.check_table("negators", lookup.negators, np.int32, None)
    size = len(lookup.negators)
    tables.check_table("routes", lookup.routes, np.int32, size)
    tables.check_table("slots", lookup.slots, np.int32, None)
    if not np.isin(lookup.negators, (0, 1)).all():
        raise ValueError("negators: expected only 0 and 1")
    if not 1 <= len(experts) <= MOST_EXPERTS:
        raise ValueError(f"experts: expected 1 to {MOST_EXPERTS}, received {len(experts)}")
    if len(experts) == 1 and (lookup.routes.any() or lookup.route_limit < 0):
        raise ValueError("routes: expected zeros, as there is one expert")
    rows, hidden = experts[0].vectors.shape[0], len(experts[0].kernel)
    least, most = lookup.plain_rows + size + 1, 2 * lookup.plain_rows
    if not least <= rows <= most:
        raise ValueError(f"vectors: expected {least:,} to {most:,} rows, received {rows:,}")
    for expert in experts:
        tables.check_table("vectors", expert.vectors, np.uint8, rows, None)
        columns = expert.vectors.shape[1]
        tables.check_table("kernel", expert.kernel, np.float32, hidden, 2 * columns)
        tables.check_table("hidden_bias", expert.hidden_bias, np.float32, hidden)
        tables.check_table("last", expert.last, np.float32, 2 * columns + hidden)
    check_keys(size)
    check_slots(lookup.slots, size, lookup.pairs)
