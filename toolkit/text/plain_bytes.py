"""Bytes of texts as the rule reads them, for Arrow and NumPy: mark-up, apostrophes, emoji."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import groupby

import numpy as np
import numpy.typing as npt

from toolkit.text.entities import TAG
from toolkit.text.rule import TokenRule

SPACE = b" "
_BREAK = re.compile(rb"<br[^a-z0-9]")
_ENDS_OF_SENTENCES = "!?.\n\r\v\u2026\u2028\u2029\u0085"


def without_markup(content: bytes, rule: TokenRule) -> bytes:
    """Lowercase texts, and write what they say without tags, with spaces around emoji.

    A tag is a space or, where it breaks the line, a line feed. An entity that separates words is
    what ends a sentence, or a space; those of apostrophes stay, as spellings have them.
    """
    content = content.lower()  # ASCII
    if b"<" in content or b"&" in content:
        written = {
            entity.encode(): _plain(char, entity, rule) for entity, char in rule.entities.items()
        }
        content = _markup(rule).sub(lambda found: _replacement(found[0], written), content)
    if content.isascii():
        return content
    joiners, emoji = _emoji(rule)
    return emoji.sub(rb" \g<0> ", joiners.sub(SPACE, content))


def _plain(character: str, entity: str, rule: TokenRule) -> bytes:
    if character in rule.apostrophes:
        return entity.encode()
    return character.encode() if character in _ENDS_OF_SENTENCES else SPACE


def _replacement(markup: bytes, written: dict[bytes, bytes]) -> bytes:
    if markup.startswith(b"&"):
        return written[markup]
    return b"\n" if _BREAK.match(markup) else SPACE


@cache
def _markup(rule: TokenRule) -> re.Pattern[bytes]:
    return re.compile("|".join([TAG, *rule.entities]).encode())


@cache
def _emoji(rule: TokenRule) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Find separators of 4 bytes, and emoji."""
    wide = (char for char in rule.separators if char > "\uffff")
    return re.compile(_any_of(wide)), re.compile(_any_of(rule.emoji))


def _any_of(characters: Iterable[str]) -> bytes:
    """Give an expression of characters beyond ASCII, of UTF-8."""
    encoded = sorted(char.encode() for char in characters)
    return b"|".join(
        re.escape(start) + b"[" + re.escape(bytes(char[-1] for char in group)) + b"]"
        for start, group in groupby(encoded, lambda char: char[:-1])
    )


def blank_apostrophes(content: bytearray, written: bytes, rule: TokenRule) -> None:
    """Turn apostrophes that are not within a word into spaces, in place.

    `content` is what `without_markup` wrote with spaces for separators, also for the entities'
    own marks, and with a space at the end.
    """
    places = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("'"))
    starts, stops = places, places + 1
    if b"&" in written or not written.isascii():
        found = [match.span() for match in _apostrophes(rule).finditer(written)]
        rare = np.array(found, np.int64).reshape(-1, 2)
        starts, stops = np.append(starts, rare[:, 0]), np.append(stops, rare[:, 1])
    changed, kept = np.frombuffer(content, np.uint8), np.frombuffer(written, np.uint8)
    for place in _within(starts, stops):
        changed[place] = ord(SPACE)
    inner = (changed[starts - 1] != ord(SPACE)) & (changed[stops] != ord(SPACE))
    for place in _within(starts[inner], stops[inner]):
        changed[place] = kept[place]


@cache
def _apostrophes(rule: TokenRule) -> re.Pattern[bytes]:
    """Find apostrophes of more than one byte."""
    return re.compile("|".join(form for form in rule.written_apostrophes if form != "'").encode())


def _within(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> Iterable[npt.NDArray[np.int64]]:
    """Give the first places from starts to before stops, then the second, and so on."""
    for shift in range(int((stops - starts).max(initial=0))):
        yield starts[starts + shift < stops] + shift
