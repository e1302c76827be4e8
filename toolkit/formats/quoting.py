"""Where the delimiters and line ends of a CSV text stand, outside quoted fields (RFC 4180)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.formats.lines import RETURN, Positions, spans, values_buffer

QUOTE, NEWLINE = ord('"'), ord("\n")

_BEHIND_QUOTE = "a quoted field goes on behind its closing quote"
_LONE_RETURN = "a carriage return that ends no line (CR without LF) outside quotes"

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cuts:
    """Positions in a text that starts at a field, in ascending order."""

    delimiters: Positions
    newlines: Positions
    open_quote: int | None  # of a quoted field that does not end within the text


class QuotingError(ValueError):
    """A place where a text is no CSV."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(position, reason)
        self.position = position
        self.reason = reason


def find_cuts(text: bytes, delimiter: int) -> Cuts:
    """Find the cuts of a text that starts at a field and may end anywhere.

    Parameters
    ----------
    text : bytes
        CSV in UTF-8 or another extension of ASCII.
    delimiter : int
        The byte between fields.

    Returns
    -------
    Cuts
        Delimiters and newlines outside quoted fields.

    Raises
    ------
    QuotingError
        If a quoted field is followed by anything but a delimiter or a line end, or a carriage
        return outside quotes is no part of a line end. (To take it as a character would merge the
        lines of files that use it as a line end; to take it as a line end would cut fields of
        files whose writer did not quote it.)
    """
    raw = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(raw == QUOTE)
    if not _is_regular(raw, quotes, delimiter):
        return _find_cuts_one_by_one(text, delimiter)
    open_quote = _open_quote(quotes)
    starts = np.concatenate([[0], quotes[1::2] + 1])
    stops = quotes[0::2] if open_quote is not None else np.concatenate([quotes[0::2], [len(raw)]])
    # Most bytes of a review file are quoted text: cut that away before looking at every byte.
    plain = np.frombuffer(values_buffer(spans(text, starts, stops)), np.uint8)
    found = np.flatnonzero((plain == delimiter) | (plain == NEWLINE) | (plain == RETURN))
    kinds = plain[found]
    lengths = np.cumsum(stops - starts)
    piece = np.searchsorted(lengths, found, side="right")
    positions = found + (stops[piece] - lengths[piece])
    _check_returns(raw, positions[kinds == RETURN])
    return Cuts(positions[kinds == delimiter], positions[kinds == NEWLINE], open_quote)


def _check_returns(raw: Bytes, returns: Positions) -> None:
    returns = returns[returns < len(raw) - 1]
    lone = returns[raw[returns + 1] != NEWLINE]
    if len(lone):
        raise QuotingError(int(lone[0]), _LONE_RETURN)


def _open_quote(quotes: Positions) -> int | None:
    """Where the field starts that regular quotes leave open."""
    if len(quotes) % 2 == 0:
        return None
    # An opening quote right behind a closing one is the second half of a doubled quote.
    fresh = np.flatnonzero(quotes[2::2] - 1 != quotes[1::2])
    return int(quotes[2 * (fresh[-1] + 1)] if len(fresh) else quotes[0])


def _is_regular(raw: Bytes, quotes: Positions, delimiter: int) -> bool:
    """Whether quotes open and close fields in turn, so that counting them tells what is quoted.

    A doubled quote inside a field closes and opens it again, which comes to the same. Irregular
    are a quote within an unquoted field, and one that closes a field too early.
    """
    opening, closing = quotes[0::2], quotes[1::2]
    before = raw[opening[opening > 0] - 1]
    reopening = np.isin(opening[opening > 0] - 1, closing, assume_unique=True)
    if not ((before == delimiter) | (before == NEWLINE) | reopening).all():
        return False
    closing = closing[closing < len(raw) - 1]
    after = raw[closing + 1]
    returns = closing[after == RETURN]
    if not (raw[np.minimum(returns + 2, len(raw) - 1)] == NEWLINE).all():
        return False
    return bool(
        ((after == delimiter) | (after == NEWLINE) | (after == QUOTE) | (after == RETURN)).all()
    )


def _find_cuts_one_by_one(text: bytes, delimiter: int) -> Cuts:
    """Do as `find_cuts`, for any text: a quote in an unquoted field is a character like others."""
    separator = re.escape(bytes([delimiter]))
    # Possessive, so that a text that ends in a doubled quote does not match as a closed field.
    field = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"|(?!")[^%b\r\n]*+' % separator)
    delimiters: list[int] = []
    newlines: list[int] = []
    position = 0
    open_quote = None
    while position < len(text):
        match = field.match(text, position)
        if match is None:
            open_quote = position
            break
        end = match.end()
        if text[end : end + 2] == b"\r\n":
            end += 1
        following = text[end : end + 1]
        if following == b"\n":
            newlines.append(end)
        elif following == bytes([delimiter]):
            delimiters.append(end)
        elif following == b"" or (following == b"\r" and end + 1 == len(text)):
            break
        else:
            raise QuotingError(end, _LONE_RETURN if following == b"\r" else _BEHIND_QUOTE)
        position = end + 1
    return Cuts(np.array(delimiters, np.int64), np.array(newlines, np.int64), open_quote)
