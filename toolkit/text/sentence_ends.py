"""Where sentences end by their punctuation, on all bytes at once.

`toolkit.text.sentences` has the whole rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.text.split import END, SplitTexts

# Ends of three and of two bytes: the ellipsis, and line ends of Unicode.
_LONG_ENDS = tuple(end.encode() for end in ("\u2026", "\u2028", "\u2029", "\u0085"))
_LONGEST_ENTITY = 8  # characters between & and ;


def _flags(marks: bytes) -> npt.NDArray[np.bool_]:
    """Give a flag for each byte, (256,): whether it is one of the marks."""
    flags = np.zeros(256, np.bool_)
    flags[list(marks)] = True
    return flags


_ALWAYS_ENDS = _flags(b"!?\n\r\v")
_RARELY_ENDS = _flags(b"<;" + bytes(end[-1] for end in _LONG_ENDS))
_IN_ENTITY = _flags(b"#" + bytes(byte for byte in range(128) if chr(byte).isalnum()))
_MAY_END = _ALWAYS_ENDS | _RARELY_ENDS | _flags(b".")


def sentence_ends(split: SplitTexts) -> npt.NDArray[np.int64]:
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
    ends: npt.NDArray[np.int64] = found[is_end]
    return ends


def _is_after_break(
    places: npt.NDArray[np.int32], content: npt.NDArray[np.uint8], blanked: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Whether another <br /> is before places, (places,), with at most one space between."""
    before = np.maximum(places - 1, 0)
    before = np.maximum(before - (content[before] == ord(" ")), 0)
    found = np.zeros(len(places), np.bool_)
    for end in (b" />", b"/>", b">"):
        start = before - len(b"<br" + end) + 1
        is_tag = (content[np.maximum(start, 0)] == ord("<")) & _is_at(start, b" br", blanked)
        found |= is_tag & _is_at(start + len(b"<br"), end, content)
    return found


def _ends_entity(
    places: npt.NDArray[np.int32], content: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Whether the ; at places, (places,), ends an entity of HTML, such as &amp; or &#39;."""
    found, inside = np.zeros(len(places), np.bool_), np.ones(len(places), np.bool_)
    for distance in range(1, _LONGEST_ENTITY + 2):
        byte = content[np.maximum(places - distance, 0)]
        found |= inside & (byte == ord("&")) & (distance > 1)
        inside &= _IN_ENTITY[byte]
    return found


def _is_at(
    places: npt.NDArray[np.int32], word: bytes, content: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Whether a word of bytes is at places of a content, (places,)."""
    found = np.ones(len(places), np.bool_)
    for shift, byte in enumerate(word):
        found &= content[np.clip(places + shift, 0, len(content) - 1)] == byte
    return found
