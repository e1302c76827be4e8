"""What a network gives to reviews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.text.token_ids import Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.presets import Preset
from toolkit.training.result import Probabilities

_ROWS_AT_ONCE = 512  # results do not depend on it


def review_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, texts: pa.ChunkedArray
) -> Probabilities:
    """What a network gives to reviews, (reviews,) float32, without dropout."""
    ids = vocabulary.encode(texts, last=preset.max_tokens)
    if preset.has_fixed_length:
        same_length = ids.padded(preset.max_tokens)
        padded: Probabilities = network.predict(same_length, batch_size=_ROWS_AT_ONCE, verbose=0)[
            :, 0
        ]
        return padded
    tokens = ids.with_start(preset.max_tokens)
    return in_batches(lambda rows: network(rows, training=False), tokens)


def in_batches(run: Callable[[Ids], Any], ids: TokenIds, width: int | None = None) -> Probabilities:
    """Give what a network gives for rows that have their start id, (reviews,) float32.

    `run` takes (batch, tokens) int32 and gives (batch, 1) float32; rows are padded to `width`
    tokens, or to the longest one of a batch.
    """
    order = np.argsort(ids.lengths, kind="stable")
    found = np.zeros(len(order), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        places = order[start : start + _ROWS_AT_ONCE]
        rows = ids.padded_rows(places, multiple=width or 1)
        found[places] = np.asarray(run(rows))[:, 0]
    return found
