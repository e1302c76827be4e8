"""The delimiters and line ends of a CSV text outside quoted fields (RFC 4180)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from toolkit.records.byte_lines import RETURN, Bytes, Positions, spans, values_buffer

QUOTE, NEWLINE = ord('"'), ord("\n")

_AFTER_QUOTE = "a quoted field goes on behind its closing quote"
_LONE_RETURN = "a carriage return that ends no line (CR without LF) outside quotes"
OPEN_QUOTE = "a quote that is opened here is never closed"


@dataclass(frozen=True)
class Cuts:
    """Positions in a text that starts at a record, in ascending order."""

    delimiters: Positions
    newlines: Positions
    broken: dict[int, str] = field(default_factory=dict)  # newlines of broken lines, and why


def find_cuts(text: bytes, delimiter: int, *, at_end: bool) -> Cuts:
    """Find the cuts of a text that starts at a record, up to a field that stays open.

    At the end of a file, the text ends with a newline. A line is broken if more follows a closing
    quote than a delimiter or a line end, if a quote stays open up to the end, or if it has a lone
    CR: as a character, it would merge the lines of files that end them so; as a line end, it would
    cut fields that are not quoted. What follows a broken line is read as if that were not there, so
    that a quote that is never closed costs only its own line.
    """
    raw = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(raw == QUOTE)
    is_open = len(quotes) % 2 == 1
    if (at_end and is_open) or not _is_regular(raw, quotes, delimiter):
        return _find_cuts_one_by_one(text, delimiter, at_end=at_end)
    starts = np.concatenate([[0], quotes[1::2] + 1])
    stops = quotes[0::2] if is_open else np.concatenate([quotes[0::2], [len(raw)]])
    # Most bytes of a review file are quoted text: cut that away before looking at every byte.
    plain = np.frombuffer(values_buffer(spans(text, starts, stops)), np.uint8)
    found = np.flatnonzero((plain == delimiter) | (plain == NEWLINE) | (plain == RETURN))
    kinds = plain[found]
    lengths = np.cumsum(stops - starts)
    piece = np.searchsorted(lengths, found, side="right")
    positions = found + (stops[piece] - lengths[piece])
    if _has_lone_return(raw, positions[kinds == RETURN]):
        return _find_cuts_one_by_one(text, delimiter, at_end=at_end)
    return Cuts(positions[kinds == delimiter], positions[kinds == NEWLINE])


def _has_lone_return(raw: Bytes, returns: Positions) -> bool:
    returns = returns[returns < len(raw) - 1]
    return bool((raw[returns + 1] != NEWLINE).any())


def _is_regular(raw: Bytes, quotes: Positions, delimiter: int) -> bool:
    """Whether quotes open and close fields in turn, so that counting them tells what is quoted.

    A doubled quote closes and opens its field again, which comes to the same.
    """
    opening, closing = quotes[0::2], quotes[1::2]
    # Right after the one that closed the field; or at the start, where `before` means nothing.
    doubled = np.diff(quotes, prepend=-1)[0::2] == 1
    before = raw[opening - 1]
    if not ((before == delimiter) | (before == NEWLINE) | doubled).all():
        return False
    closing = closing[closing < len(raw) - 1]
    after = raw[closing + 1]
    returns = closing[after == RETURN]
    if not (raw[np.minimum(returns + 2, len(raw) - 1)] == NEWLINE).all():
        return False
    return bool(
        ((after == delimiter) | (after == NEWLINE) | (after == QUOTE) | (after == RETURN)).all()
    )


def _find_cuts_one_by_one(text: bytes, delimiter: int, *, at_end: bool) -> Cuts:
    """Do as `find_cuts`, for any text: a quote in an unquoted field is a character like others."""
    separator = bytes([delimiter])
    # Possessive, so that a text that ends in a doubled quote does not match as a closed field.
    field = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"|(?!")[^%b\r\n]*+' % re.escape(separator))
    delimiters: list[int] = []
    newlines: list[int] = []
    broken: dict[int, str] = {}
    record, kept, position = 0, 0, 0  # start of the record, delimiters before it, and the field
    while position < len(text):
        match = field.match(text, position)
        end = match.end() if match else len(text)
        if text[end : end + 2] == b"\r\n":
            end += 1
        following = text[end : end + 1]
        position = end + 1
        if following == separator:
            delimiters.append(end)
            continue
        if following != b"\n":
            # What follows may still turn an open field, or CR at its end, into a good one.
            undecided = match is None or not following or position == len(text)
            if (undecided and not at_end) or (newline := text.find(b"\n", record)) < 0:
                break
            reason = _LONE_RETURN if following == b"\r" else _AFTER_QUOTE
            broken[newline] = OPEN_QUOTE if match is None else reason
            del delimiters[kept:]
            end, position = newline, newline + 1
        newlines.append(end)
        record, kept = position, len(delimiters)
    return Cuts(np.array(delimiters, np.int64), np.array(newlines, np.int64), broken)
