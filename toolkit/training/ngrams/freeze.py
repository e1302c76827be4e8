"""From trained weights to the tables of small integers that score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.text import START_ID
from toolkit.training.ngrams.bigrams import Bigrams
from toolkit.training.ngrams.tokens import Floats

_LARGEST = 127  # of int8, on both sides of zero


def freeze_convolution(student: Any, bigrams: Bigrams) -> Any:
    """Fold the convolution of a student into the tables of its vectors.

    A convolution of width one over two vectors side by side is the sum of two products, which are
    made here for every word and every pair. Each column has one scale for both tables, so that
    scaling commutes with the sum, the rectifier and the pooling, and moves into the last weights.

    Parameters
    ----------
    student : Any
        A trained `StudentNetwork`.
    bigrams : Bigrams
        Its pairs.

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
    scale = np.maximum(np.abs(words).max(axis=0), np.abs(pairs).max(axis=0)) / _LARGEST
    scale = np.maximum(scale, np.finfo(np.float32).tiny)
    last = np.array(student.last.kernel)[:, 0].reshape(2, -1) * scale
    return ngram_cnn.frozen(
        _rounded(words / scale),
        _rounded(pairs / scale),
        bigrams.slots,
        last[0].astype(np.float32),
        last[1].astype(np.float32),
        float(np.array(student.last.bias)[0]),
    )


def freeze_linear(network: Any, vocabulary_size: int) -> Any:
    """Round the weights of a `LinearNetwork`; see `toolkit.networks.ngram_linear` for the code."""
    from toolkit.networks import ngram_linear

    weights = np.array(network.ratios) * np.array(network.factors)
    weights[: START_ID + 1] = 0
    largest = max(float(np.abs(weights).max()), float(np.finfo(np.float32).tiny))
    codes = _rounded(_LARGEST * np.sign(weights) * np.sqrt(np.abs(weights) / largest))
    return ngram_linear.frozen(
        codes[:vocabulary_size],
        codes[vocabulary_size:],
        largest / _LARGEST**2,
        float(np.array(network.bias)[0]),
    )


def _rounded(values: Floats) -> npt.NDArray[np.int8]:
    return np.round(values).astype(np.int8)
