"""Token ids of many reviews, ragged, and the rows of equal length that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from toolkit.native.networks import count_flagged

PADDING_ID = 0
START_ID = 1
UNKNOWN_ID = 2
FIRST_WORD_ID = 4  # rank 1 is 1 + 3, as with index_from=3 in keras.datasets.imdb

Ids = npt.NDArray[np.int32]
_Rows = npt.NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class TokenIds:
    """Token ids of some reviews, ragged.

    Row i is ``values[starts[i]:stops[i]]``; there may be other values between rows. `has_start` is
    whether rows begin with the start id; otherwise it still has to be added. With cuts, sentences
    end before the positions `cuts` of the values, and `spelled` has the spelling of the tokens at
    some positions, with ASCII in lower case.
    """

    values: Ids
    starts: _Rows
    stops: _Rows
    has_start: bool = False
    cuts: _Rows | None = None  # ascending
    spelled: Callable[[_Rows], pa.StringArray] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> _Rows:
        """Number of ids in each row, (rows,) int64, with the start id if `has_start`."""
        return self.stops - self.starts

    @classmethod
    def concatenate(cls, parts: Sequence[TokenIds]) -> TokenIds:
        """Concatenate the rows of several parts."""
        if len(parts) == 1:
            return parts[0]
        shifts = np.cumsum([0, *(len(part.values) for part in parts)])[:-1]

        def places(of_parts: list[_Rows]) -> _Rows:
            return concatenate([p + s for p, s in zip(of_parts, shifts, strict=True)], np.int64)

        cuts = [part.cuts for part in parts if part.cuts is not None]
        return cls(
            values=concatenate([part.values for part in parts], np.int32),
            starts=places([part.starts for part in parts]),
            stops=places([part.stops for part in parts]),
            cuts=places(cuts) if cuts else None,
        )

    def padded(self, width: int) -> Ids:
        """Return rows of one length, (rows, width) int32, padded in front with 0.

        Each row has the last ``width`` ids, at least 1, of the start id and the review.
        """
        return self._cut(
            values=self._after_padding(width),
            first=self.stops,
            lengths=self.lengths,
            width=width,
        )

    def batches(self, most_tokens: int, most_rows: int, cells: int) -> Iterator[tuple[_Rows, Ids]]:
        """Put rows of similar length together, each batch as wide as its longest row.

        A row has at most its last ``most_tokens`` ids, the start id included. A batch has at most
        ``most_rows`` rows, and at most ``cells`` ids unless it is a single row. Yield the places of
        the rows of a batch, longest first, and their ids as `padded` returns them.
        """
        values = self._after_padding(most_tokens)
        lengths = self.lengths
        widths = np.minimum(lengths + (not self.has_start), most_tokens)
        places = np.argsort(-widths, kind="stable")
        start = 0
        while start < len(places):
            width = int(widths[places[start]])
            rows = min(most_rows, max(1, cells // width))
            chosen = places[start : start + rows]
            first = self.stops[chosen] + (most_tokens - width)
            yield (
                chosen,
                self._cut(
                    values=values,
                    first=first,
                    lengths=lengths[chosen],
                    width=width,
                ),
            )
            start += rows

    def with_start(self, most_tokens: int) -> TokenIds:
        """Add the start id if it is missing, and keep the last ``most_tokens`` ids of each row.

        The rows of the result have no gaps between them, as arrays with one value per id need in
        training, and `previous` and `rows` here.
        """
        lengths = np.minimum(self.lengths + 1, most_tokens)
        stops = np.cumsum(lengths)
        starts = stops - lengths
        # The start id replaces the value before a review, which may belong to no row.
        shift = np.repeat(self.stops - stops + 1, lengths)
        values = np.concatenate([[START_ID], self.values]).astype(np.int32)
        values = values[np.arange(len(shift)) + shift]
        values[starts[lengths == self.lengths + 1]] = START_ID
        return TokenIds(values, starts, stops, has_start=True)

    @cached_property
    def previous(self) -> Ids:
        """The id before each id, (all ids,) int32; 0 before the first id of a row."""
        previous = np.concatenate([[PADDING_ID], self.values[:-1]]).astype(np.int32)
        previous[self.starts] = PADDING_ID
        return previous

    @cached_property
    def rows(self) -> _Rows:
        """The row of each id, (all ids,) int64."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def last(self, most_tokens: int) -> TokenIds:
        """Keep the last ``most_tokens`` ids of each row; of the other facts, none is kept."""
        starts = np.maximum(self.starts, self.stops - most_tokens)
        return TokenIds(self.values, starts, self.stops)

    def known_tokens(self, most_tokens: int) -> Ids:
        """Number of words among the last ``most_tokens`` ids of each row, (rows,) int32.

        The start id is one of these ids if the review is shorter.
        """
        return self.last(most_tokens)._sums(self.values >= FIRST_WORD_ID)

    def count(self, flags: npt.NDArray[np.uint8]) -> Ids:
        """Count the flagged ids of each row, (rows,) int32; flags are 0 or 1, (vocabulary,)."""
        counted = count_flagged(self.values, self.starts, stops=self.stops, flags=flags)
        if counted is not None:
            return counted
        return self._sums(flags.take(self.values))

    def _sums(self, numbers: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> Ids:
        """Sum the numbers of each row, (rows,) int32; there is one number for each id."""
        before = np.zeros(len(self.values) + 1, np.int32)
        np.cumsum(numbers, out=before[1:])
        found: Ids = before[self.stops] - before[self.starts]
        return found

    def has_known_token(self, most_tokens: int) -> npt.NDArray[np.bool_]:
        """Whether `known_tokens` is above 0, (rows,); faster, as most rows end with a word."""
        found = self.lengths > 0
        found[found] = self.values[self.stops[found] - 1] >= FIRST_WORD_ID
        unsure = np.flatnonzero(~found)
        if len(unsure):
            found[unsure] = self.take(unsure).known_tokens(most_tokens) > 0
        return found

    def select(self, rows: _Rows) -> TokenIds:
        """Return some rows, in this order, without copying values."""
        return replace(self, starts=self.starts[rows], stops=self.stops[rows])

    def take(self, rows: _Rows) -> TokenIds:
        """Return some rows, in this order, without gaps."""
        lengths = self.lengths[rows]
        stops = np.cumsum(lengths)
        shift = np.repeat(self.stops[rows] - stops, lengths)
        values = self.values[np.arange(len(shift)) + shift]
        return TokenIds(
            values=values,
            starts=stops - lengths,
            stops=stops,
            has_start=self.has_start,
        )

    def padded_rows(self, rows: _Rows, values: Ids | None = None, multiple: int = 1) -> Ids:
        """Return some rows with one width: (rows, width) int32, padded in front with 0.

        The width is the length of the longest row, rounded up to a multiple. ``values``, (all ids,)
        int32, replace the ids. Unlike `padded`, this copies only these rows.
        """
        values = self.values if values is None else values
        width = -(-int(self.lengths[rows].max()) // multiple) * multiple
        positions = self.stops[rows, None] - width + np.arange(width)
        inside = positions >= self.starts[rows, None]
        return np.where(inside, values[np.maximum(positions, 0)], np.int32(PADDING_ID))

    def _after_padding(self, width: int) -> Ids:
        return np.concatenate([np.full(width, PADDING_ID, np.int32), self.values])

    def _cut(self, values: Ids, first: _Rows, lengths: _Rows, width: int) -> Ids:
        """Cut rows out of ids; the value before the start of a review is overwritten."""
        rows = sliding_window_view(values, width)[first]
        short = np.flatnonzero(lengths < width)
        start = width - 1 - lengths[short]
        before = np.arange(width) < start[:, None] + self.has_start
        rows[short] = np.where(before, np.int32(PADDING_ID), rows[short])
        if not self.has_start:
            rows[short, start] = START_ID
        return rows


def concatenate(parts: list[npt.NDArray[_Number]], kind: type[_Number]) -> npt.NDArray[_Number]:
    """Concatenate arrays of one type; without arrays, return an empty array."""
    return np.concatenate([np.zeros(0, kind), *parts])
