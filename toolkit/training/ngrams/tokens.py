"""Token ids of many reviews, ragged, and the padded batches that a network is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.text.vocabulary import PADDING_ID, START_ID, Ids, Vocabulary

Positions = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tokens:
    """Rows of ids as a network sees them before padding, the start id included.

    Row i is ``values[offsets[i]:offsets[i + 1]]``: the last `max_tokens` ids of its review.

    Attributes
    ----------
    values : Ids
        (all tokens,) int32.
    offsets : Positions
        (rows + 1,) int64.
    """

    values: Ids
    offsets: Positions

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(
        cls, vocabulary: Vocabulary, texts: pa.Array | pa.ChunkedArray, max_tokens: int
    ) -> Tokens:
        """Turn reviews into rows of at most ``max_tokens`` ids."""
        found = vocabulary.encode(texts, last=max_tokens)
        lengths = np.minimum(found.lengths + 1, max_tokens)  # the start id counts
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        has_start = lengths == found.lengths + 1
        # The id before a review, which may be none, gives its place to the start id.
        shift = np.repeat(found.stops - offsets[1:] + 1, lengths)
        values = np.concatenate([[START_ID], found.values]).astype(np.int32)
        values = values[np.arange(offsets[-1]) + shift]
        values[offsets[:-1][has_start]] = START_ID
        return cls(values, offsets)

    @cached_property
    def lengths(self) -> Positions:
        """Ids of each row, (rows,) int64, at least 1."""
        return np.diff(self.offsets)

    @cached_property
    def previous(self) -> Ids:
        """The id before each id, (all tokens,) int32; that of the first of a row is 0."""
        previous = np.concatenate([[PADDING_ID], self.values[:-1]]).astype(np.int32)
        previous[self.offsets[:-1]] = PADDING_ID
        return previous

    @cached_property
    def rows(self) -> Positions:
        """The row of each id, (all tokens,) int64."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def first(self, count: int) -> Tokens:
        """The first rows."""
        return Tokens(self.values[: self.offsets[count]], self.offsets[: count + 1])

    def padded(self, rows: Positions, values: Ids | None = None, multiple: int = 1) -> Ids:
        """Give some rows one width.

        Parameters
        ----------
        rows : Positions
            Which ones.
        values : Ids | None
            (all tokens,) int32, other values in the places of the ids.
        multiple : int
            The width is one of this number.

        Returns
        -------
        Ids
            (rows, longest) int32, padded in front with 0.
        """
        values = self.values if values is None else values
        width = -(-int(self.lengths[rows].max()) // multiple) * multiple
        positions = self.offsets[rows + 1, None] - width + np.arange(width)
        inside = positions >= self.offsets[rows, None]
        return np.where(inside, values[np.maximum(positions, 0)], np.int32(PADDING_ID))


def batches(lengths: Positions, size: int, random: np.random.Generator) -> Iterator[Positions]:
    """Part rows into batches of about equal lengths, in random order.

    Parameters
    ----------
    lengths : Positions
        (rows,) int64.
    size : int
        Rows of a batch; the last may have fewer.
    random : np.random.Generator
        Moves rows between batches of similar lengths, and orders the batches.

    Yields
    ------
    Positions
        Each row once.
    """
    order = np.argsort(np.log(lengths) + random.normal(0, 0.1, len(lengths)), kind="stable")
    starts = np.arange(0, len(order), size)
    random.shuffle(starts)
    for start in starts:
        yield order[start : start + size]
