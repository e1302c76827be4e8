"""Vectors of words and of bigrams from the words around them, without any label.

Smoothed positive pointwise mutual information of context words, weighted by 1/distance, and its
singular value decomposition (Levy, Goldberg and Dagan, Improving Distributional Similarity with
Lessons Learned from Word Embeddings, TACL 2015); bigrams are projected into the space of words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds

WINDOW = 6
CONTEXTS = 3000  # the most common words
_SMOOTHING = 0.75
_TOKENS_AT_ONCE = 4_000_000

Vectors = npt.NDArray[np.float32]


def word_and_bigram_vectors(
    tokens: TokenIds, rows: Ids, sizes: tuple[int, int], dimensions: int, seed: int
) -> tuple[Vectors, Vectors]:
    """Make vectors of unit length: (token ids, dimensions) and (bigrams, dimensions) float32.

    `rows` (all tokens,) int32 is the bigram that ends at each token, or 0; `sizes` are the numbers
    of token ids and bigrams. What never occurs beside a context word has zeros.
    """
    from sklearn.utils.extmath import randomized_svd

    words = context_counts(tokens, tokens.values, tokens.values, sizes[0], before=1)
    pairs = context_counts(tokens, rows, tokens.values, sizes[1], before=2)
    contexts = np.asarray(words.sum(axis=0)).ravel() ** _SMOOTHING
    contexts = contexts / max(contexts.sum(), 1e-9)
    words, pairs = _ppmi(words, contexts), _ppmi(pairs, contexts)
    rank = min(dimensions, *(size - 1 for size in words.shape))
    left, singular, right = randomized_svd(words, rank, n_iter=2, random_state=seed)
    root = np.sqrt(np.maximum(singular, 1e-9))
    return (
        _finished(left * root, dimensions),
        _finished((pairs @ right.T) / root, dimensions),
    )


def context_counts(tokens: TokenIds, rows: Ids, ids: Ids, size: int, before: int) -> Any:
    """Weighted counts, (size, contexts), sparse; `before`: distance to the word in front."""
    from scipy import sparse

    total = sparse.csr_matrix((size, CONTEXTS), dtype=np.float32)
    columns = ids - FIRST_WORD_ID
    of_row = tokens.rows
    for distance in range(1, WINDOW + 1):
        for shift in (distance, -(distance + before - 1)):
            for start in range(0, len(ids), _TOKENS_AT_ONCE):
                end = min(start + _TOKENS_AT_ONCE, len(ids), len(ids) - shift)
                at = np.arange(max(start, -shift), end)
                to = at + shift
                kept = (of_row[at] == of_row[to]) & (columns[to] >= 0) & (columns[to] < CONTEXTS)
                kept &= rows[at] >= (FIRST_WORD_ID if before == 1 else 1)
                at, to = at[kept], to[kept]
                weights = np.full(len(at), 1 / distance, np.float32)
                total += sparse.csr_matrix(
                    (weights, (rows[at], columns[to])), shape=(size, CONTEXTS)
                )
    return total


def _ppmi(counts: Any, contexts: npt.NDArray[np.float64]) -> Any:
    """Positive pointwise mutual information, with the smoothed share of each context word."""
    counts = counts.tocsr()
    per_row = np.diff(counts.indptr)
    sums = np.repeat(np.asarray(counts.sum(axis=1)).ravel(), per_row)
    values = np.log(counts.data / (sums * contexts[counts.indices]))
    counts.data = np.maximum(values, 0).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def _finished(vectors: npt.NDArray[Any], dimensions: int) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Where there is nothing, the decomposition leaves what rounding makes of zero.
    vectors = np.where(lengths > 1e-4, vectors / np.maximum(lengths, 1e-4), 0)
    return np.pad(vectors, ((0, 0), (0, dimensions - vectors.shape[1]))).astype(np.float32)
