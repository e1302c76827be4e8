"""Split reviews into tokens and sentences with Arrow and NumPy, on all bytes at once.

The steps: replace mark-up by its meaning, lowercase, split at separators, and find the ends of
sentences by punctuation (`toolkit.model.sentences` has that rule). `toolkit.text.vocabulary` looks
up the strings between separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.native.texts import ENDS_OF_SENTENCES
from toolkit.text.rule import TAG, TokenRule
from toolkit.text.strings import NUL, Texts, bounds_of, has_nul

_Rows = npt.NDArray[np.int64]
_Places = npt.NDArray[np.int32]
_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

END = " "

_BYTES_AT_ONCE = 1 << 18
_LOWEST_LEAD = 0xC2  # from here up, bytes begin a character beyond ASCII
_LOWEST_LEAD_OF_3 = 0xE0  # first byte of 3 bytes, or of 4; no separator has 4


@dataclass(frozen=True)
class SplitTexts:
    """The strings between separators, lowercased, each with one space (`END`) after it.

    Separators in a row make strings of nothing but the space. With their spaces, the strings fill
    the memory without a gap, so splitting copies nothing and takes a fifth of the time of
    `pyarrow.compute.ascii_split_whitespace`.
    """

    written: pa.Buffer  # the same bytes with separators; from rule 3 on without mark-up
    strings: pa.StringArray
    stops: _Rows  # (texts,): number of strings up to the end of each text

    @classmethod
    def of(cls, texts: pa.StringArray, rule: TokenRule) -> SplitTexts:
        """Split texts without nulls, less than 2 GB in all, into at least one string each.

        Text after a NUL is split, too.
        """
        all_texts = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
        # A tag may not begin in one text and end in another.
        end = NUL if rule.has_markup else END
        (joined,) = pc.binary_join(all_texts, pa.scalar(end, texts.type))
        written = joined.as_buffer().to_pybytes() + end.encode()
        if rule.has_markup:
            written = _without_markup(written, rule)
            content = _without_outer_apostrophes(_normal(written, rule), written, rule)
            ends_of_texts = np.flatnonzero(np.frombuffer(written, np.uint8) == 0)[: len(texts)] + 1
        else:
            content = _normal(written, rule)
            ends_of_texts = np.cumsum(np.diff(bounds_of(texts)).astype(np.int64) + len(end))
        bounds = _bounds(np.frombuffer(content, np.uint8))
        strings = pa.StringArray.from_buffers(
            len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(content)
        )
        return cls(pa.py_buffer(written), strings, np.searchsorted(bounds, ends_of_texts))


_SPACE = b" "
_TAG = re.compile(TAG.encode())
_BREAK = re.compile(rb"<br[^a-z0-9]")


def _without_markup(content: bytes, rule: TokenRule) -> bytes:
    """Lowercase texts, replace tags and entities, and put spaces around emoji.

    A tag becomes a space or, if it breaks the line, a line feed. An entity of a separator becomes
    the mark that ends a sentence, or a space. Entities of apostrophes stay, as spellings contain
    them.
    """
    content = content.lower()  # ASCII
    content = _TAG.sub(lambda tag: b"\n" if _BREAK.match(tag[0]) else _SPACE, content)
    plain = _plain_entities(rule)
    for pattern in _patterns(tuple(plain)):
        content = pattern.sub(lambda entity: plain[entity[0].decode()], content)
    if content.isascii():
        return content
    for pattern in _patterns(tuple(char for char in rule.separators if char > "\uffff")):
        content = pattern.sub(_SPACE, content)
    for pattern in _patterns(rule.emoji):
        content = pattern.sub(rb" \g<0> ", content)
    return content


@cache
def _plain_entities(rule: TokenRule) -> dict[str, bytes]:
    return {
        entity: character.encode() if character in ENDS_OF_SENTENCES else _SPACE
        for entity, character in rule.entities.items()
        if character in rule.separators
    }


@cache
def _patterns(strings: Sequence[str]) -> list[re.Pattern[bytes]]:
    """Return one pattern for each first byte of the strings: `re` finds a fixed byte fastest."""
    found: dict[bytes, list[bytes]] = {}
    encoded = sorted(string.encode() for string in strings)
    for start, group in groupby(encoded, lambda string: string[:-1]):
        last = re.escape(bytes(string[-1] for string in group))
        found.setdefault(start[:1], []).append(re.escape(start[1:]) + b"[" + last + b"]")
    return [re.compile(first + b"(?:" + b"|".join(rest) + b")") for first, rest in found.items()]


def _without_outer_apostrophes(content: bytes, written: bytes, rule: TokenRule) -> bytes:
    """Turn apostrophes that are not within a word into spaces.

    `content` comes from `_without_markup`, with spaces for separators, also within entities of
    apostrophes.
    """
    places = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("'"))
    starts = places
    stops = places + 1
    for pattern in _patterns(tuple(form for form in rule.written_apostrophes if form != "'")):
        found = np.array([match.span() for match in pattern.finditer(written)], np.int64)
        starts = np.append(starts, found.reshape(-1, 2)[:, 0])
        stops = np.append(stops, found.reshape(-1, 2)[:, 1])
    changed = np.frombuffer(content, np.uint8).copy()
    kept = np.frombuffer(written, np.uint8)
    for place in _within(starts, stops):
        changed[place] = ord(_SPACE)
    is_inner = (changed[starts - 1] != ord(_SPACE)) & (changed[stops] != ord(_SPACE))
    for place in _within(starts[is_inner], stops[is_inner]):
        changed[place] = kept[place]
    return changed.tobytes()


def _within(starts: _Rows, stops: _Rows) -> Iterable[_Rows]:
    """Yield the first places of the ranges from starts to stops, then the second, and so on."""
    for shift in range(int((stops - starts).max(initial=0))):
        yield starts[starts + shift < stops] + shift


def _normal(content: bytes, rule: TokenRule) -> bytes:
    """Lowercase some bytes, and turn each byte of a separator into a space."""
    content = content.translate(_normal_bytes(rule))
    wide = _wide_separators(rule)
    if not len(wide) or content.isascii():
        return content
    blanked = bytearray(content)
    _blank(wide, np.frombuffer(blanked, np.uint8))
    return bytes(blanked)


@cache
def _normal_bytes(rule: TokenRule) -> bytes:
    """Return the table that lowercases ASCII and turns ASCII separators into spaces in one pass.

    All bytes from 128 up map to themselves, so UTF-8 sequences come through whole.
    """
    blank = rule.separators + (NUL if rule.has_markup else "")
    ascii_bytes = (END if chr(n) in blank else chr(n).lower() for n in range(128))
    return "".join(ascii_bytes).encode() + bytes(range(128, 256))


@cache
def _wide_separators(rule: TokenRule) -> _Places:
    """Return the separators beyond ASCII, sorted: 2 or 3 bytes of UTF-8 as a big-endian number."""
    wide = [char.encode() for char in rule.separators if "\x7f" < char <= "\uffff"]
    return np.array(sorted(int.from_bytes(char, "big") for char in wide), np.int32)


def _blank(wide: _Places, content: _Bytes) -> None:
    """Turn separators beyond ASCII, in place, into as many spaces as they have bytes."""
    for start in range(0, len(content), _BYTES_AT_ONCE):
        places = start + np.flatnonzero(content[start : start + _BYTES_AT_ONCE] >= _LOWEST_LEAD)
        second = places + 1
        third = np.minimum(places + 2, len(content) - 1)
        lead = content[places].astype(np.int32)
        codes = lead << 8 | content[second]
        is_long = lead >= _LOWEST_LEAD_OF_3
        codes = np.where(is_long, codes << 8 | content[third], codes)
        is_wide = wide[np.minimum(np.searchsorted(wide, codes), len(wide) - 1)] == codes
        content[places[is_wide]] = content[second[is_wide]] = ord(END)
        content[third[is_wide & is_long]] = ord(END)


def _bounds(content: _Bytes) -> _Places:
    """Return 0 and the places after spaces; works in parts, as `flatnonzero` needs much memory."""
    parts = [np.zeros(1, np.int32)]
    for start in range(0, len(content), _BYTES_AT_ONCE):
        spaces = np.flatnonzero(content[start : start + _BYTES_AT_ONCE] == ord(END))
        parts.append(spaces.astype(np.int32))
        parts[-1] += start + 1
    return np.concatenate(parts)


# Ends of three and of two bytes: the ellipsis, and line ends of Unicode.
_LONG_ENDS = tuple(end.encode() for end in ("\u2026", "\u2028", "\u2029", "\u0085"))
_LONGEST_ENTITY = 8  # characters between & and ;


def _flags(marks: bytes) -> _Flags:
    """Return a flag for each byte, (256,): whether it is one of the marks."""
    flags = np.zeros(256, np.bool_)
    flags[list(marks)] = True
    return flags


_ALWAYS_ENDS = _flags(b"!?\n\r\v")
_RARELY_ENDS = _flags(b"<;" + bytes(end[-1] for end in _LONG_ENDS))
_IN_ENTITY = _flags(b"#" + bytes(byte for byte in range(128) if chr(byte).isalnum()))
_MAY_END = _ALWAYS_ENDS | _RARELY_ENDS | _flags(b".")


def sentence_ends(split: SplitTexts) -> _Rows:
    """Find the strings of split texts after which a sentence ends: their places, ascending."""
    content = np.frombuffer(split.written, np.uint8)
    blanked = np.frombuffer(split.strings.buffers()[2], np.uint8)
    # The separator after each string but the last, which is not written.
    separators = np.frombuffer(split.strings.buffers()[1], np.int32)[1:-1] - 1
    found = np.flatnonzero(_MAY_END[content[separators]])
    at = separators[found]
    mark = content[at]
    is_end = _ALWAYS_ENDS[mark] | (blanked[at + 1] == ord(END)) & (mark == ord("."))
    rare = np.flatnonzero(_RARELY_ENDS[mark])
    at = at[rare]
    is_break = (content[at] == ord("<")) & _is_at(at, b" br ", blanked)
    is_break &= ~_is_after_break(at, content, blanked)
    is_end[rare] = is_break | ((content[at] == ord(";")) & ~_ends_entity(at, content))
    for end in _LONG_ENDS:
        is_end[rare] |= _is_at(at - (len(end) - 1), end, content)
    ends: _Rows = found[is_end]
    return ends


def _is_after_break(places: _Places, content: _Bytes, blanked: _Bytes) -> _Flags:
    """Check whether another <br /> is before places, (places,), with at most one space between."""
    before = np.maximum(places - 1, 0)
    before = np.maximum(before - (content[before] == ord(" ")), 0)
    found = np.zeros(len(places), np.bool_)
    for end in (b" />", b"/>", b">"):
        start = before - len(b"<br" + end) + 1
        is_tag = (content[np.maximum(start, 0)] == ord("<")) & _is_at(start, b" br", blanked)
        found |= is_tag & _is_at(start + len(b"<br"), end, content)
    return found


def _ends_entity(places: _Places, content: _Bytes) -> _Flags:
    """Check whether the ; at places, (places,), ends an HTML entity, such as &amp; or &#39;."""
    found = np.zeros(len(places), np.bool_)
    inside = np.ones(len(places), np.bool_)
    for distance in range(1, _LONGEST_ENTITY + 2):
        byte = content[np.maximum(places - distance, 0)]
        found |= inside & (byte == ord("&")) & (distance > 1)
        inside &= _IN_ENTITY[byte]
    return found


def _is_at(places: _Places, word: bytes, content: _Bytes) -> _Flags:
    """Check whether the bytes of a word are at places of a content, (places,)."""
    found = np.ones(len(places), np.bool_)
    for shift, byte in enumerate(word):
        found &= content[np.clip(places + shift, 0, len(content) - 1)] == byte
    return found


ROWS_AT_ONCE = 8192


def string_slices(
    texts: Texts, rule: TokenRule, rows: int = ROWS_AT_ONCE
) -> Iterator[pa.StringArray]:
    """Slices of at most this many rows, without nulls, with 32-bit offsets, up to the first NUL."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        for start in range(0, len(chunk), rows):
            part = chunk.slice(start, rows)
            part = part if part.type == pa.string() else part.cast(pa.string())
            part = pc.fill_null(part, "") if part.null_count else part
            yield _up_to_nul(part) if rule.ends_at_nul and has_nul(part) else part


def _up_to_nul(texts: pa.StringArray) -> pa.StringArray:
    # As bytes, as the caller may pass invalid UTF-8.
    parts = (text.partition(NUL.encode())[0] for text in texts.view(pa.binary()).to_pylist())
    return pa.array(parts, pa.binary()).view(pa.string())
