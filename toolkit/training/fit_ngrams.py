"""The recipes for networks of words and bigrams, from reviews to the frozen network.

The initial vectors of words and bigrams come from the words around them, without any label:
smoothed positive pointwise mutual information (PPMI) of context words, weighted by 1/distance, and
its singular value decomposition (Levy, Goldberg and Dagan, Improving Distributional Similarity with
Lessons Learned from Word Embeddings, TACL 2015). Bigrams are projected into the space of words.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.networks import import_keras
from toolkit.networks.bigrams import Bigrams
from toolkit.networks.ngram_linear import LinearNetwork, log_ratios
from toolkit.networks.ngram_recurrent import RecurrentNetwork
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.training.data import FitTask
from toolkit.training.fit_ragged import Corpus, Schedule, fit_and_freeze, start
from toolkit.training.result import Fit

WINDOW = 6  # tokens on each side
CONTEXTS = 3000  # number of context words: the most frequent ones
_SMOOTHING = 0.75  # exponent of the frequencies of context words
_TOKENS_AT_ONCE = 4_000_000

Vectors = npt.NDArray[np.float32]


def word_and_bigram_vectors(
    tokens: TokenIds, rows: Ids, sizes: tuple[int, int], dimensions: int, seed: int
) -> tuple[Vectors, Vectors]:
    """Return vectors of unit length: (token ids, dimensions) and (bigrams, dimensions) float32.

    `rows` (all tokens,) int32 is the bigram that ends at each token, or 0; `sizes` are the numbers
    of token ids and bigrams. The vectors of tokens that never occur near a context word are zero.
    """
    from sklearn.utils.extmath import randomized_svd

    words = context_counts(
        tokens=tokens,
        rows=tokens.values,
        ids=tokens.values,
        size=sizes[0],
        before=1,
    )
    pairs = context_counts(tokens=tokens, rows=rows, ids=tokens.values, size=sizes[1], before=2)
    contexts = np.asarray(words.sum(axis=0)).ravel() ** _SMOOTHING
    contexts = contexts / max(contexts.sum(), 1e-9)
    words = _ppmi(words, contexts)
    pairs = _ppmi(pairs, contexts)
    rank = min(dimensions, *(size - 1 for size in words.shape))
    left, singular, right = randomized_svd(words, rank, n_iter=2, random_state=seed)
    root = np.sqrt(np.maximum(singular, 1e-9))
    return (_finished(left * root, dimensions), _finished((pairs @ right.T) / root, dimensions))


def context_counts(tokens: TokenIds, rows: Ids, ids: Ids, size: int, before: int) -> Any:
    """Count the context words of each row, weighted by 1/distance: (size, contexts), sparse.

    `rows` and `ids` (all tokens,) are the row of each token and its id. `before` is the distance to
    the word in front: 1 for words, 2 for bigrams.
    """
    from scipy import sparse

    total = sparse.csr_matrix((size, CONTEXTS), dtype=np.float32)
    columns = ids - FIRST_WORD_ID
    of_row = tokens.rows
    for distance in range(1, WINDOW + 1):
        for shift in (distance, -(distance + before - 1)):
            for first in range(0, len(ids), _TOKENS_AT_ONCE):
                end = min(first + _TOKENS_AT_ONCE, len(ids), len(ids) - shift)
                at = np.arange(max(first, -shift), end)
                to = at + shift
                kept = (of_row[at] == of_row[to]) & (columns[to] >= 0) & (columns[to] < CONTEXTS)
                kept &= rows[at] >= (FIRST_WORD_ID if before == 1 else 1)
                at = at[kept]
                to = to[kept]
                weights = np.full(len(at), 1 / distance, np.float32)
                total += sparse.csr_matrix(
                    (weights, (rows[at], columns[to])), shape=(size, CONTEXTS)
                )
    return total


def _ppmi(counts: Any, contexts: npt.NDArray[np.float64]) -> Any:
    """Return PPMI from counts and the smoothed share of each context word, (contexts,)."""
    counts = counts.tocsr()
    per_row = np.diff(counts.indptr)
    sums = np.repeat(np.asarray(counts.sum(axis=1)).ravel(), per_row)
    values = np.log(counts.data / (sums * contexts[counts.indices]))
    counts.data = np.maximum(values, 0).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def _finished(vectors: npt.NDArray[Any], dimensions: int) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Rows without counts are zero but for rounding errors of the decomposition.
    vectors = np.where(lengths > 1e-4, vectors / np.maximum(lengths, 1e-4), 0)
    return np.pad(vectors, ((0, 0), (0, dimensions - vectors.shape[1]))).astype(np.float32)


LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)
RECURRENT = Schedule(
    epochs=3, batch_size=192, learning_rate=3e-3, word_dropout=0.1, tokens_of_a_review=10
)
_MOST_BIGRAMS = 95_000  # with so large a table of bigrams, a model file has about 16 MB
# More dimensions are computed than used: the last ones of a decomposition are less exact.
_DIMENSIONS_MADE = 64
_DIMENSIONS = 48


def fit_linear(task: FitTask) -> Fit:
    """Fit a weight for each word and each hashed bigram."""
    corpus = start(task)
    examples = corpus.examples(LINEAR, task.options.teacher_share)
    task.observer.stage("weights of words and pairs")
    size = corpus.vocabulary.size
    ratios = log_ratios(
        tokens=examples.tokens,
        targets=examples.targets,
        weights=examples.weights,
        vocabulary_size=size,
    )
    network = LinearNetwork(ratios, size)
    return fit_and_freeze(
        task=task,
        corpus=corpus,
        network=network,
        freeze=network.freeze,
        schedule=LINEAR,
        examples=examples,
    )


def fit_recurrent(task: FitTask) -> Fit:
    """Fit the gates and outputs of each word and each frequent bigram."""
    corpus = start(task)
    options = task.options
    bigrams, words, pairs = _start_vectors(task, corpus)
    import_keras().utils.set_random_seed(options.seed)
    network = RecurrentNetwork(words, pairs, classes=task.data.classes)
    task.observer.stage("network: words and pairs of words, recurrent")
    examples = corpus.examples(RECURRENT, options.teacher_share, bigrams)
    freeze = partial(network.freeze, bigrams)
    return fit_and_freeze(
        task=task,
        corpus=corpus,
        network=network,
        freeze=freeze,
        schedule=RECURRENT,
        examples=examples,
        bigrams=bigrams,
    )


def _start_vectors(task: FitTask, corpus: Corpus) -> tuple[Bigrams, Vectors, Vectors]:
    """Choose the bigrams of a corpus; return them with the initial vectors of words and bigrams."""
    bigrams = Bigrams.build(corpus.tokens, corpus.vocabulary.size, _MOST_BIGRAMS)
    task.observer.stage("vectors of words and pairs, from all reviews")
    words, pairs = word_and_bigram_vectors(
        tokens=corpus.tokens,
        rows=bigrams.rows(corpus.tokens),
        sizes=(corpus.vocabulary.size, len(bigrams)),
        dimensions=_DIMENSIONS_MADE,
        seed=task.options.seed,
    )
    return bigrams, words[:, :_DIMENSIONS], pairs[:, :_DIMENSIONS]
