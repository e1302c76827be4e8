"""The elements of JSON arrays, and objects one after the other: cut out, without white space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from toolkit.records.json.json_bounds import Bounds
from toolkit.records.json.json_objects import WHITE_SPACE
from toolkit.records.text_files.byte_lines import Bytes, Lines, Positions
from toolkit.records.text_files.line_records import Broken

NO_LINES = Lines.find(b"", np.zeros(0, np.int64))

_IS_SPACE = np.zeros(256, np.bool_)
_IS_SPACE[list(WHITE_SPACE)] = True
_EMPTY = "nothing between two commas, or between a comma and a bracket"
_STEPS = 64  # more white space is looked at element by element


def elements_in(data: bytes, *, in_array: bool) -> Iterator[bytes]:
    """Give the elements at the start of some data; the last may be cut off."""
    bounds = Bounds(in_array=in_array)
    bounds.look(data)
    start = 0
    for cut in bounds.cuts.tolist():
        yield data[start : cut + (not in_array)].strip(WHITE_SPACE)
        start = cut + 1
    if rest := data[start : bounds.end].strip(WHITE_SPACE):
        yield rest


class Elements(NamedTuple):
    """Elements of some data; the lines end where they do, and begin with white space before."""

    lines: Lines
    cuts: Positions  # after each, and each of the empty ones
    empty: list[Broken]  # of those right after each other, the first


def cut_elements(
    data: bytes, cuts: Positions, *, in_array: bool, after_empty: bool = False
) -> Elements:
    """Cut data at commas, or after closing brackets."""
    if not len(cuts):
        return Elements(NO_LINES, cuts, [])
    blank_starts = np.concatenate([[0], cuts[:-1] + 1])
    stops = cuts if in_array else cuts + 1
    raw = np.frombuffer(data, np.uint8)
    starts = past_space(raw, blank_starts, stops, 1)
    stops = past_space(raw, stops, starts, -1)
    is_empty = starts == stops
    lines = Lines(starts, stops, blank_starts).only(~is_empty)
    is_first = is_empty & ~np.concatenate([[after_empty], is_empty[:-1]])
    empty = [(at, at, _EMPTY) for at in starts[is_first].tolist()]
    return Elements(lines, cuts[~is_empty | is_first], empty)


def past_space(raw: Bytes, places: Positions, limits: Positions, step: int) -> Positions:
    """Move places past white space, up to their limits, in the direction of the step."""
    places = places.copy()
    back = int(step < 0)
    rows = np.flatnonzero(places != limits)
    for _ in range(_STEPS):
        rows = rows[_IS_SPACE[raw[places[rows] - back]]]
        if not len(rows):
            return places
        places[rows] += step
        rows = rows[places[rows] != limits[rows]]
    for row in rows.tolist():
        span = raw[places[row] : limits[row]] if step > 0 else raw[limits[row] : places[row]][::-1]
        places[row] += step * int(np.append(np.flatnonzero(~_IS_SPACE[span]), len(span))[0])
    return places
