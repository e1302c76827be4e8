"""Token ids of many reviews, ragged, and the rows of equal length that a network takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

PADDING_ID = 0
START_ID = 1
UNKNOWN_ID = 2
FIRST_WORD_ID = 4  # rank 1 is 1 + 3, as with index_from=3 in keras.datasets.imdb

Ids = npt.NDArray[np.int32]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class TokenIds:
    """Token ids of some reviews, ragged and without start id.

    Row i is ``values[starts[i]:stops[i]]``; what stands between the rows is not theirs.
    """

    values: Ids
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each review, (rows,) int64, the start id not counted."""
        return self.stops - self.starts

    @classmethod
    def concatenate(cls, parts: Sequence[TokenIds]) -> TokenIds:
        """Put the reviews of the parts after each other."""
        if len(parts) == 1:
            return parts[0]
        shifts = np.cumsum([0, *(len(part.values) for part in parts)])[:-1]
        return cls(
            values=concatenate([p.values for p in parts], np.int32),
            starts=concatenate(
                [p.starts + s for p, s in zip(parts, shifts, strict=True)], np.int64
            ),
            stops=concatenate([p.stops + s for p, s in zip(parts, shifts, strict=True)], np.int64),
        )

    def padded(self, width: int) -> Ids:
        """Rows of equal length: the last ``width`` ids of the start id and the review.

        Parameters
        ----------
        width : int
            Ids in a row, at least 1.

        Returns
        -------
        Ids
            (rows, width) int32, padded in front with 0.
        """
        return _rows(self._behind_padding(width), self.stops, self.lengths, width)

    def batches(
        self, most_tokens: int, most_rows: int, cells: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], Ids]]:
        """Rows of like length together, each as long as the longest beside it.

        Parameters
        ----------
        most_tokens : int
            Ids in a row at most: the last ones, the start id included.
        most_rows : int
            Rows in a batch at most.
        cells : int
            Ids in a batch at most, where it has more than one row.

        Yields
        ------
        tuple[npt.NDArray[np.int64], Ids]
            The places of some rows, longest first, and their ids as `padded` gives them.
        """
        values = self._behind_padding(most_tokens)
        widths = np.minimum(self.lengths + 1, most_tokens)
        places = np.argsort(-widths, kind="stable")
        start = 0
        while start < len(places):
            width = int(widths[places[start]])
            rows = min(most_rows, max(1, cells // width))
            chosen = places[start : start + rows]
            first = self.stops[chosen] + (most_tokens - width)
            yield chosen, _rows(values, first, self.lengths[chosen], width)
            start += rows

    def _behind_padding(self, width: int) -> Ids:
        return np.concatenate([np.full(width, PADDING_ID, np.int32), self.values])


def _rows(
    values: Ids, first: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], width: int
) -> Ids:
    """Cut rows out of ids; what is before the start of a review is overwritten."""
    rows = sliding_window_view(values, width)[first]
    short = np.flatnonzero(lengths < width)
    start = width - 1 - lengths[short]
    before = np.arange(width) < start[:, None]
    rows[short] = np.where(before, np.int32(PADDING_ID), rows[short])
    rows[short, start] = START_ID
    return rows


def concatenate(parts: list[npt.NDArray[_Number]], kind: type[_Number]) -> npt.NDArray[_Number]:
    """Put arrays of a type after each other; none give an empty one."""
    return np.concatenate([np.zeros(0, kind), *parts])
