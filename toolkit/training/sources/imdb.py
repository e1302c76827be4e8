"""The IMDB reviews that `keras.datasets.imdb` downloads, turned back into text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.networks.backend import import_keras
from toolkit.training.sources.reviews import Reviews


def load(part: str) -> Reviews:
    """Download (once; Keras keeps the files) and decode 25,000 reviews, `train` or `test`.

    The words are lowercase and without punctuation, as the text rule of this toolkit makes them.
    """
    word_index, parts = _download()
    ranks, labels = parts[part == "test"]
    texts = _decode(ranks, word_index)
    return Reviews(f"keras.datasets.imdb, {part}", texts, labels.astype(np.int8)).with_text()


def _download() -> tuple[dict[str, int], Any]:
    """Word → rank, and for training and test part the ranks and labels of their reviews."""
    datasets = import_keras().datasets
    try:
        word_index = datasets.imdb.get_word_index()
        # Plain ranks from 1: no start id (start_char) and no shift by 3 (index_from) that decoding
        # would have to undo, and no rare word replaced (num_words; without it Keras drops the
        # rarest word of all).
        parts = datasets.imdb.load_data(
            num_words=len(word_index) + 1, start_char=None, index_from=0, oov_char=None
        )
    except Exception as error:
        raise InputError(
            f"imdb: Keras could not get the reviews: {error}. Check the network, or give a "
            "labelled CSV, JSONL or Parquet file or an aclImdb folder instead."
        ) from error
    return word_index, parts


def _decode(ranks: Any, word_index: dict[str, int]) -> pa.ChunkedArray:
    """Ranks (reviews,) of lists of int → (reviews,) string, words joined by spaces."""
    words = pa.array(sorted(word_index, key=lambda word: word_index[word]), pa.string())
    flat = np.concatenate([np.asarray(row, np.int32) for row in ranks])
    offsets = np.cumsum([0, *(len(row) for row in ranks)]).astype(np.int32)
    tokens = pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(flat - 1)))
    return pa.chunked_array([pc.binary_join(tokens, " ")])
