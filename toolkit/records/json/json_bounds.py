"""The strings and brackets of JSON, followed through its bytes without parsing values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toolkit.records.text_files.byte_lines import Bytes, Positions

QUOTE, BACKSLASH, COMMA, NEWLINE = b'"\\,\n'
_PIECE_BYTES = 1 << 20  # looked at once, which bounds the memory: a position takes eight times it

_Flags = npt.NDArray[np.bool_]


class Brackets(NamedTuple):
    """The brackets of a piece that are not in strings."""

    at: Positions
    is_opening: _Flags
    depths: Positions  # after each
    depth: int  # before the first
    is_inside: Callable[[Positions], _Flags]  # whether positions of the piece are in strings

    def depths_at(self, positions: Positions) -> Positions:
        """Give the depth at some positions."""
        depths = np.concatenate([[self.depth], self.depths])
        found: Positions = depths[np.searchsorted(self.at, positions)]
        return found


class Nesting:
    """Follows bytes from a place outside strings, piece by piece.

    A string ends at a line end, too, which JSON does not have in strings: so a quote that is never
    closed costs no more than its line.
    """

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.is_inside = False  # a string
        self._is_escaped = False  # what comes next

    def follow(self, piece: Bytes) -> Brackets:
        """Find the brackets in the next bytes."""
        quotes = self._quotes(piece)
        newlines = np.flatnonzero(piece == NEWLINE)
        counts = np.searchsorted(quotes, newlines) + self.is_inside
        is_regular = not (counts & 1).any()
        carried = int(self.is_inside)

        def is_inside(positions: Positions) -> _Flags:
            quotes_before = np.searchsorted(quotes, positions) + carried
            if not is_regular:  # count from the start of each line
                lines = np.searchsorted(newlines, positions)
                quotes_before -= np.concatenate([[0], counts])[lines]
            return (quotes_before & 1).astype(np.bool_)

        folded = piece | 0x20  # "[" is as "{" then, and "]" as "}"
        opening = folded == ord("{")
        found = np.flatnonzero(opening | (folded == ord("}")))
        found = found[~is_inside(found)]
        is_opening = opening[found]
        depths = self.depth + np.cumsum(np.where(is_opening, 1, -1))
        brackets = Brackets(found, is_opening, depths, self.depth, is_inside)
        self.depth = int(depths[-1]) if len(depths) else self.depth
        self.is_inside = bool(is_inside(np.array([len(piece)]))[0])
        return brackets

    def _quotes(self, piece: Bytes) -> Positions:
        """Find the quotes that are not escaped."""
        quotes = np.flatnonzero(piece == QUOTE)
        slashes = np.flatnonzero(piece == BACKSLASH)
        is_escaped = np.zeros(len(piece) + 1, np.bool_)
        is_escaped[0] = self._is_escaped
        if len(slashes):
            is_first = np.diff(slashes, prepend=-2) != 1  # of those right after each other
            firsts = slashes[is_first]
            run = np.cumsum(is_first) - 1
            # Of each run, those at even places escape what follows them.
            place = slashes - firsts[run]
            if self._is_escaped and firsts[0] == 0:
                place[run == 0] += 1
            is_escaped[slashes[place % 2 == 0] + 1] = True
        self._is_escaped = bool(is_escaped[-1])
        return quotes[~is_escaped[quotes]]


class Bounds:
    """Finds where values end that come one after the other: an array's, or those of a file.

    The elements of an array end at commas, and values of a file at their last bracket.
    """

    def __init__(self, *, in_array: bool) -> None:
        self._in_array = in_array
        self._outer = int(in_array)  # the depth between the values
        self._nesting = Nesting(self._outer)
        self._cuts: list[Positions] = []
        self.seen = 0  # bytes
        self.end: int | None = None  # the bracket that closes the array, or nothing at all

    @property
    def cuts(self) -> Positions:
        """Where the values end that were found so far, in ascending order."""
        return np.concatenate([np.zeros(0, np.int64), *self._cuts])

    @property
    def is_between(self) -> bool:
        """Whether no value is begun that lacks a bracket or a quote."""
        return self._nesting.depth == self._outer and not self._nesting.is_inside

    @property
    def is_in_string(self) -> bool:
        """Whether the last byte that was seen is in a string."""
        return self._nesting.is_inside

    @property
    def last(self) -> int:
        """The last of the cuts; -1 without one."""
        return int(self._cuts[-1][-1]) if self._cuts else -1

    def look(self, data: bytes) -> None:
        """Look at more bytes: data has those from before, too."""
        raw = np.frombuffer(data, np.uint8)
        while self.end is None and self.seen < len(raw):
            piece = raw[self.seen : self.seen + _PIECE_BYTES]
            self._look_at(piece)
            self.seen += len(piece)

    def drop(self, count: int) -> None:
        """Forget the first bytes, which have no cut: what is looked at next starts after them."""
        self.seen -= count

    def _look_at(self, piece: Bytes) -> None:
        brackets = self._nesting.follow(piece)
        closing = brackets.at[brackets.depths < self._outer]
        if self._in_array:
            cuts = np.flatnonzero(piece == COMMA)
            cuts = cuts[brackets.depths_at(cuts) == self._outer]
            cuts = cuts[~brackets.is_inside(cuts)]
        else:
            cuts = brackets.at[(brackets.depths == self._outer) & ~brackets.is_opening]
        if len(closing):
            self.end = self.seen + int(closing[0])
            cuts = cuts[cuts < closing[0]]
        if len(cuts):
            self._cuts.append(cuts + self.seen)


def measure(data: bytes) -> tuple[int, int]:
    """Tell how deep some JSON is nested, and about how many values it has."""
    nesting = Nesting()
    raw = np.frombuffer(data, np.uint8)
    deepest = values = 0
    for start in range(0, len(raw), _PIECE_BYTES):
        piece = raw[start : start + _PIECE_BYTES]
        brackets = nesting.follow(piece)
        commas = np.flatnonzero(piece == COMMA)
        deepest = max(deepest, int(brackets.depths.max(initial=0)))
        values += int(np.count_nonzero(~brackets.is_inside(commas)))
        values += int(np.count_nonzero(brackets.is_opening))
    return deepest, values
