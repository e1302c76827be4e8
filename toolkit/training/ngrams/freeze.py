"""From trained weights to the tables of small integers that score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text.vocabulary import START_ID
from toolkit.training.ngrams.bigrams import Bigrams
from toolkit.training.ngrams.fitting import predicted
from toolkit.training.ngrams.tokens import Floats, Tokens

_LARGEST = 127  # of int8, on both sides of zero
_TINY = 1e-12  # in place of a largest value of 0
_REVIEWS_SEEN = 4000


def freeze_convolution(student: Any, bigrams: Bigrams, tokens: Tokens) -> Any:
    """Fold the convolutions of a student into tables and a kernel of small integers.

    A convolution of width one over two vectors side by side is the sum of two products, which are
    made here for every word and every pair. Each column has one scale for both tables, so that
    scaling commutes with the sum, the rectifier and the pooling, and moves into the last weights;
    and into the kernel, whose columns have scales, too. How large the vectors of windows become is
    seen on some of the reviews.

    Parameters
    ----------
    student : Any
        A trained `StudentNetwork`.
    bigrams : Bigrams
        Its pairs.
    tokens : Tokens
        Reviews, of which the first few thousand are looked at.

    Returns
    -------
    Any
        The frozen network, see `toolkit.networks.ngram_cnn`.
    """
    from toolkit.networks import ngram_cnn

    vectors = [np.array(t.embeddings) for t in (student.word_table, student.bigram_table)]
    kernel = np.array(student.convolution.kernel)
    cut = vectors[0].shape[1]
    words, pairs = vectors[0] @ kernel[:cut], vectors[1] @ kernel[cut:]
    words[: START_ID + 1] = 0
    pairs[0] = 0
    # One more column, 1 wherever a token is, of which only the kernel makes use.
    words, pairs = np.pad(words, [(0, 0), (0, 1)]), np.pad(pairs, [(0, 0), (0, 1)])
    words[START_ID + 1 :, -1] = 1
    scale = _scales(np.concatenate([words, pairs]), _LARGEST)
    windows = np.array(student.window_convolution.kernel) * scale[:, None]
    step = _scales(windows.reshape(-1, windows.shape[2]), ngram_cnn.LARGEST_OF_KERNEL)
    of_windows = _largest_of_windows(student, bigrams, tokens) / ngram_cnn.LARGEST_VALUE
    last = np.array(student.last.kernel)[:, 0].reshape(2, -1)
    last = np.insert(last, kernel.shape[1], 0, axis=1)
    highest, mean = (last * np.concatenate([scale, of_windows])).astype(np.float32)
    return ngram_cnn.frozen(
        _rounded(words / scale),
        _rounded(pairs / scale),
        bigrams.slots,
        _rounded(windows / step),
        (step / of_windows).astype(np.float32),
        highest,
        mean,
        float(np.array(student.last.bias)[0]),
    )


def _largest_of_windows(student: Any, bigrams: Bigrams, tokens: Tokens) -> Floats:
    """Of each column, the largest value in a few thousand reviews."""
    seen = tokens.first(min(len(tokens), _REVIEWS_SEEN))
    found = predicted(student.highest_of_windows, seen, bigrams.rows(seen))
    highest: Floats = np.maximum(found.max(axis=0), _TINY)
    return highest


def _scales(table: Floats, largest: int) -> Floats:
    """What one unit of each column is, if its largest value becomes `largest`."""
    scales: Floats = np.maximum(np.abs(table).max(axis=0), _TINY) / largest
    return scales


def freeze_linear(network: Any, vocabulary_size: int) -> Any:
    """Round the weights of a `LinearNetwork`; see `toolkit.networks.ngram_linear` for the code."""
    from toolkit.networks import ngram_linear

    weights = np.array(network.ratios) * np.array(network.factors)
    weights[: START_ID + 1] = 0
    largest = max(float(np.abs(weights).max()), _TINY)
    codes = _rounded(_LARGEST * np.sign(weights) * np.sqrt(np.abs(weights) / largest))
    return ngram_linear.frozen(
        codes[:vocabulary_size],
        codes[vocabulary_size:],
        largest / _LARGEST**2,
        float(np.array(network.bias)[0]),
    )


def _rounded(values: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    return np.round(values).astype(np.int8)
