"""The words of a user's reviews: those that the start does not know, and how often each occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.text.token_ids import FIRST_WORD_ID, START_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary

FEWEST_REVIEWS = 3  # that have a word which is added
_MOST_ADDED = 20_000


def extended(vocabulary: Vocabulary, texts: pa.ChunkedArray) -> Vocabulary:
    """Add the words that several texts have, the commonest first; known words keep their ids."""
    found = Vocabulary.build(texts, rule=vocabulary.rule).words
    known = pa.concat_arrays([vocabulary.words, vocabulary.spellings.strings])
    unknown = found.filter(pc.invert(pc.is_in(found, value_set=known)))
    alone = Vocabulary(unknown, vocabulary.rule)
    ids = alone.encode(texts)
    in_reviews = np.asarray((counts_of(ids, alone.size) > 0).sum(axis=0)).ravel()
    often = np.flatnonzero(in_reviews[FIRST_WORD_ID:] >= FEWEST_REVIEWS)[:_MOST_ADDED]
    words = pa.concat_arrays([vocabulary.words, unknown.take(pa.array(often))])
    return Vocabulary(words, vocabulary.rule)


def word_shares(ids: TokenIds, size: int) -> Any:
    """Count each word, over √(n + 1) for n tokens: (reviews, size) float64, sparse.

    `ids` have the start id where there is one. These are the numbers that the network
    `toolkit.networks.adapted` multiplies by its weights.
    """
    from scipy import sparse

    tokens = np.bincount(ids.rows, ids.values > START_ID, minlength=len(ids))
    return sparse.diags(1 / np.sqrt(tokens + 1)) @ counts_of(ids, size)


def counts_of(ids: TokenIds, size: int) -> Any:
    """Count each word of each review: (reviews, size) float64, sparse; other ids are 0."""
    from scipy import sparse

    ids = ids.take(np.arange(len(ids)))  # without what may be between the rows
    is_word = ids.values >= FIRST_WORD_ID
    ones = np.ones(int(is_word.sum()))
    counts = sparse.csr_matrix(
        (ones, (ids.rows[is_word], ids.values[is_word])), shape=(len(ids), size)
    )
    counts.sum_duplicates()
    return counts
