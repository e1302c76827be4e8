"""Bytes of texts as the rule reads them, for Arrow and NumPy: mark-up, apostrophes, emoji."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby

import numpy as np
import numpy.typing as npt

from toolkit.text.rule import TAG, TokenRule

SPACE = b" "
_TAG = re.compile(TAG.encode())
_BREAK = re.compile(rb"<br[^a-z0-9]")
_ENDS_OF_SENTENCES = "!?.\n\r\v\u2026\u2028\u2029\u0085"


def without_markup(content: bytes, rule: TokenRule) -> bytes:
    """Lowercase texts, and write what they say without tags, with spaces around emoji.

    A tag is a space or, where it breaks the line, a line feed. An entity that separates words is
    what ends a sentence, or a space; those of apostrophes stay, as spellings have them.
    """
    content = content.lower()  # ASCII
    content = _TAG.sub(lambda tag: b"\n" if _BREAK.match(tag[0]) else SPACE, content)
    plain = _plain_entities(rule)
    for pattern in _patterns(tuple(plain)):
        content = pattern.sub(lambda entity: plain[entity[0].decode()], content)
    if content.isascii():
        return content
    for pattern in _patterns(tuple(char for char in rule.separators if char > "\uffff")):
        content = pattern.sub(SPACE, content)
    for pattern in _patterns(rule.emoji):
        content = pattern.sub(rb" \g<0> ", content)
    return content


@cache
def _plain_entities(rule: TokenRule) -> dict[str, bytes]:
    return {
        entity: character.encode() if character in _ENDS_OF_SENTENCES else SPACE
        for entity, character in rule.entities.items()
        if character in rule.separators
    }


@cache
def _patterns(strings: Sequence[str]) -> list[re.Pattern[bytes]]:
    """Give an expression of the strings with each first byte, as `re` finds one byte fastest."""
    found: dict[bytes, list[bytes]] = {}
    encoded = sorted(string.encode() for string in strings)
    for start, group in groupby(encoded, lambda string: string[:-1]):
        last = re.escape(bytes(string[-1] for string in group))
        found.setdefault(start[:1], []).append(re.escape(start[1:]) + b"[" + last + b"]")
    return [re.compile(first + b"(?:" + b"|".join(rest) + b")") for first, rest in found.items()]


def without_outer_apostrophes(content: bytes, written: bytes, rule: TokenRule) -> bytes:
    """Turn apostrophes that are not within a word into spaces.

    `content` is what `without_markup` has written, with spaces for separators, also for those that
    entities of apostrophes are made of.
    """
    places = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("'"))
    starts, stops = places, places + 1
    for pattern in _patterns(tuple(form for form in rule.written_apostrophes if form != "'")):
        found = np.array([match.span() for match in pattern.finditer(written)], np.int64)
        starts = np.append(starts, found.reshape(-1, 2)[:, 0])
        stops = np.append(stops, found.reshape(-1, 2)[:, 1])
    changed, kept = np.frombuffer(content, np.uint8).copy(), np.frombuffer(written, np.uint8)
    for place in _within(starts, stops):
        changed[place] = ord(SPACE)
    is_inner = (changed[starts - 1] != ord(SPACE)) & (changed[stops] != ord(SPACE))
    for place in _within(starts[is_inner], stops[is_inner]):
        changed[place] = kept[place]
    return changed.tobytes()


def _within(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> Iterable[npt.NDArray[np.int64]]:
    """Give the first places from starts to before stops, then the second, and so on."""
    for shift in range(int((stops - starts).max(initial=0))):
        yield starts[starts + shift < stops] + shift
